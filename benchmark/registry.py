"""Finds tasks and methods, by three doors, without running them.

A file in tasks/ or methods/, at any depth, is registered by lying there, unless its name or a folder's begins with _. Any other
file is registered by `include`. An installed package names modules in its entry points `lowdimbench.tasks` and
`lowdimbench.methods`. The decorators and signatures of a file are read from its syntax tree (benchmark/reading.py); it is
imported only where it is used.
"""

import ast
import gc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar, cast

from benchmark import reading, source
from benchmark import spec as specs
from benchmark.datasets import sources
from benchmark.errors import UserError, unknown
from benchmark.source import ROOT, imported_files

if TYPE_CHECKING:
    from benchmark.decorators import Method, Task

__all__ = [
    "ROOT",
    "MethodEntry",
    "TaskEntry",
    "get_method",
    "get_task",
    "imported_files",
    "include",
    "included",
    "methods",
    "problems",
    "source_hash",
    "tasks",
]


_PARSING = RLock()  # two threads that parse at once: Python 3.11 before 3.11.8 mixes up how deep each of them is


@dataclass(frozen=True)
class TaskEntry:
    """A task that was found, not yet imported. module: its name where an installed package brings it."""

    spec: specs.TaskSpec
    file: Path
    module: str = ""

    def load(self, data_dir: Path | None = None) -> "Task":
        """Import its file and make the task. Imports torch. Raises UserError where no class carries the SPEC."""
        module = _import(self.file, self.module)
        classes = [v for v in vars(module).values() if isinstance(v, type) and getattr(v, "spec", None) is module.SPEC]
        if not classes:
            raise UserError(f"{self.file.name} decorates no class with @task(SPEC)")
        found = classes[0]()
        found.data_dir = data_dir
        return cast("Task", found)


@dataclass(frozen=True)
class MethodEntry:
    """A method that was found, not yet imported. module: its name where an installed package brings it."""

    spec: specs.MethodSpec
    file: Path
    module: str = ""

    def load(self) -> "Method":
        """Import its file. Imports torch."""
        from benchmark.decorators import Method

        found = vars(_import(self.file, self.module)).values()
        return next(v for v in found if isinstance(v, Method) and v.spec.name == self.spec.name)


E = TypeVar("E", TaskEntry, MethodEntry)
_included: list[Path] = []
_problems: list[str] = []


def include(files: Iterable[Path]) -> None:
    """Register the tasks and methods of files that lie elsewhere. Raises UserError for a file that does not exist."""
    for file in files:
        if not file.is_file():
            raise UserError(f"--include {file}: no such file")
        if file.resolve() not in _included:
            _included.append(file.resolve())
    tasks.cache_clear()
    methods.cache_clear()
    source.forget()
    _problems.clear()


def included() -> list[Path]:
    """The files that `include` was given."""
    return list(_included)


@contextmanager
def _kept() -> Iterator[None]:
    """Stops the search for garbage meanwhile. Everything read here stays, and the search takes a sixth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@cache
@_kept()
def tasks() -> dict[str, TaskEntry]:
    """Every task, by name. Raises UserError for a file that cannot be read, and for two tasks of one name."""
    found: dict[str, TaskEntry] = {}
    for file in _files("tasks"):
        if (spec := _task_of(file, _state(file))) is not None:
            _add(found, spec.name, TaskEntry(spec, file))
    for module, file, tree in _plugins("lowdimbench.tasks"):
        with _Plugin(module):
            entry = TaskEntry(reading.task_spec(file, tree), file, module)
            _add(found, entry.spec.name, entry)
    return dict(sorted(found.items()))


@cache
@_kept()
def methods() -> dict[str, MethodEntry]:
    """Every method, by name. Raises UserError for a file that cannot be read, and for two methods of one name."""
    found: dict[str, MethodEntry] = {}
    for file in _files("methods"):
        for spec in _methods_of(file, _state(file)):
            _add(found, spec.name, MethodEntry(spec, file))
    for module, file, tree in _plugins("lowdimbench.methods"):
        with _Plugin(module):
            for spec in list(reading.method_specs(file, tree)):
                _add(found, spec.name, MethodEntry(spec, file, module))
    return dict(sorted(found.items()))


def _state(file: Path) -> object:
    """Equal for two states of a file of the suite where nobody wrote to it between them; a file that was included is read
    anew each time.
    """
    try:
        found = file.stat()
    except OSError:  # the reader reports it
        return object()
    return object() if file in _included else (found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=512)
def _task_of(file: Path, state: object) -> specs.TaskSpec | None:
    """None for a file that was included and has no SPEC."""
    with _PARSING:
        tree = reading.read(file)
    return reading.task_spec(file, tree) if file not in _included or reading.has_spec(tree) else None


@lru_cache(maxsize=512)
def _methods_of(file: Path, state: object) -> tuple[specs.MethodSpec, ...]:
    with _PARSING:
        return tuple(reading.method_specs(file, reading.read(file)))


def problems() -> list[str]:
    """One line for every installed plug-in that was left out, with the reason."""
    tasks()
    methods()
    return list(_problems)


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


def source_hash(task: TaskEntry, method: MethodEntry, preset: str, learning: bool = False) -> str:
    """SHA-256 of what a result depends on besides data, parameters and seed: code of task and method, and the preset's fields.

    learning: of what the method learns beforehand alone. Raises UserError for a file that cannot be read.
    """
    size = task.spec.presets[preset]
    sizes = (
        [size] if learning or method.spec.learns is None or not size.learns_as else [size, task.spec.presets[size.learns_as]]
    )
    given = "\n".join(map(source.fields, sizes))
    try:
        with _PARSING:
            if size.prior and method.spec.takes_priors:
                given += f"\nprior {sources.prior_checksum(size.prior)}"
            return source.source_hash(task.file, method.file, method.spec.name, given, learning)
    except RecursionError:
        raise UserError(f"{task.spec.name} or {method.spec.name} is nested too deeply to be read") from None
    except (SyntaxError, OSError, ValueError) as error:
        raise UserError(f"a file that {task.spec.name} or {method.spec.name} imports cannot be read ({error})") from None


def _add(found: dict[str, E], name: str, entry: E) -> None:
    if name in found:
        raise UserError(f"{entry.file.name} and {found[name].file.name} both define '{name}'")
    found[name] = entry


def _files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"), key=lambda file: (file.stem, file))
    own = (file for file in found if not any(part.startswith("_") for part in file.relative_to(ROOT).parts))
    return [*own, *_included]


class _Plugin:
    """Reads one plug-in. An unreadable plug-in is skipped with one line and breaks nothing else."""

    def __init__(self, module: str) -> None:
        self.module = module

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, UserError):
            _problems.append(f"left out the plug-in {self.module}: {error}; update or uninstall its package")
        return isinstance(error, UserError)


def _plugins(group: str) -> Iterator[tuple[str, Path, ast.Module]]:
    """Name, file and syntax tree of every module that installed packages offer in a group."""
    for point in sorted(set(entry_points(group=group)), key=lambda p: p.value):
        with _Plugin(point.value):
            file = _module_file(point.value)
            yield point.value, file, reading.read(file)


def _module_file(module: str) -> Path:
    """Where a module lies, found without importing anything of its package."""
    top, *rest = module.split(".")
    try:
        found = find_spec(top)
    except (ImportError, ValueError):
        found = None
    places = [Path(place) for place in (found.submodule_search_locations or ())] if found is not None else []
    if found is not None and not rest and not places and found.origin:
        return Path(found.origin)
    for place in places:
        base = place.joinpath(*rest)
        for file in (base.with_suffix(".py") if rest else base / "__init__.py", base / "__init__.py"):
            if file.is_file():
                return file
    raise UserError("there is no such module")


def _import(file: Path, module_name: str = "") -> ModuleType:
    """The module of a file, imported once: by its own name, the one it has in this repository, or one made of its path."""
    if module_name:
        return import_module(module_name)
    inside = file.is_relative_to(ROOT)
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts) if inside else f"included_{file.stem}"
    known = sys.modules.get(name)
    if known is not None and known.__file__ == str(file):
        return known
    found = spec_from_file_location(name, file)
    assert found is not None
    assert found.loader is not None
    module = module_from_spec(found)
    sys.modules[name] = module
    if not inside and str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))  # so that it may import what lies beside it
    found.loader.exec_module(module)
    return module


if str(ROOT) not in sys.path:  # so that `tasks` and `methods` import from wherever the command is started
    sys.path.insert(0, str(ROOT))
