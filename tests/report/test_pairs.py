from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards, pairs
from benchmark.report.board import Board, Row
from benchmark.report.pairs import TIMES, comparison, comparison_text, times_to_quality
from benchmark.statistics import paired_difference
from benchmark.store.database import open_database
from benchmark.store.models import Curve

COLUMNS = ["label", "series", "seed", "instance", "step", "seconds", "value"]


@pytest.fixture
def opened(made: Callable[[str], Path]) -> tuple[Board, Board, pd.DataFrame]:
    engine = open_database(str(made("full")), create=False)
    with Session(engine) as session:
        imaging, sorting = (boards.board(session, task, "small") for task in ("imaging", "sorting"))
        points = boards.curves(session, imaging.rows)
    engine.dispose()
    return imaging, sorting, points


def row(board: Board, label: str) -> Row:
    return next(row for row in board.rows if row.label == label)


def test_a_curve_on_a_scale_of_its_own_is_not_on_a_board(made: Callable[[str], Path]) -> None:
    engine = open_database(str(made("full")), create=False)
    with Session(engine) as session:
        imaging = boards.board(session, "imaging", "small")
        before = boards.curves(session, imaging.rows)
        curve = {"run_id": imaging.rows[0].runs[0].id, "instance": 0, "step": 1, "seconds": 0.1, "value": -9.0}
        for series, more in (("size (log10)", 0), ("size", 1)):
            session.add(Curve(series=series, **curve))
            session.flush()
            assert len(boards.curves(session, imaging.rows)) == len(before) + more
        session.rollback()
    engine.dispose()


def test_two_methods_are_compared_where_both_have_scores(opened: tuple[Board, Board, pd.DataFrame]) -> None:
    board = opened[0]
    first, second = row(board, "net_guided"), row(board, "classic_wavelet [steps=7]")
    found = comparison(board, first, second)
    assert found is not None
    assert (found.n, found.wins, found.losses) == (5, 5, 0)
    assert found.p == pytest.approx(2 / 2**5)
    expected = paired_difference(first.scores["psnr"], second.scores["psnr"])
    assert found.difference == expected
    text = comparison_text(board, first, second)
    assert "over 5 instances; better on 5, worse on 0. Sign-flip test p = 0.062" in text


def test_lower_is_better_counts_wins_the_other_way(opened: tuple[Board, Board, pd.DataFrame]) -> None:
    board = opened[1]
    found = comparison(board, row(board, "classic_cg"), row(board, "base_fill"))
    assert found is not None
    assert found.difference.mean < 0
    assert found.wins > found.losses


def test_methods_that_share_nothing_say_so(opened: tuple[Board, Board, pd.DataFrame]) -> None:
    board = opened[1]
    first, second = row(board, "classic_cg"), row(board, "base_fill")
    second.scores["error"] = {(9, i): 0.0 for i in range(8)}
    assert "share no instance" in comparison_text(board, first, second)


def test_time_to_the_quality_of_a_reference_by_hand(opened: tuple[Board, Board, pd.DataFrame]) -> None:
    board = opened[1]  # lower is better
    base, other = row(board, "base_fill"), row(board, "classic_cg")
    base.scores["error"] = {(0, i): 0.30 for i in range(8)}
    other.scores["error"] = {(0, i): 0.20 if i < 5 else 0.40 for i in range(8)}  # the final answer misses on three
    other.seconds = {(0, i): 9.0 for i in range(8)}
    curve = [["classic_cg", "estimate", 0, 0, s, float(s), v] for s, v in ((1, 0.5), (2, 0.30), (3, 0.35))]
    passing = [["classic_cg", "estimate", 0, 7, 4, 4.0, 0.1], ["classic_cg", "iterate", 0, 1, 1, 1.0, 0.0]]
    found = times_to_quality(board, pd.DataFrame(curve + passing, columns=COLUMNS), base).set_index("method")
    assert found.loc["classic_cg", "reached"] == "6 of 8"  # five by their answer, one by a point on the way
    assert found.loc["classic_cg", "median s"] == 9.0  # 2, 4, 9, 9, 9, 9, never, never
    assert found.loc["base_fill", "reached"] == "8 of 8"
    assert list(found.index) == ["base_fill", "classic_cg"]


def test_a_method_that_rarely_arrives_has_no_median(opened: tuple[Board, Board, pd.DataFrame]) -> None:
    board, _, points = opened
    found = times_to_quality(board, points, row(board, "net_guided")).set_index("method")
    assert list(found.columns) == list(TIMES)[1:]
    assert found.loc["base_fill", "reached"] == "0 of 8"
    assert pd.isna(found.loc["base_fill", "median s"])
    assert found.loc["net_guided", "reached"] == "8 of 8"
    assert set(found.index) == {row.label for row in board.comparable}


def test_levels_are_reached_between_points_and_by_half_of_the_instances_or_not_at_all(
    session_of: Callable[[str], Session],
) -> None:
    session = session_of("completion")
    board = boards.board(session, "completion", "small")
    table = pairs.levels(board, boards.curves(session, board.comparable)).set_index("method")
    assert table.loc["steady", "≤ -2: reached"] == "6 of 6"
    assert table.loc["steady", "≤ -2: steps"] == pytest.approx(100 / 3)
    assert table.loc["steady", "≤ -2: s"] == pytest.approx(2 / 3)
    assert table.loc["base_fill", "≤ -4: reached"] == "2 of 6"
    assert np.isnan(table.loc["base_fill", "≤ -4: steps"])
