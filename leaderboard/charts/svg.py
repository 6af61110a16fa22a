"""A chart as an SVG file, made without a browser and without Streamlit."""

from typing import Any

import altair as alt
import pandas as pd
import vl_convert

Drawn = alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart | alt.ConcatChart
WIDTH = 620  # pixels of a saved chart that is as wide as the page lets it
FONT = "DejaVu Sans, Verdana, sans-serif"  # wide ones, so that there is room for the texts with whatever font a reader has
_PARTS = ("layer", "hconcat", "vconcat", "concat", "spec")


def svg(chart: Drawn) -> str:
    """The chart as a picture on white."""
    return picture(spec(chart), "white")


def picture(found: dict[str, Any], background: str) -> str:
    """A specification of Vega-Lite as a picture on a background, which may be "transparent"."""
    text: str = vl_convert.vegalite_to_svg({**found, "background": background})
    return text


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
