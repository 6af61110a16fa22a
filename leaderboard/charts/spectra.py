"""What methods keep besides their estimates, drawn: singular values along a run. No Streamlit here."""

from collections.abc import Iterable
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.report.board import Board, Row
from benchmark.statistics import Key
from benchmark.store.models import Artifact
from leaderboard.artifacts.images import load
from leaderboard.charts.curves import colours

_KIND = "singular_values"
_COLUMNS = 3


def spectra(session: Session, folder: Path, rows: Iterable[Row], key: Key) -> pd.DataFrame:
    """Columns label, step, number, value of one (seed, instance): the largest singular values at each point, 1 the largest.

    A file that is missing, or holds something else, is left out.
    """
    owner = {run.id: row.label for row in rows for run in row.runs if run.seed == key[0]}
    found = session.execute(
        select(Artifact.run_id, Artifact.path).where(
            Artifact.run_id.in_(owner), Artifact.instance == key[1], Artifact.kind == _KIND
        )
    ).all()
    parts = []
    for run, relative in found:
        table = load(folder, relative)  # (points, 1 + k): the step, then the values
        if isinstance(table, str) or table.ndim != 2 or table.dtype.kind != "f" or not np.isfinite(table).all():
            continue
        points, count = len(table), table.shape[1] - 1
        parts.append(
            pd.DataFrame(
                {
                    "label": owner[run],
                    "step": table[:, 0].repeat(count),
                    "number": np.tile(np.arange(1, count + 1), points),
                    "value": table[:, 1:].ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["label", "step", "number", "value"])


def spectra_chart(frame: pd.DataFrame, board: Board) -> alt.FacetChart:
    """A small chart for each method, all on one logarithmic scale; steps are each method's own."""
    labels, palette = [row.label for row in board.rows if row.label in set(frame["label"])], colours(board)
    floor = 1e-12 * float(frame["value"].max() or 1.0)
    colour = alt.Color("label:N", scale=alt.Scale(domain=labels, range=[palette[name] for name in labels]), legend=None)
    lines = (
        alt.Chart(frame.assign(value=frame["value"].clip(lower=floor)))
        .mark_line(strokeWidth=1.5)
        .encode(
            alt.X("step:Q", title="step", axis=alt.Axis(tickCount=4, grid=False)),
            alt.Y("value:Q", title="singular value", scale=alt.Scale(type="log"), axis=alt.Axis(format=".0e", tickCount=6)),
            colour,
            detail="number:N",
            tooltip=["label:N", "step:Q", "number:Q", alt.Tooltip("value:Q", format=".3~g")],
        )
        .properties(width=300, height=200)
    )
    found: alt.FacetChart = (
        lines.facet(alt.Facet("label:N", title=None, sort=labels, header=alt.Header(labelFontSize=12)), columns=_COLUMNS)
        .resolve_scale(x="independent")
        .configure_view(stroke=None)
    )
    return found
