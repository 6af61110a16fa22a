"""Pictures in grey and in colour, read back from the PNG that a page shows."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy.orm import Session

from benchmark.report import boards
from benchmark.report.board import Board
from benchmark.spec import Picture
from leaderboard.artifacts import figures
from leaderboard.artifacts.figures import Figure
from leaderboard.artifacts.files import load
from leaderboard.charts import pixels


def decoded(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_a_colour_picture_is_drawn_in_its_colours() -> None:
    picture = np.zeros((3, 2, 3), np.float32)
    picture[:, 0, 0] = (1.0, 0.5, 0.0)
    picture[:, 1, 2] = (0.2, 0.4, 2.0)  # above `top`: clipped
    shown = decoded(pixels.picture_png(picture, 1.0, side=3))
    assert shown.shape == (2, 3, 3)
    assert shown[0, 0].tolist() == [255, 128, 0]
    assert shown[1, 2].tolist() == [51, 102, 255]
    assert shown[0, 1].tolist() == [0, 0, 0]
    assert decoded(pixels.picture_png(picture, 1.0, side=6)).shape == (4, 6, 3)


def test_a_grey_picture_is_drawn_in_grey() -> None:
    shown = decoded(pixels.picture_png(np.array([[0.0, 0.25], [0.5, 1.0]], np.float32), 0.5, side=2))
    assert shown.tolist() == [[[0] * 3, [128] * 3], [[255] * 3, [255] * 3]]


def test_the_error_of_a_colour_picture_is_the_mean_over_its_channels() -> None:
    truth = np.full((3, 2, 2), 0.5, np.float32)
    estimate = truth + np.array([0.3, -0.3, 0.0], np.float32)[:, None, None]
    np.testing.assert_allclose(pixels.error_map(estimate, truth), np.full((2, 2), 0.2), rtol=1e-6)
    np.testing.assert_allclose(pixels.error_map(estimate[1], truth[1]), np.full((2, 2), 0.3), rtol=1e-6)
    assert pixels.error_limit(Figure(Picture(kind="image"), truth, {"a": truth, "b": estimate}, {})) == pytest.approx(
        0.2, rel=0.06
    )


def test_one_that_failed_does_not_set_the_scale_of_errors() -> None:
    truth = np.full((8, 8), 0.5, np.float32)
    estimates = {name: truth + step for name, step in (("a", 0.04), ("b", 0.05), ("c", 0.06), ("failed", 0.5))}
    assert pixels.error_limit(Figure(Picture(kind="image"), truth, estimates, {})) == pytest.approx(0.115, rel=0.1)
    two = Figure(Picture(kind="image"), truth, {"a": truth, "b": truth, "c": truth + 0.3}, {})
    assert pixels.error_limit(two) == pytest.approx(0.305, rel=0.05)


@pytest.mark.parametrize("shape", [(5, 4), (3, 5, 4), (3, 4)])
def test_grey_and_colour_are_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).random(shape).astype(np.float16)
    np.save(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(figures._read(tmp_path, "a.npy", Picture(kind="image")), array.astype(np.float32))


@pytest.mark.parametrize("shape", [(4,), (1, 5, 4), (2, 5, 4), (4, 5, 4), (5, 4, 3), (1, 3, 5, 4)])
def test_other_shapes_are_not_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.float16))
    said = f"a.npy holds float16 {shape}, not an image (H, W) or (3, H, W)"
    assert figures._read(tmp_path, "a.npy", Picture(kind="image")) == said


@pytest.fixture
def session(session_of: Callable[[str], Session]) -> Session:
    return session_of("full")


@pytest.fixture
def board(session: Session) -> Board:
    return boards.board(session, "imaging", "small")


def test_pictures_come_with_their_problems(session: Session, board: Board, made: Callable[[str], Path]) -> None:
    folder = made("full").parent
    (found,) = figures.read_figures(session, folder, board.rows, (0, 1), board.task.pictures)
    assert found.truth is not None
    assert found.truth.shape == (64, 64)
    assert len(found.estimates) == 6
    assert 0 < pixels.error_limit(found) < 1
    assert pixels.picture_png(found.truth, 1.0).startswith(b"\x89PNG")
    assert pixels.heat_png(found.truth, 0.1).startswith(b"\x89PNG")
    (moved,) = figures.read_figures(session, folder / "elsewhere", board.rows, (0, 1), board.task.pictures)
    assert moved.truth is None
    assert "is missing beside the database" in moved.problems["net_guided"]
    assert figures.read_figures(session, folder, board.rows, (0, 5), board.task.pictures)[0].truth is None


def test_a_picture_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.npy").write_bytes(b"")
    assert load(tmp_path / "inner", "../secret.npy") == "its file lies outside the folder of the database"
