"""The tables. Raw rows are the truth: means, ranks and intervals are computed when they are asked for."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, MetaData, TypeDecorator, UniqueConstraint, and_, or_
from sqlalchemy import types as sql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ANSWERED = ("done", "truncated")  # statuses of instances that have scores
_SHARE = 0.7  # of what an instance could have had of the processors, at least, where its seconds are the method's
_GRAIN = 0.02  # seconds that clocks of processors may be wrong by


class UTCTime(TypeDecorator[datetime]):
    """Time with its zone; SQLite keeps none, so UTC is written and read back as UTC."""

    impl = sql.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.replace(tzinfo=UTC)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """Base of the tables; every constraint has a name, so that migrations can change it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, datetime: UTCTime}  # noqa: RUF012  # SQLAlchemy reads it off the class


class Task(Base):
    """One version of a task, with its specification as it was when it ran."""

    __tablename__ = "task"
    __table_args__ = (UniqueConstraint("name", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    version: Mapped[int]
    spec: Mapped[dict[str, Any]]


class Method(Base):
    """A method, as it described itself when it last ran."""

    __tablename__ = "method"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    solves: Mapped[str]
    kind: Mapped[str]
    paper: Mapped[str]
    summary: Mapped[str]


class Environment(Base):
    """Where runs happened. `digest` is a hash of the rest."""

    __tablename__ = "environment"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    commit: Mapped[str]
    dirty: Mapped[bool]
    python: Mapped[str]
    platform: Mapped[str]
    cpu: Mapped[str]
    cores: Mapped[int]
    threads: Mapped[int]
    memory_gb: Mapped[float]
    device: Mapped[str]
    packages: Mapped[dict[str, Any]]


class Run(Base):
    """One (task version, preset, method, parameters, seed) on one machine. `digest` is benchmark.spec.RunKey.digest.

    origin      here, reference (came with the suite) or loaded (from somebody's file); unique with the digest
    status      running, done, failed, diverged, timeout, memory (killed for it) or interrupted
    trust       self_reported < scored (predictions scored here) < reproduced (code run here)
    split       test or tuning; on_test: a parameter study that was allowed to use test data
    runner      the process that runs it or did, "host/pid/start"; heartbeat: when it was last known to be alive
    engine      what carried it: local, ray or slurm; null where it ran elsewhere, and before it was kept
    node        the machine that it was last sent to; tries: how often the command that last ran it sent it out; null as engine
    submission_id: what it was handed in with, if it was
    times in seconds; peak_memory: MB of the process on the host; peak_device_memory: MB on the GPU, null on CPU
    """

    __tablename__ = "run"
    __table_args__ = (UniqueConstraint("digest", "origin"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str]
    origin: Mapped[str] = mapped_column(default="here")
    task_id: Mapped[int] = mapped_column(ForeignKey("task.id"), index=True)
    preset: Mapped[str]
    method_id: Mapped[int] = mapped_column(ForeignKey("method.id"), index=True)
    parameters: Mapped[dict[str, Any]]
    seed: Mapped[int]
    split: Mapped[str]
    on_test: Mapped[bool] = mapped_column(default=False)
    source: Mapped[str]
    data: Mapped[str]
    environment_id: Mapped[int] = mapped_column(ForeignKey("environment.id"), index=True)
    trust: Mapped[str]
    command: Mapped[str]
    status: Mapped[str]
    instances: Mapped[int]
    started: Mapped[datetime] = mapped_column(default=now)
    runner: Mapped[str] = mapped_column(default="")
    heartbeat: Mapped[datetime] = mapped_column(default=now)
    finished: Mapped[datetime | None]
    seconds: Mapped[float] = mapped_column(default=0.0)
    fit_seconds: Mapped[float] = mapped_column(default=0.0)
    peak_memory: Mapped[float | None]
    peak_device_memory: Mapped[float | None]
    error: Mapped[str | None]
    submission_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"), index=True)
    engine: Mapped[str | None]
    node: Mapped[str | None]
    tries: Mapped[int | None]


class Instance(Base):
    """How one instance of a run ended.

    observation  hash of what the method was shown
    status       done, truncated (its budget ended it: scored, not ranked, tried again), failed or diverged
    seconds      the method's own, by the clock on the wall
    cpu_seconds  the same of a processor, a thread (benchmark/context.py); null on a GPU and where nobody measured it
    queued       of the time in which its threads were ready to run, the part in which others had the processors, 0 to 1; null
                 where the system does not tell
    error        why, unless it is done
    """

    __tablename__ = "instance"
    __table_args__ = (UniqueConstraint("run_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    number: Mapped[int]
    label: Mapped[str]
    observation: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    seconds: Mapped[float]
    cpu_seconds: Mapped[float | None]
    queued: Mapped[float | None]
    steps: Mapped[int]
    error: Mapped[str | None]

    @hybrid_property
    def contended(self) -> bool:
        """Whether others had the processors for so much of the time that its seconds say little of the method. Not known is no.

        Where the system does not tell how long threads were ready and had no processor, CPU time below 70 % of the clock's is
        taken for it; that is also so for threads that wait for each other.
        """
        if self.queued is not None:
            return self.queued > 1 - _SHARE and self.queued * self.seconds > _GRAIN
        if self.cpu_seconds is None:
            return False
        return self.cpu_seconds < _SHARE * self.seconds and self.cpu_seconds < self.seconds - _GRAIN

    @contended.inplace.expression
    @classmethod
    def _contended(cls) -> ColumnElement[bool]:
        told = and_(cls.queued > 1 - _SHARE, cls.queued * cls.seconds > _GRAIN)
        by_time = and_(cls.cpu_seconds < _SHARE * cls.seconds, cls.cpu_seconds < cls.seconds - _GRAIN)
        return or_(told, and_(cls.queued.is_(None), by_time))


class Score(Base):
    """One number: (run, instance, metric). Infinite and undefined values are not stored: they fail the instance."""

    __tablename__ = "score"
    __table_args__ = (UniqueConstraint("run_id", "instance", "metric"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    instance: Mapped[int]
    metric: Mapped[str]
    value: Mapped[float]


class Curve(Base):
    """The primary metric of a running estimate. `series` is "estimate", or the name the method gave another iterate."""

    __tablename__ = "curve"
    __table_args__ = (UniqueConstraint("run_id", "instance", "series", "step"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    instance: Mapped[int]
    series: Mapped[str]
    step: Mapped[int]
    seconds: Mapped[float]
    value: Mapped[float]


class Artifact(Base):
    """A file beside the database: "estimate" or "truth" of an instance, or what a method kept, by its name for it. `path` is
    relative to the database's folder.
    """

    __tablename__ = "artifact"
    __table_args__ = (UniqueConstraint("run_id", "instance", "kind"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    instance: Mapped[int]
    kind: Mapped[str]
    path: Mapped[str]
    sha256: Mapped[str]


class Submission(Base):
    """A submission and its outcome (benchmark/submissions). Unreadable fields are empty.

    digest   SHA-256 of a bundle; for code, a hash of source, method, task, preset and seeds
    kind     predictions or code; content: SHA-256 of the source that is kept
    state    received, checked, scored, reproduced, refused (reason says why) or withdrawn; changed: when it became so
    seeds    how many: 0, 1, ...
    contact  for the maintainers alone; token: a hash of the submitter's secret (benchmark/submissions/tokens.py), or empty
    seconds  told by the submitter, never a score
    near     {"methods": [...]}: other methods with nearly the same predictions (benchmark/submissions/likeness.py); "truth":
             how many labels or neighbours are right, where nearly all are (nearness.py)
    """

    __tablename__ = "submission"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    method: Mapped[str] = mapped_column(default="")
    task: Mapped[str] = mapped_column(default="")
    version: Mapped[int | None]
    preset: Mapped[str] = mapped_column(default="")
    seeds: Mapped[int] = mapped_column(default=0)
    author: Mapped[str] = mapped_column(default="")
    contact: Mapped[str] = mapped_column(default="")
    token: Mapped[str] = mapped_column(default="")
    link: Mapped[str | None]
    licence: Mapped[str | None]
    description: Mapped[str | None]
    hardware: Mapped[str | None]
    seconds: Mapped[float | None]
    content: Mapped[str] = mapped_column(default="")
    near: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    received: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now)
