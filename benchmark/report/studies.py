"""A metric against one hyperparameter, over rows that differ in nothing else."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.report.board import Board, Row
from benchmark.spec import Metric
from benchmark.store.queries import difference

FEWEST = 3  # values of a line
_SIDE = 0.008  # of the axis: so far apart stand two lines' points of one value, or their intervals would hide each other


@dataclass(frozen=True)
class Family:
    """Complete rows of one method that differ in one hyperparameter alone, in ascending order of its values.

    label names the method, and those of the other hyperparameters that are not recommended or tell two families apart.
    """

    label: str
    method: str
    settings: dict[str, Any]
    rows: tuple[Row, ...]


def families(board: Board) -> dict[str, list[Family]]:
    """Hyperparameter -> its families. The one with most points is first; families stand in the order of their best rows."""
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in board.rows:
        for name in row.parameters if row.complete else ():
            if _numeric(row.parameters[name]):
                groups[name, row.method, repr(sorted(_others(row, name).items()))].append(row)
    found: dict[str, list[Family]] = defaultdict(list)
    for (name, method, _), rows in groups.items():
        if len({row.parameters[name] for row in rows}) >= FEWEST:
            ascending = tuple(sorted(rows, key=lambda row: float(row.parameters[name])))
            found[name].append(Family(method, method, _others(rows[0], name), ascending))
    points = {name: sum(len(family.rows) for family in several) for name, several in found.items()}
    return {name: _labelled(found[name], board) for name in sorted(found, key=lambda name: (-points[name], name))}


def _numeric(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _others(row: Row, name: str) -> dict[str, Any]:
    return {other: value for other, value in row.parameters.items() if other != name}


def _labelled(several: Sequence[Family], board: Board) -> list[Family]:
    found = []
    for family in several:
        rivals = [other.settings for other in several if other.method == family.method]
        said = [
            f"{name}={value}"
            for name, value in family.settings.items()
            if any(other.get(name) != value for other in rivals)
            or difference(family.method, board.task.name, board.preset, {name: value})
        ]
        label = f"{family.method} [{', '.join(said)}]" if said else family.method
        found.append(Family(label, family.method, family.settings, family.rows))
    return found


def values(several: Iterable[Family], name: str, metric: Metric) -> pd.DataFrame:
    """A line for each row with a score in the metric. Families with too few scores are left out.

    Columns: family, method, value, mean, low, high, n, seeds, row, at. low and high are the 95 % interval of the mean, NaN
    where it has none. at is where the point is drawn, near its value.
    """
    names = ["family", "method", "value", "mean", "low", "high", "n", "seeds", "row"]
    lines = []
    for family in several:
        rows = [row for row in family.rows if metric.name in row.means]
        for row in rows if len(rows) >= FEWEST else ():
            mean, value = row.means[metric.name], float(row.parameters[name])
            numbers = [value, mean.mean, mean.low, mean.high, mean.n, len(row.seeds)]
            lines.append([family.label, family.method, *numbers, row.label])
    frame = pd.DataFrame(lines, columns=names)
    place = {label: number for number, label in enumerate(dict.fromkeys(frame["family"]))}
    side = _SIDE * (frame["family"].map(place) - (len(place) - 1) / 2)
    return frame.assign(at=along(frame, side, frame["value"]))


def is_log(frame: pd.DataFrame) -> bool:
    """Whether the axis of the values is logarithmic, because they spread far."""
    return bool(frame["value"].min() > 0 and frame["value"].max() >= 8 * frame["value"].min())


def along(frame: pd.DataFrame, share: Any, start: Any) -> Any:
    """The place that lies a share of the axis to the right of `start`."""
    low, high = frame["value"].min(), frame["value"].max()
    return start * (high / low) ** share if is_log(frame) else start + (high - low) * share
