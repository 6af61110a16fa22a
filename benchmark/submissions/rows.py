"""The rows and pictures of a bundle that was scored: a run for each seed, of trust `scored`."""

import io
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from benchmark import environment
from benchmark.spec import RunKey, TaskSpec
from benchmark.store import draws, exchange
from benchmark.store.lines import PREDICTIONS
from benchmark.store.models import Artifact, Environment, Instance, Method, Run, Score, Submission, Task, now
from benchmark.submissions.entry import Entry
from benchmark.submissions.scoring import Scored

if TYPE_CHECKING:
    from torch import Tensor


def pictures_of(one: Scored, *, hide: bool) -> dict[str, tuple[str, bytes]]:
    """The pictures of an instance by kind: the SHA-256 of a .npy file, and its content. hide: only what was
    answered, because a page would show the truth to those who are still to answer.
    """
    return {kind: _file(thing) for kind, thing in one.pictures.items() if not hide or kind.startswith("estimate")}


def _file(picture: "Tensor") -> tuple[str, bytes]:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, picture.cpu().numpy())
    return sha256(buffer.getvalue()).hexdigest(), buffer.getvalue()


def add_runs(
    session: Session,
    row: Submission,
    spec: TaskSpec,
    entry: Entry,
    data: str,
    results: Sequence[Scored],
    pictures: Sequence[dict[str, str]],
) -> list[Run]:
    """All rows of a scored bundle, in place of those that it had, without a commit."""
    task, method, place = _task(session, spec), _method(session, spec, entry), _environment(session)
    session.execute(delete(Run).where(Run.submission_id == row.id))
    runs: dict[int, Run] = {}
    for one, files in zip(results, pictures, strict=True):
        if one.seed not in runs:
            key = RunKey(
                task=spec.name,
                version=spec.version,
                preset=row.preset,
                method=entry.method,
                parameters={},
                seed=one.seed,
                source=row.digest,
                data=data,
            )
            runs[one.seed] = Run(
                digest=key.digest,
                task_id=task.id,
                method_id=method.id,
                environment_id=place.id,
                submission_id=row.id,
                split="test",
                trust="scored",
                command=f"python -m runners.submit predictions {row.digest[:12]}.zip",
                status="done",
                instances=spec.presets[draws.parts(row.preset)[0]].instances,
                finished=now(),
                **{name: getattr(key, name) for name in ("preset", "parameters", "seed", "source", "data")},
            )
            session.add(runs[one.seed])
            session.flush()
        run = runs[one.seed].id
        facts = {"label": one.label, "observation": one.observation, "status": "done"}
        session.add(Instance(run_id=run, number=one.number, seconds=0.0, steps=0, error=None, **facts))
        session.add_all(Score(run_id=run, instance=one.number, metric=m, value=value) for m, value in one.scores.items())
        session.add_all(
            Artifact(run_id=run, instance=one.number, kind=kind, path=exchange.artifact_path(digest), sha256=digest)
            for kind, digest in files.items()
        )
    session.flush()
    return list(runs.values())


def _task(session: Session, spec: TaskSpec) -> Task:
    task = session.scalar(select(Task).where(Task.name == spec.name, Task.version == spec.version))
    if task is None:
        task = Task(name=spec.name, version=spec.version, spec=spec.model_dump(mode="json"))
        session.add(task)
        session.flush()
    return task


def _method(session: Session, spec: TaskSpec, entry: Entry) -> Method:
    method = session.scalar(select(Method).where(Method.name == entry.method))
    if method is None:
        method = Method(name=entry.method, kind=PREDICTIONS)
        session.add(method)
    method.solves, method.paper = spec.poses, entry.link or ""
    method.summary = (entry.description or f"predictions of {entry.authors[0]}").splitlines()[0]
    session.flush()
    return method


def _environment(session: Session) -> Environment:
    """Where predictions were scored; where they were made is only told."""
    import torch

    facts = environment.capture(torch.get_num_threads(), PREDICTIONS)
    place = session.scalar(select(Environment).where(Environment.digest == facts["digest"]))
    if place is None:
        place = Environment(**facts)
        session.add(place)
        session.flush()
    return place
