import os
import signal
import subprocess
import sys
import textwrap

import pytest

from benchmark import registry

FAULTS = '''
"""Methods that misbehave."""

import os
import signal
import time

import torch

from benchmark import Context, Count, LinearInverse, method


@method("hangs", solves="LinearInverse", kind="test", paper="")
def hangs(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    while True:
        time.sleep(1)


@method("forks", solves="LinearInverse", kind="test", paper="")
def forks(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    import subprocess
    child = subprocess.Popen(["sleep", "600"])
    open(os.environ["CHILD"], "w").write(str(child.pid))
    while True:
        time.sleep(1)


@method("crashes", solves="LinearInverse", kind="test", paper="")
def crashes(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    os.kill(os.getpid(), signal.SIGSEGV)


@method("raises", solves="LinearInverse", kind="test", paper="")
def raises(problem: LinearInverse, ctx: Context, *, only: int = -1) -> torch.Tensor:
    """Fails on one instance, told apart by its mask, or on all of them."""
    counter = os.environ["COUNTER"]
    seen = int(open(counter).read()) if os.path.exists(counter) else 0
    open(counter, "w").write(str(seen + 1))
    if only < 0 or seen == only:
        raise RuntimeError("the matrix is singular")
    return problem.A.H(problem.y)


@method("wrong", solves="LinearInverse", kind="test", paper="")
def wrong(problem: LinearInverse, ctx: Context, *, how: str = "shape") -> torch.Tensor:
    x = problem.A.H(problem.y)
    return {"shape": x[:-1], "type": x.real, "nan": x * float("nan"), "none": None}[how]


@method("slow", solves="LinearInverse", kind="test", paper="")
def slow(problem: LinearInverse, ctx: Context, *, steps: Count = 40) -> torch.Tensor:
    x = problem.A.H(problem.y)
    for step in ctx.steps(steps):
        time.sleep(0.05)
        ctx.record(step, x)
    return x


@method("chats", solves="LinearInverse", kind="test", paper="")
def chats(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    print("{" * 200_000)
    return problem.A.H(problem.y)
'''


class Command:
    """`python -m runners.run` in a scratch folder with its own database."""

    def __init__(self, folder):
        self.folder = folder
        self.db = folder / "results.db"
        self.faults = folder / "faults.py"
        self.faults.write_text(textwrap.dedent(FAULTS).lstrip())
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(registry.ROOT),
            "COUNTER": str(folder / "counter"),
            "CHILD": str(folder / "child"),
            "COLUMNS": "200",
        }
        self.environment.pop("LOWDIMBENCH_DB", None)

    def words(self, *words, faults=False, db=True):
        include = ["--include", str(self.faults)] if faults else []
        place = ["--db", str(self.db)] if db else []
        return [sys.executable, "-m", "runners.run", *words, *include, *place]

    def __call__(self, *words, **how):
        environment = {**self.environment, **how.pop("environment", {})}
        return subprocess.run(
            self.words(*words, **how), cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120
        )

    def start(self, *words, **how):
        return subprocess.Popen(
            self.words(*words, **how),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # a test run in the background of a script ignores Ctrl-C, and so would what it starts
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


@pytest.fixture
def command(tmp_path):
    return Command(tmp_path)
