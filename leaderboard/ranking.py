"""Order, tie groups and the Pareto front of the rows of a board. Every comparison is paired over shared instances."""

from collections.abc import Sequence

from benchmark.spec import Metric
from benchmark.statistics import Estimate, paired_difference
from leaderboard.board import Row


def sign(metric: Metric) -> int:
    """+1 where more is better, -1 where less is."""
    return 1 if metric.better == "higher" else -1


def best_first(rows: Sequence[Row], metric: Metric) -> list[Row]:
    """The rows by their mean of the metric, best first; equal means by label."""
    return sorted(rows, key=lambda row: (-sign(metric) * row.means[metric.name].mean, row.label))


def tie_groups(rows: Sequence[Row], metric: Metric) -> None:
    """Set `rank` of each row, best first: rows of one group share the rank of the group's first.

    A row joins the group if the interval of its paired difference to the group's first contains zero, or cannot be
    computed. The comparison is with the first, not with the neighbour: a chain of close neighbours proves no equality.
    """
    first: Row | None = None
    for position, row in enumerate(rows, start=1):
        difference = paired_difference(row.scores[metric.name], first.scores[metric.name]) if first else None
        if first is None or (difference is not None and difference.excludes_zero):
            first = row
            row.rank = position
        else:
            row.rank = first.rank


def improves(difference: Estimate, metric: Metric) -> str:
    """'better', 'worse' or 'unclear': which side of zero the interval of a difference lies on."""
    if not difference.excludes_zero:
        return "unclear"
    return "better" if sign(metric) * difference.mean > 0 else "worse"


def pareto(rows: Sequence[Row], metric: Metric) -> set[str]:
    """Labels of the complete rows that no other complete row beats or equals in both mean score and mean time."""
    points = [(row.time, sign(metric) * row.means[metric.name].mean, row.label) for row in rows if row.complete]
    front, best = set(), float("-inf")
    for _, quality, label in sorted((t, -q, name) for t, q, name in points if t is not None):
        if -quality > best:
            best = -quality
            front.add(label)
    return front
