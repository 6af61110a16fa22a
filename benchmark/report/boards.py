"""Reads boards from the database into plain values (benchmark.report.board).

A board shows the newest version of its task that has scores. It hides runs of other versions and says so.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from benchmark.errors import UserError
from benchmark.report.board import Board, Failure, Hidden, Means, Row, RunFacts, TaskInfo, first_line, last_line
from benchmark.report.order import baseline, best_first, stand
from benchmark.spec import DRAWINGS, Axis, Frozen, Metric, Picture, Trait, declared_pictures
from benchmark.statistics import Key
from benchmark.store import draws, models
from benchmark.store.models import Curve, Environment, Method, Run, Score, Task
from benchmark.store.queries import Entry, Made, entries_and_hidden, newest_version, presets_with_runs, status, trials

Instances = dict[int, list[Any]]  # run -> rows of table instance
Environments = dict[int, dict[str, Any]]  # id -> its row without id and digest


def data_version(engine: Engine) -> tuple[Any, ...]:
    """A value that changes whenever a run, an instance or a score is added. Every cache has it in its key."""
    with engine.connect() as connection:
        return tuple(
            connection.execute(
                select(
                    select(func.count(Run.id)).scalar_subquery(),
                    select(func.max(Run.finished)).scalar_subquery(),
                    select(func.max(models.Instance.id)).scalar_subquery(),
                    select(func.max(Score.id)).scalar_subquery(),
                )
            ).one()
        )


def newest_result(session: Session) -> datetime | None:
    """When the last run ended, or began if none has ended."""
    return session.scalar(select(func.max(Run.finished))) or session.scalar(select(func.max(Run.started)))


def boards(session: Session) -> list[tuple[str, str]]:
    """Every (task, preset) with a score on test data. The presets of a task stand in the order of its specification."""
    pairs = {(task, preset) for task, _, preset in presets_with_runs(session)}
    size: dict[tuple[str, str], int] = {}
    for task, spec in session.execute(select(Task.name, Task.spec).order_by(Task.version)):
        for position, preset in enumerate(spec["presets"]):
            size[task, preset] = position
    return sorted(pairs, key=lambda pair: (pair[0], size.get(pair, 99), pair[1]))


def run_counts(session: Session) -> dict[str, int]:
    """How many runs of test data there are with each status."""
    return dict(Counter(status(run) for run in session.scalars(select(Run).where(Run.split == "test"))))


def board(session: Session, task: str, preset: str) -> Board:
    """The board of a task and preset. Raises UserError where it has no score."""
    version, info = shown_version(session, task, preset)
    found, left_out = entries_and_hidden(session, task, version, preset)
    found = [entry for entry in found if info.primary.name in entry.scores]
    instances = _instances(session, [run.id for entry in found for run in entry.runs])
    places = environments(session)
    size = int(info.presets.get(preset, {}).get("instances", 0))
    tried = trials(session, task, version, preset)
    rows = [row(entry, info, size, instances, places, tried.get(entry.method, 0)) for entry in found]
    base = baseline(rows, info.baseline)
    rows = ordered(rows, info.primary, base)
    unequal, by_processor = _unequal(rows, instances)
    return Board(
        task=info,
        preset=preset,
        rows=rows,
        baseline=base,
        hidden=_hidden(session, task, version, preset, {run.id for row in rows for run in row.runs}, left_out),
        labels=_labels(rows, instances),
        unequal=unequal,
        by_processor=by_processor,
        known_methods=_known_methods(session, task),
    )


def shown_version(session: Session, task: str, preset: str) -> tuple[int, TaskInfo]:
    """The version of the task that its board shows. Raises UserError where it has no score."""
    version = newest_version(session, task, preset)
    if version is None:
        raise UserError(f"{task} has no results on preset {preset}; the overview lists what there is")
    spec = session.scalars(select(Task.spec).where(Task.name == task, Task.version == version)).one()
    return version, task_info(spec, preset)


def ordered(rows: list[Row], primary: Metric, base: Row | None) -> list[Row]:
    """The rows with their standing, the complete ones first, best first in each part."""
    stand(rows, primary, base)
    return sorted(best_first(rows, primary), key=lambda row: not row.complete)


def _known_methods(session: Session, task: str) -> list[str]:
    names = select(Method.name).join(Run, Run.method_id == Method.id).join(Task, Run.task_id == Task.id)
    return sorted(session.scalars(names.where(Task.name == task).distinct()))


def curves(session: Session, rows: Sequence[Row]) -> pd.DataFrame:
    """Every point of the runs. Columns: label, series, seed, instance, step, seconds, value. Contended seconds are NaN. Curves
    on a scale of their own are left out.
    """
    owner = {run.id: (row.label, run.seed) for row in rows for run in row.runs}
    points = session.execute(
        select(Curve.run_id, Curve.series, Curve.instance, Curve.step, Curve.seconds, Curve.value).where(
            Curve.run_id.in_(owner), Curve.series.not_like("%)")
        )
    ).all()
    frame = pd.DataFrame(points, columns=["run", "series", "instance", "step", "seconds", "value"])
    frame["label"] = [owner[run][0] for run in frame["run"]]
    frame["seed"] = [owner[run][1] for run in frame["run"]]
    late = {(row.label, *key) for row in rows for key in row.contended}
    if late:
        told = zip(frame["label"], frame["seed"], frame["instance"], strict=True)
        frame["seconds"] = frame["seconds"].where(np.array([one not in late for one in told]))
    return frame.drop(columns="run")


# --- parts of a board -------------------------------------------------------------------------------------------------


def task_info(spec: dict[str, Any], preset: str) -> TaskInfo:
    """A stored specification with the preset's baseline and metrics. The first metric ranks. Keys that specifications had once,
    or will have, are left out.
    """
    spec = {**spec, "presets": draws.with_own(spec["presets"], preset)}
    size = spec["presets"].get(preset, {})
    lacks = {*size.get("lacks", ()), *(() if size.get("prior") else ("prior",))}
    offers = tuple(one for one in spec.get("offers", ()) if one not in lacks)
    known = {m["name"]: _known(m, Metric) for m in spec["metrics"]}
    if chosen := size.get("metrics"):
        known = {name: {**known[name], "primary": name == chosen[0]} for name in chosen}
    else:
        known = {name: one for name, one in known.items() if one.get("of") in (None, *offers)}
    metrics = tuple(Metric.model_validate_json(json.dumps(one)) for one in known.values())
    names = ("name", "version", "title", "source", "presets")
    return TaskInfo(
        metrics=metrics,
        baseline=size.get("baseline") or spec["baseline"],
        poses=spec.get("poses", ""),
        offers=offers,
        traits=tuple(Trait.model_validate_json(json.dumps(_known(one, Trait))) for one in spec.get("traits", ())),
        pictures=tuple(_picture(one) for one in declared_pictures(spec) if one["kind"] in DRAWINGS),
        **{name: spec[name] for name in names},
    )


def _axis(values: dict[str, Any] | None) -> Axis | None:
    return Axis.model_validate(_known(values, Axis)) if values else None


def _picture(values: dict[str, Any]) -> Picture:
    return Picture.model_validate({**_known(values, Picture), "axis": _axis(values.get("axis"))})


def _known(values: dict[str, Any], model: type[Frozen]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in model.model_fields}


def _instances(session: Session, runs: list[int]) -> Instances:
    one = models.Instance
    columns = (one.run_id, one.number, one.label, one.observation, one.status, one.error)
    found: Instances = defaultdict(list)
    for row in session.execute(select(*columns).where(one.run_id.in_(runs))):
        found[row.run_id].append(row)
    return found


def row(
    entry: Entry,
    task: TaskInfo,
    size: int,
    instances: Instances,
    places: Environments,
    trials: int = 0,
) -> Row:
    """The row of an entry. size is how many instances the preset has. Without `instances` the row knows no failures."""
    failures = [
        Failure(entry.label, run.seed, one.number, one.status, last_line(one.error))
        for run in entry.runs
        for one in instances.get(run.id, ())
        if one.status not in ("done", "running")
    ]
    runs = tuple(_facts(run, places[run.environment_id]) for run in sorted(entry.runs, key=lambda r: r.seed))
    return Row(
        label=entry.label,
        method=entry.method,
        kind=entry.kind,
        paper=entry.paper,
        parameters=entry.parameters,
        scores=entry.scores,
        means=Means(entry.scores, task.metrics),
        seconds=entry.seconds,
        peak_memory=entry.peak_memory,
        runs=runs,
        done=len(entry.scores[task.primary.name]),
        expected=max(size, 1) * len(entry.runs),
        truncated=entry.truncated,
        contended=entry.contended,
        failures=failures,
        older=entry.older,
        marks=entry.marks,
        trials=trials,
    )


def environments(session: Session) -> Environments:
    """Every environment by its id."""
    columns = [c.key for c in Environment.__table__.columns if c.key not in ("id", "digest")]
    return {env.id: {name: getattr(env, name) for name in columns} for env in session.scalars(select(Environment))}


def _facts(run: Made, environment: dict[str, Any]) -> RunFacts:
    return RunFacts(
        id=run.id,
        seed=run.seed,
        status=status(run),
        trust=run.trust,
        origin=run.origin,
        command=run.command,
        source=run.source,
        fit_seconds=run.fit_seconds,
        error=run.error,
        environment=environment,
    )


def _labels(rows: list[Row], instances: Instances) -> dict[Key, str]:
    every = ((run.seed, one) for row in rows for run in row.runs for one in instances[run.id])
    return {(seed, one.number): one.label for seed, one in every if one.status in models.ANSWERED}


def _unequal(rows: list[Row], instances: Instances) -> tuple[list[Key], list[Key]]:
    """(seed, instance) pairs whose observations differ on one kind of processor; those where they do between kinds alone."""
    seen: dict[Key, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))  # observations are made on the processor
    for row in rows:
        for run in row.runs:
            for one in instances[run.id]:
                if one.status in models.ANSWERED:
                    seen[run.seed, one.number][str(run.environment["cpu"])].add(one.observation)
    differ = {key: kinds for key, kinds in sorted(seen.items()) if len(set().union(*kinds.values())) > 1}
    within = [key for key, kinds in differ.items() if any(len(hashes) > 1 for hashes in kinds.values())]
    return within, [key for key in differ if key not in within]


_DETAILS = {
    "other data": "the data of this preset have changed since",
    "older code": "the same method and hyperparameters ran with other code, which is shown",
    "another run of this seed is shown": "made here, or newer",
}


def _hidden(session: Session, task: str, version: int, preset: str, shown: set[int], left_out: dict[int, str]) -> list[Hidden]:
    runs = session.execute(
        select(Run, Method.name, Task.version)
        .join(Method, Run.method_id == Method.id)
        .join(Task, Run.task_id == Task.id)
        .where(Task.name == task, Run.preset == preset)
        .order_by(Run.started)
    ).all()
    found = []
    for run, name, v in runs:
        if run.id in shown:
            continue
        state = status(run)
        if v != version:
            reason, detail = "another task version", f"version {v}, shown is version {version}"
        elif run.split != "test":
            reason, detail = "tuning data", "hyperparameters are chosen on it; it never enters a rank"
        elif run.id in left_out:
            reason, detail = left_out[run.id], _DETAILS[left_out[run.id]]
        elif state in ("failed", "diverged", "timeout", "memory", "interrupted", "abandoned"):
            reason, detail = state, first_line(run.error)
        else:
            reason, detail = "nothing finished yet", f"run is {state}"
        found.append(Hidden(name, run.seed, run.started, reason, detail))
    return found
