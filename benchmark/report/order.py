"""The order of rows, and the row that they are compared with. Statistics come from benchmark.statistics, rows get them here."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from benchmark import statistics
from benchmark.report.board import Row
from benchmark.spec import Metric
from benchmark.statistics import Estimate
from benchmark.store.queries import Entry

R = TypeVar("R", Row, Entry)


def baseline(rows: Iterable[R], name: str) -> R | None:
    """The baseline at its recommended hyperparameters, else the first of its rows; None where it has no row."""
    found = [row for row in rows if row.method == name]
    return next((row for row in found if row.label == name), found[0] if found else None)


def sign(metric: Metric) -> int:
    """+1 for a metric where more is better, -1 for one where less is."""
    return 1 if metric.better == "higher" else -1


def best_first(rows: Sequence[Row], metric: Metric) -> list[Row]:
    """The rows by their mean of the metric, best first; equal means by label."""
    return sorted(rows, key=lambda row: (-sign(metric) * row.mean(metric), row.label))


def stand(rows: Sequence[Row], metric: Metric, baseline: Row | None) -> None:
    """Sets the standing of each row: its rank with interval, and its difference to the baseline with p."""
    position = next((at for at, row in enumerate(rows) if row is baseline), None)
    scores, complete = [row.scores[metric.name] for row in rows], [row.complete for row in rows]
    found = statistics.standings(scores, complete, metric.better, position)
    for row, standing in zip(rows, found, strict=True):
        row.standing = standing


def improves(difference: Estimate, metric: Metric) -> str:
    """'better' or 'worse' where the interval of a difference lies on one side of zero, else 'unclear'."""
    if not difference.excludes_zero:
        return "unclear"
    return "better" if sign(metric) * difference.mean > 0 else "worse"


def pareto(rows: Sequence[Row], metric: Metric) -> set[str]:
    """Labels of the complete rows that no other complete row beats in both mean score and mean time without contended ones."""
    known = [row for row in rows if row.complete and row.fair_time is not None]
    quality = np.array([sign(metric) * row.mean(metric) for row in known])
    front = statistics.pareto(np.array([row.fair_time for row in known], float), quality)
    return {row.label for row, on_front in zip(known, front, strict=True) if on_front}
