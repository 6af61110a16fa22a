"""The time that a plan will take, judged by the runs of the same method with the same parameters that the database holds."""

import json
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmark.store.models import ANSWERED, Instance, Method, Run, Task
from runners.plan import Job

_START = 2.5  # seconds of a job before its first instance

Seconds = dict[tuple[str, str, str, str], tuple[float, float]]


def known_times(session: Session) -> Seconds:
    """The mean seconds of one instance and of learning, by (task, preset, method, parameters), over runs that finished one."""
    found: dict[tuple[str, str, str, str], list[tuple[float, float]]] = defaultdict(list)
    rows = session.execute(
        select(Task.name, Run.preset, Method.name, Run.parameters, func.avg(Instance.seconds), Run.fit_seconds)
        .join(Run, Run.id == Instance.run_id)
        .join(Task, Task.id == Run.task_id)
        .join(Method, Method.id == Run.method_id)
        .where(Instance.status.in_(ANSWERED))
        .group_by(Run.id, Task.name, Method.name)
    )
    for task, preset, method, parameters, *seconds in rows:
        found[task, preset, method, json.dumps(parameters, sort_keys=True)].append(tuple(seconds))
    return {key: (float(each), float(fit)) for key, values in found.items() for each, fit in [np.mean(values, axis=0)]}


def expected(job: Job, times: Seconds) -> float | None:
    """The seconds that this job will take here, if nothing is slower than before and it learns anew. None where nothing like it
    ran.
    """
    key = job.key
    found = times.get((key.task, key.preset, key.method, json.dumps(key.parameters, sort_keys=True)))
    if found is None:
        return None
    each, fit = found
    return _START + each * len(job.todo) + fit


def total(jobs: Sequence[Job], times: Seconds, at_once: int) -> tuple[float, int]:
    """The seconds of the jobs that are known, `at_once` side by side, and the number of those that are not known."""
    each = [expected(job, times) for job in jobs]
    known = [seconds for seconds in each if seconds is not None]
    return max([sum(known) / at_once, *known], default=0.0), len(each) - len(known)


def spell(seconds: float) -> str:
    """A time in words: '40 s', '12 min', '3.5 h' or 'never'."""
    if seconds == float("inf"):
        return "never"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
