"""A board as plain values: one (task, preset), with a row for each method and set of hyperparameters.

This module knows neither SQL nor Streamlit.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from benchmark import statistics
from benchmark.spec import Metric, Picture, Trait
from benchmark.statistics import Estimate, Key, Standing


@dataclass(frozen=True)
class TaskInfo:
    """A task as its specification stood when the shown runs were made. poses: its interface; offers: what its problems hold
    besides; pictures: what is drawn of an estimate.
    """

    name: str
    version: int
    title: str
    baseline: str
    source: str
    metrics: tuple[Metric, ...]
    presets: dict[str, dict[str, Any]]
    poses: str = ""
    offers: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    traits: tuple[Trait, ...] = ()

    @property
    def primary(self) -> Metric:
        """The metric that ranks."""
        return next(m for m in self.metrics if m.primary)


@dataclass(frozen=True)
class RunFacts:
    """How one run was made. `environment` is its row without id and digest."""

    id: int
    seed: int
    status: str
    trust: str
    origin: str
    command: str
    source: str
    fit_seconds: float
    error: str | None
    environment: dict[str, Any]


@dataclass(frozen=True)
class Failure:
    """An instance that did not finish, and why."""

    label: str
    seed: int
    instance: int
    status: str
    reason: str


@dataclass(frozen=True)
class Hidden:
    """A run that has no row on the board, and why."""

    method: str
    seed: int
    started: datetime
    reason: str
    detail: str


class Means(Mapping[str, Estimate]):
    """Metric -> mean with its interval, within the range of the metric. It is computed when it is first asked for, because an
    overview shows few.
    """

    def __init__(self, scores: Mapping[str, Mapping[Key, float]], metrics: Iterable[Metric]) -> None:
        self._scores = scores
        self._ranges = {metric.name: (metric.least, metric.most) for metric in metrics}
        self._found: dict[str, Estimate] = {}

    def __getitem__(self, name: str) -> Estimate:
        if name not in self._found:
            self._found[name] = statistics.mean(self._scores[name]).within(*self._ranges.get(name, (None, None)))
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scores)

    def __len__(self) -> int:
        return len(self._scores)


@dataclass
class Row:
    """A method with one set of hyperparameters.

    seconds           of each (seed, instance) pair
    done, expected    how many of these pairs have a score, and how many there should be
    truncated         pairs that their budget ended; the row is not ranked with them unless `counts_truncated`
    contended         pairs for which other programs had the processors (Instance.contended)
    older             whether older code of the same task version made it
    marks             short texts that a reader must know before comparing; `older` is one of them
    trials            parameter sets that the method was run with on tuning data of the preset, as far as they are stored
    """

    label: str
    method: str
    kind: str
    parameters: dict[str, Any]
    scores: dict[str, Mapping[Key, float]]
    means: Mapping[str, Estimate]
    seconds: Mapping[Key, float]
    peak_memory: float | None
    runs: tuple[RunFacts, ...]
    done: int
    expected: int
    truncated: frozenset[Key] = frozenset()
    counts_truncated: bool = False
    contended: frozenset[Key] = frozenset()
    failures: list[Failure] = field(default_factory=list)
    standing: Standing = field(default_factory=Standing)
    older: bool = False
    marks: tuple[str, ...] = ()
    paper: str = ""
    trials: int = 0
    _centres: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)

    def mean(self, metric: Metric) -> float:
        """Mean over instances, seeds averaged first."""
        if metric.name not in self._centres:
            self._centres[metric.name] = float(statistics.by_instance(self.scores[metric.name])[1].mean())
        return self._centres[metric.name]

    @property
    def complete(self) -> bool:
        """Whether each pair has a score that counts."""
        return self.done >= self.expected and (self.counts_truncated or not self.truncated)

    @property
    def rank(self) -> int | None:
        """Rank of its tie group; None where it is not ranked."""
        return self.standing.rank

    @property
    def gain(self) -> Estimate | None:
        """Paired difference to the baseline in the primary metric."""
        return self.standing.gain

    @cached_property
    def seeds(self) -> list[int]:
        return sorted({run.seed for run in self.runs})

    @property
    def time(self) -> float | None:
        """Mean seconds of the method on one instance."""
        return float(np.mean(list(self.seconds.values()))) if self.seconds else None

    @cached_property
    def fair_seconds(self) -> dict[Key, float]:
        """The seconds that can be compared with those of other rows: without the contended ones."""
        return {key: value for key, value in self.seconds.items() if key not in self.contended}

    @property
    def fair_time(self) -> float | None:
        """Mean of these."""
        return float(np.mean(list(self.fair_seconds.values()))) if self.fair_seconds else None

    @property
    def fit_time(self) -> float | None:
        """Mean over its runs of the seconds that it learns once for all instances; None where it learns nothing."""
        fits = [run.fit_seconds for run in self.runs]
        return float(np.mean(fits)) if any(fits) else None

    @property
    def devices(self) -> str:
        """The hardware that its seconds were measured on."""
        names = {
            f"{env['cpu']}, {env['threads']} thread{'' if env['threads'] == 1 else 's'}"
            if env["device"] == "cpu"
            else str(env["device"])
            for env in (run.environment for run in self.runs)
        }
        return " / ".join(sorted(names))

    @cached_property
    def machines(self) -> tuple[str, ...]:
        """Names of the processors or GPUs that computed it."""
        environments = {id(run.environment): run.environment for run in self.runs}.values()
        return tuple(sorted({str(env["cpu"] if env["device"] == "cpu" else env["device"]) for env in environments}))

    @cached_property
    def trust(self) -> str:
        """The lowest level among its runs."""
        order = ["self_reported", "scored", "reproduced"]
        return min((run.trust for run in self.runs), key=lambda t: order.index(t) if t in order else -1)

    @property
    def status(self) -> str:
        """One line that says whether the row is complete, how often what went wrong and why first, and the marks."""
        parts = ["complete" if self.done >= self.expected else f"{self.done} of {self.expected} instances"]
        for status in sorted({f.status for f in self.failures}):
            group = [f for f in self.failures if f.status == status]
            parts.append(f"{len(group)} {status}: {group[0].reason}" if group[0].reason else f"{len(group)} {status}")
        unfinished = [run for run in self.runs if run.status != "done"]
        if not self.complete and not self.failures and unfinished:
            reason = first_line(unfinished[0].error)
            state = "still running" if unfinished[0].status == "running" else f"run {unfinished[0].status}"
            parts.append(f"{state}: {reason}" if reason else state)
        if self.contended:
            parts.append(f"seconds of {len(self.contended)} contended: other programs had the processors")
        return "; ".join([*parts, *self.marks])


@dataclass
class Board:
    """Everything about one (task, preset).

    rows           the complete rows, then the incomplete ones; the best is first in each part
    left_out       how many runs are hidden, counted by benchmark.report.outlines, which leaves `hidden` empty
    labels         (seed, instance) -> what the task calls the instance
    unequal        (seed, instance) pairs whose observations differ between methods on one kind of processor; there must be none
    by_processor   those whose observations differ between kinds of processors alone, which round sums differently
    known_methods  names with a run on this task, sorted; charts choose colours in this order
    """

    task: TaskInfo
    preset: str
    rows: list[Row]
    baseline: Row | None
    hidden: list[Hidden]
    labels: dict[Key, str]
    unequal: list[Key]
    by_processor: list[Key]
    known_methods: list[str]
    left_out: int = 0

    @property
    def instances(self) -> int:
        """How many instances the preset has."""
        return int(self.task.presets.get(self.preset, {}).get("instances", 0)) or len({i for _, i in self.labels})

    @property
    def counts_truncated(self) -> bool:
        """Whether its ranks count truncated instances."""
        return any(row.counts_truncated for row in self.rows)

    @property
    def comparable(self) -> list[Row]:
        """The complete rows, whose means are over the same instances; all rows where none is complete."""
        return [row for row in self.rows if row.complete] or self.rows

    @property
    def rankable(self) -> bool:
        """Whether the preset has enough instances for intervals, which ranks need."""
        return self.instances >= statistics.MINIMUM


def last_line(text: str | None) -> str:
    """The last line that is not empty. In a traceback this is the error itself."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def first_line(text: str | None) -> str:
    """The first line. In what a run reports this is its reason."""
    return (text or "").strip().partition("\n")[0]
