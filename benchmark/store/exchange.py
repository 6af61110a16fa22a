"""Stored runs to lines of text and back: what runners.export writes and runners.load merges, nothing twice."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, cast

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from benchmark import environment, registry
from benchmark.errors import UserError
from benchmark.spec import RunKey
from benchmark.store import draws, models
from benchmark.store.lines import (
    CurvePart,
    EnvironmentPart,
    InstancePart,
    Line,
    MethodPart,
    Origin,
    PicturePart,
    RunLine,
    TaskPart,
)


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
        task=TaskPart.model_validate_json(
            json.dumps({**task.spec, "presets": draws.with_own(task.spec["presets"], run.preset)})
        ),
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
        if values:  # past the mapper, which takes half as long again
            session.connection().execute(insert(cast(Table, table.__table__)), values)


def artifact_path(digest: str) -> str:
    """Where the file with this SHA-256 lies, relative to the folder of the database."""
    return f"artifacts/{digest[:2]}/{digest}.npy"


def _measures(spec: dict[str, Any]) -> set[tuple[Any, ...]]:
    """The metrics of its runs, without those of some presets alone, which a specification may have gained."""
    always = (m for m in spec["metrics"] if m.get("of") is None)
    return {(m["name"], m["better"], m.get("unit", ""), m.get("primary", False)) for m in always}


def _task(session: Session, line: RunLine) -> models.Task:
    name, version, spec = line.task.name, line.task.version, line.task.model_dump(mode="json")
    task = session.scalar(select(models.Task).where(models.Task.name == name, models.Task.version == version))
    here = registry.tasks().get(name)
    present = here.spec.model_dump(mode="json") if here and here.spec.version == version else spec
    known = task.spec if task else present
    if _measures(known) != _measures(spec):
        raise UserError(f"task {name} version {version} has other metrics here; its runs cannot be mixed")
    if task is None:
        task = models.Task(name=name, version=version, spec={**spec, **_gained(spec, present)})
        session.add(task)
        session.flush()
    elif gained := _gained(task.spec, spec):
        task.spec = {**task.spec, **gained}
    return task


def _gained(known: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """The presets, the metrics that only some presets offer, and the traits, with those, and with fields of those, that the
    known specification is too old for.
    """
    parts: dict[str, list[dict[str, Any]]] = {}
    for part in ("metrics", "traits"):
        old, new = ({one["name"]: one for one in which.get(part, ())} for which in (known, spec))
        parts[part] = [{**new.get(name, {}), **old.get(name, {})} for name in {**old, **new}]
    presets = {**spec["presets"], **known["presets"]}
    presets = {name: {**spec["presets"].get(name, {}), **fields} for name, fields in presets.items()}
    whole = {"presets": presets, **parts}
    return {part: value for part, value in whole.items() if value != known.get(part, [])}


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
