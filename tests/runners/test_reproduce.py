"""A stored run made again, for real."""

import sqlite3

import pytest

from benchmark.spec import Metric
from runners.reproduce import Made, compare

pytestmark = pytest.mark.slow

TINY = ("--task", "mri", "--preset", "tiny", "--threads", "1", "--no-baseline")


def reproduce(command, *words):
    return command.module("runners.reproduce", *words, "--db", command.db)


def change(command, query):
    with sqlite3.connect(command.db) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.slow
def test_a_run_agrees_exactly_and_a_tampered_score_does_not(command):
    command(*TINY, "--method", "l1_wavelet", "--set", "steps=5")
    before = command.db.read_bytes()
    done = reproduce(command, "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("agrees exactly")
    assert done.stdout.count("exact │") == 6
    assert change(command, "SELECT count(*) FROM run") == [(1,)]
    assert command.db.read_bytes() == before

    change(command, "UPDATE score SET value = value + 0.01 WHERE instance = 1 AND metric = 'psnr'")
    near = reproduce(command, "1")
    assert near.returncode == 0
    assert near.stdout.rstrip().endswith("agrees within the task's tolerance")
    change(command, "UPDATE score SET value = value + 5 WHERE instance = 1 AND metric = 'psnr'")
    change(command, "UPDATE run SET source = 'abc'")
    far = reproduce(command, "1")
    assert far.returncode == 1
    assert far.stdout.count("DIFFERS") == 1
    assert "different now: source of task, method or preset: abc" in far.stdout
    assert far.stdout.rstrip().endswith("does NOT agree with the stored run")


@pytest.mark.slow
def test_a_method_of_a_file_is_found_again(command):
    command(*TINY, "--method", "slow", "--set", "steps=2", faults=True)
    done = reproduce(command, "1")
    assert done.returncode == 0, done.stdout + done.stderr
    command.faults.unlink()
    gone = reproduce(command, "1")
    assert gone.returncode == 2
    assert "unknown method 'slow'" in gone.stderr
    assert gone.stderr.count("\n") == 1


def test_what_cannot_be_repeated_is_one_line(command):
    command(*TINY, "--method", "zero_filled")
    change(command, "UPDATE task SET version = 9")
    done = reproduce(command, "1")
    assert done.returncode == 2
    assert "run 1 is of mri version 9, which is version 1 here; check out commit" in done.stderr
    change(command, "UPDATE task SET version = 1")
    change(command, "DELETE FROM score")
    assert "run 1 has no score to compare with (it is done)" in reproduce(command, "1").stderr
    assert "no run 'x7'" in reproduce(command, "x7").stderr  # digits alone may begin a digest


METRICS = {"psnr": Metric(name="psnr", better="higher", description="", tolerance=0.5)}


def made(scores, observations=None, cut=()):
    return Made(scores, observations or {}, frozenset(cut), None)


@pytest.mark.parametrize(
    ("new", "agrees", "verdict"),
    [(20.0, True, "agrees exactly"), (20.4, True, "within the task's"), (20.6, False, "NOT"), (None, False, "NOT")],
)
def test_verdicts(new, agrees, verdict):
    found = compare(made({(0, "psnr"): 20.0}), made({} if new is None else {(0, "psnr"): new}), METRICS)
    assert found.agrees is agrees
    assert verdict in found.notes[-1]


def test_other_observations_and_ended_instances_are_said():
    found = compare(made({(0, "psnr"): 1.0}, {0: "a"}, [0]), made({(0, "psnr"): 1.0}, {0: "b"}), METRICS)
    assert "other observations on instance 0" in found.notes[0]
    assert "time budget ended instance 0" in found.notes[1]
