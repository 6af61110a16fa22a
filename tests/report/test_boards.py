from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from benchmark.errors import UserError
from benchmark.report import boards
from benchmark.report.board import Board, first_line, last_line
from benchmark.report.verdict import by_processor
from benchmark.statistics import compare, holm, paired_difference, separated, table
from benchmark.store.models import Environment, Instance, Run, Score
from tests.leaderboard import synthetic


@pytest.fixture
def session(session_of: Callable[[str], Session]) -> Session:
    return session_of("full")


@pytest.fixture
def board(session: Session) -> Board:
    return boards.board(session, "imaging", "small")


def row(board: Board, label: str):
    return next(row for row in board.rows if row.label == label)


def test_boards_are_listed_in_the_order_of_the_presets(session: Session) -> None:
    assert boards.boards(session) == [("imaging", "tiny"), ("imaging", "small"), ("sorting", "small")]


def test_rows_are_best_first_with_the_incomplete_at_the_end(board: Board) -> None:
    complete = [row.means["psnr"].mean for row in board.rows if row.complete]
    assert complete == sorted(complete, reverse=True)
    assert [row.complete for row in board.rows] == [True] * 8 + [False]
    assert board.rows[-1].rank is None


def test_rows_of_one_rank_are_not_separable_from_its_first_and_others_are(board: Board) -> None:
    ranked = [row for row in board.rows if row.rank]
    apart = separated(table([row.scores["psnr"] for row in ranked]))
    first = 0
    for at, row in enumerate(ranked[1:], start=1):
        if apart[first, at]:
            first = at
        assert row.rank == first + 1
    assert 1 < len({row.rank for row in ranked}) < len(ranked)
    for row in ranked:
        low, high = row.standing.low, row.standing.high
        assert 1 <= low <= row.rank <= high <= len(ranked)


def test_p_of_the_difference_to_the_baseline_is_corrected_for_all_complete_rows(board: Board) -> None:
    tested = [r for r in board.rows if r.complete and r is not board.baseline]
    raw = [compare(r.scores["psnr"], board.baseline.scores["psnr"]).p for r in tested]
    assert [r.standing.p for r in tested] == pytest.approx(list(holm(np.array(raw))))
    assert {r.standing.p for r in board.rows if r not in tested} == {None}


def test_lower_is_better_ranks_the_smallest_first(session: Session) -> None:
    found = boards.board(session, "sorting", "small")
    assert [row.method for row in found.rows] == ["classic_cg", "base_fill"]
    assert [row.rank for row in found.rows] == [1, 2]


def test_two_instances_give_no_rank(session: Session) -> None:
    found = boards.board(session, "imaging", "tiny")
    assert not found.rankable
    assert {row.rank for row in found.rows} == {None}


def test_difference_to_the_baseline_is_paired(board: Board) -> None:
    best, base = row(board, "net_guided"), row(board, "base_fill")
    assert board.baseline is base
    assert base.gain is None
    expected = paired_difference(best.scores["psnr"], base.scores["psnr"])
    assert expected is not None
    assert best.gain is not None
    assert (best.gain.mean, best.gain.low, best.gain.n) == pytest.approx((expected.mean, expected.low, 8))


def test_incomplete_row_says_what_is_missing_and_why(board: Board) -> None:
    status = row(board, "classic_wavelet [steps=7]").status
    assert status.startswith("5 of 8 instances; 1 failed: ValueError")


def test_every_run_without_a_row_is_hidden_for_a_reason(board: Board) -> None:
    assert sorted(h.reason for h in board.hidden) == ["another task version", "older code", "timeout", "tuning data"]
    assert next(h for h in board.hidden if h.reason == "timeout").detail == "no answer within 5m"


def test_labels_are_unique(board: Board) -> None:
    assert len({row.label for row in board.rows}) == len(board.rows)


def test_different_observations_are_noticed(tmp_path: Path) -> None:
    engine = synthetic.make_tiny(tmp_path / "x.db")
    with Session(engine) as session:
        assert boards.board(session, "imaging", "tiny").unequal == []
        session.execute(update(Instance).where(Instance.run_id == 1, Instance.number == 1).values(observation="other"))
        assert boards.board(session, "imaging", "tiny").unequal == [(0, 1)]
    engine.dispose()


def test_observations_that_differ_between_processors_alone_are_told_apart(tmp_path: Path) -> None:
    engine = synthetic.make_tiny(tmp_path / "x.db")
    with Session(engine) as session:
        elsewhere = {c.name: getattr(session.get_one(Environment, 1), c.name) for c in Environment.__table__.columns}
        session.add(Environment(**{**elsewhere, "id": 77, "digest": "another", "cpu": "Another CPU"}))
        session.execute(update(Run).where(Run.id == 1).values(environment_id=77))
        session.execute(update(Instance).where(Instance.run_id == 1, Instance.number == 1).values(observation="other"))
        board = boards.board(session, "imaging", "tiny")
        assert (board.unequal, board.by_processor) == ([], [(0, 1)])
        assert "on 1 (seed, instance) pair:" in by_processor(board)
        session.execute(update(Run).values(environment_id=77))
        board = boards.board(session, "imaging", "tiny")
        assert (board.unequal, board.by_processor, by_processor(board)) == ([(0, 1)], [], "")
    engine.dispose()


def test_board_that_does_not_exist_is_a_user_error(session: Session) -> None:
    with pytest.raises(UserError, match="no results on preset full"):
        boards.board(session, "imaging", "full")


def test_data_version_follows_the_data(tmp_path: Path) -> None:
    engine = synthetic.make_tiny(tmp_path / "x.db")
    before = boards.data_version(engine)
    assert boards.data_version(engine) == before
    with Session(engine) as session:
        session.add(Score(run_id=1, instance=0, metric="late", value=1.0))
        session.commit()
    assert boards.data_version(engine) != before
    engine.dispose()


def test_reasons_are_one_line() -> None:
    assert last_line("Traceback\n  File\nValueError: no\n") == "ValueError: no"
    assert first_line("out of time\nlast lines") == "out of time"
    assert last_line(None) == first_line(None) == ""


def test_a_board_has_the_metrics_of_its_preset_and_its_first_one_ranks(
    session_of: Callable[[str], Session],
) -> None:
    small, full = (boards.board(session_of("completion"), "completion", preset) for preset in ("small", "full"))
    assert [metric.name for metric in small.task.metrics] == ["log_error", "success"]
    assert small.task.primary.name == "log_error"
    assert full.task.primary.name == "stars"
