"""Reads the specification of a task or method from the syntax tree of its file, without running the file.

So listing, planning and checking input need no torch.
"""

import ast
import builtins
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError, model_validator

from benchmark import spec as specs
from benchmark.definitions import model_of
from benchmark.errors import UserError
from benchmark.expressions import CLASSES, TYPES, Names, read

__all__ = ["has_spec", "method_specs", "read", "task_spec"]

_PRESETS = {"Preset", "Photographs"}
# What the checks in a preset's class may use besides: no import, no file, no evaluation of text.
_PLAIN = "abs all any bool dict divmod enumerate filter float format frozenset int isinstance len list map max min"
_PLAIN += " next range repr reversed round set sorted str sum super tuple zip property staticmethod classmethod __build_class__"
_PLAIN += " ValueError TypeError AssertionError KeyError IndexError"
_BUILTINS = {name: getattr(builtins, name) for name in _PLAIN.split()}
# Attributes of plain values that they may use; `format` would look others up.
_OF_VALUES = {name for kind in (str, int, float, list, tuple, dict, set) for name in dir(kind)} - {"format", "format_map"}


def has_spec(tree: ast.Module) -> bool:
    """Whether the file assigns a SPEC, as a task's does."""
    return any(
        isinstance(target, ast.Name) and target.id == "SPEC"
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    )


def task_spec(file: Path, tree: ast.Module) -> specs.TaskSpec:
    """The SPEC of a task file, made of constants and of the classes of benchmark.spec and their subclasses in the file.

    Raises UserError, one line, for one that cannot be read.
    """
    try:
        with _quiet():
            names = Names(file, tree)
            calls = dict(CLASSES)
            for name, node in names.classes.items():
                if any(
                    isinstance(base, ast.Name) and base.id in _PRESETS | (calls.keys() - CLASSES.keys()) for base in node.bases
                ):
                    calls[name] = _preset(node, names, calls)
            spec = names.constant("SPEC", calls)
            if not isinstance(spec, specs.TaskSpec):
                raise TypeError("it is no TaskSpec")
            for size in spec.presets.values():  # where a class declares a field of Preset anew, with another type
                specs.Preset.model_validate({field: getattr(size, field) for field in specs.Preset.model_fields})
    except UserError:
        raise
    except Exception as error:  # whatever a stranger's file holds, the reader gets one line
        raise UserError(f"{file.name}: its SPEC cannot be read ({_one_line(error)})") from None
    return spec


def _preset(node: ast.ClassDef, names: Names, calls: dict[str, Any]) -> Any:
    """A subclass of Preset. Its fields are read; its checks, under @model_validator, are the one code that runs."""
    if node.decorator_list or node.keywords or not all(isinstance(base, ast.Name) and base.id in calls for base in node.bases):
        raise TypeError(f"line {node.lineno}: class {node.name} is more than a subclass of Preset")
    known = _attributes(node, [calls[base.id] for base in node.bases if isinstance(base, ast.Name)])
    space = {
        **TYPES,
        **calls,
        "model_validator": model_validator,
        "__name__": f"tasks.{names.file.stem}",
        "__builtins__": _BUILTINS
        | {"getattr": partial(_attribute, known, getattr), "hasattr": partial(_attribute, known, hasattr)},
    }
    body: list[ast.stmt] = []
    for part in node.body:
        match part:
            case ast.AnnAssign(target=ast.Name(id=name)):
                if hasattr(specs.Preset, name):
                    raise TypeError(f"line {part.lineno}: '{name}' cannot name a field")
                space[f"_kind_{name}"] = names.annotation(part.annotation)
                space[f"_value_{name}"] = None if part.value is None else names.value(part.value, calls)
                value = f" = _value_{name}" if part.value is not None else ""
                body += ast.parse(f"{name}: _kind_{name}{value}").body
            case ast.FunctionDef():
                body.append(_check(part, names, known))
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                body.append(part)
            case _:
                raise TypeError(f"line {part.lineno}: class {node.name} holds more than fields and checks")
    bare = ast.ClassDef(node.name, node.bases, [], body, [])
    exec(compile(ast.fix_missing_locations(ast.Module([bare], [])), str(names.file), "exec"), space)
    return space[node.name]


def _attributes(node: ast.ClassDef, bases: list[Any]) -> frozenset[str]:
    """The attributes that a class's checks may use: its fields and functions, those of its bases, and those of plain values."""
    own = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    own |= {part.target.id for part in node.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)}
    kinds = [kind for base in bases for kind in base.__mro__ if issubclass(kind, specs.Preset)]
    theirs = {name for kind in kinds for name in (*vars(kind), *kind.model_fields) if not name.startswith(("_", "model_"))}
    return frozenset(name for name in own | theirs | _OF_VALUES if not name.startswith("__"))


def _attribute(known: frozenset[str], look_up: Callable[..., Any], of: Any, name: Any, *otherwise: Any) -> Any:
    """`getattr` and `hasattr` as checks see them."""
    if type(name) is not str or name not in known:
        raise TypeError(f"a preset's checks use no attribute {name!r}")
    return look_up(of, name, *otherwise)


def _check(node: ast.FunctionDef, names: Names, known: frozenset[str]) -> ast.FunctionDef:
    """A function of a preset's class without annotations, where its decorators and defaults run nothing, and which uses no
    attribute but the `known` ones: by way of others any code is reached.
    """
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if not isinstance(called, ast.Name) or called.id not in ("model_validator", "property", "staticmethod", "classmethod"):
            raise TypeError(f"line {decorator.lineno}: a preset's checks stand under @model_validator")
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else []:
            names.value(keyword.value)
    for inner in ast.walk(node):
        used = (
            [inner.attr] if isinstance(inner, ast.Attribute) else inner.kwd_attrs if isinstance(inner, ast.MatchClass) else []
        )
        if unknown := [name for name in used if name not in known]:
            raise TypeError(f"a preset's checks use no attribute '{unknown[0]}'")
    bare = deepcopy(node)
    bare.returns = None
    for inner in ast.walk(bare.args):
        if isinstance(inner, ast.arg):
            inner.annotation = None
    for default in (*bare.args.defaults, *filter(None, bare.args.kw_defaults)):
        names.value(default)
    return bare


def method_specs(file: Path, tree: ast.Module) -> Iterator[specs.MethodSpec]:
    """The specification of every function under @method, and of every `X = method_from(...)`.

    Raises UserError, one line, for one that cannot be read.
    """
    names = Names(file, tree)
    for line in tree.body:
        if (called := model_of(line)) is not None:
            try:
                with _quiet():
                    spec = _from_model(called, ast.get_docstring(tree), names)
            except UserError:
                raise
            except Exception as error:  # as above
                raise UserError(f"{file.name}, line {line.lineno}: method_from cannot be read ({_one_line(error)})") from None
            yield spec
    for node in names.functions.values():
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "method":
                try:
                    with _quiet():
                        spec = _method_spec(node, call, ast.get_docstring(tree), names)
                except UserError:
                    raise
                except Exception as error:  # as above
                    raise UserError(f"{file.name}: {node.name} cannot be read ({_one_line(error)})") from None
                yield spec


def _from_model(call: ast.Call, doc: str | None, names: Names) -> specs.MethodSpec:
    """The specification of `X = method_from(model, name=..., ...)`, which has no hyperparameters."""
    if len(call.args) != 1 or any(keyword.arg is None for keyword in call.keywords):
        raise TypeError("method_from takes the model, and all else by keyword")
    given: dict[str, Any] = {keyword.arg: names.value(keyword.value) for keyword in call.keywords if keyword.arg is not None}
    if "name" not in given:
        raise TypeError("method_from needs name=")
    summary = given.pop("summary", "") or specs.first_line(doc) or given["name"]
    plain = {"solves": "LinearInverse", "kind": "network", "paper": ""}
    return specs.MethodSpec(**plain | given, summary=summary, parameters=specs.parameter_model(given["name"], {}))


def _method_spec(node: ast.FunctionDef, call: ast.Call, doc: str | None, names: Names) -> specs.MethodSpec:
    given: dict[str, Any] = {}
    named: dict[str, str] = {}  # what `fit`, `parameters`, `learns` and `traits` name
    for keyword in call.keywords:
        if keyword.arg in ("fit", "parameters", "learns", "traits"):
            if not isinstance(keyword.value, ast.Name):
                raise TypeError(f"{keyword.arg} is no name")
            named[keyword.arg] = keyword.value.id
        elif keyword.arg is None:
            given |= names.value(keyword.value)
        else:
            given[keyword.arg] = names.value(keyword.value)
    if len(call.args) > 1 or ("name" in given) == bool(call.args):
        raise TypeError("@method takes its name, and all else by keyword")
    name = given.pop("name") if "name" in given else names.value(call.args[0])
    learns = None
    if "fit" in named:
        if named["fit"] not in names.functions:
            raise TypeError("fit names no function of this file")
        learns = _hyperparameters(names.functions[named["fit"]], names, named.get("learns"))
    elif "learns" in named:
        raise TypeError("learns goes with fit")
    own = _hyperparameters(node, names, named.get("parameters"))
    return specs.MethodSpec(
        name=name,
        summary=specs.first_line(ast.get_docstring(node) or doc),
        parameters=specs.parameter_model(name, {**(learns or {}), **own}),
        learns=None if learns is None else tuple(learns),
        **given,
    )


def _hyperparameters(node: ast.FunctionDef, names: Names, shared: str | None) -> dict[str, tuple[Any, Any]]:
    """(annotation, default) of a function's keyword-only arguments, or of the fields of the class it shares with others."""
    if shared is not None:
        if node.args.kwonlyargs:
            raise TypeError(f"{node.name} takes its hyperparameters as {shared}, so none by keyword")
        return names.fields(shared)
    parameters = {}
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if argument.annotation is None or default is None:
            raise TypeError(f"'{argument.arg}' needs an annotation and a default")
        if hasattr(BaseModel, argument.arg):
            raise TypeError(f"'{argument.arg}' cannot name a hyperparameter")
        parameters[argument.arg] = names.annotation(argument.annotation), names.value(default)
    return parameters


def _quiet() -> "warnings.catch_warnings[None]":
    """What is read says in one line what is wrong with it; of what is right, whoever runs the file sees the warnings."""
    return warnings.catch_warnings(action="ignore")


def _one_line(error: Exception) -> str:
    if isinstance(error, RecursionError | MemoryError):
        return "an expression is nested too deeply"
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        words = first["msg"].removeprefix("Value error, ")
        return f"{'.'.join(map(str, first['loc']))}: {words}".removeprefix(": ")
    return (str(error) or type(error).__name__).splitlines()[0]
