"""Charts on a page, each with a button that saves it as SVG; its PNG is Streamlit's own button at the chart's corner."""

from functools import partial
from typing import Any

import altair as alt
import pandas as pd
import streamlit as st
import vl_convert
from streamlit.delta_generator import DeltaGenerator

from leaderboard.ui import downloads

Drawn = alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart | alt.ConcatChart
WIDTH = 620  # pixels of a saved chart that is as wide as the page lets it
FONT = "DejaVu Sans, Verdana, sans-serif"  # wide ones, so that there is room for the texts with whatever font a reader has
_PARTS = ("layer", "hconcat", "vconcat", "concat", "spec")


def show(chart: Drawn, stem: str, place: DeltaGenerator | None = None) -> None:
    """Draw a chart as wide as its place. stem: of the file's name (downloads.file), unique on the page."""
    where = place if place is not None else st.container()
    where.altair_chart(chart, width="stretch")
    where.download_button(
        "SVG",
        partial(svg, chart),
        downloads.file(stem, "svg"),
        "image/svg+xml",
        key=f"save_{stem}.svg",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
        help="PNG: the button at the upper right corner of the chart, which appears when you point at it",
    )


def svg(chart: Drawn) -> str:
    """The chart as a picture on white, made without a browser."""
    found: str = vl_convert.vegalite_to_svg(spec(chart))
    return found


def spec(chart: Drawn) -> dict[str, Any]:
    """Vega-Lite of a chart with all its data in it and a width of its own.

    The data are put in here and not by Altair: what that does with a frame is a setting of the whole process, which Streamlit
    changes while it draws for another visitor, and by default it refuses more than 5,000 rows.
    """
    whole = chart.copy(deep=True)
    _fill(whole)
    found: dict[str, Any] = whole.to_dict()
    inner = found.get("spec", found)
    if not {"width", "hconcat", "vconcat", "concat"} & inner.keys():
        inner["width"] = WIDTH if inner is found else WIDTH // 3
    return {**found, "background": "white", "config": {**found.get("config", {}), "font": FONT}}


def _fill(part: Any) -> None:
    if isinstance(part.data, pd.DataFrame):
        part.data = alt.InlineData(values=alt.to_values(part.data)["values"])
    inner = [getattr(part, name, None) for name in _PARTS]
    for one in (one for several in inner for one in (several if isinstance(several, list) else [several])):
        if isinstance(one, alt.TopLevelMixin):
            _fill(one)
