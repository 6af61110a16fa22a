"""Time limits, what workers wait like, and what is tried again."""

import os
import queue
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from math import inf

import pytest

from benchmark import registry, solving
from benchmark.threads import few_threads
from runners.engines import local, waiting
from runners.engines.base import Place
from runners.engines.messages import Making, Step
from runners.plan import make_plan
from runners.queued import ledger
from runners.request import Request

JOB = make_plan([Request(task="mri", method="zero_filled", preset="tiny", baseline=False)]).jobs[0]
TINY = ("--task", "mri", "--preset", "tiny", "--threads", "1", "--method", "cg_sense", "--no-baseline")


class Watched(local.Worker):
    """A worker without a process, whose clock is told the time."""

    def __init__(self, timeout):
        self.job, self.began, self.making, self.made = replace(JOB, timeout=timeout), 0.0, None, 0.0


def test_making_data_has_a_time_limit_of_its_own(monkeypatch):
    watched, now = Watched(10.0), [0.0]
    monkeypatch.setattr(local.time, "monotonic", lambda: now[0])

    def at(seconds, message=None):
        now[0] = seconds
        if message is not None:
            watched._note_making(message)
        return watched._overdue(seconds)

    step = Step(instance=0, step=1, steps=2, score=None)
    assert at(4.0, Making()) is None
    assert at(13.0) is None  # 4 s of its own, 9 of data
    assert at(13.0, Making(over=True)) is None
    assert at(18.0, Making()) is None
    assert at(18.5, step) is None  # whatever it says ends the making
    assert at(19.4) is None
    assert at(19.6) == "killed after 10 s, its time limit"
    watched = Watched(10.0)
    at(1.0, Making())
    assert at(10.9) is None
    assert at(11.1) == "killed after 10 s of making data, its time limit"


def test_a_worker_says_when_it_makes_data(tmp_path):
    heard = [message for event in local.Pool([JOB], 1, Place("cpu", 1, tmp_path, None, inf)) if event for message in event[1:]]
    kinds = [(message.kind, message.over) if isinstance(message, Making) else message.kind for message in heard]
    making = [("making", False), ("making", True)]
    assert [kind for kind in kinds if kind != "step"] == [
        *("start", "hello", *making),
        *[*making, "instance"] * 2,
        "end",
    ]


@pytest.mark.parametrize("given", [{}, {"OMP_WAIT_POLICY": "ACTIVE"}])
def test_workers_wait_as_the_policy_says_unless_the_user_says_otherwise(monkeypatch, tmp_path, given):
    seen = {}
    original = subprocess.Popen

    def start(words, **how):
        seen.update(how["env"])
        return original([sys.executable, "-c", "pass"], **how)

    for name in {name for policy in waiting.POLICIES.values() for name in policy}:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(local.subprocess, "Popen", start)
    inbox = queue.Queue()
    local.Worker(JOB, Place("cpu", 3, tmp_path, None, inf), inbox)
    inbox.get(timeout=60)
    expected = {**waiting.POLICIES["passive"], **given, "OMP_NUM_THREADS": "3"}
    assert {name: seen.get(name) for name in expected} == expected


def rows(command, query):
    with sqlite3.connect(command.db) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.slow
def test_the_same_command_tries_truncated_instances_again_and_no_others(command):
    done = command(*TINY)
    assert done.returncode == 0, done.stderr
    before = rows(command, "SELECT number, id, status, cpu_seconds > 0 FROM instance ORDER BY number")
    assert [(number, status, measured) for number, _, status, measured in before] == [(0, "done", 1), (1, "done", 1)]
    told = [0 <= queued < 1 for (queued,) in rows(command, "SELECT queued FROM instance WHERE queued IS NOT NULL")]
    assert told == ([True, True] if ledger() else [])
    with sqlite3.connect(command.db) as connection:
        connection.execute("UPDATE instance SET status = 'truncated', error = 'its budget' WHERE number = 1")
    connection.close()
    scores = rows(command, "SELECT instance, metric, value FROM score ORDER BY instance, metric")
    looked = command(*TINY, "--dry-run")
    assert "mri/tiny cg_sense seed 0: 1 of 2 instances" in looked.stdout
    again = command(*TINY)
    assert again.returncode == 0, again.stderr
    after = rows(command, "SELECT number, id, status, error FROM instance ORDER BY number")
    assert [(number, status, error) for number, _, status, error in after] == [(0, "done", None), (1, "done", None)]
    assert after[0][1] == before[0][1]
    assert rows(command, "SELECT instance, metric, value FROM score ORDER BY instance, metric") == scores
    assert "1 done already" in command(*TINY).stdout


def test_numbers_of_jobs_and_threads_are_checked_in_one_line(command):
    for words in (("--jobs", "0"), ("--threads", "x"), ("--jobs", "-1"), ("--threads", "99999999999999999999")):
        done = command(*TINY, *words, "--dry-run")
        assert done.returncode == 2
        assert "is neither auto nor a number from 1 to 9999" in done.stderr
    assert command("--task", "mri", "--method", "dip", "--jobs", "auto", "--threads", "auto", "--dry-run").returncode == 0
    assert "2 jobs at a time, 3 threads each" in command(*TINY, "--jobs", "2", "--threads", "3", "--dry-run").stdout


SPIN = "while True: pass"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no process to a core")
def test_busy_neighbours_cut_no_method_short_and_change_no_score(monkeypatch):
    """Beside three busy processes on the one core that all may use, seconds exceed a budget that CPU seconds do not.

    The budget is of what the same steps took beside them before: neighbours make CPU seconds several times longer, too.
    """
    task, method = registry.get_task("mri").load(), registry.get_method("dip").load()
    parameters = method.spec.resolve("mri", "tiny", {"steps": 20})
    mine = os.sched_getaffinity(0)
    neighbours = []
    os.sched_setaffinity(0, {min(mine)})
    try:
        with few_threads(1):
            alone = solving.solve(task, method, "tiny", 0, 0, parameters)
            neighbours = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(3)]  # on this core too: inherited
            time.sleep(0.5)
            before = solving.solve(task, method, "tiny", 0, 0, parameters)
            budget = 2.0 * before.cpu_seconds
            size = task.spec.presets["tiny"].model_copy(update={"budget": budget})
            spec = task.spec.model_copy(update={"presets": {**task.spec.presets, "tiny": size}})
            monkeypatch.setattr(task, "spec", spec)
            beside = solving.solve(task, method, "tiny", 0, 0, parameters)
    finally:
        os.sched_setaffinity(0, mine)
        for one in neighbours:
            one.kill()
            one.wait()
    assert beside.seconds > budget
    assert beside.cpu_seconds < 0.7 * beside.seconds
    assert (beside.truncated, beside.steps) == (False, 20)
    assert beside.scores == alone.scores
