"""The overview: its filters, its heat map, what it saves, and the page itself without a browser."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from benchmark.report import boards as reading
from benchmark.report import filters, formats, leaders, methods_by_boards
from benchmark.report.board import Board
from benchmark.store.database import open_database
from leaderboard.charts import heat_table, leader_blocks
from tests.leaderboard.test_app import html, text


@pytest.fixture
def boards(made: Callable[[str], Path]) -> list[Board]:
    engine = open_database(str(made("varied")), create=False)
    with Session(engine) as session:
        found = [reading.board(session, *place) for place in reading.boards(session)]
    engine.dispose()
    return found


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


def test_names_cannot_be_markup(boards: list[Board]) -> None:
    found = methods_by_boards.of_selection(filters.select(boards, {}))
    page = heat_table.html(found, lambda name: f"method?name={name}")
    assert "<b>" not in page
    assert "&lt;b&gt;odd&lt;/b&gt; &amp; way" in page
    assert page.count("no result") == 20 - 12
    picture = ElementTree.fromstring(heat_table.svg(found, "Rank <on> each board"))
    words = {element.text for element in picture.iter() if element.text}
    assert {"<b>odd</b> & way", "5/8", "beta small", "3 of 4"} <= words


def test_leaders_and_their_lead(boards: list[Board]) -> None:
    frame, columns = leaders.table(boards)
    assert list(frame.columns) == list(columns)
    line = frame[(frame["task"] == "beta")].iloc[0]
    assert line["leading"] == "new_way"
    assert line["difference to the baseline"].endswith("against base_fill")
    assert "task?task=beta&amp;preset=small" in leader_blocks.html(boards, frame)


def ranked(app: AppTest) -> list[str]:
    """The methods of the table of average ranks, from its first line to its last."""
    [body] = re.findall(r'<table class="ldb-ranks">.*?(<tbody>.*?</tbody>)', html(app), re.DOTALL)
    return ["".join(line[0].itertext()) for line in ElementTree.fromstring(body)]


def hidden(app: AppTest) -> str:
    return next((str(e.value) for e in app.markdown if "The filters hide" in str(e.value)), "")


def test_a_link_filters_and_the_way_back(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("varied"), "overview", kinds="network", presets="small")
    assert not app.exception
    assert "The filters hide 1 of 4 boards, 2 of 5 methods, 8 results in all" in hidden(app)
    assert "old_way" not in html(app)
    assert ranked(app) == ["new_way", "<b>odd</b> & way"]
    assert "The filters hide 2 methods of this table" in text(app)
    assert [box.value for box in app.multiselect] == [[], ["small"], ["network"], [], [], []]
    app.button(key="reset").click().run()
    assert not app.exception
    assert hidden(app) == ""
    assert "old_way" in html(app)


def test_filters_that_exclude_each_other_say_so(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("varied"), "overview", devices="Made-up GPU", tasks="gamma")
    assert not app.exception
    assert "No result is left" in text(app)
    assert "The filters hide 4 of 4 boards" in hidden(app)


def test_a_link_to_a_value_that_is_not_there_says_so(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("varied"), "overview", tasks="delta")
    assert not app.exception
    assert "the link asks for task 'delta', which is not there" in text(app)
    assert hidden(app) == ""


def test_tasks_without_common_methods_are_ranked_over_the_largest_shared_set(
    open_page: Callable[..., AppTest], made: Callable[[str], Path]
) -> None:
    app = open_page(made("varied"), "overview")
    assert not app.exception
    assert "No two methods are complete on all 3 tasks" in text(app)
    assert "alpha, beta: 3 methods are complete" in text(app)
    assert ranked(app)[:3] == ["new_way", "old_way", "base_fill"]


def test_cells_can_show_differences(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("varied"), "overview", show="difference to the baseline")
    assert not app.exception
    assert "mean paired difference to the task's baseline" in text(app)
    assert ">base<" in html(app)
