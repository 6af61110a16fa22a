"""Writes what workers report into the database. The parent alone writes, and commits after each instance.

Several runners may share a database. A run belongs to the one that began it, for as long as that one lives, and a write that
meets another's is tried again.
"""

import os
import socket
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import delete, func, inspect, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from benchmark import seeds
from benchmark.store import queries
from benchmark.store.models import ANSWERED, Artifact, Curve, Environment, Instance, Method, Run, Score, Task, now
from benchmark.store.writing import Unstorable, files_first, persist
from runners.engines.files import path_of
from runners.engines.messages import End, Failed, Killed, Last, Learnt, Refused, Solved, Start, Surroundings
from runners.plan import Job

ABANDONED = timedelta(seconds=60)  # without a heartbeat; on this machine a runner's death is seen at once
_HERE = Start()


def runner() -> str:
    """The name of this process: host, pid and when it started, so that a reused pid is no one else."""
    return f"{socket.gethostname()}/{os.getpid()}/{psutil.Process().create_time():.0f}"


def taken(run: Run | None) -> bool:
    """Whether another living runner is at this run."""
    if run is None or run.status != "running" or run.runner in ("", runner()):
        return False
    host, pid, started = run.runner.rsplit("/", 2)
    if host != socket.gethostname():
        return now() - run.heartbeat < ABANDONED
    try:
        return bool(abs(psutil.Process(int(pid)).create_time() - float(started)) < 2)
    except (psutil.Error, ValueError):
        return False


def begin(
    session: Session, job: Job, environment: Surroundings, command: str, engine: str = "local", start: Start = _HERE
) -> Run | None:
    """The run of this job, new or continued, in status `running`. None where another runner has it.

    engine: the name of what carries it; start: where to, and how often it was sent out.
    """

    def work() -> Run | None:
        run = queries.find_run(session, job.key.digest)
        if run is not None:
            session.refresh(run)
            if taken(run) or not _claimed(session, run):
                return None
        place = session.scalar(select(Environment).where(Environment.digest == environment.digest))
        if place is None:
            place = Environment(**environment.model_dump())
            session.add(place)
            session.flush()
        if run is None:
            run = Run(**_facts(session, job))
            session.add(run)
        run.on_test = run.on_test or job.on_test
        run.environment_id, run.command, run.runner = place.id, command, runner()
        run.status, run.error, run.finished, run.heartbeat = "running", None, None, now()
        _sent(run, engine, start)
        session.flush()
        return run

    return persist(session, work)


def _claimed(session: Session, run: Run) -> bool:
    """Whether the run is this runner's now: it was still as it was read when the database wrote that."""
    as_read = (getattr(Run, name) == getattr(run, name) for name in ("id", "status", "runner", "heartbeat"))
    claim = update(Run).where(*as_read).values(status="running", runner=runner(), heartbeat=now())
    found = session.execute(claim.returning(Run.id), execution_options={"synchronize_session": False}).scalar()
    session.refresh(run)
    return found is not None


def sent(session: Session, job: Job, engine: str, start: Start) -> None:
    """Writes where a job was sent that never began there, if it has a run by an earlier try."""

    def work() -> None:
        run = queries.find_run(session, job.key.digest)
        if run is not None and not taken(run):
            _sent(run, engine, start)

    persist(session, work)


def _sent(run: Run, engine: str, start: Start) -> None:
    run.engine, run.node, run.tries = engine, start.node or socket.gethostname(), start.tried


def _facts(session: Session, job: Job) -> dict[str, Any]:
    key = job.key
    return {
        "digest": key.digest,
        "origin": "here",
        "task_id": _task(session, job).id,
        "method_id": _method(session, job).id,
        **{name: getattr(key, name) for name in ("preset", "parameters", "seed", "source", "data")},
        "split": seeds.split(key.seed),
        "on_test": False,
        "trust": "reproduced",
        "instances": job.preset.instances,
    }


def beat(session: Session, runs: Iterable[Run]) -> None:
    """Writes that this runner lives."""
    ids = [
        key[0] for run in runs if (key := inspect(run).identity)
    ]  # known without a query, also of a run that somebody deleted
    if ids:
        persist(session, lambda: session.execute(update(Run).where(Run.id.in_(ids)).values(heartbeat=now())))


def left(session: Session, job: Job, *, force: bool) -> tuple[int, ...] | None:
    """The instances of a job that are not done yet, or all of them with `force`. None where another living runner is at it."""

    def work() -> tuple[int, ...] | None:
        run = queries.find_run(session, job.key.digest)
        if run is not None:
            session.refresh(run)
        if taken(run):
            return None
        done = set() if run is None or force else queries.finished_instances(session, run)
        return tuple(number for number in job.todo if number not in done)

    return persist(session, work)


def settle(session: Session) -> None:
    """Ends the runs whose runner died before it could: as done or failed where every instance was tried, else as interrupted.

    A database that cannot be written is left as it is.
    """

    def work() -> None:
        for run in session.scalars(select(Run).where(Run.origin == "here", Run.status == "running")).all():
            if taken(run):
                continue
            tried = session.scalar(select(func.count()).select_from(Instance).where(Instance.run_id == run.id)) or 0
            run.status = _ended(session, run) if tried == run.instances else "interrupted"
            run.finished = run.heartbeat

    try:
        persist(session, work)
    except OperationalError as error:
        if "readonly" not in str(error.orig):
            raise


def instance(session: Session, run: Run, message: Solved, artifacts: Path) -> None:
    """Writes one solved instance: its scores, its curve and its pictures, which lie in the folder `artifacts` or are written
    there.

    Raises Unstorable for rows that the database does not take or pictures that are not there, and DiskFull.
    """
    number = message.instance
    sent = {artifacts / path_of(one.sha256): one.content for one in message.artifacts if one.content is not None}
    for one in message.artifacts:
        if one.content is None and not (artifacts / path_of(one.sha256)).is_file():
            raise Unstorable(f"its {one.kind} is not in the folder {artifacts.name}")

    def work() -> None:
        _forget(session, run, number)
        session.add(
            Instance(
                run_id=run.id,
                number=number,
                status="truncated" if message.truncated else "done",
                error=_why_truncated(message) if message.truncated else None,
                **message.model_dump(include={"label", "observation", "seconds", "cpu_seconds", "queued", "steps"}),
            )
        )
        session.add_all(
            Score(run_id=run.id, instance=number, metric=name, value=value) for name, value in message.scores.items()
        )
        session.add_all(
            Curve(run_id=run.id, instance=number, series=series, step=step, seconds=seconds, value=value)
            for series, step, seconds, value in message.curve
        )
        session.add_all(
            Artifact(
                run_id=run.id,
                instance=number,
                kind=one.kind,
                path=f"{artifacts.name}/{path_of(one.sha256)}",
                sha256=one.sha256,
            )
            for one in message.artifacts
        )
        session.flush()
        run.seconds = session.scalar(select(func.sum(Instance.seconds)).where(Instance.run_id == run.id)) or 0.0
        run.heartbeat = now()

    with files_first(sent):
        persist(session, work)


def _why_truncated(message: Solved) -> str:
    return f"its time budget ended it after {message.steps} steps" if message.steps else "it could not learn to the end"


def learnt(session: Session, run: Run, message: Learnt) -> None:
    """Writes that what the method learnt for all instances is ready, made now or before."""

    def work() -> None:
        run.fit_seconds, run.heartbeat = message.seconds, now()

    persist(session, work)


def failed_instance(session: Session, run: Run, message: Failed) -> None:
    """Writes an instance that raised, with its reason. The next command tries it again."""

    def work() -> None:
        _forget(session, run, message.instance)
        session.add(
            Instance(
                run_id=run.id,
                number=message.instance,
                label="",
                observation="",
                status=message.status,
                seconds=0.0,
                steps=0,
                error=message.trace[-2000:],
            )
        )
        run.error = f"instance {message.instance}: {message.reason}"

    persist(session, work)


def end(session: Session, run: Run, message: Last, asked: Iterable[int] = ()) -> str:
    """Ends the job, which is done when every instance has scores, and interrupted where all that were `asked` for have some and
    the others were not tried. Returns its status.
    """

    def work() -> str:
        if isinstance(message, End):
            run.status = _ended(session, run, asked)
            if run.status == "failed" and run.error is None:
                run.error = "the worker ended without having tried every instance"
            for column in ("peak_memory", "peak_device_memory"):
                peaks = [p for p in (getattr(run, column), getattr(message, column)) if p is not None]
                setattr(run, column, max(peaks, default=None))
        else:
            run.status = message.status if isinstance(message, Killed) else "failed"
            run.error = f"{message.reason}\n{'' if isinstance(message, Refused) else message.trace}".strip()
        run.finished = run.heartbeat = now()
        return run.status

    return persist(session, work)


def unlink_unnamed(session: Session, artifacts: Path, digests: Iterable[str]) -> None:
    """Deletes those of these files that no row names, unless another runner is at work, which may be about to name one."""
    if any(taken(run) for run in session.scalars(select(Run).where(Run.status == "running"))):
        return
    for digest in digests:
        if session.scalar(select(Artifact.id).where(Artifact.sha256 == digest).limit(1)) is None:
            (artifacts / path_of(digest)).unlink(missing_ok=True)


def _ended(session: Session, run: Run, asked: Iterable[int] = ()) -> str:
    """The status of a run that is over: `done` where every instance has scores, `diverged` where that is all that happened to
    the others, `interrupted` where nothing did and those that were asked for have scores, else `failed`.
    """
    answered = queries.answered_instances(session, run)
    if len(answered) == run.instances:
        return "done"
    found = session.scalars(select(Instance.status).where(Instance.run_id == run.id, Instance.status.not_in(ANSWERED)))
    others, wanted = set(found), set(asked)
    if wanted and wanted <= answered and not others:
        return "interrupted"
    return "diverged" if others == {"diverged"} else "failed"


def interrupted(session: Session, run: Run) -> None:
    """The user stopped it; what is finished stays. A server that is gone is not waited for: `settle` ends the run later."""
    session.rollback()

    def work() -> None:
        run.status, run.finished = "interrupted", now()

    persist(session, work, wait=False)


def _forget(session: Session, run: Run, number: int) -> None:
    session.execute(delete(Instance).where(Instance.run_id == run.id, Instance.number == number))
    for table in (Score, Curve, Artifact):
        session.execute(delete(table).where(table.run_id == run.id, table.instance == number))


def _task(session: Session, job: Job) -> Task:
    spec = job.task.spec
    task = session.scalar(select(Task).where(Task.name == spec.name, Task.version == spec.version))
    if task is None:
        task = Task(name=spec.name, version=spec.version, spec={})
        session.add(task)
    task.spec = spec.model_dump(mode="json")
    session.flush()
    return task


def _method(session: Session, job: Job) -> Method:
    spec = job.method.spec
    method = session.scalar(select(Method).where(Method.name == spec.name))
    if method is None:
        method = Method(name=spec.name)
        session.add(method)
    method.solves, method.kind, method.paper, method.summary = spec.solves, spec.kind, spec.paper, spec.summary
    session.flush()
    return method
