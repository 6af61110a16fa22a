"""A metric by cell of a grid: its fields, means and intervals."""

from collections.abc import Callable

import numpy as np
import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards, cells
from benchmark.report.board import Board


@pytest.fixture
def completion(session_of: Callable[[str], Session]) -> dict[str, Board]:
    session = session_of("completion")
    return {preset: boards.board(session, "completion", preset) for preset in ("small", "small_noise", "full")}


def test_axes_are_the_fields_with_several_values(completion: dict[str, Board]) -> None:
    assert [cells.axes(board) for board in completion.values()] == [["n", "rank"], ["noise"], []]


def test_each_cell_has_the_mean_of_its_instances_and_seeds(completion: dict[str, Board]) -> None:
    board = completion["small"]
    success = next(metric for metric in board.task.metrics if metric.name == "success")
    frame = cells.values(board, success)
    found = frame[frame["label"] == "base_fill"].set_index(["n", "rank"])
    assert found["value"].to_dict() == {(n, r): float(r == 5) for n in (50, 100) for r in (2, 3, 5)}
    assert (frame["n"].isin([50, 100])).all()


@pytest.fixture
def groups(session_of: Callable[[str], Session]) -> Board:
    return boards.board(session_of("curves"), "waves", "small")


def test_a_grid_of_names_has_the_mean_and_interval_of_each_group(groups: Board) -> None:
    assert cells.axes(groups) == ["group"]
    frame = cells.values(groups, groups.task.primary).set_index(["label", "group"])
    row = next(row for row in groups.rows if row.label == "learner_plain")
    scores = [row.scores["rmse"][0, instance] for instance in (1, 4, 7, 10)]  # the second group of three
    found = frame.loc[("learner_plain", "lamps")]
    assert found["value"] == pytest.approx(np.mean(scores))
    assert found["low"] < found["value"] < found["high"]
    assert (frame["scores"] == 4).all()


def test_cells_of_numbers_have_no_interval(completion: dict[str, Board]) -> None:
    board = completion["small_noise"]
    assert cells.values(board, board.task.primary)[["low", "high"]].isna().all(axis=None)
    assert not cells.named(board, "noise")
