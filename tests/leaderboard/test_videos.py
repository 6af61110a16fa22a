"""The instance page of a task of retrieval, without a browser: with videos, and where there can be none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.leaderboard import synthetic_retrieval
from tests.leaderboard.test_app import text

pytestmark = pytest.mark.slow

Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def forgetful() -> None:
    """Videos that another test made are made anew, or cannot be."""
    st.cache_resource.clear()


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    with synthetic_retrieval.installed(monkeypatch, tmp_path):
        yield


def strips(app: AppTest) -> list[str]:
    """The texts that stand for the moving pictures."""
    bodies = [element.proto.body for element in app.get("html")]
    return [body.split('alt="')[1].split('"')[0] for body in bodies if "image/webp" in body]


def test_two_methods_side_by_side(open_page: Open, made: Callable[[str], Path], plugged: None) -> None:
    app = open_page(made("retrieval"), "instance", task="moving", preset="small", seed="0", instance="0")
    assert not app.exception
    assert "Moving (for tests) / small: 15 motions" in text(app)
    boxes = {box.label: box for box in app.selectbox}
    assert (boxes["First method"].value, boxes["Second method"].value) == ("mean_colour", "differences")
    assert boxes["Queries"].value == "different"
    assert "Nearest video correct: 0 of 30 queries" in text(app)
    found = strips(app)
    assert len(found) == 10
    assert all(one.startswith(f"query {app.query_params['query']}: ") for one in (found[0], found[5]))
    assert "; nearest: " in found[0]
    assert list(app.dataframe[0].value["method"]) == ["mean_colour", "differences"]
    assert app.dataframe[0].value["same background (%)"][0] > 90
    assert "How hard is this instance?" in text(app)


def test_a_link_says_methods_and_query(open_page: Open, made: Callable[[str], Path], plugged: None) -> None:
    place = {"task": "moving", "preset": "small", "first": "differences", "second": "mean_colour"}
    app = open_page(made("retrieval"), "instance", **place, queries="all", query="28")
    assert not app.exception
    assert not app.warning
    found = strips(app)
    assert [one.split(":")[0] for one in found] == ["query 28", "query 29"] * 2
    next(box for box in app.selectbox if box.label == "Query to begin with").select(3).run()
    assert app.query_params["query"] == "3"
    assert strips(app)[4].startswith("query 7: ")
    next(box for box in app.selectbox if box.label == "Queries").select("different").run()
    assert not app.exception
    assert not app.warning


def test_videos_may_stand_still(open_page: Open, made: Callable[[str], Path], plugged: None) -> None:
    app = open_page(made("retrieval"), "instance", task="moving", preset="small")
    whole = [len(element.proto.body) for element in app.get("html")]
    app.toggle[0].set_value(False).run()
    assert not app.exception
    assert sum(whole) > 3 * sum(len(element.proto.body) for element in app.get("html"))


def test_a_task_that_is_not_here_leaves_the_places(open_page: Open, made: Callable[[str], Path]) -> None:
    app = open_page(made("retrieval"), "instance", task="moving", preset="small")
    assert not app.exception
    assert app.info[0].value == "The videos cannot be shown: the task moving is not installed here."
    assert strips(app) == []
    assert list(app.dataframe[0].value) == ["query", "mean_colour", "differences"]
    assert "✓" in "".join(app.dataframe[0].value["differences"])


@pytest.mark.parametrize(
    ("preset", "observation", "reason"),
    [
        ("small", "other", "the data here are not those that the methods were shown"),
        ("full", "", "needs your own videos: --data"),
    ],
)
def test_other_data_and_data_of_ones_own_leave_the_places(
    open_page: Open, plugged: None, tmp_path: Path, preset: str, observation: str, reason: str
) -> None:
    synthetic_retrieval.make_retrieval(tmp_path / "other.db", preset, observation=observation).dispose()
    app = open_page(tmp_path / "other.db", "instance", task="moving", preset=preset)
    assert not app.exception
    assert f"The videos cannot be shown: {reason}" in app.info[0].value.replace("\\", "")
    assert strips(app) == []
    assert len(app.dataframe[0].value) == 30


def test_nothing_kept_says_so(open_page: Open, plugged: None, tmp_path: Path) -> None:
    synthetic_retrieval.make_retrieval(tmp_path / "bare.db", "tiny", pictures=False).dispose()
    app = open_page(tmp_path / "bare.db", "instance", task="moving", preset="tiny")
    assert not app.exception
    assert "No nearest videos were kept for this instance." in text(app)
    assert "No nearest videos of differences, mean_colour: none was kept for this instance." in text(app)


def test_the_other_pages_take_such_a_task_as_any(open_page: Open, made: Callable[[str], Path]) -> None:
    for page in ("papers", "overview", "task"):
        app = open_page(made("retrieval"), page, task="moving", preset="small")
        assert not app.exception
        assert "Moving (for tests)" in text(app) or page != "task"
