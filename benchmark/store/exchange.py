"""Runs as lines of text, to carry them from one database to another with everything that says how they were made.

A file is JSON Lines: a header, then one line a run. Nothing of a line is believed: its key must have its digest, its scores
must be finite and those of the task, its instances those of the preset.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from benchmark import environment, registry, seeds
from benchmark.errors import UserError
from benchmark.spec import Frozen, Interface, Name, NonNegative, Preset, RunKey, TaskSpec
from benchmark.store import models

Origin = Literal["here", "reference", "loaded"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[int, Field(ge=0)]


def _has_zone(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError("a time needs its zone")
    return time


Time = Annotated[datetime, AfterValidator(_has_zone)]


class Line(Frozen):
    """Base of the parts of a file: strict, and no number is infinite or undefined."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Header(Line):
    """The first line. runs: "task/preset" -> digests of the lines that follow; commit: of the code that wrote the file."""

    format: Literal["lowdimbench runs"] = "lowdimbench runs"
    version: Literal[1] = 1
    commit: str
    runs: dict[str, tuple[Sha256, ...]]


class _Size(Preset):
    """A preset with whatever its task added to it."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


class TaskPart(TaskSpec):
    """A task's specification as it was when it ran."""

    presets: dict[str, _Size]  # type: ignore[assignment]  # narrower than the field of the base


class MethodPart(Line):
    """Columns of table method."""

    name: Name
    solves: Interface
    kind: str
    paper: str
    summary: str


class EnvironmentPart(Line):
    """Columns of table environment without its digest, which follows from them."""

    commit: str
    dirty: bool
    python: str
    platform: str
    cpu: str
    cores: int
    threads: int
    memory_gb: float
    device: str
    packages: dict[str, str]


class InstancePart(Line):
    """Columns of table instance, and the scores by metric."""

    number: Number
    label: str
    observation: str
    status: str
    seconds: NonNegative
    steps: Number
    truncated: bool
    error: str | None
    scores: dict[Name, float]


class CurvePart(Line):
    """One series of one instance: (step, seconds, value), the last two to six significant digits."""

    instance: Number
    series: str
    points: tuple[tuple[int, float, float], ...]


class PicturePart(Line):
    """A file pictures/SHA256.npy beside the file of runs: float16, (H, W)."""

    instance: Number
    kind: Name
    sha256: Sha256


class RunLine(Line):
    """One run with everything that is known about it. Raises pydantic.ValidationError where its parts do not agree."""

    digest: Sha256
    key: RunKey
    origin: Origin
    trust: Literal["self_reported", "scored", "reproduced"]
    split: seeds.Split
    on_test: bool
    status: Literal["done", "failed", "timeout", "memory", "interrupted"]
    instances: Annotated[int, Field(ge=1)]
    command: str
    started: Time
    finished: Time | None
    seconds: NonNegative
    fit_seconds: NonNegative
    peak_memory: NonNegative | None
    peak_device_memory: NonNegative | None
    error: str | None
    task: TaskPart
    method: MethodPart
    environment: EnvironmentPart
    results: tuple[InstancePart, ...]
    curves: tuple[CurvePart, ...] = ()
    pictures: tuple[PicturePart, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        key, numbers = self.key, [one.number for one in self.results]
        done = {one.number for one in self.results if one.status == "done"}
        metrics = {metric.name for metric in self.task.metrics}
        claims = {
            "the digest is not that of the key": self.digest == key.digest,
            "key and task do not agree": (key.task, key.version) == (self.task.name, self.task.version),
            "key and method do not agree": key.method == self.method.name,
            "the method does not solve the task": self.method.solves == self.task.poses,
            "the task has no such preset": key.preset in self.task.presets,
            "split and seed do not agree": self.split == seeds.split(key.seed),
            "an instance stands there twice": len(set(numbers)) == len(numbers),
            "an instance is not of the preset": all(number < self.instances for number in numbers),
            "a finished instance lacks scores, or has others than its task": all(
                one.scores.keys() == (metrics if one.number in done else set()) for one in self.results
            ),
            "the run is done and its instances are not": self.status != "done" or len(done) == self.instances,
            "a curve or picture is of an instance that is not done": done
            >= {c.instance for c in self.curves} | {p.instance for p in self.pictures},
        }
        if wrong := [text for text, holds in claims.items() if not holds]:
            raise ValueError(wrong[0])
        if self.instances != self.task.presets[key.preset].instances:
            raise ValueError("the number of instances is not that of the preset")
        if len({(c.instance, c.series, point[0]) for c in self.curves for point in c.points}) != sum(
            len(c.points) for c in self.curves
        ):
            raise ValueError("a point of a curve stands there twice")
        return self

    def text(self) -> str:
        """The line, without its end; the same run gives the same text."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def header(lines: Sequence[RunLine]) -> Header:
    """The first line of a file with these lines."""
    runs: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        runs[f"{line.key.task}/{line.key.preset}"].append(line.digest)
    return Header(commit=environment.commit()[0], runs={name: tuple(digests) for name, digests in runs.items()})


def to_line(session: Session, run: models.Run, pictures: Sequence[PicturePart] = ()) -> RunLine:
    """The line of a stored run that is no longer running."""
    task, method = session.get_one(models.Task, run.task_id), session.get_one(models.Method, run.method_id)
    place = session.get_one(models.Environment, run.environment_id)
    key = RunKey(
        task=task.name,
        version=task.version,
        preset=run.preset,
        method=method.name,
        **{name: getattr(run, name) for name in ("parameters", "seed", "source", "data")},
    )
    names = ("origin", "trust", "split", "on_test", "status", "instances", "command", "started", "finished", "seconds")
    more = ("fit_seconds", "peak_memory", "peak_device_memory", "error")
    facts = {name: getattr(run, name) for name in (*names, *more)}
    return RunLine(
        digest=run.digest,
        key=key,
        task=TaskPart.model_validate_json(json.dumps(task.spec)),
        method=MethodPart(**_columns(method, MethodPart)),
        environment=EnvironmentPart(**_columns(place, EnvironmentPart)),
        results=_results(session, run),
        curves=_curves(session, run),
        pictures=tuple(pictures),
        **facts,
    )


def _columns(row: models.Base, part: type[Line], *without: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in part.model_fields if name not in without}


def _results(session: Session, run: models.Run) -> tuple[InstancePart, ...]:
    scores: dict[int, dict[str, float]] = defaultdict(dict)
    score = models.Score
    for one in session.scalars(select(score).where(score.run_id == run.id).order_by(score.metric)):
        scores[one.instance][one.metric] = one.value
    rows = session.scalars(
        select(models.Instance).where(models.Instance.run_id == run.id).order_by(models.Instance.number)
    ).all()
    return tuple(InstancePart(scores=scores[row.number], **_columns(row, InstancePart, "scores")) for row in rows)


def _curves(session: Session, run: models.Run) -> tuple[CurvePart, ...]:
    curve = models.Curve
    rows = session.execute(
        select(curve.instance, curve.series, curve.step, curve.seconds, curve.value)
        .where(curve.run_id == run.id)
        .order_by(curve.instance, curve.series, curve.step)
    )
    points: dict[tuple[int, str], list[tuple[int, float, float]]] = defaultdict(list)
    for instance, series, step, seconds, value in rows:
        points[instance, series].append((step, _six(seconds), _six(value)))
    return tuple(CurvePart(instance=i, series=series, points=tuple(found)) for (i, series), found in points.items())


def _six(value: float) -> float:
    return float(f"{value:.6g}")


def present(session: Session, digests: Iterable[str], origin: Origin) -> set[str]:
    """Which of these keys the database has with this origin."""
    wanted = list(digests)
    found: set[str] = set()
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        found |= set(session.scalars(select(models.Run.digest).where(models.Run.digest.in_(part), models.Run.origin == origin)))
    return found


def merge(session: Session, lines: Iterable[RunLine], origin: Origin) -> int:
    """Add the runs that are not there yet, without a commit; how many. Runs of any other origin stay as they are.

    A run that the database has under another origin, begun at the same moment, is the same one and no other's: it is not added
    again as `loaded`, nor do loaded rows keep the trust they claim. Raises UserError for a task whose metrics differ from those
    known here under the same version.
    """
    unique = {line.digest: line for line in lines}
    known = present(session, unique, origin)
    added = 0
    for digest, line in unique.items():
        if digest in known or (origin == "loaded" and _is_known(session, line)):
            continue
        _insert(session, line, origin)
        added += 1
    return added


def _is_known(session: Session, line: RunLine) -> bool:
    began = session.scalars(select(models.Run.started).where(models.Run.digest == line.digest))
    return any(time == line.started for time in began)


def _insert(session: Session, line: RunLine, origin: Origin) -> None:
    same = ("split", "on_test", "status", "instances", "command", "started", "finished", "seconds", "fit_seconds")
    run = models.Run(
        digest=line.digest,
        origin=origin,
        task_id=_task(session, line).id,
        method_id=_method(session, line).id,
        environment_id=_environment(session, line).id,
        trust="self_reported" if origin == "loaded" else line.trust,
        heartbeat=line.finished or line.started,
        **{name: getattr(line.key, name) for name in ("preset", "parameters", "seed", "source", "data")},
        **{name: getattr(line, name) for name in (*same, "peak_memory", "peak_device_memory", "error")},
    )
    session.add(run)
    session.flush()
    instances = [{"run_id": run.id, **one.model_dump(exclude={"scores"})} for one in line.results]
    scores = [
        {"run_id": run.id, "instance": one.number, "metric": metric, "value": value}
        for one in line.results
        for metric, value in one.scores.items()
    ]
    points = [
        {"run_id": run.id, "instance": c.instance, "series": c.series, "step": step, "seconds": seconds, "value": value}
        for c in line.curves
        for step, seconds, value in c.points
    ]
    pictures = [{"run_id": run.id, "path": artifact_path(picture.sha256), **picture.model_dump()} for picture in line.pictures]
    rows = (models.Instance, instances), (models.Score, scores), (models.Curve, points), (models.Artifact, pictures)
    for table, values in rows:
        if values:
            session.execute(insert(table), values)


def artifact_path(digest: str) -> str:
    """Where the file with this SHA-256 lies, relative to the folder of the database."""
    return f"artifacts/{digest[:2]}/{digest}.npy"


def _measures(spec: dict[str, Any]) -> set[tuple[Any, ...]]:
    return {(m["name"], m["better"], m.get("unit", ""), m.get("primary", False)) for m in spec["metrics"]}


def _task(session: Session, line: RunLine) -> models.Task:
    name, version, spec = line.task.name, line.task.version, line.task.model_dump(mode="json")
    task = session.scalar(select(models.Task).where(models.Task.name == name, models.Task.version == version))
    here = registry.tasks().get(name)
    known = task.spec if task else here.spec.model_dump(mode="json") if here and here.spec.version == version else spec
    if _measures(known) != _measures(spec):
        raise UserError(f"task {name} version {version} has other metrics here; its runs cannot be mixed")
    if task is None:
        task = models.Task(name=name, version=version, spec=spec)
        session.add(task)
        session.flush()
    return task


def _method(session: Session, line: RunLine) -> models.Method:
    method = session.scalar(select(models.Method).where(models.Method.name == line.method.name))
    if method is None:
        method = models.Method(**line.method.model_dump())
        session.add(method)
        session.flush()
    return method


def _environment(session: Session, line: RunLine) -> models.Environment:
    facts = line.environment.model_dump()
    digest = environment.digest(facts)
    place = session.scalar(select(models.Environment).where(models.Environment.digest == digest))
    if place is None:
        place = models.Environment(digest=digest, **facts)
        session.add(place)
        session.flush()
    return place


def file_digest(content: bytes) -> str:
    """SHA-256 of a file's content."""
    return sha256(content).hexdigest()
