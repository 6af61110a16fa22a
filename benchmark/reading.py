"""Reads the specification of a task or method from the syntax tree of its file, without running the file.

So listing, planning and checking input need no torch.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ValidationError, model_validator

from benchmark import spec as specs
from benchmark.errors import UserError
from benchmark.models import photographs

# What a specification may name: the classes and parameter types of benchmark.spec, and what tasks on photographs share.
_NAMES: dict[str, Any] = {
    "Literal": Literal,
    "Self": Self,
    "model_validator": model_validator,
    **{name: getattr(specs, name) for name in ("Axis", "Metric", "Picture", "Preset", "TaskSpec")},
    **{name: getattr(specs, name) for name in ("Count", "Positive", "NonNegative", "Fraction", "Rate", "Kept")},
    **{name: getattr(photographs, name) for name in ("Photographs", "PHOTOGRAPH_METRICS")},
}
_PRESETS = {"Preset", "Photographs"}


def read(file: Path) -> ast.Module:
    """The syntax tree of a file. Raises UserError, with the line, for one that is no Python."""
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise UserError(f"{file.name}, line {error.lineno}: {error.msg}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file.name} cannot be read ({error})") from None


def _is_spec(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "SPEC" for t in node.targets)


def has_spec(tree: ast.Module) -> bool:
    """Whether the file assigns a SPEC, as a task's does."""
    return any(map(_is_spec, tree.body))


def task_spec(file: Path, tree: ast.Module) -> specs.TaskSpec:
    """The SPEC of a task file: its subclasses of Preset and the assignment to SPEC are all that is run."""
    wanted: list[ast.stmt] = []
    for node in tree.body:
        if (
            isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id in _PRESETS for b in node.bases)
        ) or _is_spec(node):
            wanted.append(node)
    names = {**_NAMES, "__name__": f"tasks.{file.stem}"}
    try:
        exec(compile(ast.Module(wanted, []), str(file), "exec"), names)  # only names of benchmark.spec are in reach
        spec: specs.TaskSpec = names["SPEC"]
    except (NameError, KeyError, ValidationError, TypeError) as error:
        raise UserError(f"{file.name}: its SPEC cannot be read ({_one_line(error)})") from None
    return spec


def method_specs(file: Path, tree: ast.Module) -> Iterator[specs.MethodSpec]:
    """The specification of every function under @method. Raises UserError for one that cannot be read."""
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in functions.values():
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "method":
                try:
                    spec = _method_spec(node, call, ast.get_docstring(tree), functions)
                except (NameError, ValueError, TypeError) as error:
                    raise UserError(f"{file.name}: {node.name} cannot be read ({_one_line(error)})") from None
                yield spec


def _method_spec(
    node: ast.FunctionDef, call: ast.Call, doc: str | None, functions: Mapping[str, ast.FunctionDef]
) -> specs.MethodSpec:
    given: dict[str, Any] = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg and k.arg != "fit"}
    name = ast.literal_eval(call.args[0])
    learns = None
    for keyword in call.keywords:
        if keyword.arg == "fit":
            if not isinstance(keyword.value, ast.Name) or keyword.value.id not in functions:
                raise TypeError("fit names no function of this file")
            learns = _hyperparameters(functions[keyword.value.id])
    return specs.MethodSpec(
        name=name,
        summary=specs.first_line(ast.get_docstring(node) or doc),
        parameters=specs.parameter_model(name, {**(learns or {}), **_hyperparameters(node)}),
        learns=None if learns is None else tuple(learns),
        **given,
    )


def _hyperparameters(node: ast.FunctionDef) -> dict[str, tuple[Any, Any]]:
    parameters = {}
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if argument.annotation is None or default is None:
            raise TypeError(f"'{argument.arg}' needs an annotation and a default")
        annotation = eval(compile(ast.Expression(argument.annotation), node.name, "eval"), dict(_NAMES))
        parameters[argument.arg] = (annotation, ast.literal_eval(default))
    return parameters


def _one_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error).splitlines()[0]
