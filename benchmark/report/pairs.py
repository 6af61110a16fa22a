"""Two methods of a board compared in the primary metric, and how soon each method is as good as another."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmark import statistics
from benchmark.report.board import Board, Row
from benchmark.report.tables import Column, count, gain_text
from benchmark.spec import Metric
from benchmark.statistics import Comparison, Key

TIMES = {
    "method": Column("In brackets: changed hyperparameters", 240),
    "reached": Column("Instances on which the reference's final score is reached at some recorded point", 80),
    "median s": Column(
        "Median over instances of the method's own seconds until then; empty: not reached on half of them", 86, "%.3g"
    ),
}

_SIGN = {"higher": "≥", "lower": "≤"}


def comparison(board: Board, first: Row, second: Row) -> Comparison | None:
    """Compares two rows in the primary metric over the scores that both have. None where they share none."""
    primary = board.task.primary
    return statistics.compare(first.scores[primary.name], second.scores[primary.name], primary.better)


def comparison_text(board: Board, first: Row, second: Row) -> str:
    """Two sentences with the difference of two rows, its interval, the tests and the wins."""
    primary = board.task.primary
    found = comparison(board, first, second)
    if found is None:
        return f"{first.label} and {second.label} share no instance of the same seed."
    rank = statistics.compare(first.scores[primary.name], second.scores[primary.name], primary.better, "wilcoxon")
    assert rank is not None
    ties = f", equal on {found.ties}" if found.ties else ""
    return (
        f"{primary.name} of {first.label} − {second.label}: {gain_text(found.difference, primary)} over "
        f"{count(found.n, 'instance')}; better on {found.wins}, worse on {found.losses}{ties}. "
        f"Sign-flip test p = {found.p:.2g}, Wilcoxon's signed-rank test p = {rank.p:.2g}."
    )


def times_to_quality(board: Board, points: pd.DataFrame, reference: Row) -> pd.DataFrame:
    """Columns of TIMES for each complete row, fastest first. points: as queries.curves gives them.

    The target is the reference's final score on the same seed and instance, so that hard instances have low targets. A method's
    curve is its running estimate and its final answer. With several seeds of an instance the median time counts. Contended
    instances are left out.
    """
    primary = board.task.primary
    targets = reference.scores[primary.name]
    recorded = points[points["series"] == "estimate"].groupby(["label", "seed", "instance"])
    curves = {key: (one["seconds"].to_numpy(), one["value"].to_numpy()) for key, one in recorded}
    lines = []
    for row in board.comparable:
        by_instance: dict[int, list[float]] = defaultdict(list)
        for (seed, instance), target in targets.items():
            seconds, values = curves.get((row.label, seed, instance), (np.zeros(0), np.zeros(0)))
            last = _final(row, primary.name, (seed, instance))
            if last is None or (seed, instance) in row.contended:
                continue
            seconds, values = np.append(seconds, last[0]), np.append(values, last[1])
            by_instance[instance].append(statistics.time_to_quality(seconds, values, target, primary.better))
        if by_instance:
            found = statistics.summarise_times(np.array([np.median(times) for times in by_instance.values()]))
            median = found.median if np.isfinite(found.median) else None
            lines.append({"method": row.label, "reached": f"{found.reached} of {found.n}", "median s": median})
    lines.sort(key=lambda line: (line["median s"] is None, line["median s"] or 0.0, line["method"]))
    return pd.DataFrame(lines, columns=list(TIMES))


def levels(board: Board, points: pd.DataFrame) -> pd.DataFrame:
    """Steps and seconds at which curves first are at the levels of the primary metric, a line for each row with curves: medians
    over instances (seeds averaged by their median), empty where half of them never are; contended ones are left out. points: as
    queries.curves gives them.
    """
    primary = board.task.primary
    sign = _SIGN[primary.better]
    recorded = points[points["series"] == "estimate"].sort_values("step").groupby(["label", "seed", "instance"])
    curves: dict[Any, Any] = {key: [one[c].to_numpy() for c in ("step", "seconds", "value")] for key, one in recorded}
    lines = []
    for row in board.comparable:
        every = {(key[1], int(key[2])): curve for key, curve in curves.items() if key[0] == row.label}
        mine = {key: curve for key, curve in every.items() if key not in row.contended}
        if not mine:
            continue
        line: dict[str, object] = {"method": row.label}
        for level in primary.levels:
            found: dict[int, list[tuple[float, float]]] = defaultdict(list)
            for (_, instance), (steps, seconds, values) in mine.items():
                found[instance].append(statistics.first_reached(steps, seconds, values, level, primary.better))
            medians = np.array([np.median(pairs, axis=0) for pairs in found.values()])  # (instances, 2)
            step, second = np.median(medians, axis=0)
            line |= {
                f"{sign} {level:g}: reached": f"{int(np.isfinite(medians[:, 0]).sum())} of {len(medians)}",
                f"{sign} {level:g}: steps": step if np.isfinite(step) else None,
                f"{sign} {level:g}: s": second if np.isfinite(second) else None,
            }
        lines.append(line)
    return pd.DataFrame(lines, columns=list(level_columns(primary)))


def level_columns(metric: Metric) -> dict[str, Column]:
    """How the table of `levels` is shown."""
    columns, sign = {"method": TIMES["method"]}, _SIGN[metric.better]
    for level in metric.levels:
        name = f"{metric.name} {'at least' if metric.better == 'higher' else 'at most'} {level:g}"
        columns[f"{sign} {level:g}: reached"] = Column(f"Instances with {name} at some recorded point", 84)
        columns[f"{sign} {level:g}: steps"] = Column(f"Median over instances of the steps until {name}", 74, "%.0f")
        columns[f"{sign} {level:g}: s"] = Column(f"Median over instances of the method's own seconds until {name}", 74, "%.3g")
    return columns


def _final(row: Row, metric: str, key: Key) -> tuple[float, float] | None:
    """Seconds and score of the final answer."""
    scores: Mapping[Key, float] = row.scores[metric]
    return (row.seconds[key], scores[key]) if key in scores and key in row.seconds else None
