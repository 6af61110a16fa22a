"""A board as a table of numbers for those who compute with it. Nothing is rounded, and no cell is a text made of numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark import statistics
from benchmark.report.board import Board, Row
from benchmark.spec import Metric
from benchmark.statistics import Estimate, Key


def board_frame(board: Board) -> pd.DataFrame:
    """The rows of a board in its order; see `rows_frame`."""
    return rows_frame(board.rows, board.task.metrics)


def rows_frame(rows: Sequence[Row], metrics: Sequence[Metric]) -> pd.DataFrame:
    """One line for each row.

    rank, rank_low, rank_high   the rank of its tie group and its interval of 95 %, missing where it is not ranked
    method, parameters          what ran; `label` tells rows of one method apart
    estimate, lower, upper      mean of the primary metric over instances; its 95 % interval is missing below 4 instances
    gain, gain_lower, gain_upper, p   paired difference to the baseline
    NAME, NAME_lower, NAME_upper      the same as estimate for each other metric
    instances, seeds            how many of each have scores
    trials                      parameter sets that the method was run with on tuning data, as far as these runs are stored
    seconds                     mean seconds of the method on one instance
    """
    primary = next(metric for metric in metrics if metric.primary)
    return pd.DataFrame([_line(row, primary, metrics) for row in rows]).astype(
        dict.fromkeys(("rank", "rank_low", "rank_high"), "Int64") if rows else {}
    )


def _line(row: Row, primary: Metric, metrics: Sequence[Metric]) -> dict[str, Any]:
    standing, found = row.standing, row.means[primary.name]
    line: dict[str, Any] = {
        "rank": standing.rank,
        "rank_low": standing.low,
        "rank_high": standing.high,
        "method": row.method,
        "label": row.label,
        "kind": row.kind,
        "metric": primary.name,
        **_interval("estimate", found, "lower", "upper"),
        **_interval("gain", standing.gain, "gain_lower", "gain_upper"),
        "p": np.nan if standing.p is None else standing.p,
    }
    for metric in metrics:
        if not metric.primary:
            mean = row.means[metric.name] if row.scores.get(metric.name) else None
            line |= _interval(metric.name, mean, f"{metric.name}_lower", f"{metric.name}_upper")
    scores = row.scores[primary.name]
    line |= {"instances": found.n, "seeds": len({seed for seed, _ in scores}), "complete": row.complete, "trials": row.trials}
    return line | {"seconds": np.nan if row.time is None else row.time, "parameters": row.parameters}


def _interval(name: str, estimate: Estimate | None, low: str, high: str) -> dict[str, float]:
    if estimate is None:
        return {name: np.nan, low: np.nan, high: np.nan}
    return {name: estimate.mean, low: estimate.low, high: estimate.high}


def comparison_frame(
    mine: Mapping[str, Mapping[Key, float]], theirs: Mapping[str, Mapping[Key, float]], metrics: Sequence[Metric]
) -> pd.DataFrame:
    """One line for each metric that both have.

    difference, lower, upper   mean of mine - theirs over the n shared instances, and its 95 % interval
    p                          of the two-sided sign-flip test that there is no difference
    better, worse, equal       on how many of the shared instances mine is so
    """
    lines: list[dict[str, Any]] = []
    for metric in metrics:
        one, other = mine.get(metric.name), theirs.get(metric.name)
        found = statistics.compare(one, other, metric.better) if one and other else None
        if found is not None:
            counts = {"p": found.p, "n": found.n, "better": found.wins, "worse": found.losses, "equal": found.ties}
            lines.append({"metric": metric.name, **_interval("difference", found.difference, "lower", "upper"), **counts})
    columns = ["metric", "difference", "lower", "upper", "p", "n", "better", "worse", "equal"]
    return pd.DataFrame(lines, columns=columns)
