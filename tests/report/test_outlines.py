from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.report import boards, outlines
from benchmark.store.database import open_database
from benchmark.store.models import Run
from tests.leaderboard import synthetic


@pytest.fixture
def session(session_of: Callable[[str], Session]) -> Session:
    return session_of("full")


def test_an_outline_has_the_rows_and_ranks_of_its_board(session: Session) -> None:
    for place in boards.boards(session):
        whole, short = boards.board(session, *place), outlines.outline(session, *place)
        assert [(r.label, r.rank, r.standing.interval, r.done) for r in short.rows] == [
            (r.label, r.rank, r.standing.interval, r.done) for r in whole.rows
        ]
        assert short.left_out == len(whole.hidden)
        gains = [(r.gain and r.gain.mean, r.gain and r.gain.n) for r in outlines.with_gains(short).rows]
        assert gains == [(r.gain and pytest.approx(r.gain.mean), r.gain and r.gain.n) for r in whole.rows]
        assert all(r.gain is None for r in short.rows[1:])


def test_the_state_of_a_board_changes_with_its_scores_alone(tmp_path: Path) -> None:
    synthetic.make_full(tmp_path / "a.db").dispose()
    engine = open_database(str(tmp_path / "a.db"))
    with Session(engine) as opened:
        before = outlines.states(opened)
        run = opened.scalars(select(Run).where(Run.preset == "small")).first()
        assert run is not None
        run.heartbeat = datetime.now(UTC)
        opened.commit()
        after = outlines.states(opened)
    engine.dispose()
    assert {place for place in before if before[place] != after[place]} == {("imaging", "small")}
