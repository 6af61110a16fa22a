"""What a result depends on, as one hash: the code of its task and of its method, and the fields of its preset.

Of the code those definitions count that the task's class and the method's function reach (benchmark/definitions.py), so that a
change ages the pairs that compute with it, and no others. Not part of it are paths and names, docstrings and annotations,
specifications (other presets, tolerances of metrics, recommended settings), defaults of hyperparameters (the key has their
values), drawings, and neutral modules, through which nothing is reached.
"""

import ast
import json
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.definitions import Code, CodeBase, Ref
from benchmark.modules import Modules, is_shared

if TYPE_CHECKING:
    from benchmark.spec import Preset

ROOT = Path(__file__).parents[1]
# Modules of the suite that change no number: what they say is in the key, or they carry messages, time and specifications.
_NEUTRAL = (
    *("__init__", "context", "contracts", "decorators", "definitions", "environment", "errors", "expressions", "fits"),
    *("instances", "modules", "reading", "registry", "solving", "source", "spec", "threads"),
    *("datasets/sources", "problems/__init__", "problems/instance"),
)
# What the suite calls of tasks and problems. `picture` is not among them: a drawing is no number.
_CALLED = frozenset({"make", "score", "quality", "traces", "facts", "training", "to", "check", "diverged"})
_CALLED_TO_LEARN = frozenset({"training", "to"})
_WORDS = {"about", "baseline", "prior", "prior_of"}  # fields of a preset that change no number; a prior enters by its checksum


@cache
def code_base(root: Path) -> CodeBase:
    """The suite under `root`, read once for each process."""
    return CodeBase(Modules(root), frozenset(root / "benchmark" / f"{name}.py" for name in _NEUTRAL))


def forget() -> None:
    """Read all files anew from now on."""
    code_base.cache_clear()
    is_shared.cache_clear()
    _reached.cache_clear()


def source_hash(task: Path, method: Path, name: str, preset: str, learning: bool = False, root: Path = ROOT) -> str:
    """SHA-256 of the code that the method `name` of the file `method` runs on the task of the file `task`, and of `preset`, the
    fields as `fields` gives them. learning: of what the method learns beforehand alone.

    Raises SyntaxError, OSError or UnicodeDecodeError for a file that cannot be read.
    """
    return sha256(f"{preset}\n{_reached(task, method, name, learning, root)}".encode()).hexdigest()


@cache
def _reached(task: Path, method: Path, name: str, learning: bool, root: Path) -> str:
    base = code_base(root)
    mine = _registered(base, method, name)
    given = frozenset(_classes(base, method, mine, ("learns",) if learning else ("learns", "parameters")))
    roots = [*_task_roots(base, task), *_functions(method, mine, learning), *sorted(given), *_randomness(base)]
    text = _serialised(base, roots, _CALLED_TO_LEARN if learning else _CALLED, given)
    return sha256(text.encode()).hexdigest()


def fields(preset: "Preset") -> str:
    """The fields of a preset that can change a number, as JSON."""
    return json.dumps(preset.model_dump(mode="json", exclude=_WORDS), sort_keys=True)


def imported_files(file: Path) -> list[Path]:
    """`file` and every file of the suite, or of its own package, that it imports, directly or not, sorted. Nothing is reached
    through a neutral module.
    """
    base, todo, done = code_base(ROOT), [file], set[Path]()
    while todo:
        path = todo.pop()
        if path in done or path in base.neutral:
            continue
        done.add(path)
        read = base.file(path)
        for module, name in [*read.imports.values(), *((star, "") for star in read.stars)]:
            home, found = base.modules.file(module, path), base.find(path, module, name)
            todo += [home] if home is not None else []
            todo += [found.file if isinstance(found, Ref) else found] if isinstance(found, Ref | Path) else []
    return sorted(done)


def _task_roots(base: CodeBase, task: Path) -> list[Ref]:
    """The class under @task, and the classes of presets that SPEC names."""
    file = base.file(task)
    classes = [Ref(task, name) for name in sorted(file.registered)]
    named = (node for spec in file.statements.get("SPEC", ()) for node in ast.walk(spec) if isinstance(node, ast.Name))
    found = {one for node in named if isinstance(one := file.meaning(node), Ref)}
    return [*classes, *sorted(one for one in found if base.is_class(one) and base.is_preset(one))]


def _registered(base: CodeBase, method: Path, name: str) -> dict[str, ast.Call]:
    """The function under @method with this name, and its decorator; all of the file where the name is no literal."""
    given = base.file(method).registered
    return {function: call for function, call in given.items() if name in _names(call)} or given


def _functions(method: Path, mine: dict[str, ast.Call], learning: bool) -> list[Ref]:
    """The function that learns where that alone is asked for; else that one and the method's own."""
    learners = {k.value.id for call in mine.values() for k in call.keywords if k.arg == "fit" and isinstance(k.value, ast.Name)}
    return [Ref(method, one) for one in sorted(learners if learning else {*mine, *learners})]


def _classes(base: CodeBase, method: Path, mine: dict[str, ast.Call], keywords: tuple[str, ...]) -> Iterator[Ref]:
    """The classes of hyperparameters that the decorator names. Their fields are in the key, so only their functions count."""
    for call in mine.values():
        for keyword in call.keywords:
            if keyword.arg in keywords and isinstance(found := base.file(method).meaning(keyword.value), Ref):
                yield found


def _names(call: ast.Call) -> set[object]:
    given = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "name")]
    return {node.value for node in given if isinstance(node, ast.Constant)}


def _randomness(base: CodeBase) -> list[Ref]:
    root = base.modules.root
    known = (Ref(root / "benchmark" / "seeds.py", "seed"), Ref(root / "benchmark" / "randomness.py", "Draws"))
    return [one for one in known if one.file.is_file()]


def _serialised(base: CodeBase, roots: Iterable[Ref], called: frozenset[str], given: frozenset[Ref]) -> str:
    """The code that the roots reach, each definition once, with numbers in place of references, in the order of the roots."""
    mentions = _mentioned(base, roots, called, given)
    numbers = {ref: number for number, ref in enumerate(dict.fromkeys(roots))}
    lines: list[str] = []
    todo = list(numbers)
    for ref in todo:
        lines.append(f"\n{numbers[ref]}:")
        for code in _codes(base, ref, mentions, given):
            for part in code.parts:
                if isinstance(part, str):
                    lines.append(part)
                else:
                    if part not in numbers:
                        numbers[part] = len(numbers)
                        todo.append(part)
                    lines.append(f"#{numbers[part]}")
        effects = Ref(ref.file, "")
        if effects not in numbers and base.file(ref.file).effects:
            numbers[effects] = len(numbers)
            todo.append(effects)
    return "".join(lines)


def _mentioned(base: CodeBase, roots: Iterable[Ref], called: frozenset[str], given: frozenset[Ref]) -> set[str]:
    """All names that the reached code may look up in an object. A function of a class is reached once its name is mentioned."""
    mentions = set(called)
    waiting: dict[str, list[Code]] = {}
    reached: set[Ref] = set()
    codes: list[Code] = [Code(tuple(roots), frozenset())]
    while codes:
        code = codes.pop()
        for name in code.mentions - mentions:
            mentions.add(name)
            codes += waiting.pop(name, [])
        for ref in (one for part in code.parts if isinstance(part, Ref) for one in (part, Ref(part.file, ""))):
            if ref in reached:
                continue
            reached.add(ref)
            definition = base.file(ref.file).definition(ref.name)
            codes += [] if ref in given else [definition.code]
            for name, member in definition.members.items():
                if name in mentions:
                    codes.append(member)
                else:
                    waiting.setdefault(name, []).append(member)
    return mentions


def _codes(base: CodeBase, ref: Ref, mentions: set[str], given: frozenset[Ref]) -> list[Code]:
    definition = base.file(ref.file).definition(ref.name)
    used = [definition.members[name] for name in sorted(definition.members) if name in mentions]
    return used if ref in given else [definition.code, *used]
