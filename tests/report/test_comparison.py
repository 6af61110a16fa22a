"""Two rows instance by instance: the numbers, tables and sentences."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards, comparison
from benchmark.report.board import Board, Row
from benchmark.statistics import compare, paired_difference

PLAIN = "net_plain [steps=100]"


def row(board: Board, label: str) -> Row:
    return next(row for row in board.rows if row.label == label)


@pytest.fixture
def fight(session_of: Callable[[str], Session]) -> comparison.Duel:
    board = boards.board(session_of("full"), "imaging", "small")
    return comparison.duel(board, row(board, "net_guided"), row(board, PLAIN), board.task.primary)


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


def test_side_by_side_names_cost_and_making(fight: comparison.Duel) -> None:
    lines = {name: (first, second) for name, first, second in comparison.side_by_side(fight.board, fight.first, fight.second)}
    assert lines["seeds"] == ("0, 1", "0, 1")
    assert lines["time on an instance"][0].endswith(" s")
    assert lines["hyperparameters"] == ("steps = 100", "steps = 100")


@pytest.mark.parametrize(
    ("method", "others", "rival"),
    [
        ("self_guided_dip", ["tv", "dip", "guided"], "dip"),
        ("mcr2_constrained", ["raw", "mcr2"], "mcr2"),
        ("deep_lora", ["deep", "lora", "bitfit"], "deep"),  # of several the longest, of those the first of the board
        ("tv", ["dip", "self_guided_dip"], "dip"),
    ],
)
def test_the_rival_is_what_a_method_builds_on_or_the_best_other(
    session_of: Callable[[str], Session], method: str, others: list[str], rival: str
) -> None:
    board = boards.board(session_of("full"), "imaging", "small")
    rows = [replace(board.rows[0], label=name, method=name) for name in (*others, method)]
    assert comparison.rival(replace(board, rows=rows), rows[-1]).method == rival
