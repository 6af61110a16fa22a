"""Presets whose instances lie on a grid of cells, sizes and ranks or named groups: a metric by cell."""

from collections import defaultdict
from itertools import product

import numpy as np
import pandas as pd

from benchmark import statistics
from benchmark.report.board import Board
from benchmark.spec import Metric
from benchmark.statistics import Key


def axes(board: Board) -> list[str]:
    """The fields of the grid that take several values, in its order; empty where there are none, or more than two."""
    preset = board.task.presets.get(board.preset, {})
    found = [name for name in preset.get("grid", []) if len(preset.get(name, [])) > 1]
    return found if len(found) <= 2 else []


def named(board: Board, field: str) -> bool:
    """Whether a field of the grid holds names, such as those of groups, and not numbers."""
    return any(isinstance(value, str) for value in board.task.presets[board.preset][field])


def values(board: Board, metric: Metric) -> pd.DataFrame:
    """Means over the instances of a cell and over seeds. Columns: label, the fields of the grid, value, low, high, scores.

    low and high are the 95 % interval of the mean over the instances of a named group. They are NaN for fewer than 4 instances
    and for other cells.
    """
    preset = board.task.presets[board.preset]
    names = preset["grid"]
    cells = list(product(*(preset[name] for name in names)))
    fields = axes(board)
    groups = len(fields) == 1 and named(board, fields[0])
    lines = []
    for row in board.rows:
        found: dict[int, dict[Key, float]] = defaultdict(dict)
        for (seed, instance), value in row.scores.get(metric.name, {}).items():
            found[instance % len(cells)][seed, instance] = value
        for cell, several in sorted(found.items()):
            place = dict(zip(names, cells[cell], strict=True))
            spread = statistics.mean(several).within(metric.least, metric.most) if groups else None
            low, high = (spread.low, spread.high) if spread else (np.nan, np.nan)
            mean = float(np.mean(list(several.values())))
            lines.append({"label": row.label, **place, "value": mean, "low": low, "high": high, "scores": len(several)})
    return pd.DataFrame(lines)
