"""A figure of a paper, drawn from its frame (benchmark/claims/figures.py). Hollow marks are values as published."""

import json
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from benchmark.claims.figure import Figure
from benchmark.claims.figures import HERE, PUBLISHED
from leaderboard.charts.marks import INK, LEGEND_LINE, PALETTE, PLAIN, SHAPES, legend_columns, styled
from leaderboard.charts.svg import picture, spec

_ROOM = 340  # pixels across a chart on a screen of 400
_PLOT = 270  # pixels of a plot's height
_AXIS = 52  # of the axis below it, with its title
_HEAD = 20  # of a text above it
_LANE = 17  # pixels between dots of one category
_CELL = 52  # pixels of a map's row
_SMALL = (150, 84)  # pixels of a picture in a list
_FORMAT = ".3~g"


def chart(figure: Figure, frame: pd.DataFrame) -> alt.LayerChart:
    """The figure, as wide as its place. The frame has rows of our own."""
    return _KINDS[figure.kind](figure, _drawable(figure, frame))


def document(figure: Figure, frame: pd.DataFrame) -> str:
    """The figure in SVG on white, with all that stands around the plot inside its height, as on the page."""
    return picture({**spec(chart(figure, frame)), "autosize": {"type": "fit", "contains": "padding"}}, "white")


def small(figure: Figure, frame: pd.DataFrame) -> str:
    """The figure as a picture in a list, in SVG without a background: our own marks without texts, 150 x 84 pixels."""
    found = spec(chart(figure, frame[frame["source"] == HERE]))
    found["layer"] = [layer for layer in found["layer"] if layer["mark"]["type"] != "text"]
    for layer in found["layer"]:
        for name in ("color", "shape"):
            layer["encoding"].get(name, {})["legend"] = None
        for name in ("x", "y"):
            layer["encoding"].get(name, {})["axis"] = None
    width, height = _SMALL
    return picture({**found, "width": width, "height": height, "padding": 4}, "transparent")


def _drawable(figure: Figure, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame without infinite values, and on logarithmic axes without what is not positive."""
    frame = frame[np.isfinite(frame["value"].astype(float))]
    if "y" not in figure.log:
        return frame
    frame = frame[frame["value"] > 0]
    least = frame["value"].min() / 2
    return frame.assign(low=frame["low"].where(~(frame["low"] <= 0), least))


# --- the kinds --------------------------------------------------------------------------------------------------------


def _curves(figure: Figure, frame: pd.DataFrame) -> alt.LayerChart:
    own, published = _split(frame)
    x = alt.X("at:Q", title=figure.x, scale=alt.Scale(nice=False), axis=alt.Axis(grid=False, tickCount=6))
    y, colour = _height(figure), _colour(figure, "stroke")
    tips = [_tip("series:N", ""), _tip("at:Q", figure.x, "~g"), _tip("value:Q", figure.y), alt.Tooltip("n:Q")]
    band = own.mark_area(opacity=0.14).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    line = own.mark_line(strokeWidth=2).encode(x, y, colour, alt.Order("at:Q"), tooltip=tips)
    marks = published.mark_point(filled=False, size=90, strokeWidth=2, clip=False).encode(
        x, y, colour, tooltip=[*tips[:1], _tip("value:Q", "published")]
    )
    return _styled(figure, [band, line, marks])


def _lines(figure: Figure, frame: pd.DataFrame) -> alt.LayerChart:
    own, published = _split(frame)
    log = "x" in figure.log
    places = sorted(set(frame.loc[frame["source"] == HERE, "at"].astype(float)))
    ticks = alt.Axis(values=places, grid=False, labelExpr=PLAIN, labelOverlap="greedy")
    scale = alt.Scale(type="log" if log else "linear", nice=False, padding=10)
    x, y = alt.X("at:Q", title=figure.x, scale=scale, axis=ticks), _height(figure)
    colour, shape = _colour(figure), _shape(figure)
    tips = [_tip("series:N", ""), _tip("at:Q", figure.x, "~g"), *_interval_tips(figure)]
    base = own.encode(x, colour, tooltip=tips)
    bars = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.5, opacity=0.6)
    layers = [
        bars.encode(alt.Y("low:Q"), alt.Y2("high:Q")),
        base.mark_line(strokeWidth=2).encode(y, alt.Order("at:Q")),
        base.mark_point(filled=True, size=60, opacity=1).encode(y, shape),
    ]
    if (frame["source"] == PUBLISHED).any():
        ghosts = published.encode(x, y, colour, tooltip=[*tips[:2], _tip("value:Q", "published")])
        layers += [
            ghosts.mark_line(strokeDash=[2, 3], strokeWidth=1.2).encode(alt.Order("at:Q")),
            ghosts.mark_point(filled=False, size=60, strokeWidth=1.5).encode(shape),
        ]
    return _styled(figure, layers)


def _scatter(figure: Figure, frame: pd.DataFrame) -> alt.LayerChart:
    own, published = _split(frame)
    x, y = alt.X("at:Q", title=figure.x, **_across(figure, frame)), _height(figure)
    colour, shape = _colour(figure), _shape(figure)
    tips = [_tip("series:N", ""), _tip("at:Q", figure.x), *_interval_tips(figure)]
    base = own.encode(x, colour, tooltip=tips)
    bars = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.5, opacity=0.6)
    layers = [
        bars.encode(alt.Y("low:Q"), alt.Y2("high:Q")),
        base.mark_point(filled=True, size=90, opacity=1).encode(y, shape),
        published.mark_point(filled=False, size=90, strokeWidth=1.5).encode(x, y, colour, shape, tooltip=tips[:2]),
    ]
    return _styled(figure, layers)


def _across(figure: Figure, frame: pd.DataFrame) -> dict[str, Any]:
    """Scale and axis of a scatter's first axis. A logarithmic one that has a zero is one of 1 + x."""
    if "x" not in figure.log:
        return {"scale": alt.Scale(zero=False, padding=12), "axis": alt.Axis(grid=False, tickCount=6)}
    zero, top = bool((frame["at"] <= 0).any()), float(frame["at"].max())
    ticks = [0.0] * zero + [10.0**power for power in range(0, 7) if 10**power <= top]
    ticks += [top] * (top > 1.5 * ticks[-1])
    axis = alt.Axis(values=ticks, grid=False, labelExpr=PLAIN)
    return {"scale": alt.Scale(type="symlog" if zero else "log", nice=False, padding=12), "axis": axis}


def _dots(figure: Figure, frame: pd.DataFrame) -> alt.LayerChart:
    """Categories are lines, one below the other, so that their names can be read on a narrow screen too."""
    own, published = _split(frame)
    places = [str(one) for one in dict.fromkeys(mark.at for mark in figure.marks)]
    names = list(figure.series)
    axis = alt.Axis(labelLimit=130, ticks=False, grid=len(names) > 1, tickBand="extent", domain=False)
    y = alt.Y("at:N", title=None, sort=places, scale=alt.Scale(domain=places), axis=axis)
    offset = alt.YOffset("series:N", sort=names, scale=alt.Scale(domain=names, paddingOuter=0.6))
    x = alt.X("value:Q", title=figure.y, scale=_scale(figure, "y"), axis=_ticks(figure, "y"))
    colour, shape = _colour(figure), _shape(figure)
    tips = [_tip("at:N", ""), _tip("series:N", ""), *_interval_tips(figure)]
    base = own.encode(y, offset, colour, tooltip=tips)
    bars = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2, opacity=0.6)
    layers = [
        bars.encode(alt.X("low:Q", title=figure.y, scale=_scale(figure, "y"), axis=_ticks(figure, "y")), alt.X2("high:Q")),
        base.mark_point(filled=True, size=70, opacity=1).encode(x, shape),
        published.mark_point(filled=False, size=70, strokeWidth=1.5).encode(
            y, offset, colour, x, shape, tooltip=[*tips[:2], _tip("value:Q", "published")]
        ),
    ]
    height = max(100, len(places) * (_LANE * len(names) + (10 if len(names) > 1 else 12)))
    return _styled(figure, layers, height, upright=False)


def _map(figure: Figure, frame: pd.DataFrame) -> alt.LayerChart:
    """Panels beside each other in one picture, which shrinks with the page as a facet would not."""
    names, across = list(figure.series), list(dict.fromkeys(mark.at for mark in figure.marks))
    columns: dict[str, str] = {}
    for number, name in enumerate(names):
        columns |= {f"{name}|{at}": f"{at}" for at in across}
        columns |= {f"gap {number}": ""} if number < len(names) - 1 else {}
    frame = frame.assign(column=[f"{name}|{at}" for name, at in zip(frame["series"], frame["at"], strict=True)])
    rows = [str(one) for one in sorted(dict.fromkeys(mark.up for mark in figure.marks), reverse=True)]  # type: ignore[type-var]
    frame = frame.assign(row=frame["up"].map(str), bright=frame["value"] > 0.6 * frame["value"].max())
    texts = f"{json.dumps(columns)}[datum.value]"
    axis = alt.Axis(labelExpr=texts, labelAngle=0, ticks=False, grid=False, domain=False, labelOverlap=False)
    scale = alt.Scale(domain=list(columns), paddingInner=0.04, paddingOuter=0)
    x = alt.X("column:N", title=figure.x, sort=list(columns), scale=scale, axis=axis)
    y = alt.Y("row:N", title=figure.y, sort=rows, axis=alt.Axis(ticks=False, grid=False, domain=False))
    share = frame["value"].min() >= 0 and frame["value"].max() <= 1
    fill = alt.Color(
        "value:Q",
        title=figure.z,
        scale=alt.Scale(scheme="viridis", domain=[0, 1] if share else alt.Undefined),
        legend=alt.Legend(orient="bottom", gradientLength=200, titleLimit=300, labelColor=INK, titleColor=INK),
    )
    tips = [_tip("series:N", ""), _tip("at:N", figure.x), _tip("up:N", figure.y), _tip("value:Q", figure.z), alt.Tooltip("n:Q")]
    base = alt.Chart(frame).encode(x, y, tooltip=tips)
    ink = alt.condition("datum.bright", alt.value("#1a1a1a"), alt.value("#ffffff"))
    heads = pd.DataFrame({"column": [f"{name}|{across[(len(across) - 1) // 2]}" for name in names], "name": names})
    above = alt.Chart(heads).mark_text(baseline="bottom", dy=-4, fontSize=12, color=INK, dx=_half(across))
    layers = [
        base.mark_rect().encode(fill),
        base.mark_text(fontSize=11).encode(alt.Text("value:Q", format=".2~f"), color=ink),
        above.encode(x, alt.Text("name:N"), y=alt.value(0)),
    ]
    return styled(*layers, height=_CELL * len(rows) + _AXIS + _HEAD + 2 * LEGEND_LINE, grid=False)


def _half(across: list[Any]) -> int:
    """How far a panel's name stands to the right of the middle of its column, so that it is over an even number of them."""
    return 12 if len(across) % 2 == 0 else 0


_KINDS = {"curves": _curves, "dots": _dots, "lines": _lines, "scatter": _scatter, "map": _map}


# --- what they share --------------------------------------------------------------------------------------------------


def _split(frame: pd.DataFrame) -> tuple[alt.Chart, alt.Chart]:
    return alt.Chart(frame[frame["source"] == HERE]), alt.Chart(frame[frame["source"] == PUBLISHED])


def _scale(figure: Figure, axis: str) -> alt.Scale:
    return alt.Scale(type="log") if axis in figure.log else alt.Scale(zero=False, padding=10)


def _height(figure: Figure) -> alt.Y:
    return alt.Y("value:Q", title=figure.y, scale=_scale(figure, "y"), axis=_ticks(figure, "y"))


def _ticks(figure: Figure, axis: str) -> alt.Axis:
    """The powers of ten on a logarithmic axis, which would otherwise have nine lines for each."""
    if axis in figure.log:
        return alt.Axis(values=[10.0**power for power in range(-12, 13)], labelExpr=PLAIN)
    return alt.Axis(tickCount=6)


def _colour(figure: Figure, symbol: str = "") -> alt.Color:
    names = list(figure.series)
    legend = _legend(names)
    if symbol:
        legend.symbolType, legend.symbolStrokeWidth = symbol, 3
    colours = [PALETTE[at % len(PALETTE)] for at in range(len(names))]
    return alt.Color("series:N", scale=alt.Scale(domain=names, range=colours), legend=legend if len(names) > 1 else None)


def _shape(figure: Figure) -> alt.Shape:
    names = list(figure.series)
    legend = _legend(names)
    shapes = [SHAPES[at % len(SHAPES)] for at in range(len(names))]
    return alt.Shape("series:N", scale=alt.Scale(domain=names, range=shapes), legend=legend if len(names) > 1 else None)


def _legend(names: list[str]) -> alt.Legend:
    columns = legend_columns(names, _ROOM)
    return alt.Legend(title=None, orient="bottom", columns=columns, labelLimit=260, symbolOpacity=1)


def _tip(field: str, title: str, form: str = _FORMAT) -> alt.Tooltip:
    return alt.Tooltip(field, title=title or " ", format=form if field.endswith(":Q") else alt.Undefined)


def _interval_tips(figure: Figure) -> list[alt.Tooltip]:
    ends = [_tip("low:Q", "95 % from"), _tip("high:Q", "95 % to")]
    return [_tip("value:Q", figure.y), *ends, alt.Tooltip("n:Q")]


def _styled(figure: Figure, layers: list[alt.Chart], plot: int = _PLOT, upright: bool = True) -> alt.LayerChart:
    """Layers with the level's rule beneath them, and room for all that stands around the plot: a page fits it in the height."""
    names = list(figure.series)
    if figure.level is not None:
        layers = [*_level(figure, upright), *layers]
    lines = -(-len(names) // legend_columns(names, _ROOM)) if len(names) > 1 else 0
    above = _HEAD if figure.level_name and not upright else 0
    return styled(*layers, height=plot + _AXIS + above + LEGEND_LINE * lines)


def _level(figure: Figure, upright: bool) -> list[alt.Chart]:
    base = alt.Chart(pd.DataFrame({"value": [figure.level], "text": [figure.level_name]}))
    place = alt.Y("value:Q") if upright else alt.X("value:Q")
    found = [base.mark_rule(color=INK, strokeDash=[2, 3], strokeWidth=1.5).encode(place)]
    if figure.level_name:
        end = {"x": alt.value("width")} if upright else {"y": alt.value(0)}
        text = base.mark_text(align="right" if upright else "left", baseline="bottom", dy=-3, dx=3, color=INK, fontSize=11)
        found.append(text.encode(place, alt.Text("text:N"), **end))
    return found
