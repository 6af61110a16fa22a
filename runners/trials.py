"""What trials of a search came to: which count, which was best, and the table that says so."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rich.markup import escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.registry import TaskEntry
from benchmark.spec import Metric
from benchmark.store.models import Instance, Run, Score
from runners.fitting import Fitting
from runners.plan import Job, Plan

_WORST = ("failed", "diverged", "not finished", "truncated")  # a trial is called after the first of them that it met
_TRIED_ONCE = ("truncated", "diverged")  # they are what the parameters come to; what failed is tried again


@dataclass(frozen=True)
class Search:
    """The trials of a method on a preset, in their order, the first of them of what it has now: a job for each seed."""

    task: TaskEntry
    preset: str
    method: str
    trials: tuple[tuple[Job, ...], ...]

    def change(self, trial: int) -> dict[str, Any]:
        """What a trial changed of what the method has now."""
        now = self.trials[0][0].method.spec.resolve(self.task.spec.name, self.preset, {})
        given = self.trials[trial][0].key.parameters
        return {name: value for name, value in given.items() if now[name] != value}


@dataclass(frozen=True)
class Found:
    """Numbers of trials: values of those that count, by trial; the others by what became of them."""

    values: dict[int, float]
    others: Counter[str]


def searches(plan: Plan, seeds: int) -> list[Search]:
    """The jobs of a plan by task and method, with `seeds` jobs a trial, one after the other."""
    groups: dict[tuple[str, str], list[Job]] = defaultdict(list)
    for job in plan.jobs:
        groups[job.key.task, job.key.method].append(job)
    return [
        Search(
            jobs[0].task,
            jobs[0].key.preset,
            jobs[0].key.method,
            tuple(tuple(jobs[at : at + seeds]) for at in range(0, len(jobs), seeds)),
        )
        for jobs in groups.values()
    ]


def tried(session: Session, digests: Sequence[str]) -> dict[str, set[int]]:
    """By digest: the instances that a trial need not try again, though they have no score that counts."""
    found: dict[str, set[int]] = defaultdict(set)
    for digest, number, status in _instances(session, digests):
        if status in _TRIED_ONCE:
            found[digest].add(number)
    return found


def _instances(session: Session, digests: Sequence[str]) -> list[tuple[str, int, str]]:
    wanted = set(digests)
    columns = select(Run.digest, Instance.number, Instance.status).join(Instance, Instance.run_id == Run.id)
    rows = session.execute(columns.where(Run.origin == "here", Run.split == "tuning"))
    return [(digest, number, status) for digest, number, status in rows if digest in wanted]


def found(session: Session, one: Search, metric: str) -> Found:
    """The mean of the metric over seeds and instances of each trial in which all that was asked for is done."""
    digests = [job.key.digest for jobs in one.trials for job in jobs]
    status = {(digest, number): state for digest, number, state in _instances(session, digests)}
    rows = session.execute(
        select(Run.digest, Score.instance, Score.value)
        .join(Score, Score.run_id == Run.id)
        .where(Run.origin == "here", Run.split == "tuning", Score.metric == metric)
    )
    scores = {(digest, number): value for digest, number, value in rows}
    values: dict[int, float] = {}
    others: Counter[str] = Counter()
    for trial, jobs in enumerate(one.trials):
        keys = [(job.key.digest, number) for job in jobs for number in job.todo]
        states = {status.get(key, "not finished") for key in keys} - {"done"}
        if not states:
            values[trial] = fmean(scores[key] for key in keys)
        else:
            others[next(state for state in (*_WORST, *states) if state in states)] += 1
    return Found(values, others)


def table(session: Session, several: Sequence[Search]) -> tuple[Fitting, list[str]]:
    """A row for each method of one task, and the methods without a trial that counts."""
    first = several[0]
    spec = first.task.spec.at(first.preset)
    metric, name = spec.primary, first.task.spec.name
    numbers = first.trials[0][0].todo
    some = f"{len(numbers)} of {spec.presets[first.preset].instances} instances"
    repeats = ", ".join(str(job.key.seed) for job in first.trials[0])
    unit = f" [{metric.unit}]" if metric.unit else ""
    arrow = "↑" if metric.better == "higher" else "↓"
    made = Fitting(escape(f"{spec.title} ({name} v{spec.version}, {first.preset}, tuning data)"))
    made.column("method", least=12)
    goes = {"trials": 2, f"present {metric.name}{unit} {arrow}": 3, "best": None, "second best": 1}
    for column, number in goes.items():
        made.column(escape(column), justify="right", goes=number)
    made.column("best parameters, as in settings", least=24)
    without = []
    for one in several:
        result = found(session, one, metric.name)
        made.add_row(*map(escape, _cells(one, result, metric)))
        without += [] if result.values else [one.method]
    made.caption = (
        f"Mean {metric.name} over {some} of seeds {repeats}. trials: parameter sets that are done; only they count. Of "
        "equals the earlier is the best, and the first is what the method has now"
    )
    return made, without


def _cells(one: Search, result: Found, metric: Metric) -> list[str]:
    sign = -1 if metric.better == "higher" else 1
    order = sorted(result.values, key=lambda trial: sign * result.values[trial])  # stable: the earlier of equals comes first
    others = ", ".join(f"{count} {state}" for state, count in sorted(result.others.items()))
    count = f"{len(order)} of {len(one.trials)}: {others}" if others else str(len(order))
    shown = [f"{result.values[trial]:.4g}" for trial in order[:2]] + ["–"] * (2 - len(order[:2]))
    return [one.method, count, f"{result.values[0]:.4g}" if 0 in result.values else "–", *shown, _best(one, order)]


def _best(one: Search, order: Sequence[int]) -> str:
    if not order:
        return "–"
    change = one.change(order[0])
    if not change:
        return "the present ones"
    values = ", ".join(f"{json.dumps(name)}: {literal(value)}" for name, value in sorted(change.items()))
    return f'"{one.task.spec.name}/{one.preset}": {{{values}}}'


def literal(value: Any) -> str:
    """A value as a method's file has it."""
    return json.dumps(value) if isinstance(value, str) else repr(value)
