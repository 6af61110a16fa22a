"""Charts on a page, each with a button that saves it as SVG; its PNG is Streamlit's own button at the chart's corner."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from leaderboard.charts.svg import Drawn, svg
from leaderboard.ui import downloads


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
