"""The cards of the overview: who leads, by how much, what its data are, and a picture."""

from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards, leaders, reality
from benchmark.report.board import Board
from benchmark.spec import Picture
from leaderboard.charts import task_cards, thumbnail
from leaderboard.charts.task_cards import Card


@pytest.fixture
def board(session_of: Callable[[str], Session]) -> Board:
    return boards.board(session_of("full"), "imaging", "small")


def test_a_card_names_the_leading_set_and_leads_to_boards_and_methods(board: Board) -> None:
    tiny = replace(board, preset="tiny")
    found = task_cards.html([Card(board, "data:,", leaders.ahead(board), [tiny])], [row.method for row in board.rows])
    links = [link.get("href") for link in ElementTree.fromstring(found).iter("a")]
    assert links == [
        "task?task=imaging&preset=small",
        "method?method=net_guided",
        "method?method=net_reference",
        "task?task=imaging&preset=tiny",
    ]
    assert "psnr ↑ +0.31 dB [+0.07, +0.68] over net_reference" in found
    assert "1 more board" in found


def test_a_card_does_not_name_methods_that_the_filters_hide(board: Board) -> None:
    best = [row.method for row in board.rows if row.rank == 1]
    card = Card(board, "data:,", leaders.ahead(board), [])
    found = task_cards.html([card], [row.method for row in board.rows if row.method not in best])
    assert "Leading: hidden by the filters" in found
    assert not any(name in found for name in best)


def test_a_lead_whose_interval_holds_zero_is_none(board: Board) -> None:
    assert "no clear lead" not in leaders.ahead(board)
    first = board.rows[0]
    close = {key: value + (0.2 if key[1] % 2 else -0.3) for key, value in first.scores["psnr"].items()}
    near = replace(first, label="near", scores={**first.scores, "psnr": close})
    assert "over near: no clear lead" in leaders.ahead(replace(board, rows=[first, near]))
    assert leaders.ahead(replace(board, rows=[first, replace(first, label="twin")])) == "same mean psnr as twin"
    assert leaders.ahead(replace(board, rows=board.rows[:1])) == "no other method to compare with"


@pytest.mark.parametrize(
    ("poses", "data", "said"),
    [
        ("LinearInverse", ["colin27"], "real data, simulated measurements"),
        ("LinearInverse", ["fastmri"], "real data"),
        ("Editing", ["head", "face_reader"], "rendered data"),
        ("FewShot", ["minilm", "sentiment"], "real data"),
        ("Completion", [], "synthetic data"),
    ],
)
def test_whether_data_are_real(board: Board, poses: str, data: list[str], said: str) -> None:
    task = replace(board.task, poses=poses, presets={"small": {"data": data}})
    assert reality.real(replace(board, task=task)) == said


@pytest.mark.parametrize(
    ("picture", "shape"),
    [
        (Picture(kind="image"), (16, 16)),
        (Picture(kind="image"), (3, 16, 16)),
        (Picture(kind="matrix"), (20, 10)),
        (Picture(kind="strip"), (4, 1, 8, 8)),
        (Picture(kind="heat"), (12, 12)),
    ],
)
def test_a_truth_is_a_small_picture(picture: Picture, shape: tuple[int, ...]) -> None:
    truth = np.random.default_rng(0).random(shape)
    assert thumbnail.of(picture, truth).startswith("data:image/png;base64,")


def test_curves_are_drawn_and_names_are_not() -> None:
    rows = np.random.default_rng(0).random((40, 9))
    assert thumbnail.curves(rows).count("<polyline") == 12
    assert "nan" not in thumbnail.curves(np.where(rows > 0.5, rows, 0.0), log=True)
    assert thumbnail.of(Picture(kind="text"), rows) == ""
    assert thumbnail.of(Picture(kind="heat"), np.full((4, 4), np.nan)) == ""  # no number, so no picture
