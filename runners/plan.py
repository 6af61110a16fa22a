"""From what the user typed to a list of jobs: names resolved, input checked, keys computed. Imports no torch."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark import registry, seeds
from benchmark.datasets.sources import fingerprint
from benchmark.errors import UserError, unknown
from benchmark.registry import MethodEntry, TaskEntry
from benchmark.spec import Preset, RunKey

_START = 60.0  # seconds a job may take beside its instances' budgets: imports, data, scoring


@dataclass(frozen=True)
class Job:
    """One run to be made: everything a worker needs, and the key that names the result."""

    key: RunKey
    task: TaskEntry
    method: MethodEntry
    timeout: float
    todo: tuple[int, ...]  # instances that have no result yet

    @property
    def preset(self) -> Preset:
        return self.task.spec.presets[self.key.preset]

    @property
    def name(self) -> str:
        return f"{self.key.task}/{self.key.preset} {self.key.method} seed {self.key.seed}"


@dataclass(frozen=True)
class Plan:
    """The jobs, the presets they are about, and one line for everything that was left out or added."""

    jobs: tuple[Job, ...]
    notes: tuple[str, ...]

    @property
    def presets(self) -> list[tuple[TaskEntry, str]]:
        return list({(j.key.task, j.key.preset): (j.task, j.key.preset) for j in self.jobs}.values())

    def with_todo(self, finished: Mapping[str, set[int]]) -> "Plan":
        """The same plan without the instances that are done, by key digest."""
        return Plan(
            tuple(replace(j, todo=tuple(i for i in j.todo if i not in finished.get(j.key.digest, ()))) for j in self.jobs),
            self.notes,
        )


def make_plan(
    tasks: Sequence[str],
    methods: Sequence[str],
    preset: str,
    repeats: Sequence[int],
    given: Mapping[str, Any],
    *,
    baseline: bool = True,
    timeout: float | None = None,
    data_dir: Path | None = None,
) -> Plan:
    """One job for every task, seed and method that fit. The baseline comes first, wanted or not, unless `baseline` is false.

    Raises UserError for unknown names, a method that solves none of the tasks, and parameters that a method does not take.
    """
    chosen_tasks = [registry.get_task(name) for name in _expand(tasks, registry.tasks())]
    named = set(methods) - {"all"}
    chosen_methods = [registry.get_method(name) for name in _expand(methods, registry.methods())]
    for name in given:
        if not any(name in m.spec.parameters.model_fields for m in chosen_methods) and not named:
            raise unknown("parameter", name, {field for m in chosen_methods for field in m.spec.parameters.model_fields})
    notes: list[str] = []
    jobs: list[Job] = []
    for task in chosen_tasks:
        if preset not in task.spec.presets:
            if len(chosen_tasks) == 1:
                raise unknown(f"preset of {task.spec.name}", preset, task.spec.presets)
            notes.append(f"skipped {task.spec.name}: it has no preset {preset}")
            continue
        fitting = [m for m in chosen_methods if m.spec.solves == task.spec.poses]
        for odd in (m for m in chosen_methods if m not in fitting):
            _refuse_or_note(odd, task, named, len(chosen_tasks), notes)
        if baseline and fitting and task.spec.baseline not in {m.spec.name for m in fitting}:
            fitting.append(registry.get_method(task.spec.baseline))
            notes.append(f"added {task.spec.baseline}, the baseline of {task.spec.name} (leave it out with --no-baseline)")
        fitting.sort(key=lambda m: m.spec.name != task.spec.baseline)
        jobs += _jobs(task, fitting, preset, repeats, given, named, timeout, data_dir)
    if not jobs:
        raise UserError("nothing to run: " + ("; ".join(notes) or "no task or method was named"))
    return Plan(tuple(jobs), tuple(notes))


def _expand(names: Iterable[str], known: Mapping[str, Any]) -> list[str]:
    """`all` stands for every known name; repeats are dropped, order is kept."""
    return list(dict.fromkeys(n for name in names for n in (known if name == "all" else [name])))


def _refuse_or_note(method: MethodEntry, task: TaskEntry, named: set[str], tasks: int, notes: list[str]) -> None:
    fits = [m.spec.name for m in registry.methods().values() if m.spec.solves == task.spec.poses]
    line = f"{method.spec.name} solves {method.spec.solves}, but {task.spec.name} poses {task.spec.poses}"
    if method.spec.name in named and tasks == 1:
        raise UserError(f"{line}; methods that fit: {', '.join(fits)}")
    notes.append(f"skipped: {line}")


def _jobs(
    task: TaskEntry,
    methods: Sequence[MethodEntry],
    preset: str,
    repeats: Sequence[int],
    given: Mapping[str, Any],
    named: set[str],
    timeout: float | None,
    data_dir: Path | None,
) -> list[Job]:
    size = task.spec.presets[preset]
    data = fingerprint(size.data, data_dir)
    jobs = []
    for method in methods:
        # --set speaks to the methods that were named; one that came along takes only what it knows
        mine = given if method.spec.name in named else _known(method, given)
        parameters = _resolve(method, task, preset, mine)
        for repeat in repeats:
            key = RunKey(
                task=task.spec.name,
                version=task.spec.version,
                preset=preset,
                method=method.spec.name,
                parameters=parameters,
                seed=repeat,
                source=_source(task.file, method.file),
                data=data,
            )
            limit = timeout or _START + 1.5 * size.budget * size.instances
            jobs.append(Job(key, task, method, limit, tuple(range(size.instances))))
    return jobs


def _known(method: MethodEntry, given: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in given.items() if k in method.spec.parameters.model_fields}


@cache
def _source(task: Path, method: Path) -> str:
    return registry.source_hash(task, method)


def _resolve(method: MethodEntry, task: TaskEntry, preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
    known = method.spec.parameters.model_fields
    for name in given:
        if name not in known:
            raise unknown(f"parameter of {method.spec.name}", name, known)
    try:
        return method.spec.resolve(task.spec.name, preset, given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UserError(f"--set {name}={first['input']!r} for {method.spec.name}: {first['msg'].lower()}") from None


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """{'lr': 0.01} from ['lr=1e-2']: values are read as JSON (numbers, true, false), anything else is text.

    Raises UserError where there is no '='.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError(f"--set {text}: write it as name=value, such as --set lr=1e-3")
        try:
            found[name] = json.loads(value)
        except json.JSONDecodeError:
            found[name] = value
    return found


def parse_seeds(text: str) -> list[int]:
    """Repeats from '3' (0, 1, 2), '0,4,7' or '1000,' (one alone). Raises UserError for anything else."""
    try:
        numbers = [int(part) for part in text.removesuffix(",").split(",")]
        found = list(dict.fromkeys(numbers)) if "," in text else list(range(numbers[0]))
        for number in found:
            seeds.split(number)
    except ValueError:
        found = []
    if not found:
        raise UserError(f"--seeds {text}: write a count (3) or a list (0,4,7 or 1000,) of numbers below {seeds.REPEATS}")
    return found
