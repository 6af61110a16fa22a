"""Finds tasks and methods by file, and reads their specifications without running them.

A file in tasks/ or methods/ is registered by lying there; any other file by `include`. What its decorator and signature say
is read from the syntax tree, so that listing, planning and checking input need no torch; the file itself is imported only
where it is used.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import ValidationError

from benchmark import spec as specs
from benchmark.errors import UserError, unknown

if TYPE_CHECKING:
    from benchmark.decorators import Method, Task

ROOT = Path(__file__).parents[1]
# What a specification may name: the classes and parameter types of benchmark.spec.
_NAMES: dict[str, Any] = {
    "Literal": Literal,
    **{name: getattr(specs, name) for name in ("Metric", "Preset", "TaskSpec")},
    **{name: getattr(specs, name) for name in ("Count", "Positive", "NonNegative", "Fraction")},
}


@dataclass(frozen=True)
class TaskEntry:
    """A task that was found, not yet imported."""

    spec: specs.TaskSpec
    file: Path

    def load(self, data_dir: Path | None = None) -> "Task":
        """Import its file and make the task. Imports torch. Raises UserError where no class carries the SPEC."""
        module = _import(self.file)
        classes = [v for v in vars(module).values() if isinstance(v, type) and getattr(v, "spec", None) is module.SPEC]
        if not classes:
            raise UserError(f"{self.file.name} decorates no class with @task(SPEC)")
        found = classes[0]()
        found.data_dir = data_dir
        return cast("Task", found)


@dataclass(frozen=True)
class MethodEntry:
    """A method that was found, not yet imported."""

    spec: specs.MethodSpec
    file: Path

    def load(self) -> "Method":
        """Import its file. Imports torch."""
        from benchmark.decorators import Method

        found = vars(_import(self.file)).values()
        return next(v for v in found if isinstance(v, Method) and v.spec.name == self.spec.name)


_included: list[Path] = []


def include(files: Iterable[Path]) -> None:
    """Register the tasks and methods of files that lie elsewhere. Raises UserError for a file that does not exist."""
    for file in files:
        if not file.is_file():
            raise UserError(f"--include {file}: no such file")
        if file.resolve() not in _included:
            _included.append(file.resolve())
    tasks.cache_clear()
    methods.cache_clear()


def included() -> list[Path]:
    """The files that `include` was given."""
    return list(_included)


@cache
def tasks() -> dict[str, TaskEntry]:
    """Every task, by name. Raises UserError for a file that cannot be read."""
    found = (_read_task(file, tree) for file, tree in _files("tasks") if file not in _included or _has_spec(tree))
    return {entry.spec.name: entry for entry in sorted(found, key=lambda e: e.spec.name)}


@cache
def methods() -> dict[str, MethodEntry]:
    """Every method, by name. Raises UserError for a file that cannot be read, and for two methods of one name."""
    found: dict[str, MethodEntry] = {}
    for file, tree in _files("methods"):
        for entry in _read_methods(file, tree):
            if entry.spec.name in found:
                raise UserError(f"{file.name} and {found[entry.spec.name].file.name} both define '{entry.spec.name}'")
            found[entry.spec.name] = entry
    return dict(sorted(found.items()))


def problems() -> list[str]:
    """One line for every plug-in that was left out."""
    return []


def get_task(name: str) -> TaskEntry:
    """One task. Raises UserError with the nearest names for an unknown one."""
    if name not in tasks():
        raise unknown("task", name, tasks())
    return tasks()[name]


def get_method(name: str) -> MethodEntry:
    """One method. Raises UserError with the nearest names for an unknown one."""
    if name not in methods():
        raise unknown("method", name, methods())
    return methods()[name]


def _files(folder: str) -> Iterator[tuple[Path, ast.Module]]:
    for file in [*sorted((ROOT / folder).glob("[!_]*.py")), *_included]:
        try:
            yield file, ast.parse(file.read_text(encoding="utf-8"))
        except SyntaxError as error:
            raise UserError(f"{file.name}, line {error.lineno}: {error.msg}") from None


def _import(file: Path) -> ModuleType:
    """The module of a file, imported once, under the name it has in this repository or one made of its path."""
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts) if file.is_relative_to(ROOT) else f"included_{file.stem}"
    known = sys.modules.get(name)
    if known is not None and known.__file__ == str(file):
        return known
    found = spec_from_file_location(name, file)
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module


def _is_spec(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "SPEC" for t in node.targets)


def _has_spec(tree: ast.Module) -> bool:
    return any(map(_is_spec, tree.body))


def _read_task(file: Path, tree: ast.Module) -> TaskEntry:
    """The SPEC of a task file: its subclasses of Preset and the assignment to SPEC are all that is run."""
    wanted: list[ast.stmt] = []
    for node in tree.body:
        if (
            isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id == "Preset" for b in node.bases)
        ) or _is_spec(node):
            wanted.append(node)
    names = {**_NAMES, "__name__": f"tasks.{file.stem}"}
    try:
        exec(compile(ast.Module(wanted, []), str(file), "exec"), names)  # only names of benchmark.spec are in reach
        spec = names["SPEC"]
    except (NameError, KeyError, ValidationError, TypeError) as error:
        raise UserError(f"{file.name}: its SPEC cannot be read ({_one_line(error)})") from None
    return TaskEntry(spec, file)


def _read_methods(file: Path, tree: ast.Module) -> Iterator[MethodEntry]:
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "method":
                try:
                    spec = _method_spec(node, call, ast.get_docstring(tree))
                except (NameError, ValueError, TypeError) as error:
                    raise UserError(f"{file.name}: {node.name} cannot be read ({_one_line(error)})") from None
                yield MethodEntry(spec, file)


def _method_spec(node: ast.FunctionDef, call: ast.Call, doc: str | None) -> specs.MethodSpec:
    given: dict[str, Any] = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg}
    name = ast.literal_eval(call.args[0])
    parameters = {}
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if argument.annotation is None or default is None:
            raise TypeError(f"'{argument.arg}' needs an annotation and a default")
        annotation = eval(compile(ast.Expression(argument.annotation), node.name, "eval"), dict(_NAMES))
        parameters[argument.arg] = (annotation, ast.literal_eval(default))
    return specs.MethodSpec(
        name=name,
        summary=specs.first_line(ast.get_docstring(node) or doc),
        parameters=specs.parameter_model(name, parameters),
        **given,
    )


def _one_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error).splitlines()[0]


# --- what a result depends on ---------------------------------------------------------------------------------------------

# Modules that cannot change a number: what they say is in the key already, or they only carry messages.
_NEUTRAL = {"benchmark/__init__.py", "benchmark/spec.py", "benchmark/errors.py", "benchmark/datasets/sources.py"}


def imported_files(file: Path) -> list[Path]:
    """`file` and every file of this repository that it imports, directly or not, sorted."""
    todo, done = [file], set[Path]()
    while todo:
        path = todo.pop()
        if path in done:
            continue
        done.add(path)
        todo += _imports(path)
    return sorted(path for path in done if _relative(path) not in _NEUTRAL)


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


@cache
def _imports(path: Path) -> list[Path]:
    from benchmark import EXPORTS

    modules: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if node.module == "benchmark" and alias.name in EXPORTS:
                    modules.append(EXPORTS[alias.name])
                else:
                    modules.append(inner if _file_of(inner) else node.module)
    return [file for file in map(_file_of, modules) if file]


def _file_of(module: str) -> Path | None:
    if module.partition(".")[0] not in {"benchmark", "tasks", "methods"}:
        return None
    base = ROOT.joinpath(*module.split("."))
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


@cache
def _code(path: Path) -> str:
    """The code of a file without comments, docstrings and layout, so that wording may improve and results stay."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def source_hash(*files: Path) -> str:
    """SHA-256 of the code of the files and of all that they import from this repository."""
    total = sha256()
    for path in sorted({found for file in files for found in imported_files(file)}):
        total.update(f"{_relative(path)}\n{_code(path)}\n".encode())
    return total.hexdigest()


if str(ROOT) not in sys.path:  # so that `tasks` and `methods` import from wherever the command is started
    sys.path.insert(0, str(ROOT))
