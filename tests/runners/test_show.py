"""What is said of a stored run."""

import re
import socket
import sqlite3

import pytest

from benchmark.store.models import Run
from runners.show import _where


def show(command, *words):
    return command.module("runners.show", *words, "--db", command.db)


def change(command, query):
    with sqlite3.connect(command.db) as connection:
        connection.execute(query)


@pytest.mark.slow
def test_everything_of_a_run_and_what_is_different_now(command):
    made = command("--task", "mri", "--preset", "tiny", "--threads", "1", "--method", "cg_sense", "--set", "steps=3")
    assert made.returncode == 0, made.stderr
    with sqlite3.connect(command.db) as connection:
        [(number, digest)] = connection.execute("SELECT id, digest FROM run WHERE parameters <> '{}'")
        [(stored,)] = connection.execute(f"SELECT command FROM run WHERE id = {number}")
        [(psnr,)] = connection.execute(f"SELECT value FROM score WHERE run_id = {number} AND metric = 'psnr' AND instance = 0")
    done = show(command, str(number))
    assert done.returncode == 0, done.stderr
    for words in (stored, digest, "steps = 3 (recommended", "done; reproduced, made here", f"{psnr:.6g}", "2 of 2", "torch 2"):
        assert words in done.stdout
    assert "nothing is different now" in done.stdout
    assert show(command, digest[:10]).stdout == done.stdout
    assert re.search(rf"^ran +by the engine local, on {re.escape(socket.gethostname())}$", done.stdout, re.MULTILINE)

    change(command, "UPDATE run SET source = 'abc', data = 'def'")
    change(command, "UPDATE environment SET cpu = 'Other CPU', packages = '{\"torch\": \"1.0\"}', \"commit\" = 'fff'")
    changed = show(command, str(number)).stdout
    for words in (
        "source of task, method or preset: abc, now ",
        "data: def, now ",
        "cpu: Other CPU, now ",
        "torch: 1.0, now 2",
        "commit: fff, now",
    ):
        assert words in changed
    change(command, "UPDATE run SET status = 'running', heartbeat = '2026-01-01 00:00:00'")
    assert "done; reproduced" in show(command, str(number)).stdout  # its runner died after its last instance


def test_where_a_run_ran_is_said_in_one_line():
    assert _where(Run(engine="ray", node="a (1)", tries=2)) == "by the engine ray, on a (1), sent out 2 times"
    assert _where(Run(engine="local", node="here", tries=1)) == "by the engine local, on here"


@pytest.mark.slow
def test_unknown_and_ambiguous_runs_are_one_line(command):
    command("--task", "mri", "--preset", "tiny", "--threads", "1", "--method", "zero_filled", "--seeds", "2")
    change(command, "UPDATE run SET digest = 'aaa1' WHERE id = 1")
    change(command, "UPDATE run SET digest = 'aaa2' WHERE id = 2")
    for words, message in (("zzz", "no run 'zzz': give its id"), ("aaa", "'aaa' is the start of 2 runs: 1 (aaa1), 2 (aaa2)")):
        done = show(command, words)
        assert done.returncode == 2
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert show(command, "aaa2").stdout.splitlines()[0].split()[1] == "2"
