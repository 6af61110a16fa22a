from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards
from benchmark.report.board import Board
from benchmark.report.order import baseline, pareto
from benchmark.spec import Metric
from benchmark.store.queries import Entry


def entries(*labels: str) -> list[Entry]:
    return [Entry(method=label.partition(" ")[0], kind="", parameters={}, label=label) for label in labels]


@pytest.mark.parametrize(
    ("labels", "chosen"),
    [
        (["a", "base [k=2]", "base", "base [k=3]"], 2),
        (["a", "base [k=2]", "base [k=3]"], 1),
        (["a", "other"], None),
        ([], None),
    ],
)
def test_the_baseline_is_the_recommended_one_or_else_the_first_of_its_rows(labels, chosen) -> None:
    rows = entries(*labels)
    assert baseline(rows, "base") is (None if chosen is None else rows[chosen])


@pytest.fixture
def session(session_of: Callable[[str], Session]) -> Session:
    return session_of("full")


@pytest.fixture
def board(session: Session) -> Board:
    return boards.board(session, "imaging", "small")


def test_pareto_front_is_of_complete_rows_that_none_beats(board: Board) -> None:
    front = pareto(board.rows, board.task.primary)
    assert {"base_fill", "net_guided"} <= front
    assert not {"net_reference", "classic_wavelet [steps=7]"} & front


def test_pareto_front_of_a_metric_where_less_is_better(session: Session) -> None:
    found = boards.board(session, "sorting", "small")
    assert pareto(found.rows, found.task.primary) == {"classic_cg"}
    assert isinstance(found.task.primary, Metric)
