"""However a worker ends, its job gets a reason, soon: any signal, a crash, an exit, a closed pipe, a clock that jumps."""

import io
import math
import os
import signal
import sys
import time

import pytest
from rich.console import Console
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.store.database import open_database
from benchmark.store.models import Instance, Run, Score
from runners.engines import local
from runners.engines.base import Place
from runners.execute import Execution
from runners.plan import make_plan
from runners.progress import Display
from runners.request import Request
from tests.runners.forks import FORKS
from tests.runners.warm import Forked

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="no real-time signals here"),
]

# The kernel ignores the first four unless a program asks for them, and the next three for a session of its own, which a worker
# is; Python ignores the last two. SIGSTOP holds a worker, which its time limit ends. The C library may keep 32 and 33 to
# itself. Every other number ends a worker.
IGNORED = ["CHLD", "CONT", "URG", "WINCH", "TSTP", "TTIN", "TTOU", "PIPE", "XFSZ"]
HARMLESS = [getattr(signal, f"SIG{name}").value for name in IGNORED]
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # as beneath nohup, which its children inherit
    HARMLESS.append(signal.SIGHUP.value)
INNER = [32, 33]
DEADLY = [number for number in range(1, 65) if number not in (*HARMLESS, *INNER, signal.SIGSTOP)]

ENDS = '''
"""Methods that end their process, or what it sees, and say when."""

import ctypes
import os
import sys
import time
from pathlib import Path
from typing import Literal

from benchmark import Context, LinearInverse, method


@method("struck", solves="LinearInverse", kind="test", paper="")
def struck(problem: LinearInverse, ctx: Context, *, number: int = 0):
    Path(os.environ["STRUCK"], str(number)).write_text(str(time.monotonic()))
    os.kill(os.getpid(), number)
    return problem.A.H(problem.y)


@method("ends", solves="LinearInverse", kind="test", paper="")
def ends(problem: LinearInverse, ctx: Context, *, how: Literal["crash", "exit", "leave", "close", "clock"] = "exit"):
    if how == "crash":
        ctypes.string_at(0)
    if how == "exit":
        os._exit(0)
    if how == "leave":
        sys.exit("it left")
    if how == "close":
        os.closerange(3, 256)
        time.sleep(60)
    if how == "clock":
        right = time.time
        time.time = lambda: right() - 3600
    return problem.A.H(problem.y)
'''


def place(tmp_path):
    return Place("cpu", 1, tmp_path / "artifacts", None, math.inf)


def ended(tmp_path, request):
    """By value of the parameter: status, reason, and by the time of this process when the run ended."""
    plan, engine, found = make_plan([request]), open_database(str(tmp_path / "a.db")), {}
    with Session(engine) as session:
        display = Display(plan, Console(file=io.StringIO(), width=200))
        finish = display.finish
        [name] = request.grid

        def heard(job):
            found[job.key.parameters[name]] = time.monotonic()
            finish(job)

        display.finish = heard
        Execution(session, plan, place(tmp_path), display, lambda job: "again", at_once=4)()
        runs = session.scalars(select(Run)).all()
        scores = len(session.scalars(select(Score)).all())
        seconds = session.scalars(select(Instance.seconds)).all()
        result = {run.parameters[name]: (run.status, run.error, found[run.parameters[name]]) for run in runs}
    engine.dispose()
    return result, scores, seconds


@pytest.fixture
def warm(tmp_path, monkeypatch):
    """Workers are real, and forked from a process that has imported torch."""
    file = tmp_path / "ends.py"
    file.write_text(ENDS.lstrip())
    registry.include([file])
    monkeypatch.setenv("STRUCK", str(tmp_path))
    monkeypatch.setattr(local.subprocess, "Popen", Forked.in_place_of(FORKS.forge.door))


def study(method, **grid):
    return Request(task="mri", method=method, preset="tiny", grid=grid, on_test=True, baseline=False, timeout=20.0)


@pytest.mark.slow
def test_every_signal_to_a_real_worker_ends_in_a_stored_reason_within_five_seconds(warm, tmp_path):
    found, scores, _ = ended(tmp_path, study("struck", number=[*DEADLY, *INNER, *HARMLESS]))
    assert found.keys() == {*DEADLY, *INNER, *HARMLESS}
    for number in DEADLY:
        status, reason, at = found[number]
        assert status == "failed", number
        if number == signal.SIGINT:
            assert reason.startswith("KeyboardInterrupt")
        else:
            assert reason.startswith(f"killed by signal {local.signal_name(number)}"), number
        assert at - float((tmp_path / str(number)).read_text()) < 5, number
    for number in HARMLESS:
        assert found[number][:2] == ("done", None), number
    for number in INNER:
        assert found[number][:2] in (("done", None), ("failed", f"killed by signal {number}")), number
    assert scores == sum(status == "done" for status, _, _ in found.values()) * 2 * 3
    assert found[40][1] == "killed by signal 40"


@pytest.mark.slow
def test_a_real_worker_that_ends_otherwise_gets_a_reason_and_a_jump_of_the_clock_changes_nothing(warm, tmp_path):
    found, scores, seconds = ended(tmp_path, study("ends", how=["crash", "exit", "leave", "close", "clock"]))
    assert {how: (status, (reason or "").splitlines()[:1]) for how, (status, reason, _) in found.items()} == {
        "crash": ("failed", ["killed by signal SIGSEGV"]),
        "exit": ("failed", ["the worker ended with exit code 0 before its last message"]),
        "leave": ("failed", ["SystemExit: it left"]),
        "close": ("failed", ["the worker closed its pipe before its last message"]),
        "clock": ("done", []),
    }
    assert scores == 2 * 3
    assert all(0 <= one < 5 for one in seconds)


def standing_in(monkeypatch, tmp_path, script):
    """Workers are this small program."""
    file = tmp_path / "worker.py"
    file.write_text(script, encoding="utf-8")
    monkeypatch.setattr(local, "_GRACE", 0.2)
    start = local.subprocess.Popen
    monkeypatch.setattr(local.subprocess, "Popen", lambda words, **how: start([sys.executable, "-S", str(file)], **how))


def last_word(tmp_path, strike=lambda worker: None):
    """What the engine says of a job, after `strike`."""
    [job] = make_plan([Request(task="mri", method="zero_filled", preset="tiny", baseline=False)]).jobs
    inbox = local.queue.Queue()
    worker = local.Worker(job, place(tmp_path), inbox)
    strike(worker)
    _, message = inbox.get(timeout=20)
    assert worker.process.poll() is not None
    return message.reason


WAITS = "import time\ntime.sleep(60)\n"


@pytest.mark.parametrize("number", [9, 11, 15, 35, 40, 63])
def test_a_signal_has_its_name_or_its_number(monkeypatch, tmp_path, number):
    standing_in(monkeypatch, tmp_path, WAITS)
    reason = last_word(tmp_path, lambda worker: os.kill(worker.process.pid, number))
    names = {9: "SIGKILL (the system kills so when memory runs out)", 11: "SIGSEGV", 15: "SIGTERM"}
    assert reason == f"killed by signal {names.get(number, number)}"


def test_a_closed_pipe_ends_a_job(monkeypatch, tmp_path):
    standing_in(monkeypatch, tmp_path, f"import os\nos.close(1)\n{WAITS}")
    assert last_word(tmp_path) == "the worker closed its pipe before its last message"


def test_a_line_without_end_is_no_message(monkeypatch, tmp_path):
    monkeypatch.setattr(local, "_LONGEST", 1 << 20)
    standing_in(monkeypatch, tmp_path, f"print('x' * (1 << 21), flush=True)\n{WAITS}")
    assert last_word(tmp_path) == "the worker sent no valid message (more than 1 MB)"


@pytest.mark.parametrize("broken", ["_supervise", "_how_it_died"])
def test_a_watcher_that_fails_reports_all_the_same(monkeypatch, tmp_path, broken):
    def fail(worker):
        raise ValueError("40 is not a valid Signals")

    monkeypatch.setattr(local.Worker, broken, fail)
    standing_in(monkeypatch, tmp_path, "")
    assert last_word(tmp_path) == "its end could not be watched (ValueError: 40 is not a valid Signals)"


def test_a_reader_that_fails_ends_its_job(monkeypatch, tmp_path):
    def fail(line):
        raise MemoryError("no room for it")

    monkeypatch.setattr(local.messages, "checked", fail)
    standing_in(monkeypatch, tmp_path, f"print('{{}}', flush=True)\n{WAITS}")
    assert last_word(tmp_path) == "the output of the worker could not be read (MemoryError: no room for it)"
