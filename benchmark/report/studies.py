"""A metric against one hyperparameter, over rows that differ in nothing else. No Streamlit here."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from benchmark.report.board import Board, Row
from benchmark.report.tables import count, digits
from benchmark.spec import Metric
from benchmark.store.queries import difference
from leaderboard.charts.curves import (
    BASELINE,
    LEGEND_LINE,
    PALETTE,
    PLAIN,
    SHAPES,
    baseline_rule,
    colours,
    legend_columns,
    metric_title,
    styled,
)

FEWEST = 3  # values of a line
_SIDE = 0.008  # of the axis: so far apart stand two lines' points of one value, or their intervals would hide each other
_ROOM = 0.16  # of the axis: on its right, for the baseline's name


@dataclass(frozen=True)
class Family:
    """Complete rows of one method that differ in one hyperparameter alone, its values ascending.

    label: the method, and of the other hyperparameters those that are not the recommended ones or tell two families apart
    """

    label: str
    method: str
    settings: dict[str, Any]
    rows: tuple[Row, ...]


def families(board: Board) -> dict[str, list[Family]]:
    """By hyperparameter, the one with most points first: its families, those with the best rows first."""
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
    """Columns family, method, value, mean, low, high, n, seeds, row, at: a line for each row with a score in the metric.

    low, high: 95 % interval of the mean, NaN where it has none; at: where the point is drawn, near its value. Families with
    too few scores are left out.
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
    return frame.assign(at=_along(frame, side, frame["value"]))


def _log(frame: pd.DataFrame) -> bool:
    return bool(frame["value"].min() > 0 and frame["value"].max() >= 8 * frame["value"].min())


def _along(frame: pd.DataFrame, share: Any, start: Any) -> Any:
    """What lies a share of the axis right of `start`."""
    low, high = frame["value"].min(), frame["value"].max()
    return start * (high / low) ** share if _log(frame) else start + (high - low) * share


def chart(frame: pd.DataFrame, board: Board, metric: Metric, name: str) -> alt.LayerChart:
    """A line with points and intervals for each family, and the baseline's mean as a dotted rule. frame: from `values`."""
    labels = list(dict.fromkeys(frame["family"]))
    columns, palette, forms = legend_columns(labels), _colours(frame, board), _shapes(frame)
    ends = [_along(frame, -0.03, frame["value"].min()), _along(frame, 0.03, frame["value"].max())]
    if _has_baseline(board, metric):
        ends[1] = _along(frame, _ROOM, frame["value"].max())
    scale = alt.Scale(type="log" if _log(frame) else "linear", nice=False, domain=ends)
    ticks = alt.Axis(values=sorted(set(frame["value"])), grid=False, labelExpr=PLAIN, labelOverlap="greedy")
    x = alt.X("at:Q", title=name, scale=scale, axis=ticks)
    y = alt.Y("mean:Q", title=metric_title(metric), scale=alt.Scale(zero=False, padding=14))
    legend = alt.Legend(title=None, orient="bottom", columns=columns, labelLimit=520, symbolSize=60)
    colour = alt.Color("family:N", scale=alt.Scale(domain=labels, range=[palette[label] for label in labels]), legend=legend)
    shape = alt.Shape("family:N", scale=alt.Scale(domain=labels, range=[forms[label] for label in labels]), legend=legend)
    pick = alt.selection_point(fields=["family"], bind="legend")
    places = digits(row.means.get(metric.name) for row in board.rows)
    tips = [
        alt.Tooltip("family:N", title="method"),
        alt.Tooltip("value:Q", title=name, format="~g"),
        alt.Tooltip("mean:Q", title=metric.name, format=f".{places}f"),
        alt.Tooltip("low:Q", title="95 % from", format=f".{places}f"),
        alt.Tooltip("high:Q", title="95 % to", format=f".{places}f"),
        alt.Tooltip("n:Q", title="instances"),
        alt.Tooltip("seeds:Q"),
        alt.Tooltip("row:N", title="row of the table"),
    ]
    base = alt.Chart(frame).encode(x, colour, opacity=alt.condition(pick, alt.value(1.0), alt.value(0.12)), tooltip=tips)
    bars = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.5).encode(alt.Y("low:Q"), alt.Y2("high:Q"))
    dots = base.mark_point(filled=True, size=70).encode(y, shape)
    layers = [bars.add_params(pick), base.mark_line(strokeWidth=2).encode(y), dots]
    if _has_baseline(board, metric):
        layers += baseline_rule(board, metric)
    return styled(*layers, height=380 + LEGEND_LINE * -(-len(labels) // columns))


def _has_baseline(board: Board, metric: Metric) -> bool:
    return board.baseline is not None and board.baseline.complete and metric.name in board.baseline.means


def _colours(frame: pd.DataFrame, board: Board) -> dict[str, str]:
    """Family -> colour: the first of a method has the method's, the others what is left."""
    usual, found = colours(board), {}
    for method, several in frame.groupby("method", sort=False)["family"]:
        found[several.iloc[0]] = usual.get(str(method), BASELINE)
    left = [colour for colour in PALETTE if colour not in found.values()] or PALETTE
    others = [label for label in dict.fromkeys(frame["family"]) if label not in found]
    return {**found, **{label: left[number % len(left)] for number, label in enumerate(others)}}


def _shapes(frame: pd.DataFrame) -> dict[str, str]:
    """Family -> shape of its points: circles for the first of a method, another one for each further."""
    found = {}
    for _, several in frame.groupby("method", sort=False)["family"]:
        for number, label in enumerate(dict.fromkeys(several)):
            found[label] = SHAPES[number % len(SHAPES)]
    return found


def caption(frame: pd.DataFrame, several: Sequence[Family], board: Board, metric: Metric, name: str) -> str:
    """What the picture shows, over how much, and what to know before comparing."""
    rows = [row for family in several for row in family.rows if row.label in set(frame["row"])]
    marks = Counter(mark for row in rows for mark in row.marks)
    listed = ", ".join(f"{mark} ({number} of {len(rows)})" for mark, number in marks.items())
    marked = f" Marked points: {listed}." if marks else ""
    rule = f" Dotted: the mean of the baseline {board.task.baseline}." if _has_baseline(board, metric) else ""
    return (
        f"Mean of {metric.name} over {_span(frame['n'], 'instance')} and {_span(frame['seeds'], 'seed')}. Bars: its 95 % "
        "interval over instances (none for fewer than 4), of each mean and not of differences. Points of a line are complete "
        f"rows that differ in {name} alone; lines of fewer than {FEWEST} values are left out.{rule} All points are scores on "
        f"test instances: whoever takes the best of a line chooses on test data.{marked} Click a name to single it out."
    )


def _span(numbers: pd.Series, word: str) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return count(high, word) if low == high else f"{low} to {count(high, word)}"
