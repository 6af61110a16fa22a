"""Charts as SVG files, made without a browser."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import altair as alt
import pandas as pd
import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards
from benchmark.store.database import open_database
from leaderboard.charts import cost, instance_strip
from leaderboard.charts import svg as drawing


def chart(rows: int) -> alt.LayerChart:
    frame = pd.DataFrame({"at": range(rows), "value": [float(row % 7) for row in range(rows)], "name": "<a> & b"})
    base = alt.Chart(frame).encode(alt.X("at:Q", title="where it stands"), alt.Y("value:Q"))
    return alt.layer(base.mark_circle(), base.mark_line().encode(tooltip="name:N"))


def marks(picture: str, kind: str) -> list[ElementTree.Element]:
    return [e for e in ElementTree.fromstring(picture).iter() if e.get("aria-roledescription") == kind]


def test_every_row_is_drawn_also_of_a_long_table() -> None:
    picture = drawing.svg(chart(6000))  # Altair itself refuses more than 5,000
    assert len(marks(picture, "circle")) == 6000
    assert "where it stands" in picture
    assert 'fill="white"' in picture


def test_what_the_process_does_with_data_does_not_matter() -> None:
    def refuse(data: Any) -> Any:
        raise AssertionError("asked")

    alt.data_transformers.register("refuse", refuse)
    with alt.data_transformers.enable("refuse"):
        assert len(marks(drawing.svg(chart(3)), "circle")) == 3


def test_the_chart_on_the_page_is_left_alone() -> None:
    shown = chart(4)
    before = [type(part.data) for part in (shown, *shown.layer)]
    assert pd.DataFrame in before
    drawing.svg(shown)
    assert [type(part.data) for part in (shown, *shown.layer)] == before


def test_panels_have_the_width_of_a_page_together() -> None:
    frame = pd.DataFrame({"at": [0, 1] * 3, "value": range(6), "panel": ["a", "a", "b", "b", "c", "c"]})
    whole = alt.Chart(frame).mark_line().encode(x="at:Q", y="value:Q").facet("panel:N", columns=3)
    assert drawing.spec(whole)["spec"]["width"] == drawing.WIDTH // 3
    picture = drawing.svg(whole)
    assert all(f">{name}</text>" in picture for name in "abc")


@pytest.mark.parametrize("make", [cost.quality_against_time, lambda board: instance_strip.strip(board, (0, 0))])
def test_charts_of_a_board(made: Callable[[str], Path], make: Callable[[Any], Any]) -> None:
    engine = open_database(str(made("full")), create=False)
    with Session(engine) as session:
        board = boards.board(session, "imaging", "small")
    engine.dispose()
    words = {e.text for e in ElementTree.fromstring(drawing.svg(make(board))).iter() if e.text}
    assert "net_guided" in words
    assert any("psnr" in word for word in words)
