"""Compare: the page and its tables."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from streamlit.testing.v1 import AppTest

from benchmark.report import boards, comparison
from benchmark.report.board import Board, Row
from benchmark.statistics import compare, paired_difference
from benchmark.store.database import open_database
from leaderboard.charts import comparison_charts
from tests.leaderboard.words import words

PLACE = {"task": "imaging", "preset": "small"}
PLAIN = "net_plain [steps=100]"


def board_of(path: Path, task: str, preset: str) -> Board:
    engine = open_database(str(path), create=False)
    with Session(engine) as session:
        found = boards.board(session, task, preset)
    engine.dispose()
    return found


def row(board: Board, label: str) -> Row:
    return next(row for row in board.rows if row.label == label)


@pytest.fixture
def fight(made: Callable[[str], Path]) -> comparison.Duel:
    board = board_of(made("full"), "imaging", "small")
    return comparison.duel(board, row(board, "net_guided"), row(board, PLAIN), board.task.primary)


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


def test_without_a_link_the_best_meets_the_baseline(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> None:
    app = open_page(made("full"), "compare", **PLACE)
    assert not app.exception
    chosen = {box.label: box.value for box in app.selectbox}
    assert (chosen["Method"], chosen["against"]) == ("net_guided", "base_fill")
    assert app.query_params["second"] == "base_fill"


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


def test_numbers_are_those_of_the_statistics(fight: comparison.Duel) -> None:
    mine, other = fight.first.scores["psnr"], fight.second.scores["psnr"]
    assert fight.found == compare(mine, other, "higher")
    assert fight.found is not None
    assert fight.found.difference == paired_difference(mine, other)
    assert fight.alone == 0
    frame, columns = comparison.instances(fight)
    assert list(frame.columns) == list(columns)
    assert frame["Δ psnr (dB)"].tolist() == pytest.approx((frame["psnr of net_guided"] - frame[f"psnr of {PLAIN}"]).tolist())
    assert set(frame["better"]) == {"net_guided"}


def test_lower_is_better_turns_the_winner_and_the_order(fight: comparison.Duel) -> None:
    nmse = next(metric for metric in fight.board.task.metrics if metric.name == "nmse")
    one = comparison.duel(fight.board, fight.first, fight.second, nmse)
    frame, _ = comparison.instances(one)
    assert frame["Δ nmse"].is_monotonic_increasing
    assert set(frame["better"]) == {"net_guided"}
    assert one.verdict().endswith("net_guided is better.")


def test_an_incomplete_row_is_compared_on_what_it_has(fight: comparison.Duel) -> None:
    partial = row(fight.board, "classic_wavelet [steps=7]")
    one = comparison.duel(fight.board, fight.first, partial, fight.metric)
    assert one.found is not None
    assert one.found.n == len(one.signed) == 5
    assert one.alone == 11
    frame, columns = comparison.metrics(fight.board, fight.first, partial)
    assert frame["n"].tolist() == [5, 5]
    assert {"net_guided wins", "classic_wavelet [steps=7] wins"} < set(columns)


def test_equal_scores_are_nobodys_win(fight: comparison.Duel) -> None:
    one = comparison.duel(fight.board, fight.first, fight.first, fight.metric)
    assert one.found is not None
    assert (one.found.wins, one.found.losses, one.found.ties) == (0, 0, 8)
    assert "equal on 8" in one.wins()
    assert set(comparison.instances(one)[0]["better"]) == {"equal"}
    for chart in (comparison_charts.differences(one), comparison_charts.scatter(one, dict.fromkeys(one.signed, "instance"))):
        assert json.loads(chart.to_json())["layer"]


def test_scatter_has_a_diagonal_one_scale_and_a_link_for_each_point(fight: comparison.Duel) -> None:
    spec = comparison_charts.scatter(
        fight, {key: f"instance?seed={key[0]}&instance={key[1]}" for key in fight.signed}
    ).to_dict()
    diagonal, points = spec["layer"]
    assert points["encoding"]["x"]["scale"] == points["encoding"]["y"]["scale"] == diagonal["encoding"]["x"]["scale"]
    assert points["encoding"]["href"]["field"] == "url"
    assert "labelColor" not in json.dumps(spec.get("config", {}))  # the page's, light or dark


def test_side_by_side_names_cost_and_making(fight: comparison.Duel) -> None:
    lines = {name: (first, second) for name, first, second in comparison.side_by_side(fight.board, fight.first, fight.second)}
    assert lines["seeds"] == ("0, 1", "0, 1")
    assert lines["time on an instance"][0].endswith(" s")
    assert lines["hyperparameters"] == ("steps = 100", "steps = 100")
