"""Figures of papers, drawn: what is a mark, what is hollow, what a small picture leaves out."""

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from benchmark.claims import finding
from benchmark.claims.figure import KINDS, Figure, Mark, Published, grid
from benchmark.claims.figures import COLUMNS, HERE, PUBLISHED
from benchmark.claims.paper import Runs, curve, score
from leaderboard.charts import paper_figures

RUNS = Runs("mri", "small", "cg_sense")
NAN = float("nan")


def frame(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS))


def figure(kind: Any, *marks: Mark, **others: Any) -> Figure:
    return Figure("a", "A figure.", kind, marks, x="across", y="upwards", **others)


def shown(picture: str, role: str) -> list[ElementTree.Element]:
    return [e for e in ElementTree.fromstring(picture).iter() if e.get("aria-roledescription") == role]


def words(picture: str) -> set[str]:
    return {e.text for e in ElementTree.fromstring(picture).iter() if e.text and e.text.strip()}


DOTS = figure(
    "dots",
    *(Mark(name, score(RUNS), at) for at in ("one", "two") for name in ("ours", "theirs")),
    published=(Published("ours", 3.0, "one"),),
    source="a table",
)
VALUES = frame(
    (HERE, "ours", "one", None, 1.0, 0.5, 1.5, 8),
    (HERE, "theirs", "one", None, 2.0, NAN, NAN, 8),
    (HERE, "ours", "two", None, float("inf"), NAN, NAN, 8),
    (PUBLISHED, "ours", "one", None, 3.0, NAN, NAN, 0),
)


def test_published_values_are_hollow_and_what_is_infinite_is_not_drawn() -> None:
    picture = paper_figures.document(DOTS, VALUES)
    points = shown(picture, "point")
    assert len(points) == 3
    hollow = [point for point in points if point.get("fill") in (None, "transparent", "none")]
    assert len(hollow) == 1
    assert len(shown(picture, "rule mark")) == 1  # of the one that has an interval
    assert {"one", "two", "ours", "theirs", "upwards"} <= words(picture)


def test_a_small_picture_has_our_marks_and_no_text() -> None:
    picture = paper_figures.small(DOTS, VALUES)
    assert len(shown(picture, "point")) == 2
    assert words(picture) == set()
    assert 'fill="white"' not in picture


def test_curves_have_a_line_a_band_and_a_hollow_mark_at_their_end() -> None:
    given = figure("curves", Mark("ours", curve(RUNS)), published=(Published("ours", 9.0),), source="a curve")
    values = frame(
        *((HERE, "ours", step, None, float(step), step - 1.0, step + 1.0, 8) for step in (0.0, 5.0, 10.0)),
        (PUBLISHED, "ours", 10.0, None, 9.0, NAN, NAN, 0),
    )
    picture = paper_figures.document(given, values)
    assert [len(shown(picture, role)) for role in ("line mark", "area mark", "point")] == [1, 1, 1]


def test_a_map_says_its_values_and_names_its_panels() -> None:
    cells = [mark for name in ("first", "second") for mark in grid(name, score(RUNS), ("a", (1, 2)), ("b", (3, 4)))]
    values = frame(*((HERE, mark.series, mark.at, mark.up, 0.25, NAN, NAN, 3) for mark in cells[:-1]))
    picture = paper_figures.document(figure("map", *cells, z="share"), values)
    assert len(shown(picture, "rect mark")) == 7  # one cell has no runs
    assert {"first", "second", "share", "0.25"} <= words(picture)


def test_a_logarithmic_axis_leaves_out_what_it_cannot_show() -> None:
    given = figure("dots", *(Mark("ours", score(RUNS), at) for at in ("one", "two", "three")), log="y")
    values = frame(
        (HERE, "ours", "one", None, 1e-3, -1e-4, 2e-3, 8),
        (HERE, "ours", "two", None, 0.0, NAN, NAN, 8),
        (HERE, "ours", "three", None, 1.0, 0.9, 1.1, 8),
    )
    picture = paper_figures.document(given, values)
    assert len(shown(picture, "point")) == 2
    assert len(shown(picture, "rule mark")) == 2
    assert {"0.001", "1"} <= words(picture)


@pytest.mark.parametrize("zero", [False, True])
def test_calls_of_a_network_lie_on_a_logarithmic_axis_that_may_have_a_zero(zero: bool) -> None:
    given = figure("scatter", Mark("ours", score(RUNS), against=score(RUNS, "ssim")), log="x")
    values = frame(*((HERE, "ours", at, None, 1.0, NAN, NAN, 8) for at in ([0.0] * zero + [10.0, 1000.0])))
    picture = paper_figures.document(given, values)
    assert len(shown(picture, "point")) == len(values)
    assert ("0" in words(picture)) is zero
    assert {"10", "1000"} <= words(picture)


def test_a_level_is_a_rule_with_its_name() -> None:
    given = figure("lines", Mark("ours", score(RUNS), 1.0), Mark("ours", score(RUNS), 2.0), level=0.5, level_name="chance")
    values = frame(*((HERE, "ours", at, None, at, NAN, NAN, 8) for at in (1.0, 2.0)))
    picture = paper_figures.document(given, values)
    assert "chance" in words(picture)
    assert len(shown(picture, "rule mark")) == 1


def test_figures_of_each_kind_that_the_papers_declare_can_be_drawn() -> None:
    draw = np.random.default_rng(0)
    declared = {one.kind: one for paper in finding.papers().values() for one in paper.figures}
    assert declared.keys() == set(KINDS)
    for one in declared.values():
        steps = [0.0, 50.0, 100.0] if one.kind == "curves" else [None]
        rows = [
            (HERE, mark.series, (draw.uniform(1, 99) if mark.against else mark.at) if at is None else at, mark.up)
            for mark in one.marks
            for at in steps
        ]
        values = [0.1 + draw.random() for _ in rows]
        given = frame(*((*row, value, value - 0.05, value + 0.05, 8) for row, value in zip(rows, values, strict=True)))
        drawn = paper_figures.document(one, given)
        assert {one.x or one.y, *one.series} <= words(drawn) or len(one.series) == 1
