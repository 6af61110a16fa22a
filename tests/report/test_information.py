from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.report import boards, information, tables
from benchmark.report.board import Board
from benchmark.report.verdict import verdict

SEES_MORE = {
    "reference_guided_dip": ("reference",),
    "dps": ("prior",),
    "posterior_mean": ("model",),
    "sim2real": ("training",),
    "attribute_gradient": ("prior", "labels"),
    "t_loco": ("prior", "labels"),
    "dip": (),
    "tv": (),
    "supervised_contrastive": (),
}


@pytest.mark.parametrize("name", SEES_MORE)
def test_marks_are_read_off_what_a_method_declares(name: str) -> None:
    assert information.seen(name, registry.get_method(name).spec.kind) == SEES_MORE[name]


def test_a_method_that_is_not_installed_is_told_by_its_kind_and_its_runs() -> None:
    assert information.seen("nobody", "diffusion prior") == ("prior",)
    assert information.seen("nobody", "network", learns=True) == ("training",)
    assert information.seen("nobody", "network", elsewhere=True) == ("?",)
    assert information.seen("nobody", "network") == ()


@pytest.fixture
def board(session_of: Callable[[str], Session]) -> Board:
    """The best method and another have a learnt prior."""
    found = boards.board(session_of("full"), "imaging", "small")
    for row in found.rows:
        if row.method in ("net_guided", "classic_wavelet"):
            row.kind = "diffusion prior"
    return found


def test_what_all_rows_see_is_not_more(board: Board) -> None:
    assert {label.partition(" ")[0] for label in information.extra(board)} == {"net_guided", "classic_wavelet"}
    for row in board.rows:
        row.kind = "diffusion prior"
    assert information.extra(board) == {}
    assert information.groups(board) == {}
    assert "sees more" not in tables.leaderboard(board)[0]


def test_rows_that_see_the_same_are_ranked_among_themselves(board: Board) -> None:
    assert board.rows[0].label == "net_guided"
    assert list(information.groups(board)) == ["problem", "prior"]
    alone = information.same(board, "problem")
    assert len(alone.rows) == len(board.rows) - sum(row.kind == "diffusion prior" for row in board.rows)
    assert "net_guided" not in [row.label for row in alone.rows]
    assert alone.rows[0].rank == 1
    ranks = [row.rank for row in board.rows]  # the whole board keeps its own
    assert ranks[:3] == [1, 1, 3]
    assert alone.baseline in alone.rows
    assert all(row.standing.p is not None for row in alone.rows if row.complete and row is not alone.baseline)


def test_differences_to_a_baseline_that_sees_less_stay(board: Board) -> None:
    priors = information.same(board, "prior")
    assert board.baseline not in priors.rows
    before = {row.label: row.gain for row in board.rows}
    assert [row.gain for row in priors.rows] == [before[row.label] for row in priors.rows]
    tables.leaderboard(priors)  # it has no p, and says nothing of one


def test_tables_and_the_verdict_say_what_the_first_sees_more(board: Board) -> None:
    frame, columns = tables.leaderboard(board)
    assert frame["sees more"][0] == "+prior"
    assert "a prior learnt on other data" in columns["sees more"].help
    assert "net_guided also sees a prior learnt on other data." in verdict(board)
    plain = replace(board, rows=[replace(row, kind="network") for row in board.rows])
    assert "also sees" not in verdict(plain)
