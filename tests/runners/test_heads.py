"""Several heads on one plan and one database: each job is done once, and what one leaves undone another takes up."""

import os
import signal
import threading
import time
from collections import Counter

import pytest
from sqlalchemy.orm import Session

from benchmark import environment
from benchmark.store.database import open_database
from runners import record
from runners.engines.messages import Surroundings
from runners.plan import make_plan
from runners.request import Request
from tests import postgresql
from tests.runners.forks import FORKS
from tests.runners.killing import Lane

pytestmark = pytest.mark.slow
HEADS, TURNS, JOBS = 4, 12, 6
HERE = Surroundings(**environment.capture(1, "cpu"))


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg", reason="no driver psycopg; get it with: pip install 'lowdimbench[postgresql]'")
    with postgresql.restartable() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def kept_by(request):
    """The server of the database; None for a file."""
    return None if request.param == "sqlite" else request.getfixturevalue("server")


def test_of_heads_that_reach_for_one_run_at_once_one_has_it(kept_by, tmp_path, monkeypatch):
    """A run that is new, and then, turn after turn, one that was interrupted."""
    names = threading.local()
    monkeypatch.setattr(record, "runner", lambda: names.own)
    [job] = make_plan([Request(task="mri", method="cg_sense", preset="tiny", seeds="7,", baseline=False)]).jobs
    engine = open_database(kept_by.address if kept_by else str(tmp_path / "a.db"))
    ready, had = threading.Barrier(HEADS), Counter()

    def head(number):
        names.own = f"another-machine-{number}/1/0"
        with Session(engine) as session:
            for turn in range(TURNS):
                ready.wait(60)
                run = record.begin(session, job, HERE, "the command")
                had[turn] += run is not None
                ready.wait(60)
                if run is not None:
                    record.interrupted(session, run)
                session.rollback()

    heads = [threading.Thread(target=head, args=(number,)) for number in range(HEADS)]
    for one in heads:
        one.start()
    for one in heads:
        one.join(120)
    engine.dispose()
    assert had == dict.fromkeys(range(TURNS), 1)


def began(lane, count):
    """Wait until so many runs are under way at once."""
    deadline = time.monotonic() + 60
    while lane.ask("SELECT count(*) FROM run WHERE status = 'running'") < count:
        assert time.monotonic() < deadline, lane.said()
        time.sleep(0.02)


def test_heads_share_a_plan_and_take_up_what_one_of_them_left(kept_by, tmp_path):
    lane = Lane(FORKS.forge, "pieces", tmp_path / "pieces", kept_by)
    lane.words += ("--seeds", str(JOBS))
    first = lane.start()
    began(lane, 1)
    os.kill(first.pid, signal.SIGSTOP)  # it lives, and keeps its job until the others have passed by
    others = [lane.start(), lane.start()]
    began(lane, 3)
    first.kill()
    assert [head.wait(120) for head in others] == [0, 0], lane.said()
    first.wait(10)
    lane.check(settled=False)
    assert lane.lost == []
    assert len(lane.done) == 40 * JOBS, lane.said()
    assert lane.said().count("  instance ") <= 40 * JOBS  # none was solved twice
    assert f"{JOBS} jobs: {JOBS} done already, 0 to run" in lane.whole()
