from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards as reading
from benchmark.report import filters
from benchmark.report.board import Board


@pytest.fixture
def boards(session_of: Callable[[str], Session]) -> list[Board]:
    session = session_of("varied")
    return [reading.board(session, *place) for place in reading.boards(session)]


def test_options_are_what_the_boards_hold(boards: list[Board]) -> None:
    assert filters.options(boards) == {
        "tasks": ["alpha", "beta", "gamma"],
        "presets": ["small", "tiny"],
        "kinds": ["baseline", "classical", "network"],
        "papers": ["arXiv:2402.04097", "arXiv:2406.05288", "doi:10.1/old", "no paper"],
        "trusts": ["reproduced", "scored", "self_reported"],
        "devices": ["Made-up CPU", "Made-up GPU"],
    }


def test_without_filters_nothing_is_hidden(boards: list[Board]) -> None:
    every = filters.select(boards, {})
    assert len(every.boards) == 4
    assert len(every.methods) == 5
    assert not every.hides
    assert every.sentence() == ""


@pytest.mark.parametrize(
    ("chosen", "places", "methods"),
    [
        ({"tasks": ["gamma"]}, 1, ["base_fill", "other_way"]),
        ({"presets": ["tiny"]}, 1, ["base_fill", "new_way", "old_way"]),
        ({"kinds": ["classical", "baseline"]}, 4, ["base_fill", "old_way"]),
        ({"papers": ["no paper"]}, 4, ["base_fill"]),
        ({"trusts": ["scored"]}, 4, ["new_way", "other_way"]),
        ({"devices": ["Made-up GPU"]}, 3, ["new_way"]),
        ({"devices": ["Made-up GPU"], "tasks": ["gamma"]}, 0, []),
    ],
)
def test_each_filter(boards: list[Board], chosen: filters.Chosen, places: int, methods: list[str]) -> None:
    found = filters.select(boards, chosen)
    assert (len(found.boards), found.methods) == (places, methods)
    shown = sum(map(len, found.rows))
    assert found.sentence() == (
        f"The filters hide {4 - places} of 4 boards, {5 - len(methods)} of 5 methods, {12 - shown} results in all "
        "(a method on a board)."
    )
