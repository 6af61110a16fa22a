import json
from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards as reading
from benchmark.report import filters, formats, methods_by_boards
from benchmark.report.board import Board


@pytest.fixture
def boards(session_of: Callable[[str], Session]) -> list[Board]:
    session = session_of("varied")
    return [reading.board(session, *place) for place in reading.boards(session)]


def test_filters_never_change_a_rank(boards: list[Board]) -> None:
    every, some = (methods_by_boards.of_selection(filters.select(boards, chosen)) for chosen in ({}, {"kinds": ["classical"]}))
    assert some.methods == ("old_way",)
    assert [some.cells["old_way", column].text for column in range(3)] == [every.cells["old_way", c].text for c in range(3)]


def test_cells_say_rank_coverage_or_nothing(boards: list[Board]) -> None:
    found = methods_by_boards.of_selection(filters.select(boards, {}))
    at = {methods_by_boards.name(board): column for column, board in enumerate(found.boards)}
    assert found.cells["new_way", at["beta / small"]].text == "1"
    assert found.cells["new_way", at["beta / small"]].level == 1
    assert found.cells["other_way", at["gamma / small"]].text == "5/8"
    assert found.cells["new_way", at["alpha / tiny"]].text == "–"
    assert ("new_way", at["gamma / small"]) not in found.cells
    assert found.coverage("new_way") == "3 of 4"
    assert found.coverage("other_way") == "0 of 4"
    assert found.methods[0] == "base_fill"
    ranks = {row.method: row.rank for row in next(b for b in boards if methods_by_boards.name(b) == "alpha / small").rows}
    assert {m: int(found.cells[m, at["alpha / small"]].text) for m in ranks} == ranks


def test_differences_have_signs_and_brackets(boards: list[Board]) -> None:
    found = methods_by_boards.of_selection(filters.select(boards, {}), gains=True)
    at = {methods_by_boards.name(board): column for column, board in enumerate(found.boards)}
    assert found.cells["base_fill", at["alpha / small"]].text == "base"
    assert found.cells["new_way", at["alpha / small"]].text.startswith("+")
    assert found.cells["new_way", at["alpha / small"]].level == 1
    assert found.cells["other_way", at["gamma / small"]].text.startswith("(+")  # incomplete


def test_the_table_to_save_holds_the_cells_that_are_shown(boards: list[Board]) -> None:
    found = methods_by_boards.of_selection(filters.select(boards, {"tasks": ["gamma"]}))
    view = methods_by_boards.view(found, gains=False, about=["filters: task gamma"])
    rows = json.loads(formats.to_json(view))["rows"]
    assert rows == [
        {"method": "base_fill", "complete on": "1 of 1", "gamma / small": "1", "best": True},
        {"method": "other_way", "complete on": "0 of 1", "gamma / small": "5/8", "best": False},
    ]
    assert "filters: task gamma" in formats.to_csv(view)
    assert r"\begin{tabular}" in formats.to_latex(view)
