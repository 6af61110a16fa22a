import os
import signal
import subprocess
import sys
import textwrap

import pytest

from benchmark import registry
from tests.runners.forks import FORKS

FAULTS = '''
"""Methods that misbehave."""

import os
import signal
import time

import torch

from benchmark import Completion, Context, Count, LinearInverse, method


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


@method("diverges", solves="LinearInverse", kind="test", paper="")
def diverges(
    problem: LinearInverse, ctx: Context, *, value: str = "inf", steps: Count = 10, at: int = 4, seen: str = "curve",
    first: str = "diverge", second: str = "return",
) -> torch.Tensor:
    """From step `at` on it has one entry that is not finite, on the instances where it is to diverge."""
    counter = os.environ["COUNTER"]
    called = int(open(counter).read()) if os.path.exists(counter) else 0
    open(counter, "w").write(str(called + 1))
    how = (first, second, "return", "return")[called]
    x = problem.A.H(problem.y)
    for step in ctx.steps(steps):
        if how == "raise":
            raise RuntimeError("the matrix is singular")
        if how == "diverge" and step == at:
            x = x.clone()
            x[3, 4] = float(value)
        if seen == "curve":
            ctx.record(step, x)
        if seen == "other":
            ctx.record(step, problem.A.H(problem.y), iterate=lambda: x)
    return x


@method("grows", solves="Completion", kind="test", paper="")
def grows(problem: Completion, ctx: Context, *, by: float = 10.0, steps: Count = 6) -> torch.Tensor:
    """Each step is `by` times larger than the one before; finite to the end."""
    X, _ = problem.dense()
    for step in ctx.steps(steps):
        X = by * X
        ctx.record(step, X)
    return X


@method("slow", solves="LinearInverse", kind="test", paper="")
def slow(problem: LinearInverse, ctx: Context, *, steps: Count = 40) -> torch.Tensor:
    x = problem.A.H(problem.y)
    for step in ctx.steps(steps):
        time.sleep(0.05)
        ctx.record(step, x)
    return x


@method("daemonises", solves="LinearInverse", kind="test", paper="")
def daemonises(problem: LinearInverse, ctx: Context, *, then: str = "hang") -> torch.Tensor:
    """Leaves a process behind that has neither its parent nor its group, and says that it lives until it does not."""
    import psutil
    import subprocess
    import sys
    code = (
        "import os, sys, time\\nif os.fork(): os._exit(0)\\nos.setsid()\\n"
        "while True:\\n    open(sys.argv[1] + '~', 'w').write(f'{os.getpid()} {time.time()}')\\n"
        "    os.replace(sys.argv[1] + '~', sys.argv[1])\\n    time.sleep(0.05)"
    )
    subprocess.run([sys.executable, "-c", code, os.environ["CHILD"]], start_new_session=True)
    open(os.environ["COUNTER"], "w").write(str(psutil.Process().create_time()))
    while not os.path.exists(os.environ["CHILD"]):
        time.sleep(0.05)
    if then == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    while then == "hang":
        pass
    return problem.A.H(problem.y)


@method("lingers", solves="LinearInverse", kind="test", paper="")
def lingers(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    """Returns, and leaves a thread that never ends."""
    import threading
    threading.Thread(target=time.sleep, args=(600,)).start()
    return problem.A.H(problem.y)


@method("allocates", solves="LinearInverse", kind="test", paper="")
def allocates(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    kept = []
    while True:
        kept.append(torch.ones(5_000_000))
        time.sleep(0.005)


@method("asks_too_much", solves="LinearInverse", kind="test", paper="")
def asks_too_much(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    return torch.ones(1 << 50)


@method("fills", solves="LinearInverse", kind="test", paper="")
def fills(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    """Writes until the disk is full: to $FILL, or to a temporary file."""
    import tempfile
    name = os.environ.get("FILL") or os.path.join(tempfile.gettempdir(), "filler")
    with open(name, "ab", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))


@method("chats_and_crashes", solves="LinearInverse", kind="test", paper="")
def chats_and_crashes(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    import sys
    print("words " * 100_000 + "these were the last words", end="", flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


@method("chats", solves="LinearInverse", kind="test", paper="")
def chats(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    for _ in range(100):
        print("{" * 200_000)
        os.write(2, b"words " * 20_000)
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
        environment = how.pop("environment", {})
        return self.module(*self.words(*words, **how)[2:], environment=environment)

    def module(self, *words, environment=None):
        """`python -m` with these words, a module of the suite first."""
        return FORKS([*map(str, words)], self.folder, {**self.environment, **(environment or {})})

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
