"""A real PostgreSQL server goes away under a runner: it waits, says so and goes on; or it gives up in one line."""

import os
import signal
import time

import pytest

from tests import postgresql
from tests.runners.forks import FORKS
from tests.runners.killing import Lane

pytest.importorskip("psycopg", reason="no driver psycopg; get it with: pip install 'lowdimbench[postgresql]'")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    with postgresql.restartable() as running:
        yield running


@pytest.fixture
def lane(server, tmp_path):
    """40 instances of 0.02 s, of which nothing is done yet."""
    opened = Lane(FORKS.forge, "pieces", tmp_path / "pieces", server)
    opened.words += ("--seeds", "1")
    opened.again()
    return opened


def until(lane, runner, words, times=1):
    """Wait until it has said this so often."""
    deadline = time.monotonic() + 30
    while lane.said().count(words) < times:
        assert runner.poll() is None, lane.said()
        assert time.monotonic() < deadline, lane.said()
        time.sleep(0.01)


def numbers(lane):
    return sorted(number for _, number in lane.done)


def test_a_restart_is_waited_for_and_nothing_is_lost(lane, server):
    runner = lane.start()
    for times, how in ((3, "fast"), (13, "immediate"), (23, "fast")):
        until(lane, runner, "  instance ", times)
        server.stop(how)
        time.sleep(0.3)
        server.start()
    assert runner.wait(60) == 0, lane.said()
    lane.check(settled=False)
    assert lane.lost == []
    assert numbers(lane) == [*range(40)]
    lines = [line for line in lane.said().splitlines() if line.startswith("the database server")]
    assert [line.partition(" (")[0] for line in lines] == ["the database server is away", "the database server is back"] * 3
    assert all(line.endswith("); waiting for it, for up to 10 minutes") for line in lines[::2])
    assert lane.said().count("  instance ") == 40


def test_a_server_that_stays_away_ends_the_command_which_goes_on_later(lane, server):
    lane.environment["AWAY"] = "0.6"
    runner = lane.start()
    until(lane, runner, "  instance ", 5)
    server.stop("immediate")
    began = time.monotonic()
    assert runner.wait(30) == 1
    assert time.monotonic() - began < 10
    server.start()
    assert "waiting for it, for up to 0.01 minutes\n" in lane.said()
    last = lane.said().splitlines()[-1]
    assert last.startswith("error: the database server is away (")
    assert last.endswith("); what is stored is kept, and the same command goes on from there")
    assert "Traceback" not in lane.said()
    lane.check()
    assert 5 <= len(lane.done) < 40
    lane.whole()
    lane.check(settled=False)
    assert lane.lost == []
    assert numbers(lane) == [*range(40)]


def test_the_wait_for_a_server_can_be_stopped(lane, server):
    runner = lane.start()
    until(lane, runner, "  instance ", 5)
    server.stop("immediate")
    try:
        until(lane, runner, "the database server is away")
        os.kill(runner.pid, signal.SIGINT)
        assert runner.wait(10) == 130
    finally:
        server.start()
    assert "stopped; finished instances are kept. Continue with" in lane.said()
    assert "Traceback" not in lane.said()
    lane.check()
    assert lane.lost == []
