"""The overview, without a browser."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from streamlit.testing.v1 import AppTest

from tests.leaderboard.test_app import html, text


def ranked(app: AppTest) -> list[str]:
    """The methods of the table of average ranks, from its first line to its last, without the marks of what they see."""
    [body] = re.findall(r'<table class="ldb-ranks">.*?(<tbody>.*?</tbody>)', html(app), re.DOTALL)
    return ["".join(line[0].find("a").itertext()) for line in ElementTree.fromstring(body)]


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
    assert "the 3 methods that are complete on alpha, beta." in text(app)
    assert ranked(app)[:3] == ["new_way", "old_way", "base_fill"]


def test_cells_can_show_differences(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("varied"), "overview", show="difference to the baseline")
    assert not app.exception
    assert "mean paired difference to the task's baseline" in text(app)
    assert ">base<" in html(app)
