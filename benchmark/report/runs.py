"""Everything that is stored about one run, and the list of all runs."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import environment, statistics
from benchmark.report.board import Board, Row, TaskInfo, last_line
from benchmark.report.boards import task_info
from benchmark.report.decimals import digits_of
from benchmark.report.tables import Column, count, heading, interval, with_unit
from benchmark.store import models
from benchmark.store.models import Artifact, Curve, Environment, Method, Run, Score, Task
from benchmark.store.queries import difference, present_data, present_source, status

Pairs = list[tuple[str, str]]
_ORIGIN = {"here": "made here", "reference": "came with the suite", "loaded": "loaded from a file"}
LISTED = 500  # runs in a list at most

LISTING = {
    "run": Column("Its number in this database", 60, "%d"),
    "digest": Column("Start of the hash of its key", 110),
    "task": Column("", 130),
    "version": Column("Of the task", 66, "%d"),
    "preset": Column("", 110),
    "method": Column("In brackets: hyperparameters that are not the recommended ones", 230),
    "seed": Column("", 56, "%d"),
    "data": Column("test, or tuning: hyperparameters are chosen on it", 66),
    "status": Column("", 90),
    "trust": Column("self_reported < scored (predictions scored here) < reproduced (code run here)", 100),
    "origin": Column("", 160),
    "began": Column("UTC", 140),
    "seconds": Column("The method's own time, all instances", 84, "%.4g"),
}


@dataclass(frozen=True)
class Detail:
    """A run.

    key, outcome, environment   what is stored, as names and texts
    scores                      a line for each instance
    means                       a line for each metric
    curves                      columns instance, series, step, seconds, value
    artifacts                   files beside the database
    errors                      of the run and of its instances, in full

    The machine and process that ran it (column runner) are left out, because boards are shared.
    """

    id: int
    label: str
    task: TaskInfo
    method: str
    preset: str
    seed: int
    split: str
    started: datetime
    command: str
    key: Pairs
    outcome: Pairs
    environment: Pairs
    scores: pd.DataFrame
    score_columns: dict[str, Column]
    means: pd.DataFrame
    curves: pd.DataFrame
    artifacts: pd.DataFrame
    errors: Pairs


def listing(session: Session, method: str = "", limit: int = LISTED) -> pd.DataFrame:
    """The newest runs of one method or of all, at most `limit`. Its columns are those of LISTING."""
    query = (
        select(Run, Task.name, Task.version, Method.name)
        .join(Task, Run.task_id == Task.id)
        .join(Method, Run.method_id == Method.id)
        .order_by(Run.started.desc(), Run.id.desc())
        .limit(limit)
    )
    lines = []
    for run, task, version, name in session.execute(query.where(Method.name == method) if method else query):
        label = name + difference(name, task, run.preset, run.parameters)
        began, origin = f"{run.started:%Y-%m-%d %H:%M}", _ORIGIN.get(run.origin, run.origin)
        place = [run.id, run.digest[:12], task, version, run.preset, label, run.seed, run.split]
        lines.append([*place, status(run), run.trust, origin, began, run.seconds])
    return pd.DataFrame(lines, columns=list(LISTING))


def detail(session: Session, run: Run, folder: Path | None) -> Detail:
    """Everything about a run. The paths of its artifacts begin at `folder`, which is None where that is not known."""
    task, method = session.get_one(Task, run.task_id), session.get_one(Method, run.method_id)
    place = session.get_one(Environment, run.environment_id)
    info = task_info(task.spec, run.preset)
    scores, columns, means = _scores(session, run, info)
    return Detail(
        id=run.id,
        label=method.name + difference(method.name, task.name, run.preset, run.parameters),
        task=info,
        method=method.name,
        preset=run.preset,
        seed=run.seed,
        split=run.split,
        started=run.started,
        command=run.command,
        key=_key(run, task, method),
        outcome=_outcome(run, int((scores["status"] == "done").sum()), int((scores["status"] == "truncated").sum())),
        environment=_environment(place),
        scores=scores,
        score_columns=columns,
        means=means,
        curves=_curves(session, run),
        artifacts=_artifacts(session, run, folder),
        errors=_errors(session, run),
    )


def _key(run: Run, task: Task, method: Method) -> Pairs:
    source = present_source(task.name, task.version, run.preset, method.name)
    data = present_data(task.name, task.version, run.preset)
    return [
        ("run", f"number {run.id} in this database"),
        ("digest", run.digest),
        ("task", f"{task.name}, version {task.version}"),
        ("preset", run.preset),
        ("method", method.name),
        ("hyperparameters", ", ".join(f"{name} = {value!r}" for name, value in run.parameters.items()) or "none"),
        ("seed", f"{run.seed}, {run.split} data"),
        ("source", f"{run.source} ({_same(run.source, source, 'code')})"),
        ("data", f"{run.data or 'none'} ({_same(run.data, data, 'data')})"),
    ]


def _same(then: str, now: str | None, what: str) -> str:
    """How a hash of the run compares with the present one."""
    if now is None:
        return f"the {what} of now cannot be told here"
    return f"the present {what}" if then == now else f"older {what}: now {now[:12]}"


def _outcome(run: Run, done: int, truncated: int) -> Pairs:
    left_out = "its hyperparameters were studied on test data" if run.on_test else ""
    device = f"{run.peak_device_memory:.0f} MB" if run.peak_device_memory is not None else ""
    return [
        ("status", status(run)),
        ("instances", f"{done} of {run.instances} done" + (f", {truncated} truncated" if truncated else "")),
        ("trust", run.trust),
        ("origin", _ORIGIN.get(run.origin, run.origin)),
        ("note", left_out),
        ("began", f"{run.started:%Y-%m-%d %H:%M:%S} UTC"),
        ("ended", f"{run.finished:%Y-%m-%d %H:%M:%S} UTC" if run.finished else "not recorded"),
        ("seconds", f"{run.seconds:.4g} s of the method's own time, all instances"),
        (
            "seconds to learn",
            f"{run.fit_seconds:.4g} s, once for all instances" if run.fit_seconds else "nothing is learnt beforehand",
        ),
        ("peak memory", f"{run.peak_memory:.0f} MB of the process" if run.peak_memory is not None else "not recorded"),
        ("peak memory of the GPU", device),
        ("engine", run.engine or ""),
        ("node", run.node or ""),
        ("tries", "" if run.tries is None else f"sent out {count(run.tries, 'time')}"),
    ]


def _environment(place: Environment) -> Pairs:
    return [
        ("commit", environment.commit_text(place.commit, place.dirty)),
        ("Python", place.python),
        ("platform", place.platform),
        ("CPU", f"{place.cpu}, {count(place.cores, 'core')}, {count(place.threads, 'thread')} used"),
        ("memory", f"{place.memory_gb:g} GB"),
        ("device", place.device),
        ("packages", ", ".join(f"{name} {version}" for name, version in sorted(place.packages.items()))),
    ]


def _scores(session: Session, run: Run, info: TaskInfo) -> tuple[pd.DataFrame, dict[str, Column], pd.DataFrame]:
    metrics = sorted(info.metrics, key=lambda metric: not metric.primary)
    values: dict[str, dict[int, float]] = defaultdict(dict)
    for one in session.scalars(select(Score).where(Score.run_id == run.id)):
        values[one.metric][one.instance] = one.value
    instance = models.Instance
    rows = session.scalars(select(instance).where(instance.run_id == run.id).order_by(instance.number)).all()
    columns = {"instance": Column("Its number", 74, "%d"), "label": Column("What the task calls it", 180)}
    table: dict[str, Sequence[object]] = {"instance": [one.number for one in rows], "label": [one.label for one in rows]}
    means = []
    for metric in metrics:
        found, name = values.get(metric.name, {}), heading(metric)
        estimate = statistics.mean({(run.seed, number): value for number, value in found.items()}) if found else None
        estimate = estimate and estimate.within(metric.least, metric.most)
        places = digits_of(found.values())
        columns[name] = Column(f"{metric.description}; {metric.better} is better", max(92, 22 + 7 * len(name)), f"%.{places}f")
        table[name] = [found.get(one.number) for one in rows]
        if estimate:
            text = with_unit(f"{estimate.mean:.{places}f}", metric)
            means.append([name, text, interval(estimate, places), estimate.n, estimate.mean, estimate.low, estimate.high])
    for trait in info.traits:
        if found := values.get(trait.name, {}):
            width = max(92, 22 + 7 * len(trait.name))
            columns[trait.name] = Column(f"{trait.description}; it ranks nothing", width, f"%.{digits_of(found.values())}f")
            table[trait.name] = [found.get(one.number) for one in rows]
    table |= {name: [getattr(one, name) for one in rows] for name in ("seconds", "cpu_seconds", "queued", "steps", "status")}
    table["contended"] = ["yes" if one.contended else "" for one in rows]
    table["error"] = [last_line(one.error) for one in rows]
    table["observation"] = [one.observation for one in rows]
    columns |= {
        "seconds": Column("The method's own time", 80, "%.4g"),
        "cpu_seconds": Column(
            "The same of a processor, a thread: what a budget counts. Empty: on a GPU, or not measured", 100, "%.4g"
        ),
        "queued": Column(
            "Of the time in which its threads were ready to run, the part in which others had the processors. Empty: not told",
            80,
            "%.2f",
        ),
        "steps": Column("", 70, "%d"),
        "status": Column("truncated: ended by its time budget", 90),
        "contended": Column("Other programs were at work: its seconds are left out of comparisons of time", 90),
        "error": Column("Its last line; in full below", 260),
        "observation": Column("SHA-256 of what the method was shown", 180),
    }
    mean_columns = ["metric", "mean", "95 %", "n", "value", "low", "high"]
    return pd.DataFrame(table), columns, pd.DataFrame(means, columns=mean_columns)


MEANS = {
    "metric": Column("↑ higher is better, ↓ lower is better", 150),
    "mean": Column("Over the instances that have scores", 110),
    "95 %": Column("Bootstrap-t interval of the mean over instances", 170),
    "n": Column("Instances", 50, "%d"),
}


def _errors(session: Session, run: Run) -> Pairs:
    """The full texts in which the run and each of its instances say what went wrong."""
    instance = models.Instance
    rows = session.execute(select(instance.number, instance.error).where(instance.run_id == run.id).order_by(instance.number))
    found = [("run", run.error.strip())] if run.error else []
    return found + [(f"instance {number}", error.strip()) for number, error in rows if error]


def _curves(session: Session, run: Run) -> pd.DataFrame:
    names = ["instance", "series", "step", "seconds", "value"]
    columns = [getattr(Curve, name) for name in names]
    order = (Curve.instance, Curve.series, Curve.step)
    return pd.DataFrame(session.execute(select(*columns).where(Curve.run_id == run.id).order_by(*order)).all(), columns=names)


def _artifacts(session: Session, run: Run, folder: Path | None) -> pd.DataFrame:
    rows = session.scalars(select(Artifact).where(Artifact.run_id == run.id).order_by(Artifact.instance, Artifact.kind))
    lines = [[one.instance, one.kind, one.path, _there(folder, one.path), one.sha256] for one in rows]
    return pd.DataFrame(lines, columns=list(ARTIFACTS))


ARTIFACTS = {
    "instance": Column("Its number", 74, "%d"),
    "kind": Column("truth, estimate, or what a method kept by its name for it", 130),
    "path": Column("Relative to the folder of the database", 420),
    "file": Column("Whether it lies there", 110),
    "SHA-256": Column("", 480),
}


def _there(folder: Path | None, relative: str) -> str:
    if folder is None:
        return "not known"
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()):
        return "outside the folder"
    return f"{path.stat().st_size / 1024:.1f} KiB" if path.is_file() else "missing"


def place(board: Board, found: Detail) -> tuple[Row | None, str]:
    """The row of the board that a run stands in, or None and the reason why it stands in none."""
    row = next((row for row in board.rows if any(run.id == found.id for run in row.runs)), None)
    if row is not None:
        return row, ""
    why = [h for h in board.hidden if (h.method, h.seed, h.started) == (found.method, found.seed, found.started)]
    return None, f"{why[0].reason}{f' ({why[0].detail})' if why[0].detail else ''}" if why else "it is no run of this board"


def content(found: Detail) -> dict[str, Any]:
    """Everything about a run as one object of plain values."""
    frames = {name: getattr(found, name) for name in ("scores", "means", "curves", "artifacts")}
    return {
        **{part: dict(getattr(found, part)) for part in ("key", "outcome", "environment")},
        "command": found.command,
        "errors": dict(found.errors),
        **{name: json.loads(frame.to_json(orient="records", double_precision=15)) for name, frame in frames.items()},
    }
