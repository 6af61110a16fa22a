"""Methods that cheat, each in one way, run by real workers: an instance fails with a line that says what was noticed."""

import io
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from rich.console import Console
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry, solving
from benchmark.store.database import open_database
from benchmark.store.models import Artifact, Instance, Run, Score
from runners import honest
from runners.engines import local, messages
from runners.engines.base import Place
from runners.engines.wall import Wall
from runners.execute import Execution
from runners.honest import Noticed, Watched, Witness
from runners.plan import make_plan
from runners.progress import Display
from runners.request import Request
from tests.runners.forks import FORKS
from tests.runners.warm import Forked

CHEATS = '''
"""Methods that want better numbers than they deserve."""

import gc
import os
import stat
import sys
import threading
import time

import torch

from benchmark import Context, LinearInverse, method
from benchmark.context import Times


class Lazy(torch.Tensor):
    pass


def late(stop):
    while not stop:
        time.sleep(0.01)


def forge(answered, seconds):
    """What a worker would say, by its own voice."""
    from runners.engines import messages

    [say] = [one for one in gc.get_objects() if type(one).__name__ == "Reporter"]
    scores = {"psnr": 99.0, "ssim": 1.0, "nmse": 0.0}
    facts = dict(label="mine", observation="0" * 64, steps=1, truncated=False, curve=(), artifacts=())
    say(messages.Solved(instance=answered, seconds=seconds, scores=scores, **facts))


@method("cheats", solves="LinearInverse", kind="test", paper="")
def cheats(problem: LinearInverse, ctx: Context, *, how: str = "") -> torch.Tensor:
    x = problem.A.H(problem.y)
    if how == "lazy":
        return x.as_subclass(Lazy)
    if how == "lazy point":
        for step in ctx.steps(2):
            ctx.record(step, x.as_subclass(Lazy))
    if how == "mask":
        problem.A.mask.fill_(True)
    if how == "data":
        problem.y.data.mul_(2)
    if how == "noise":
        object.__setattr__(problem, "noise", 0.0)
    if how == "check":
        object.__setattr__(problem, "check", lambda estimate: estimate)
    if how == "checks":
        LinearInverse.check = lambda self, estimate: estimate
    if how == "threads":
        torch.set_num_threads(8)
    if how == "type":
        torch.set_default_dtype(torch.float64)
    if how == "lingers":
        threading.Thread(target=late, args=([],), daemon=True).start()
    if how == "score":
        sys.modules["tasks.mri"].MRI.score = lambda *given: {"psnr": 99.0, "ssim": 1.0, "nmse": 0.0}
    if how == "metric":
        from benchmark.metrics import image
        image.psnr.__code__ = (lambda estimate, truth, peak: truth.sum() * 0 + 99.0).__code__
    if how == "clock":
        time.perf_counter = lambda: 0.0
    if how == "code":
        Times.now = classmethod(lambda cls: cls())
    if how == "stops":
        ctx.clock.stop()
        time.sleep(0.01)
        ctx.clock.start()
    if how == "back":
        ctx.clock._before = Times(-5.0, -5.0, -5.0)
    if how == "budget":
        ctx.budget = 1e9
    if how == "aside":
        def slow():
            time.sleep(1.1)
            return x
        for step in ctx.steps(1):
            ctx.record(step, slow)
    if how == "pipe":
        line = b'{"kind": "end", "peak_memory": null, "peak_device_memory": null}\\n'
        for number in range(3, 256):
            try:
                if stat.S_ISFIFO(os.fstat(number).st_mode):
                    os.write(number, line)
            except OSError:
                pass
    if how == "forges":
        time.sleep(1.5)
        forge(0, 0.001)
        os._exit(0)
    if how == "again":
        forge(0, 0.0)
    return x
'''
REASONS = {
    "lazy": "an estimate is a Lazy, not a plain torch.Tensor",
    "lazy point": "an estimate is a Lazy, not a plain torch.Tensor",
    "mask": "the method changed its problem: A.mask",
    "data": "the method changed its problem: y",
    "noise": "the method changed its problem: noise",
    "check": "the method changed its problem: check()",
    "checks": "the method replaced benchmark.problems.linear_inverse.LinearInverse.check",
    "threads": "the method changed the number of PyTorch's threads, from 1 to 8",
    "type": "the method changed the default type of PyTorch, from torch.float32 to torch.float64",
    "lingers": "a thread of the method runs on after its answer",
    "score": "the method replaced tasks.mri.MRI.score",
    "metric": "the method replaced benchmark.metrics.image.psnr",
    "clock": "the method replaced time.perf_counter",
    "code": "the method replaced benchmark.context.Times.now",
    "stops": "the method changed its clock or its budget",
    "back": "the method changed its clock or its budget",
    "budget": "the method changed its clock or its budget",
    "aside": "functions that ctx.record was given took 1.1 s, with the clock held; the method itself ",
    "pipe": "a line on the worker's pipe is not the worker's own",
    "forges": "its seconds are not those of the clock: 0.001 s of the method and 0 s beside it, where 1.",
    "again": "the worker told of it twice",
}


@pytest.mark.slow
def test_each_way_to_cheat_fails_its_instance_with_a_line_that_says_what(tmp_path, monkeypatch):
    file = tmp_path / "cheats.py"
    file.write_text(CHEATS.lstrip())
    registry.include([file])
    plan = make_plan(
        [Request(task="mri", method="cheats", preset="tiny", grid={"how": ["", *REASONS]}, on_test=True, baseline=False)]
    )
    engine = open_database(str(tmp_path / "a.db"))
    with Session(engine) as session:
        monkeypatch.setattr(local.subprocess, "Popen", Forked.in_place_of(FORKS.forge.door))
        display = Display(plan, Console(file=io.StringIO(), width=200))
        where = Place("cpu", 1, tmp_path / "artifacts", None, math.inf)
        Execution(session, plan, where, display, lambda job: "again", at_once=4)()
        runs = {run.parameters["how"]: run for run in session.scalars(select(Run))}
        assert (runs.pop("").status, runs.keys()) == ("done", REASONS.keys())
        for how, reason in REASONS.items():
            told = [one.error for one in session.scalars(select(Instance).where(Instance.run_id == runs[how].id))]
            assert runs[how].status == "failed", how
            if how == "pipe":
                assert runs[how].error == reason
            elif how in ("forges", "again"):
                assert told[0].startswith(reason), how
            else:
                assert len(told) == 2, how
                assert all(one.startswith(reason) for one in told), (how, told)
            scores = list(session.scalars(select(Score).where(Score.run_id == runs[how].id, Score.instance == 0)))
            assert scores == [], how
    engine.dispose()


# --- the same in this process, where it is quick ------------------------------------------------------------------------


def solved(function, **more):
    """cg_sense's place taken by a function, watched."""
    task = registry.get_task("mri").load()
    witness = Witness(task)
    method = witness.of(replace(registry.get_method("zero_filled").load(), function=function, **more))
    return solving.solve(task, method, "tiny", 0, 0, {}, kind=Watched), witness


def adjoint(problem, ctx):
    return problem.A.H(problem.y)


def test_an_honest_method_passes_and_scores_as_without_a_witness():
    task, method = registry.get_task("mri").load(), registry.get_method("zero_filled").load()
    assert solved(adjoint)[0].scores == solving.solve(task, method, "tiny", 0, 0, {}).scores


def test_what_libraries_leave_behind_is_no_cheat(monkeypatch):
    """Idle threads of a pool, a thread that sleeps in the standard library, a parameter, what an operator caches."""
    pool = ThreadPoolExecutor(1)

    def leaves(problem, ctx):
        pool.submit(sum, [1]).result()
        threading.Thread(target=threading.Event().wait, args=(30,), daemon=True).start()
        problem.A.cache = torch.ones(3)
        return torch.nn.Parameter(adjoint(problem, ctx))

    found, _ = solved(leaves)
    assert type(found.estimate) is torch.Tensor
    assert not found.estimate.requires_grad
    pool.shutdown()


def test_functions_for_the_curve_may_take_as_long_as_the_method(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(honest, "perf_counter", lambda: now[0])

    def taking(aside):
        def method(problem, ctx):
            def point():
                now[0] += aside
                return adjoint(problem, ctx)

            for step in ctx.steps(1):
                now[0] += 2.0
                ctx.record(step, point)
            return adjoint(problem, ctx)

        return method

    _, witness = solved(taking(2.9))
    assert witness.seconds == pytest.approx(2.0)
    with pytest.raises(Noticed, match=r"ctx.record was given took 3\.1 s, with the clock held; the method itself 2 s"):
        solved(taking(3.1))


def test_work_on_more_processors_than_were_given_is_noticed(monkeypatch):
    now = [0.0, 0.0]
    monkeypatch.setattr(honest, "perf_counter", lambda: now[0])
    monkeypatch.setattr(honest, "_processors", lambda: now[1])

    def busy(processors):
        def method(problem, ctx):
            now[0], now[1] = now[0] + 2.0, now[1] + 2.0 * processors
            return adjoint(problem, ctx)

        return method

    solved(busy(1.4))
    with pytest.raises(Noticed, match=r"computed on 1\.6 processors and was given 1 \(--threads gives more\)"):
        solved(busy(1.6))


def test_learning_is_watched_and_what_was_learnt_stays_as_it_is():
    task = registry.get_task("spectral").load()
    witness = Witness(task)

    def fit(training, ctx):
        return {"w": torch.zeros(3)}

    def restless(training, ctx):
        torch.set_num_threads(5)
        return {"w": torch.zeros(3)}

    def writes(problem, ctx, learnt):
        learnt["w"].add_(1)
        return problem.A.H(problem.y)

    entry = registry.get_method("ridge_map").load()
    method = witness.of(replace(entry, function=writes, fit=fit, parameters=None, learns=None))
    learnt = solving.learn(task, method, "tiny", 0, {}, kind=Watched)
    with pytest.raises(Noticed, match="the method changed in place what it had learnt"):
        solving.solve(task, method, "tiny", 0, 0, {}, fit=learnt, kind=Watched)
    try:
        with pytest.raises(Noticed, match="threads, from 1 to 5"):
            solving.learn(task, witness.of(replace(method, fit=restless)), "tiny", 0, {}, kind=Watched)
    finally:
        torch.set_num_threads(1)


# --- seconds and the pipe -----------------------------------------------------------------------------------------------

SOLVED = messages.Solved(
    instance=0, label="", observation="", seconds=5.0, aside=3.0, steps=1, truncated=False, scores={}, curve=(), artifacts=()
)


@pytest.mark.parametrize(
    ("passed", "gap", "good"),
    [(8.0, 0.0, True), (9.8, 0.0, True), (10.3, 0.0, False), (6.4, 0.0, True), (6.2, 0.0, False), (14.0, 6.0, True)],
)
def test_seconds_are_held_against_the_clock_of_the_parent(passed, gap, good):
    """They may be off by a second and a tenth, and by as long as the parent was not looking."""
    wall = Wall()
    wall.heard(messages.Making(over=True), 100.0)
    at = 100.0 + gap
    while at < 100.0 + passed:
        wall.look(at)
        at += 0.1
    message = wall.heard(SOLVED, 100.0 + passed)
    assert isinstance(message, messages.Solved if good else messages.Failed)
    if not good:
        assert message.reason.startswith("its seconds are not those of the clock: 5 s of the method and 3 s beside it, where ")
    assert wall.heard(SOLVED, 100.0 + passed).reason == "the worker told of it twice"


@pytest.mark.parametrize(("gap", "good"), [(0.1, False), (3.0, False), (8.0, True)])
def test_words_that_waited_while_the_parent_did_not_look_are_of_any_time_in_between(gap, good):
    """As when the worker solves an instance while a busy machine leaves its parent no turn."""
    wall = Wall()
    for at in range(20):
        wall.look(90.0 + at / 10)
    wall.heard(messages.Making(), 92.0 + gap)
    wall.heard(messages.Making(over=True), 92.0 + gap + 0.001)
    message = wall.heard(SOLVED, 92.0 + gap + 0.002)
    assert isinstance(message, messages.Solved if good else messages.Failed)


def test_a_parent_that_has_caught_up_takes_words_as_of_now():
    wall = Wall()
    for at in (90.0, *(98.0 + at / 10 for at in range(15))):
        wall.look(at)
    wall.heard(messages.Making(over=True), 99.5)
    assert isinstance(wall.heard(SOLVED, 99.6), messages.Failed)


def test_lines_without_the_mark_of_the_first_are_somebody_elses():
    line = messages.written(messages.Making()).encode()
    ear = messages.Ear()
    assert ear.heard(b"1234 " + line) == messages.Making()
    assert ear.heard(b"1234 " + line) == messages.Making()
    for other in (line, b"1235 " + line, b" 1234 " + line):
        assert ear.heard(other).reason == "a line on the worker's pipe is not the worker's own"


# --- scored apart -------------------------------------------------------------------------------------------------------

UNNOTICED = '''
"""The adjoint, in a process in which logarithms are not what they were."""

import os
from pathlib import Path

import torch

from benchmark import Context, LinearInverse, method

with Path(os.environ["COUNTER"]).open("a") as file:
    print(os.getpid(), file=file)
right = torch.log10
torch.log10 = lambda x: right(x) + 3


calls = []


@method("unnoticed", solves="LinearInverse", kind="test", paper="")
def unnoticed(problem: LinearInverse, ctx: Context, *, good: bool = True) -> torch.Tensor:
    """Where it is not good, its first answer is none and its second an exit."""
    x = problem.A.H(problem.y)
    ctx.keep("mask", torch.ones(2, 3))
    calls.append(x)
    if not good and len(calls) == 2:
        os._exit(3)
    return x if good else x / 0
'''


@pytest.mark.slow
def test_scored_apart_a_method_is_loaded_by_another_process_and_its_scores_are_true(command):
    file = command.folder / "unnoticed.py"
    file.write_text(UNNOTICED.lstrip())
    words = ("--task", "mri", "--preset", "tiny", "--threads", "1", "--include", str(file), "--no-baseline", "--jobs", "2")
    done = command(*words, "--method", "unnoticed", "--grid", "good=true,false", "--on-test", "--apart")
    assert done.returncode == 1, done.stdout + done.stderr
    assert len((command.folder / "counter").read_text().split()) == 2  # one process a run has seen it
    task, method = registry.get_task("mri").load(), registry.get_method("zero_filled").load()
    true = {n: solving.solve(task, method, "tiny", n, 0, {}).scores for n in (0, 1)}
    engine = open_database(str(command.db))
    with Session(engine) as session:
        runs = {run.parameters["good"]: run for run in session.scalars(select(Run).where(Run.origin == "here"))}
        stored = session.scalars(select(Score).where(Score.run_id == runs[True].id))
        assert {(one.instance, one.metric): one.value for one in stored} == {
            (n, metric): value for n in true for metric, value in true[n].items()
        }
        kept = session.scalars(select(Artifact.kind).where(Artifact.run_id == runs[True].id, Artifact.instance == 1))
        assert {"estimate", "truth", "mask"} <= set(kept)
        assert runs[True].status == "done"
        assert "--apart" in runs[True].command
        assert runs[False].error == "the method's process ended with exit code 3 before its last message"
        diverged = select(Instance.number, Instance.status).where(Instance.run_id == runs[False].id)
        assert [tuple(one) for one in session.execute(diverged)] == [(0, "diverged")]
    engine.dispose()
