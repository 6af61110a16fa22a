from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards, frames, tables
from benchmark.report.board import Board


@pytest.fixture
def session(session_of: Callable[[str], Session]) -> Session:
    return session_of("full")


@pytest.fixture
def board(session: Session) -> Board:
    return boards.board(session, "imaging", "small")


def test_table_has_numbers_that_sort_and_intervals_beside_them(board: Board) -> None:
    frame, columns = tables.leaderboard(board)
    assert list(frame.columns) == list(columns)
    assert frame["psnr ↑ (dB)"].dtype == float
    assert columns["psnr ↑ (dB)"].format == "%.1f"
    assert frame["psnr 95 %"][0].startswith("[")
    assert list(frame.loc[frame["method"] == "base_fill", "Δ psnr 95 %"]) == ["baseline"]
    assert list(frame.columns[:5]) == ["rank", "method", "psnr ↑ (dB)", "psnr 95 %", "rank 95 %"]  # a phone shows four
    assert frame["rank 95 %"][0] == board.rows[0].standing.interval == "1-2"
    assert frame["rank 95 %"].iloc[-1] == ""
    assert frame["n"][0] == "8 x 2"
    assert frame["n"].iloc[-1] == "5 of 8 x 1"


def test_p_is_shown_only_where_it_could_have_been_small(board: Board) -> None:
    assert str(tables.tests(board)) == "7 comparisons over 8 instances, the smallest possible p is 0.055"  # 2 / 2^8 each
    assert "Δ p" not in tables.leaderboard(board)[0]
    fewer = replace(board, rows=[row for row in board.rows if row.standing.p is not None][:6])
    frame, columns = tables.leaderboard(fewer)
    assert "over 8 instances, the smallest possible p is 0.047" in columns["Δ p"].help
    assert frame["Δ p"].tolist() == [row.standing.p for row in fewer.rows]


def test_what_decimals_would_round_to_nothing_is_written_with_its_power(board: Board) -> None:
    tiny = tables.Estimate(-2.1e-8, -3.4e-8, 0.0, 8)
    text = tables.gain_text(tiny, board.task.primary)
    assert text == f"{tables.with_unit('-2.1e-08', board.task.primary)} [-3.4e-08, +0.000000]"
    assert tables.number(0.0123456, 6) == "0.012346"
    assert tables.number(1e-9, 2) == "0.00"  # beside wide intervals it is nothing


def test_time_to_learn_has_its_own_column_and_sentence(session_of: Callable[[str], Session], board: Board) -> None:
    learning = boards.board(session_of("curves"), "waves", "small")
    frame, columns = tables.leaderboard(learning)
    shown = frame.set_index("method")["s to learn"]
    assert shown["learner_wide"] == 95.5
    assert shown.drop(["learner_wide", "learner_plain"]).isna().all()
    assert "once for all instances" in columns["s to learn"].help
    assert tables.learning(learning) == (
        "Time to learn is not included: learner_wide 95.5 s, learner_plain 41 s, each once for all instances."
    )
    assert "s to learn" not in tables.leaderboard(board)[0]
    assert tables.learning(board) == ""


def test_how_often_a_method_was_tuned_has_its_column(session: Session, board: Board) -> None:
    frame, columns = tables.leaderboard(board)
    tuned = [row.method == "classic_cg" for row in board.rows]
    assert frame["trials"][tuned].eq(1).all()
    assert frame["trials"][[not one for one in tuned]].isna().all()
    assert "counted from the runs that are stored here" in columns["trials"].help
    assert frames.board_frame(board)["trials"].tolist() == [int(one) for one in tuned]
    assert "trials" not in tables.leaderboard(boards.board(session, "sorting", "small"))[0]


def test_gains_never_mix_units_and_show_better_as_positive(session: Session) -> None:
    found = [boards.board(session, task, preset) for task, preset in boards.boards(session)]
    frame = tables.gains(found).set_index(["board", "method"])
    assert set(frame.index.get_level_values("board")) == {"imaging / tiny (dB)", "imaging / small (dB)", "sorting / small"}
    assert frame.loc[("sorting / small", "classic_cg"), "gain"] < 0
    assert frame.loc[("sorting / small", "classic_cg"), "share"] == 1
    assert frame.loc[("imaging / tiny (dB)", "net_guided"), "verdict"] == "unclear"
