"""The questions that the runner, the leaderboard and an export all ask of the database."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.datasets.sources import fingerprint, read_by
from benchmark.environment import UNKNOWN
from benchmark.errors import UserError
from benchmark.statistics import Grid, Key
from benchmark.store import draws
from benchmark.store.filling import fill_scores, fill_seconds, fill_truncated
from benchmark.store.models import ANSWERED, Environment, Instance, Method, Run, Score, Submission, Task, now

# A row of table run, with `method`, `kind` and `paper` of its method, `dirty` and `commit` of its environment, and `near` of
# what it was handed in with. Plain rows and no objects of the ORM: with these the outlines of 21,600 runs took 2.75 s instead
# of 2.3.
Made = Row[Any]
_OF_OTHERS = (Method.name.label("method"), Method.kind, Method.paper, Environment.dirty, Environment.commit, Submission.near)
_MADE = (*Run.__table__.columns, *_OF_OTHERS)

_TWIN = 4  # instances at least, all equal, before two methods are said to have the same scores
SILENCE = timedelta(seconds=120)  # without a heartbeat, a run is no longer at work
_HAS_SCORE = select(Score.id).where(Score.run_id == Run.id).exists()
ORIGINS = {"here": 0, "reference": 1, "loaded": 2}  # by origin: the least counts for a seed with several runs
TRUST = {"self_reported": 0, "scored": 1, "reproduced": 2}  # the greatest counts, before the origin does


@dataclass
class Entry:
    """A method with one set of hyperparameters on one preset: a row of a leaderboard.

    runs       one for each seed, all of one source, with the columns of table run
    scores     metric -> (seed, instance) -> value; instances that failed are missing
    seconds    (seed, instance) -> the method's own time
    truncated  (seed, instance) that their budget ended: their scores are there, and do not rank unless asked for
    contended  (seed, instance) for which other programs had the processors (Instance.contended)
    older      its source is not the present one; old_data: its data are not the present ones
    dirty      a run of it was made with uncommitted changes
    unknown    a run of it was made outside a repository, as by an installed package
    tuned      its hyperparameters are not the recommended ones and were studied on test data
    twins      labels of other methods with exactly these scores: one of them may not be what its name says
    """

    method: str
    kind: str
    parameters: dict[str, Any]
    label: str
    runs: list[Made] = field(default_factory=list)
    scores: dict[str, Mapping[Key, float]] = field(default_factory=dict)
    seconds: Mapping[Key, float] = field(default_factory=dict)
    truncated: frozenset[Key] = frozenset()
    contended: frozenset[Key] = frozenset()
    older: bool = False
    old_data: bool = False
    dirty: bool = False
    unknown: bool = False
    tuned: bool = False
    twins: tuple[str, ...] = ()
    paper: str = ""

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader has to know before comparing it with another row, in a few words each."""
        found = [text for flag, text in ((self.older, "older code"), (self.old_data, "older data")) if flag]
        found += ["chosen on test data"] if self.tuned else []
        found += [f"same scores as {label}" for label in self.twins]
        found += sorted({f"nearly the truth: {run.near['truth']}" for run in self.runs if run.near and "truth" in run.near})
        found += sorted({f"private seed {draw}" for run in self.runs if (draw := draws.parts(run.preset)[1])})
        origins = Counter(run.origin for run in self.runs if run.origin != "here")
        for origin, count in sorted(origins.items()):
            found.append(origin if count == len(self.runs) else f"{count} of {len(self.runs)} seeds {origin}")
        found += ["uncommitted changes"] if self.dirty else []
        found += ["unknown commit"] if self.unknown else []
        return tuple(found)

    @property
    def peak_memory(self) -> float | None:
        """Largest peak of its runs in MB: of the GPU where one was used, else of the process."""
        peaks = [run.peak_device_memory or run.peak_memory for run in self.runs]
        return max((peak for peak in peaks if peak is not None), default=None)


def find_run(session: Session, digest: str) -> Run | None:
    """The run with this key that was made here, if there is one."""
    return session.scalar(select(Run).where(Run.digest == digest, Run.origin == "here"))


def pick_run(session: Session, text: str) -> Run:
    """The run with this id or start of a digest; of copies of it the one made here. Raises UserError for none or several."""
    if text.isdecimal() and len(text) < 10 and (run := session.get(Run, int(text))):
        return run
    found = session.scalars(select(Run).where(Run.digest.startswith(text, autoescape=True))).all() if text else ()
    if len({run.digest for run in found}) == 1:
        return min(found, key=lambda run: ORIGINS.get(run.origin, 9))
    if not found:
        newest = session.execute(select(Run.id, Run.digest).order_by(Run.started.desc()).limit(3)).all()
        names = ", ".join(f"{number} ({digest[:8]})" for number, digest in newest)
        raise UserError(f"no run '{text}': give its id or the start of its digest; newest runs: {names or 'none'}")
    some = ", ".join(f"{run.id} ({run.digest[:12]})" for run in found[:5])
    raise UserError(f"'{text}' is the start of {len(found)} runs: {some}{', ...' if len(found) > 5 else ''}")


def status(run: Run | Made) -> str:
    """The run's status; `abandoned` where it should be running and its runner is silent."""
    return "abandoned" if run.status == "running" and now() - run.heartbeat > SILENCE else run.status


def finished_instances(session: Session, run: Run) -> set[int]:
    """Numbers of the instances that are done and need not be solved again."""
    return set(session.scalars(select(Instance.number).where(Instance.run_id == run.id, Instance.status == "done")))


def answered_instances(session: Session, run: Run) -> set[int]:
    """Numbers of the instances that have scores, also of those that their budget ended."""
    return set(session.scalars(select(Instance.number).where(Instance.run_id == run.id, Instance.status.in_(ANSWERED))))


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
        .where(Run.split == "test", _HAS_SCORE)
        .distinct()
        .order_by(Task.name, Task.version.desc(), Run.preset)
    )
    return [(name, version, preset) for name, version, preset in rows]


def newest_version(session: Session, task: str, preset: str) -> int | None:
    """The newest version of a task with a score on test data of the preset."""
    about = (Task.name == task, Run.preset == preset, Run.split == "test", _HAS_SCORE)
    return session.scalar(select(func.max(Task.version)).join(Run, Run.task_id == Task.id).where(*about))


def trials(session: Session, task: str, version: int, preset: str) -> dict[str, int]:
    """By method: how many parameter sets it was run with on tuning data of the preset, whatever came of them, as far as these
    runs are stored. Those of a private draw were chosen on tuning data of its preset.
    """
    tried = select(Instance.id).where(Instance.run_id == Run.id).exists()
    rows = session.execute(
        select(Method.name, Run.parameters)
        .join(Method, Run.method_id == Method.id)
        .join(Task, Run.task_id == Task.id)
        .where(Task.name == task, Task.version == version, Run.preset == draws.parts(preset)[0], Run.split == "tuning", tried)
    )
    return dict(Counter(method for method, _ in {(method, repr(sorted(given.items()))) for method, given in rows}))


def entries(session: Session, task: str, version: int, preset: str, split: str = "test") -> list[Entry]:
    """Every method and parameter set with at least one finished instance, sorted by method and label."""
    return entries_and_hidden(session, task, version, preset, split)[0]


def entries_and_hidden(
    session: Session,
    task: str,
    version: int,
    preset: str,
    split: str = "test",
    metrics: Sequence[str] | None = None,
) -> tuple[list[Entry], dict[int, str]]:
    """The rows of a board, and by id the runs with scores that stand in none of them, each with its reason.

    Nothing that differs in what it measures is mixed: all rows are of one data checksum, and the runs of a row are of one
    source. That is the present one where it has results, else the newest of the most trusted, and then the row says so
    (`older`). One run of a seed counts: the most trusted, then one made here before a reference, a reference before a loaded
    one, then the newest.

    metrics: only these, and neither seconds nor twins: what an overview needs.
    """
    about = (Task.name == task, Task.version == version, Run.preset == preset, Run.split == split)
    runs = session.execute(
        select(*_MADE)
        .join(Task, Run.task_id == Task.id)
        .join(Method, Run.method_id == Method.id)
        .join(Environment, Run.environment_id == Environment.id)
        .outerjoin(Submission, Run.submission_id == Submission.id)
        .where(*about)
        .order_by(Run.started)
    ).all()
    scored = set(session.scalars(select(Run.id).join(Task, Run.task_id == Task.id).where(*about, _HAS_SCORE)))
    present = present_data(task, version, preset)
    data = next((run.data for run in reversed(runs) if run.id in scored), "")
    if any(run.data == present for run in runs if run.id in scored):
        data = present or data
    hidden: dict[int, str] = {}
    groups: dict[tuple[str, str], list[Made]] = defaultdict(list)
    for run in runs:
        if run.data == data:
            groups[run.method, repr(sorted(run.parameters.items()))].append(run)
        elif run.id in scored:
            hidden[run.id] = "other data"
    shown = [group for group in groups.values() if any(run.id in scored for run in group)]
    found = [_entry(group, scored, (task, version, preset), hidden) for group in shown]
    for entry in found:
        entry.old_data = present is not None and data != present
    _tell_apart(found)
    fill_scores(session, found, metrics)
    fill_truncated(session, found)
    if metrics is None:
        fill_seconds(session, found)
        _find_twins(found)
    return sorted(found, key=lambda e: (e.method, e.label)), hidden


def _entry(group: Sequence[Made], scored: set[int], place: tuple[str, int, str], hidden: dict[int, str]) -> Entry:
    """The row of one method and parameter set, from all its runs in the order in which they started.

    Unscored seeds count too unless another run of the seed has a score: they keep the row incomplete and say why.
    """
    task, version, preset = place
    last = group[-1]
    present = present_source(task, version, preset, last.method)
    with_scores = [run for run in group if run.id in scored]
    most = max(TRUST.get(run.trust, 0) for run in with_scores)
    newest = [run.source for run in with_scores if TRUST.get(run.trust, 0) == most][-1]
    source = present if present in {run.source for run in with_scores} else newest
    best: dict[int, Made] = {}
    for run in group:
        seen = best.get(run.seed)
        if run.source == source and (seen is None or _worth(run, scored) >= _worth(seen, scored)):
            best[run.seed] = run
    chosen = {run.id for run in best.values()}
    for run in group:
        if run.id in scored - chosen:
            hidden[run.id] = "older code" if run.source != source else "another run of this seed is shown"
    changed = difference(last.method, task, preset, last.parameters)
    return Entry(
        method=last.method,
        kind=last.kind,
        paper=last.paper,
        parameters=last.parameters,
        label=last.method + changed,
        runs=list(best.values()),
        older=present is not None and source != present,
        dirty=any(run.dirty and run.commit != UNKNOWN for run in best.values()),
        unknown=any(run.commit == UNKNOWN for run in best.values()),
        tuned=bool(changed or last.method not in registry.methods()) and any(run.on_test for run in best.values()),
    )


def _worth(run: Made, scored: set[int]) -> tuple[bool, int, int]:
    """The order in which a run is chosen where several have the same seed; of equals, the newest stands."""
    return run.id in scored, TRUST.get(run.trust, 0), -ORIGINS.get(run.origin, 9)


def _tell_apart(found: Sequence[Entry]) -> None:
    """Make labels unique: methods that the registry no longer knows have no recommended values to compare with."""
    for label in {entry.label for entry in found}:
        same = [entry for entry in found if entry.label == label]
        names = {name for entry in same for name in entry.parameters}
        varying = sorted(n for n in names if len({repr(entry.parameters.get(n)) for entry in same}) > 1)
        for entry in same if len(same) > 1 else []:
            entry.label += f" [{', '.join(f'{name}={entry.parameters.get(name)}' for name in varying)}]"


def _find_twins(found: Sequence[Entry]) -> None:
    """Continuous scores that agree to the last digit on several instances are no chance: a copy, or the same code twice."""
    groups: dict[tuple[tuple[str, bytes], ...], list[Entry]] = defaultdict(list)
    for entry in found:
        scores = [(metric, grid) for metric, grid in sorted(entry.scores.items()) if isinstance(grid, Grid)]
        if all(len(grid) >= _TWIN for _, grid in scores):
            groups[tuple((metric, grid.array.tobytes()) for metric, grid in scores)].append(entry)
    for group in groups.values():
        for entry in group:
            entry.twins = tuple(sorted(other.label for other in group if other.method != entry.method))


def present_data(task: str, version: int, preset: str) -> str | None:
    """Checksum of the data that the preset reads now; None where the registry knows no such preset, or a user brings it."""
    entry, preset = registry.tasks().get(task), draws.parts(preset)[0]
    if entry is None or entry.spec.version != version or preset not in entry.spec.presets:
        return None
    try:
        return fingerprint(read_by(entry.spec.presets[preset]), None)
    except UserError:
        return None


def present_source(task: str, version: int, preset: str, method: str) -> str | None:
    """Hash of code and preset that the method would run on now; None where the registry knows one of them no longer."""
    known, solver = registry.tasks().get(task), registry.methods().get(method)
    if known is None or solver is None or known.spec.version != version or preset not in known.spec.presets:
        return None
    return registry.source_hash(known, solver, preset)


def difference(method: str, task: str, preset: str, parameters: dict[str, Any]) -> str:
    """How `parameters` differ from the recommended ones, as ' [lr=0.01]'; empty where they do not."""
    if method not in registry.methods():
        return ""
    try:
        usual = registry.methods()[method].spec.resolve(task, preset, {})
    except ValueError:
        usual = {}
    changed = [f"{key}={value}" for key, value in parameters.items() if usual.get(key) != value]
    return f" [{', '.join(changed)}]" if changed else ""
