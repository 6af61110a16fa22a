"""The questions that the runner, the leaderboard and an export all ask of the database."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.statistics import Key
from benchmark.store.models import Instance, Method, Run, Score, Task


@dataclass
class Entry:
    """A method with one set of hyperparameters on one preset: a row of a leaderboard.

    runs       newest run of each seed; older code of the same run is left out
    scores     metric -> (seed, instance) -> value; instances that failed are missing
    seconds    (seed, instance) -> the method's own time
    """

    method: str
    kind: str
    parameters: dict[str, Any]
    label: str
    runs: list[Run] = field(default_factory=list)
    scores: dict[str, dict[Key, float]] = field(default_factory=lambda: defaultdict(dict))
    seconds: dict[Key, float] = field(default_factory=dict)

    @property
    def peak_memory(self) -> float | None:
        """Largest peak of its runs in MB: of the GPU where one was used, else of the process."""
        peaks = [run.peak_device_memory or run.peak_memory for run in self.runs]
        return max((peak for peak in peaks if peak is not None), default=None)


def find_run(session: Session, digest: str) -> Run | None:
    """The run with this key that was made here, if there is one."""
    return session.scalar(select(Run).where(Run.digest == digest, Run.origin == "here"))


def finished_instances(session: Session, run: Run) -> set[int]:
    """Numbers of the instances that are done and need not be solved again."""
    return set(session.scalars(select(Instance.number).where(Instance.run_id == run.id, Instance.status == "done")))


def finished(session: Session, digests: Sequence[str]) -> dict[str, set[int]]:
    """By digest of a run made here: numbers of the instances that are done. One query for any number of runs."""
    found: dict[str, set[int]] = defaultdict(set)
    wanted = set(digests)
    rows = session.execute(
        select(Run.digest, Instance.number)
        .join(Instance, Instance.run_id == Run.id)
        .where(Run.origin == "here", Instance.status == "done")
    )
    for digest, number in rows:
        if digest in wanted:
            found[digest].add(number)
    return found


def presets_with_runs(session: Session) -> list[tuple[str, int, str]]:
    """(task, version, preset) of everything that has a score on test data, newest version first."""
    rows = session.execute(
        select(Task.name, Task.version, Run.preset)
        .join(Run, Run.task_id == Task.id)
        .join(Score, Score.run_id == Run.id)
        .where(Run.split == "test")
        .distinct()
        .order_by(Task.name, Task.version.desc(), Run.preset)
    )
    return [(name, version, preset) for name, version, preset in rows]


def entries(session: Session, task: str, version: int, preset: str, split: str = "test") -> list[Entry]:
    """Every method and parameter set with at least one finished instance, sorted by method and label."""
    runs = session.execute(
        select(Run, Method)
        .join(Task, Run.task_id == Task.id)
        .join(Method, Run.method_id == Method.id)
        .where(Task.name == task, Task.version == version, Run.preset == preset, Run.split == split)
        .order_by(Run.started)
    ).all()
    newest: dict[tuple[str, str, int], tuple[Run, Method]] = {}
    for run, method in runs:  # in the order in which they started, so that the newest stays
        newest[(method.name, repr(sorted(run.parameters.items())), run.seed)] = (run, method)
    found: dict[tuple[str, str], Entry] = {}
    owner: dict[int, tuple[Entry, int]] = {}
    for (name, parameters, seed), (run, method) in newest.items():
        if (name, parameters) not in found:
            label = name + difference(name, task, preset, run.parameters)
            found[name, parameters] = Entry(name, method.kind, run.parameters, label)
        entry = found[name, parameters]
        entry.runs.append(run)
        owner[run.id] = (entry, seed)
    for run_id, number, metric, value in session.execute(
        select(Score.run_id, Score.instance, Score.metric, Score.value).where(Score.run_id.in_(owner))
    ):
        entry, seed = owner[run_id]
        entry.scores[metric][seed, number] = value
    for run_id, number, seconds in session.execute(
        select(Instance.run_id, Instance.number, Instance.seconds).where(Instance.run_id.in_(owner), Instance.status == "done")
    ):
        entry, seed = owner[run_id]
        entry.seconds[seed, number] = seconds
    return sorted((e for e in found.values() if e.scores), key=lambda e: (e.method, e.label))


def difference(method: str, task: str, preset: str, parameters: dict[str, Any]) -> str:
    """How `parameters` differ from the recommended ones, as ' [lr=0.01]'; empty where they do not."""
    if method not in registry.methods():
        return ""
    usual = registry.methods()[method].spec.resolve(task, preset, {})
    changed = [f"{key}={value}" for key, value in parameters.items() if usual.get(key) != value]
    return f" [{', '.join(changed)}]" if changed else ""
