"""What a task declares that it draws: reading it, its scales, the tiles and charts, and the pages that show them."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from benchmark import registry
from benchmark.report import boards
from benchmark.report.board import Board
from benchmark.spec import DRAWINGS, Axis, Interface, Picture, TaskSpec
from benchmark.store.database import open_database
from leaderboard.artifacts import figures, scales
from leaderboard.artifacts.figures import Figure
from leaderboard.charts import figure_charts
from leaderboard.charts.marks import colours
from leaderboard.charts.pixels import strip_png
from leaderboard.views.instance_parts import drawings, strips_view
from tests.leaderboard import synthetic_figures as made_up
from tests.leaderboard.synthetic import imaging
from tests.leaderboard.test_app import text
from tests.leaderboard.test_images import decoded

KEY = (0, 0)
HEAT = Picture(name="image", kind="heat", title="Heat")
LINES = Picture(name="image", kind="lines", title="Lines")
Made = Callable[[str], Path]


def read(path: Path) -> tuple[Board, list[Figure]]:
    engine = open_database(str(path), create=False)
    with Session(engine) as session:
        board = boards.board(session, "grouping", "tiny")
        found = figures.read_figures(session, path.parent, board.rows, KEY, board.task.pictures)
    engine.dispose()
    return board, found


@pytest.fixture
def opened(made: Made) -> tuple[Board, list[Figure]]:
    return read(made("figures"))


def figure(picture: Picture, truth: object = None, **estimates: object) -> Figure:
    arrays = {label: np.array(array, float) for label, array in estimates.items()}
    return Figure(picture, None if truth is None else np.array(truth, float), arrays, {})


def test_a_board_says_what_is_drawn_and_one_that_declares_none_draws_images(opened: tuple[Board, list[Figure]]) -> None:
    first, second, third, fourth = opened[0].task.pictures  # and none of an unknown kind
    assert (first.kind, first.low, first.high, first.axis) == ("heat", 0.0, 1.0, None)
    assert (second.rows, second.log, second.axis) == ("class", True, Axis(name="number", start=1.0))
    assert third.about == "Of an estimate alone"
    assert (fourth.kind, fourth.axis) == ("strip", Axis(name="strength", start=-2.0, step=2.0))
    assert boards.task_info(imaging(), "tiny").pictures == (Picture(kind="image"),)


def test_truth_and_estimates_of_each_picture_are_read(opened: tuple[Board, list[Figure]]) -> None:
    affinity, spectrum, basis, strip = opened[1]
    np.testing.assert_array_equal(affinity.truth, made_up.affinity(40, 0))
    assert {label: one.shape for label, one in affinity.estimates.items()} == {
        "base_fill": (40, 40),
        "graph_cut": (30, 30),
        "graph_soft": (40, 40),
    }
    assert set(spectrum.estimates) == {"graph_cut", "graph_soft"}
    np.testing.assert_array_equal(strip.truth, made_up.edits(0))
    assert {one.shape for one in strip.estimates.values()} == {(3, 3, 8, 10)}
    assert basis.truth is None
    assert set(basis.estimates) == set(made_up.METHODS)
    assert next(row.label for row in figures.ordered(opened[0], affinity)) == "base_fill"
    assert all(one.problems == {} for one in opened[1])


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    made_up.make_figures(tmp_path / "broken.db").dispose()
    np.save(tmp_path / "curves/1_0_truth.npy", np.ones((3, 4, 5)))
    (tmp_path / "curves/2_0_estimate.npy").unlink()
    np.save(tmp_path / "curves/3_0_estimate_spectrum.npy", np.ones(7))
    affinity, spectrum, *_ = read(tmp_path / "broken.db")[1]
    assert affinity.truth is not None  # of another run
    assert affinity.problems == {"graph_cut": "curves/2_0_estimate.npy is missing beside the database"}
    assert spectrum.problems == {
        "graph_soft": "curves/3_0_estimate_spectrum.npy holds float64 (7,), not a matrix with a curve in each row"
    }


def test_the_scale_is_the_declared_one_or_that_of_all_numbers() -> None:
    declared = HEAT.model_copy(update={"low": 0.0, "high": 1.0})
    assert scales.limits(figure(declared, [[-3.0, 9.0]])) == (0.0, 1.0)
    assert scales.limits(figure(HEAT, [[1.0, np.nan]], a=[[-2.0, np.inf], [4.0, 3.0]])) == (-2.0, 4.0)
    assert scales.limits(figure(HEAT.model_copy(update={"low": 0.0}), [[1.0, 2.0]])) == (0.0, 2.0)
    assert scales.limits(figure(HEAT, [[2.0, 2.0]])) == (1.5, 2.5)  # a scale has an extent
    assert scales.limits(figure(HEAT, [[np.nan]])) is None
    assert scales.limits(figure(HEAT)) is None


def test_a_logarithmic_scale_begins_at_the_smallest_positive_number() -> None:
    log = LINES.model_copy(update={"log": True})
    assert scales.limits(figure(log, [[0.0, 1e-3]], a=[[-5.0, 10.0]])) == (1e-3, 10.0)
    assert scales.limits(figure(log.model_copy(update={"low": 0.0}), [[1e-3, 10.0]])) == (1e-3, 10.0)
    assert scales.limits(figure(log, [[2.0, 2.0]])) == (0.2, 20.0)
    assert scales.limits(figure(log, [[0.0, -1.0]])) is None


def test_what_is_not_drawn_as_it_is_has_a_name() -> None:
    log = LINES.model_copy(update={"log": True, "high": 5.0})
    found = figure(log, [[1.0, 2.0]], tall=[[1.0, 9.0]], holed=[[0.0, 1.0]], wild=[[np.inf, 1.0]])
    assert scales.beyond(found) == ["tall"]
    assert scales.odd(found) == ["holed", "wild"]
    assert scales.odd(figure(HEAT, [[0.0, -1.0]])) == []


def test_a_tile_runs_from_the_low_end_to_the_high_one() -> None:
    pixels = decoded(figure_charts.tile(np.array([[-1.0, 1.0], [0.0, np.nan]]), (-1.0, 1.0)))
    half = len(pixels) // 2
    assert pixels.shape == (360, 360, 3)
    assert pixels[0, 0].tolist() == [0, 0, 4]
    assert pixels[0, half].tolist() == [252, 255, 164]
    assert pixels[half, half].tolist() == [128, 128, 128]
    assert pixels[half, 0].tolist() not in (pixels[0, 0].tolist(), pixels[0, half].tolist(), [128, 128, 128])


def test_a_strip_is_a_row_of_images_on_one_scale() -> None:
    images = np.zeros((3, 3, 24, 48), np.float32)
    images[1], images[2, 0] = 0.5, 2.0
    pixels = decoded(strip_png(images, (0.0, 1.0), side=24))
    assert pixels.shape == (24, 3 * 48 + 2 * 2, 3)
    starts = (0, 50, 100)
    assert [pixels[5, start + 47].tolist() for start in starts] == [[0, 0, 0], [128, 128, 128], [255, 0, 0]]
    assert (pixels[:, 48:50] == 255).all()
    assert (decoded(strip_png(images[:, :1] - 1, (-1.0, 1.0), side=24))[5, 0] == 0).all()


def test_changes_of_a_strip_are_grey_where_nothing_changes() -> None:
    images = np.full((3, 3, 4, 4), 0.2, np.float32)
    images[0, :, 0], images[2, :, 0] = 0.1, 0.3
    found = strips_view.changed(images, (0.0, 1.0))
    np.testing.assert_array_equal(found[1], images[1])
    np.testing.assert_allclose(found[0, :, 1:], 0.5)
    np.testing.assert_allclose([found[0, 0, 0, 0], found[2, 0, 0, 0]], [0.2, 0.8], rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("image", [(4, 5), (3, 4, 5)], [(2, 4, 5), (4,), (0, 5), (1, 3, 4, 5)]),
        ("strip", [(2, 3, 4, 5), (1, 1, 4, 5)], [(3, 4, 5), (2, 2, 4, 5), (0, 3, 4, 5)]),
        ("heat", [(4, 5)], [(3, 4, 5), (4,)]),
    ],
)
def test_each_kind_has_its_shapes(kind: str, right: list[tuple[int, ...]], wrong: list[tuple[int, ...]]) -> None:
    picture = Picture.model_validate({"kind": kind})
    assert all(map(picture.fits, right))
    assert not any(map(picture.fits, wrong))


def test_every_kind_has_a_part_that_draws_it() -> None:
    kinds = set(get_args(Picture.model_fields["kind"].annotation))
    assert kinds == set(DRAWINGS) == set(drawings.PARTS)
    assert set(drawings.EXAMPLES) < kinds


def test_no_page_knows_an_interface() -> None:
    """What a page draws hangs on the pictures that a task declares, never on what the task poses."""
    names = (*(f'"{interface}"' for interface in get_args(Interface)), ".poses")
    pages = Path(drawings.__file__).parents[1]
    assert [(file.name, name) for file in pages.rglob("*.py") for name in names if name in file.read_text()] == []


@pytest.mark.parametrize(
    ("older", "picture"),
    [
        ({"poses": "LinearInverse"}, Picture(kind="image")),
        ({"poses": "Completion"}, Picture(kind="matrix")),
        ({"poses": "FewShot"}, Picture(kind="text")),
        ({"poses": "Retrieval"}, Picture(kind="video")),
        ({"poses": "LinearInverse", "axis": {"name": "time"}}, Picture(kind="lines", one_by_one=True, axis=Axis(name="time"))),
    ],
)
def test_a_specification_without_pictures_has_what_was_usual(older: dict[str, object], picture: Picture) -> None:
    assert boards.task_info({**imaging(), **older}, "tiny").pictures == (picture,)


def test_a_task_may_still_name_its_axis_alone() -> None:
    spec = registry.get_task("mri").spec
    given = {name: getattr(spec, name) for name in TaskSpec.model_fields if name != "pictures"}
    assert TaskSpec(**given).pictures == (Picture(kind="image"),)
    lines = TaskSpec(**{**given, "axis": Axis(name="time")})
    assert "axis" not in lines.model_dump()
    assert lines.pictures == (Picture(kind="lines", one_by_one=True, axis=Axis(name="time")),)


@pytest.mark.parametrize(("shape", "least"), [((200, 2), 0.4), ((1, 300), 0.4), ((7, 5), 0.7)])
def test_a_long_matrix_is_no_hairline(shape: tuple[int, int], least: float) -> None:
    height, width, _ = decoded(figure_charts.tile(np.zeros(shape), (0.0, 1.0))).shape
    assert min(height, width) / max(height, width) >= least
    assert (height > width) == (shape[0] > shape[1])


def test_lines_have_a_row_each_and_gaps_where_nothing_can_be_drawn() -> None:
    log = LINES.model_copy(update={"log": True, "axis": Axis(name="time", start=2.0, step=0.5)})
    frame = figure_charts.table(np.array([[1.0, 0.0, np.inf], [4.0, 5.0, 6.0]]), log)
    assert frame["row"].tolist() == [0, 0, 0, 1, 1, 1]
    assert frame["at"].tolist() == [2.0, 2.5, 3.0] * 2
    np.testing.assert_array_equal(frame["value"], [1.0, np.nan, np.nan, 4.0, 5.0, 6.0])


def test_a_large_matrix_is_thinned() -> None:
    array = np.zeros((10, 1000))
    assert figure_charts.thinned(array) == 3
    assert figure_charts.table(array, LINES)["at"].tolist() == [*range(0, 1000, 3)] * 10
    assert figure_charts.thinned(np.zeros((40, 100))) == 1


@pytest.mark.parametrize(
    ("ends", "ticks"),
    [((0.02, 30.0), [0.1, 1.0, 10.0]), ((2.0, 30.0), [2.0, 30.0]), ((1e-12, 1.0), [1e-12, 1e-9, 1e-6, 1e-3, 1.0])],
)
def test_a_logarithmic_axis_has_few_ticks(ends: tuple[float, float], ticks: list[float]) -> None:
    assert figure_charts.powers(ends) == pytest.approx(ticks)


def test_charts_share_their_axes_and_have_the_colours_of_the_board(opened: tuple[Board, list[Figure]]) -> None:
    board, (_, spectrum, *_) = opened
    ends = scales.limits(spectrum)
    assert ends is not None
    for label in spectrum.estimates:
        drawn = figure_charts.chart(spectrum, label, board, ends).to_dict()
        truth, mine, dots = drawn["layer"]
        assert truth["mark"]["strokeWidth"] > 2 * mine["mark"]["strokeWidth"]
        assert mine["mark"]["color"] == colours(board)[label] != truth["mark"]["color"]
        assert mine["encoding"]["x"]["scale"]["domain"] == [1.0, 12.0]
        assert mine["encoding"]["x"]["title"] == "number"
        assert mine["encoding"]["y"]["scale"] == {"type": "log", "domain": list(ends)}
        assert mine["encoding"]["y"]["title"] == "singular value"
        assert [tip["title"] for tip in dots["encoding"]["tooltip"]] == ["class", "number", "singular value"]
        rows = drawn["datasets"][mine["data"]["name"]]
        assert {line["row"] for line in rows} == {0, 1, 2}
    alone = figure_charts.chart(spectrum, figures.TRUTH, board, ends).to_dict()
    assert len(alone["layer"]) == 2


def test_the_instance_page_draws_every_picture(open_page: Callable[..., AppTest], made: Made) -> None:
    app = open_page(made("figures"), "instance", task="grouping", preset="tiny", instance="0")
    assert not app.exception
    said = text(app)
    for title in ("Affinity", "Singular values by class", "Basis", "Edits", "strength: -2, 0, 2"):
        assert title in said
    assert "How much two samples belong together" in said
    assert "A line for each class; all charts share both axes. Broad and grey: the truth's." in said
    assert "No picture 'Singular values by class' of base_fill: none was kept for this instance." in said
    assert "Gaps where its numbers are zero, negative or not finite: truth." in said
    assert "method?method=graph_cut" in said
    assert "run?run=2" in said
    heat_maps = (1 + 3 + 1) + (3 + 1)  # truth and three methods, the scale; three methods, the scale
    assert len(app.get("image")) == heat_maps + 1 + 3  # strips of the truth and of three methods
    assert len(app.get("vega_lite_chart")) == 2 + 1  # two methods; how hard
    [differences] = [one for one in app.toggle if one.label == "Differences to the middle image"]
    differences.set_value(True).run()
    assert not app.exception
    assert "Grey: as in the middle image" in text(app)


def test_an_instance_of_which_nothing_was_kept_says_so(open_page: Callable[..., AppTest], made: Made) -> None:
    app = open_page(made("figures"), "instance", task="grouping", preset="tiny", instance="1")
    assert not app.exception
    assert "None was kept for this instance." in text(app)


def test_the_task_page_shows_the_first_one(open_page: Callable[..., AppTest], made: Made) -> None:
    app = open_page(made("figures"), "task", task="grouping", preset="tiny")
    assert not app.exception
    assert "The truth of one instance, groups 0: Affinity" in text(app)
