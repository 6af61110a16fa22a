"""The part of the time in which threads that were ready to run had no processor."""

import os
import subprocess
import sys
import threading
import time

import pytest

from runners.queued import ledger, queued_share

LINUX = pytest.mark.skipif(not ledger(), reason="this system does not tell how long threads wait for a processor")


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        ({"1": (0, 0)}, {"1": (30, 10)}, 0.25),
        ({"1": (5, 7)}, {"1": (35, 17)}, 0.25),
        ({"1": (5, 7)}, {"1": (5, 7), "2": (1, 3)}, 0.75),  # a thread that began in between counts from its beginning
        ({"1": (0, 0), "2": (9, 90)}, {"1": (1, 1)}, 0.5),  # one that ended does not count
        ({"1": (0, 0)}, {"1": (0, 0)}, None),  # as a kernel without these statistics writes
        ({}, {"1": (5, 7)}, None),
        ({"1": (5, 7)}, {}, None),
    ],
)
def test_the_share_is_of_what_passed_between_two_ledgers(before, after, share):
    assert queued_share(before, after) == share


def test_where_the_system_does_not_tell_the_ledger_is_empty(tmp_path):
    assert ledger(tmp_path / "nothing") == {}
    for name, content in {"1": "12 3 4\n", "2": "", "3": "a b c", "4": "8 0"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "schedstat").write_text(content)
    (tmp_path / "5").mkdir()
    assert ledger(tmp_path) == {"1": (12, 3), "4": (8, 0)}


def _compute(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


@LINUX
def test_a_process_beside_another_on_one_processor_is_queued():
    allowed = os.sched_getaffinity(0)
    beside = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        one = {min(allowed)}
        os.sched_setaffinity(0, one)
        os.sched_setaffinity(beside.pid, one)
        before = ledger()
        _compute(0.5)
        share = queued_share(before, ledger())
    finally:
        os.sched_setaffinity(0, allowed)
        beside.kill()
        beside.wait()
    assert share > 0.3


@LINUX
def test_threads_that_sleep_until_another_is_ready_are_not_queued():
    ready = threading.Event()
    sleeper = threading.Thread(target=ready.wait)
    sleeper.start()
    before = ledger()
    time.sleep(0.3)
    after = ledger()
    ready.set()
    sleeper.join()
    passed = sum(after[one][1] - before.get(one, (0, 0))[1] for one in after)
    assert passed < 0.1e9
