"""A metric against a hyperparameter: which rows make a line, and what it is called."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards, studies
from benchmark.report.board import Board, Row
from benchmark.statistics import Estimate


@pytest.fixture
def board(session_of: Callable[[str], Session]) -> Board:
    return boards.board(session_of("full"), "imaging", "small")


def row(board: Board, method: str, mean: float = 20.0, low: float = 19.0, **parameters: Any) -> Row:
    """A complete row with this mean, over 8 instances."""
    label = f"{method} {parameters}"
    means = {"psnr": Estimate(mean, low, mean + 1, 8)}
    return replace(board.rows[0], label=label, method=method, parameters=parameters, means=means, marks=())


def ranks(board: Board, method: str, *values: float, **others: Any) -> list[Row]:
    return [row(board, method, mean=20 + value, rank=value, **others) for value in values]


def test_rows_that_differ_in_one_number_alone_are_a_line(board: Board) -> None:
    rows = ranks(board, "a", 8, 2, 4, start="x") + ranks(board, "a", 2, 4, start="y") + ranks(board, "b", 1, 2, 3)
    found = studies.families(replace(board, rows=rows))
    assert list(found) == ["rank"]
    assert [[one.parameters["rank"] for one in family.rows] for family in found["rank"]] == [[2, 4, 8], [1, 2, 3]]
    assert [family.settings for family in found["rank"]] == [{"start": "x"}, {}]


def test_incomplete_rows_and_values_that_are_no_numbers_make_no_line(board: Board) -> None:
    rows = [*ranks(board, "a", 2, 4), replace(row(board, "a", rank=8), done=3)]
    rows += [row(board, "b", rank=value) for value in (1, 2, "auto")]
    rows += [row(board, "c", flag=value, size=1) for value in (False, True, 2)]
    assert studies.families(replace(board, rows=rows)) == {}


def test_the_hyperparameter_with_most_points_is_first(board: Board) -> None:
    rows = [row(board, "a", lr=lr, rank=2) for lr in (0.1, 0.2, 0.3)] + [row(board, "a", lr=0.1, rank=r) for r in (1, 3, 4)]
    assert list(studies.families(replace(board, rows=rows))) == ["rank", "lr"]
    assert list(studies.families(replace(board, rows=rows[:3]))) == ["lr"]


def test_a_line_is_named_by_what_tells_it_apart(board: Board) -> None:
    rows = ranks(board, "a", 1, 2, 3, start="x", lr=0.1) + ranks(board, "a", 1, 2, 3, start="y", lr=0.1)
    rows += ranks(board, "b", 1, 2, 3, lr=0.1)
    found = studies.families(replace(board, rows=rows))["rank"]
    assert [family.label for family in found] == ["a [start=x]", "a [start=y]", "b"]


def test_a_line_is_named_by_what_is_not_recommended(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "difference", lambda method, task, preset, one: " [..]" if one == {"start": "x"} else "")
    found = studies.families(replace(board, rows=ranks(board, "a", 1, 2, 3, start="x", lr=0.1)))["rank"]
    assert [family.label for family in found] == ["a [start=x]"]


def test_a_metric_that_few_rows_have_makes_no_line(board: Board) -> None:
    board = replace(board, rows=ranks(board, "a", 1, 2, 3))
    nmse = next(metric for metric in board.task.metrics if metric.name == "nmse")
    assert studies.values(studies.families(board)["rank"], "rank", nmse).empty
