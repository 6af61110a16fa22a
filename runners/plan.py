"""Requests become a list of jobs: names are resolved, input is checked, keys are computed. The module imports no torch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark import registry, seeds
from benchmark.datasets.sources import fingerprint, read_by
from benchmark.errors import UserError, unknown
from benchmark.registry import MethodEntry, TaskEntry
from benchmark.spec import Preset, RunKey
from runners.parse import parse_seeds, parse_timeout
from runners.request import Request
from runners.select import is_name, method_tags, select, task_tags

_START = 60.0  # seconds a job may take beside its instances' budgets: imports, scoring
_PATIENCE = 4.0  # budgets count the processor and limits the clock: a job may share it with three that are as busy


@dataclass(frozen=True)
class Job:
    """One run to be made. It holds everything that a worker needs, and the key that names the result."""

    key: RunKey
    task: TaskEntry
    method: MethodEntry
    timeout: float
    todo: tuple[int, ...]  # instances that have no result yet
    on_test: bool = False  # a parameter study that was allowed to use test data
    fit_key: RunKey | None = None  # the key of what the method learns once for all instances

    @property
    def preset(self) -> Preset:
        return self.task.spec.presets[self.key.preset]

    @property
    def name(self) -> str:
        return f"{self.key.task}/{self.key.preset} {self.key.method} seed {self.key.seed}"


@dataclass(frozen=True)
class Plan:
    """The jobs, the presets that they are about, and one line for everything that was left out or added."""

    jobs: tuple[Job, ...]
    notes: tuple[str, ...]

    @property
    def presets(self) -> list[tuple[TaskEntry, str]]:
        return list({(j.key.task, j.key.preset): (j.task, j.key.preset) for j in self.jobs}.values())

    @property
    def splits(self) -> list[str]:
        return sorted({seeds.split(job.key.seed) for job in self.jobs})

    def with_todo(self, finished: Mapping[str, set[int]]) -> "Plan":
        """The same plan without the instances that are done, by key digest."""
        jobs = []
        for job in self.jobs:
            done = finished.get(job.key.digest, set())
            jobs.append(replace(job, todo=tuple(i for i in job.todo if i not in done)) if done else job)
        return Plan(tuple(jobs), self.notes)

    def within(self, numbers: Iterable[int]) -> "Plan":
        """The same plan with these instances alone."""
        kept = set(numbers)
        return Plan(tuple(replace(job, todo=tuple(i for i in job.todo if i in kept)) for job in self.jobs), self.notes)


def make_plan(requests: Sequence[Request], data_dir: Path | None = None) -> Plan:
    """One job for every task, seed, parameter set and method that fit, each once. A task's baseline comes first, asked for or
    not, unless the request declines it.

    Raises UserError for unknown names, a method that fits none of the tasks, parameters that a method does not take, and a grid
    on test data that was not allowed.
    """
    notes: list[str] = list(registry.problems())
    jobs: dict[str, Job] = {}
    for request in requests:
        for job in _requested(request, data_dir, notes):
            jobs.setdefault(job.key.digest, job)
    if not jobs:
        raise UserError("nothing to run: " + ("; ".join(notes) or "no task or method was named"))
    return Plan(tuple(jobs.values()), tuple(dict.fromkeys(notes)))


def _requested(request: Request, data_dir: Path | None, notes: list[str]) -> list[Job]:
    tasks = select("task", request.tasks, registry.tasks(), task_tags)
    methods = select("method", request.methods, registry.methods(), method_tags)
    named = set(filter(is_name, request.methods))
    for name in [*request.set, *request.grid]:
        if not any(name in m.spec.parameters.model_fields for m in methods) and not named:
            raise unknown("parameter", name, {field for m in methods for field in m.spec.parameters.model_fields})
    if both := sorted(request.set.keys() & request.grid.keys()):
        raise UserError(f"'{both[0]}' is in --set and in --grid; leave one out")
    repeats = _repeats(request)
    jobs: list[Job] = []
    places = _places(request, tasks, notes)
    for task, preset in places:
        fitting = _fitting(task, preset, methods, named, len(places), request, notes)
        try:
            jobs += _jobs(task, preset, fitting, request, repeats, named, data_dir)
        except _NoDataError as error:
            if len(places) == 1:
                raise UserError(str(error)) from None
            notes.append(f"skipped {task.spec.name}/{preset}: {error}")
    return jobs


def _places(request: Request, tasks: Sequence[TaskEntry], notes: list[str]) -> list[tuple[TaskEntry, str]]:
    """Every task with each of its presets that is asked for. Raises UserError for a preset that none of
    them has.
    """
    places: dict[tuple[str, str], tuple[TaskEntry, str]] = {}
    known = tasks[0].spec.presets if len(tasks) == 1 else dict.fromkeys(name for task in tasks for name in task.spec.presets)
    for text in request.presets:
        if not (found := [name for name in known if name == text or (not is_name(text) and fnmatchcase(name, text))]):
            raise unknown(f"preset of {tasks[0].spec.name}" if len(tasks) == 1 else "preset", text, known)
        for task in tasks:
            if not (here := [name for name in found if name in task.spec.presets]):
                notes.append(f"skipped {task.spec.name}: it has no preset {text}")
            places |= {(task.spec.name, name): (task, name) for name in here if (task.spec.name, name) not in places}
    return list(places.values())


def _repeats(request: Request) -> list[int]:
    """A parameter study draws tuning data, so that what it chooses has not seen what it is judged on."""
    study = bool(request.grid) and not request.on_test
    repeats = parse_seeds(request.seeds, tuning=study)
    test = [repeat for repeat in repeats if seeds.split(repeat) == "test"]
    if study and test:
        raise UserError(
            f"--grid chooses parameters, so it uses tuning seeds ({seeds.FIRST_TUNING_REPEAT}-{seeds.REPEATS - 1}), and "
            f"{test[0]} draws test data; --on-test allows it and marks the rows"
        )
    return repeats


def _fitting(
    task: TaskEntry,
    preset: str,
    methods: Sequence[MethodEntry],
    named: set[str],
    places: int,
    request: Request,
    notes: list[str],
) -> list[MethodEntry]:
    fitting = []
    others: dict[str, list[str]] = {}
    spec = task.spec.at(preset)
    where = spec.name if spec.offers == task.spec.offers else f"{spec.name}/{preset}"
    for method in methods:
        why = method.spec.misfit(spec, where)
        if not why and method.spec.name not in named and (long := method.spec.too_long(preset)):
            notes.append(f"skipped on {task.spec.name}/{preset}: {long}")
        elif not why:
            fitting.append(method)
        elif method.spec.name in named and places == 1:
            able = [m.spec.name for m in registry.methods().values() if not m.spec.misfit(spec)]
            raise UserError(f"{why}; methods that fit: {', '.join(able)}")
        else:
            others.setdefault(why.removeprefix(f"{method.spec.name} "), []).append(method.spec.name)
    for why, names in others.items():
        one = f"skipped: {names[0]} {why}"
        notes.append(one if len(names) == 1 else f"skipped {len(names)} methods, each of which {why}: {', '.join(names)}")
    baseline = spec.baseline
    if request.baseline and fitting and baseline not in {m.spec.name for m in fitting}:
        fitting.append(registry.get_method(baseline))
        notes.append(f"added {baseline}, the baseline of {where} (leave it out with --no-baseline)")
    return sorted(fitting, key=lambda m: m.spec.name != baseline)


class _NoDataError(Exception):
    """The data of a preset is not here. The message says what to get."""


def _jobs(
    task: TaskEntry,
    preset: str,
    methods: Sequence[MethodEntry],
    request: Request,
    repeats: Sequence[int],
    named: set[str],
    data_dir: Path | None,
) -> list[Job]:
    size = task.spec.presets[preset]
    try:
        data = fingerprint(read_by(size), data_dir)
    except UserError as error:
        raise _NoDataError(str(error)) from None
    jobs = []
    for method in methods:
        limit = parse_timeout(request.timeout) or _START + _PATIENCE * (
            size.budget * size.instances + (size.fit_budget if method.spec.learns is not None else 0.0)
        )
        for given in _points(method, request, named):
            parameters = _resolve(method, task, preset, given)
            for repeat in repeats:
                key = RunKey(
                    task=task.spec.name,
                    version=task.spec.version,
                    preset=preset,
                    method=method.spec.name,
                    parameters=parameters,
                    seed=repeat,
                    source=registry.source_hash(task, method, preset),
                    data=data,
                )
                study = bool(request.grid) and seeds.split(repeat) == "test"
                fit_key = _fit_key(key, task, method, data_dir)
                jobs.append(Job(key, task, method, limit, tuple(range(size.instances)), study, fit_key))
    return jobs


def _fit_key(key: RunKey, task: TaskEntry, method: MethodEntry, data_dir: Path | None) -> RunKey | None:
    if method.spec.learns is None:
        return None
    preset = task.spec.presets[key.preset].learns_as or key.preset
    try:
        data = key.data if preset == key.preset else fingerprint(read_by(task.spec.presets[preset]), data_dir)
    except UserError as error:
        raise _NoDataError(str(error)) from None
    chosen = {name: value for name, value in key.parameters.items() if name in method.spec.learns}
    source = registry.source_hash(task, method, preset, learning=True)
    return key.model_copy(update={"preset": preset, "parameters": chosen, "data": data, "source": source})


def _points(method: MethodEntry, request: Request, named: set[str]) -> list[dict[str, Any]]:
    """Every combination of the grid, over what --set fixes. A method that came along takes only the parameters that
    it knows.
    """
    known = method.spec.parameters.model_fields
    mine = method.spec.name in named
    fixed = {name: value for name, value in request.set.items() if mine or name in known}
    grid = {name: values for name, values in request.grid.items() if mine or name in known}
    return [{**fixed, **dict(zip(grid, values, strict=True))} for values in product(*grid.values())]


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
