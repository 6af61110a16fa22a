"""Average ranks with their intervals, drawn. No Streamlit here."""

from typing import Any

import altair as alt
import pandas as pd

from leaderboard.across import Across
from leaderboard.charts import PALETTE, styled

_DATA = "average_ranks"


def rank_chart(found: Across) -> dict[str, Any]:
    """Vega-Lite, to be kept, because Altair takes long to check it: a line for each ranked method, best first, with its average
    rank as a dot and the 95 % interval as a bar.
    """
    lines = [
        {"method": method, "rank": rank, "low": low, "high": high, "text": f"{rank:.2f} [{low:.2f}, {high:.2f}]"}
        for method, (rank, low, high) in found.intervals.items()
    ]
    frame = pd.DataFrame(lines)
    x = alt.X("rank:Q", title="average rank, ← 1 is best", scale=alt.Scale(zero=False, nice=False, padding=12))
    y = alt.Y("method:N", title=None, sort=list(found.intervals), axis=alt.Axis(labelLimit=150))
    tips = ["method:N", alt.Tooltip("text:N", title="average rank")]
    # Data by name alone: what Altair does with a frame is a setting of the whole process, which Streamlit changes now and then.
    base = alt.Chart(alt.NamedData(name=_DATA))
    bars = base.transform_filter("isValid(datum.low)").mark_rule(color=PALETTE[0], strokeWidth=2)
    dots = base.mark_circle(color=PALETTE[0], size=80, opacity=1).encode(x, y, tooltip=tips)
    chart = styled(bars.encode(alt.X("low:Q"), y, alt.X2("high:Q"), tooltip=tips), dots, height=24 * len(frame) + 50)
    spec: dict[str, Any] = chart.to_dict()
    for size in ("continuousWidth", "continuousHeight"):
        spec["config"]["view"].pop(size, None)  # of Altair's own theme; the page decides
    return {**spec, "datasets": {_DATA: frame}}
