"""The page Compare, without a browser."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from tests.leaderboard.words import words

PLACE = {"task": "imaging", "preset": "small"}
PLAIN = "net_plain [steps=100]"


def test_page_of_a_link(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "compare", **PLACE, first="net_guided", second=PLAIN)
    assert not app.exception
    assert [box.value for box in app.selectbox] == ["imaging", "small", "net_guided", PLAIN, "psnr"]
    assert f"net_guided against {PLAIN}" in words(app)
    assert "net_guided is better." in words(app)
    assert f"Of 8 instances (seeds averaged first) net_guided wins 8, {PLAIN} 0." in words(app)
    assert not app.warning
    table = next(one.value for one in app.dataframe if "Δ psnr (dB)" in one.value)
    assert len(table) == 16
    assert table["Δ psnr (dB)"].is_monotonic_decreasing
    assert table["open"][0].startswith("instance?task=imaging&preset=small&seed=")
    assert len(app.get("vega_lite_chart")) == 2


def test_without_a_link_the_best_meets_the_runner_up(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "compare", **PLACE)
    assert not app.exception
    chosen = {box.label: box.value for box in app.selectbox}
    assert (chosen["Method"], chosen["against"]) == ("net_guided", "net_reference")
    assert app.query_params["second"] == "net_reference"


def test_every_choice_is_in_the_link_and_another_board_is_no_wrong_link(
    open_page: Callable[..., AppTest], made: Callable[[str], Path]
) -> None:
    app = open_page(made("full"), "compare", **PLACE, first="net_guided", second=PLAIN, metric="nmse")
    assert "↓" in words(app)
    assert not app.warning
    app.selectbox[0].select("sorting").run()
    assert not app.exception
    assert not app.warning
    assert {k: app.query_params[k] for k in ("task", "first", "second", "metric")} == {
        "task": "sorting",
        "first": "classic_cg",
        "second": "base_fill",
        "metric": "error",
    }


def test_a_link_to_a_method_that_is_not_there_says_so(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "compare", **PLACE, first="nobody")
    assert not app.exception
    assert "the link asks for first 'nobody'" in words(app)


def test_a_tiny_board_has_no_interval(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("tiny"), "compare")
    assert not app.exception
    assert "2 instances are too few to tell them apart." in words(app)


def test_methods_that_share_no_seed(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    from tests.leaderboard.synthetic import Writer, make_empty

    engine = make_empty(tmp_path / "apart.db")
    with Session(engine) as session:
        writer = Writer(session, tmp_path)
        writer.imaging_run("small", "net_plain", seed=0)
        writer.imaging_run("small", "net_guided", seed=1)
        session.commit()
    engine.dispose()
    app = open_page(tmp_path / "apart.db", "compare")
    assert not app.exception
    assert "share no instance of the same seed in psnr." in words(app)
    assert not app.get("vega_lite_chart")


def test_one_row_has_nothing_to_be_compared_with(open_page: Callable[..., AppTest], tmp_path: Path) -> None:
    from tests.leaderboard.synthetic import Writer, make_empty

    engine = make_empty(tmp_path / "one.db")
    with Session(engine) as session:
        Writer(session, tmp_path).imaging_run("small", "net_plain")
        session.commit()
    engine.dispose()
    app = open_page(tmp_path / "one.db", "compare")
    assert not app.exception
    assert "This board has 1 row: nothing to compare." in words(app)
