"""Writes what workers report into the database. The parent alone writes, and commits after each instance."""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from benchmark import seeds
from benchmark.store import queries
from benchmark.store.models import Artifact, Curve, Environment, Instance, Method, Run, Score, Task, now
from runners.plan import Job

Message = dict[str, Any]


def begin(session: Session, job: Job, environment: Message, command: str) -> Run:
    """The run of this job, new or continued, in status `running`."""
    place = session.scalar(select(Environment).where(Environment.digest == environment["digest"]))
    if place is None:
        place = Environment(**environment)
        session.add(place)
        session.flush()
    run = queries.find_run(session, job.key.digest)
    if run is None:
        run = Run(
            digest=job.key.digest,
            task_id=_task(session, job).id,
            preset=job.key.preset,
            method_id=_method(session, job).id,
            parameters=job.key.parameters,
            seed=job.key.seed,
            split=seeds.split(job.key.seed),
            source=job.key.source,
            data=job.key.data,
            trust="reproduced",
            instances=job.preset.instances,
        )
        session.add(run)
    run.environment_id, run.command = place.id, command
    run.status, run.error, run.finished = "running", None, None
    session.commit()
    return run


def instance(session: Session, run: Run, message: Message) -> None:
    """One solved instance: its scores, its curve and its pictures."""
    number = message["instance"]
    _forget(session, run, number)
    session.add(
        Instance(
            run_id=run.id,
            number=number,
            status="done",
            error=None,
            **{key: message[key] for key in ("label", "observation", "seconds", "steps", "truncated")},
        )
    )
    session.add_all(
        Score(run_id=run.id, instance=number, metric=name, value=value) for name, value in message["scores"].items()
    )
    session.add_all(
        Curve(run_id=run.id, instance=number, series=series, step=step, seconds=seconds, value=value)
        for series, step, seconds, value in message["curve"]
    )
    session.add_all(Artifact(run_id=run.id, instance=number, **kept) for kept in message["artifacts"])
    run.seconds += message["seconds"]
    session.commit()


def failed_instance(session: Session, run: Run, message: Message) -> None:
    """An instance that raised: kept with its reason, and tried again next time."""
    _forget(session, run, message["instance"])
    session.add(
        Instance(
            run_id=run.id,
            number=message["instance"],
            label="",
            observation="",
            status="failed",
            seconds=0.0,
            steps=0,
            truncated=False,
            error=message["trace"][-2000:],
        )
    )
    run.error = f"instance {message['instance']}: {message['reason']}"
    session.commit()


def end(session: Session, run: Run, message: Message) -> None:
    """The job is over; it is done when every instance is."""
    if message["kind"] == "end":
        done = len(queries.finished_instances(session, run)) == run.instances
        run.status = "done" if done else "failed"
        for column in ("peak_memory", "peak_device_memory"):
            peaks = [p for p in (getattr(run, column), message[column]) if p is not None]
            setattr(run, column, max(peaks, default=None))
    else:
        run.status = message.get("status", "failed")
        run.error = f"{message['reason']}\n{message.get('trace', '')}".strip()
    run.finished = now()
    session.commit()


def interrupted(session: Session, run: Run) -> None:
    """The user stopped it; what is finished stays."""
    session.rollback()
    run.status, run.finished = "interrupted", now()
    session.commit()


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
