"""Stacks of curves: reading them, the table behind a picture, and the pictures themselves."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from benchmark.report import boards
from benchmark.report.board import Board
from benchmark.spec import Axis, Picture
from benchmark.store.database import open_database
from leaderboard.artifacts.figures import Array, Figure, read_beside, read_figures
from leaderboard.charts import marks, stack_charts
from tests.leaderboard import synthetic_curves as made_up

KEY = (0, 0)
WAVELENGTH = Axis(name="wavelength", unit="nm", start=400.0)
Opened = tuple[Board, Figure, Array | str | None]


@pytest.fixture
def opened(made: Callable[[str], Path]) -> Opened:
    return _read(open_database(str(made("curves")), create=False), made("curves").parent)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Engine, Path]:
    """A database of two methods, runs 1 and 2, and the folder of its arrays."""
    return made_up.make_curves(tmp_path / "two.db", ["flat_guess", "solver_fast"]), tmp_path / "curves"


def _read(engine: Engine, folder: Path) -> Opened:
    with Session(engine) as session:
        board = boards.board(session, "waves", "small")
        (found,) = read_figures(session, folder, board.rows, KEY, board.task.pictures)
        measured = read_beside(session, folder, board.rows, KEY, "measured")
    engine.dispose()
    return board, found, measured


def _broken(two: tuple[Engine, Path], **arrays: np.ndarray | None) -> Figure:
    """What is read after these files of instance 0 were replaced, or removed: 'run_kind' -> array."""
    engine, folder = two
    for name, array in arrays.items():
        number, kind = name[1:].split("_")
        path = folder / f"{number}_0_{kind}.npy"
        path.unlink() if array is None else np.save(path, array)
    return _read(engine, folder.parent)[1]


def test_a_board_says_what_its_columns_stand_for(made: Callable[[str], Path], opened: Opened) -> None:
    (picture,) = opened[0].task.pictures
    assert picture == Picture(kind="lines", one_by_one=True, axis=WAVELENGTH)
    assert stack_charts.axis_title(stack_charts.axis_of(picture)) == "wavelength (nm)"
    engine = open_database(str(made("full")), create=False)
    with Session(engine) as session:
        assert boards.board(session, "imaging", "small").task.pictures == (Picture(kind="image"),)  # none declared
    engine.dispose()


def test_an_axis_with_a_later_key_is_read() -> None:
    spec = made_up.waves()
    spec["axis"] = {"name": "time", "unit": "s", "later": 1}
    assert boards.task_info(spec, "small").pictures[0].axis == Axis(name="time", unit="s")


def test_truth_estimates_and_signal_of_an_instance_are_read(opened: Opened) -> None:
    found = opened[1]
    assert found.truth is not None
    assert isinstance(opened[2], np.ndarray)
    np.testing.assert_array_equal(found.truth, made_up.truth_of(0).astype(float))
    assert set(found.estimates) == set(made_up.METHODS)
    assert {estimate.shape for estimate in found.estimates.values()} == {(5, 301)}
    assert opened[2].shape == (5, 16)
    assert found.problems == {}


def test_what_cannot_be_shown_is_said(two: tuple[Engine, Path]) -> None:
    spoilt = np.full((5, 301), np.nan)
    found = _broken(two, r1_estimate=None, r2_estimate=spoilt)
    assert found.truth is not None
    assert found.estimates == {}
    assert found.problems == {
        "flat_guess": "curves/1_0_estimate.npy is missing beside the database",
        "solver_fast": "curves/2_0_estimate.npy holds values that are not finite",
    }


def test_other_shapes_are_said(two: tuple[Engine, Path]) -> None:
    found = _broken(two, r1_estimate=np.ones((5, 300)), r2_estimate=np.ones((3, 5, 301), np.float32))
    assert found.estimates == {}
    assert found.problems == {
        "flat_guess": "the estimate is (5, 300), the truth (5, 301)",
        "solver_fast": "curves/2_0_estimate.npy holds float32 (3, 5, 301), not a matrix with a curve in each row",
    }


def test_one_truth_that_can_be_read_is_enough(two: tuple[Engine, Path]) -> None:
    found = _broken(two, r1_truth=None)
    assert found.truth is not None
    assert found.problems == {}
    found = _broken(two, r2_truth=np.ones(301))
    assert found.truth is None
    assert found.problems == {"truth": "curves/2_0_truth.npy holds float64 (301,), not a matrix with a curve in each row"}


def test_rmse_is_of_curves_divided_by_their_largest_values() -> None:
    truth = np.array([0.0, 0.5, 0.25, 0.0])
    assert stack_charts.rmse(7 * truth, truth) == pytest.approx(0)
    assert stack_charts.rmse(np.array([0.0, 2.0, 2.0, -1.0]), truth) == pytest.approx(np.sqrt((0.5**2 + 0.5**2) / 4))
    assert stack_charts.rmse(-truth, truth) == pytest.approx(np.sqrt((1.5**2 + 0.75**2) / 4))  # nowhere positive: not divided
    assert stack_charts.rmse(0 * truth, truth) == pytest.approx(np.sqrt((1 + 0.5**2) / 4))


def test_a_table_holds_the_truth_and_then_the_estimates(opened: Opened) -> None:
    found = opened[1]
    frame = stack_charts.table(found, 3, ["solver_fast"])
    assert list(dict.fromkeys(frame["label"])) == ["truth", "solver_fast"]
    assert frame["at"].tolist() == [*range(400, 701)] * 2
    np.testing.assert_array_equal(frame[frame["label"] == "solver_fast"]["value"], found.estimates["solver_fast"][3])


def test_one_that_failed_does_not_flatten_the_others() -> None:
    parts = {"truth": [0.0, 1.0], "good": [-0.1, 1.1], "wild": [-40.0, 60.0]}
    frame = pd.DataFrame([{"label": label, "at": at, "value": v} for label, vs in parts.items() for at, v in enumerate(vs)])
    assert stack_charts.span(frame) == pytest.approx((-0.53, 2.03))
    assert stack_charts.cut(frame) == ["wild"]
    tame = frame[frame["label"] != "wild"]
    assert stack_charts.span(tame) == pytest.approx((-0.13, 1.13))
    assert stack_charts.cut(tame) == []


def test_the_first_choice_is_the_baseline_and_the_best(opened: Opened) -> None:
    board, found, _ = opened
    best = [row.label for row in board.rows if row is not board.baseline][:3]
    assert stack_charts.first_choice(board, found.estimates) == [*best, "flat_guess"]
    assert stack_charts.first_choice(board, ["solver_fast"]) == ["solver_fast"]
    assert stack_charts.first_choice(board, []) == []


def test_a_picture_has_the_colours_of_the_board_and_reads_all_lines_at_one_place(opened: Opened) -> None:
    board, found, _ = opened
    chosen = ["solver_fast", "flat_guess"]
    drawn = stack_charts.chart(stack_charts.table(found, 1, chosen), board, WAVELENGTH).to_dict()
    broad, thin, rule = drawn["layer"]
    assert broad["mark"]["strokeWidth"] > 2 * thin["mark"]["strokeWidth"]
    scale = thin["encoding"]["color"]["scale"]
    palette = marks.colours(board)
    assert scale["domain"] == ["truth", *chosen]
    assert scale["range"][1:] == [palette[name] for name in chosen]
    assert scale["range"][0] not in palette.values()
    assert thin["encoding"]["x"]["title"] == "wavelength (nm)"
    assert [tip["title"] for tip in rule["encoding"]["tooltip"]] == ["wavelength", "truth", *chosen]
    fields = [tip["field"] for tip in rule["encoding"]["tooltip"]]
    row = drawn["datasets"][rule["data"]["name"]][10]
    assert row["at"] == 410
    assert row[fields[-1]] == pytest.approx(found.estimates["flat_guess"][1, 10])


def test_small_pictures_share_their_vertical_axis(opened: Opened) -> None:
    board, found, _ = opened
    frame = stack_charts.table(found, 1, list(found.estimates))
    for label in found.estimates:
        drawn = stack_charts.small_chart(frame, board, WAVELENGTH, label, stack_charts.span(frame)).to_dict()
        assert drawn["layer"][1]["encoding"]["y"]["scale"]["domain"] == list(stack_charts.span(frame))
        assert drawn["layer"][1]["encoding"]["color"]["value"] == marks.colours(board)[label]
        (data,) = drawn["datasets"].values()
        assert {line["label"] for line in data} == {"truth", label}


def test_the_signal_is_drawn_on_a_logarithmic_scale_without_what_is_not_positive() -> None:
    drawn = stack_charts.measured_chart(np.array([1e-6, 3e-3, 0.0, -1e-5])).to_dict()
    encoding = drawn["layer"][0]["encoding"]
    assert encoding["y"]["scale"] == {"type": "log", "domain": pytest.approx([1e-7, 1e-2]), "nice": False}
    assert encoding["x"]["scale"]["domain"] == [0, 1, 2, 3]
    (data,) = drawn["datasets"].values()
    assert [line["detector"] for line in data] == [0, 1]
    assert all(line["floor"] < line["signal"] for line in data)
