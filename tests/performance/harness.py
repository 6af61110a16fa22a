"""What the harness adds to a run, measured with a method that does nothing.

    python tests/performance/harness.py [--benchopt PYTHON]

Prints: seconds of a job with one instance beside those of importing torch alone; milliseconds of harness for one instance
(making, scoring, pictures, messages, database: all that is not the method's own time); seconds to recognise 500 jobs as done.
PYTHON is an interpreter with benchopt installed: the same null solver
is then run by `benchopt run` on the same machine, with one repetition for each instance.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.environment import capture, cores
from benchmark.store.database import open_database
from runners import record
from runners.engines.base import Place
from runners.engines.local import Pool
from runners.engines.messages import End, Hello, Solved, Surroundings
from runners.plan import make_plan
from runners.request import Request

INSTANCES, JOBS = 200, 500

NULL = '''
"""A task and a method that do nothing."""

import torch

from benchmark import Context, Count, Instance, LinearInverse, Metric, Preset, TaskSpec, method, task
from benchmark.operators import LinearOperator

SPEC = TaskSpec(
    name="null", version=1, title="Null", poses="LinearInverse", baseline="nothing", source="",
    metrics=(Metric(name="error", better="lower", description="", primary=True),),
    presets={
        "tiny": Preset(instances=1, budget=1),
        "small": Preset(instances=INSTANCES, budget=1),
        "full": Preset(instances=1, budget=1),
    },
)


class Identity(LinearOperator):
    shape = data_shape = (64, 64)
    dtype = torch.float32

    def forward(self, x):
        return x

    def adjoint(self, y):
        return y

    def to(self, device):
        return self


@task(SPEC)
class Null:
    def make(self, preset, split, index, generator):
        x = torch.randn(64, 64, generator=generator)
        return Instance(problem=LinearInverse(A=Identity(), y=x.clone(), noise=0.0), truth=x, label=str(index))

    def score(self, instance, estimate):
        return {"error": (estimate - instance.truth).norm().item()}

    def picture(self, instance, estimate):
        return {"image": estimate}


@method("nothing", solves="LinearInverse", kind="test", paper="")
def nothing(problem: LinearInverse, ctx: Context, *, number: Count = 1) -> torch.Tensor:
    return problem.y
'''.replace("INSTANCES", str(INSTANCES))

BENCHOPT = {
    "objective.py": """
from benchopt import BaseObjective

class Objective(BaseObjective):
    name = "Null"
    min_benchopt_version = "1.6"
    def set_data(self, X): self.X = X
    def get_objective(self): return dict(X=self.X)
    def evaluate_result(self, x): return dict(value=float(((x - self.X) ** 2).sum()))
    def get_one_result(self): return dict(x=self.X)
""",
    "datasets/null.py": """
import numpy as np
from benchopt import BaseDataset

class Dataset(BaseDataset):
    name = "null"
    def get_data(self): return dict(X=np.random.default_rng(0).standard_normal((64, 64)))
""",
    "solvers/nothing.py": """
from benchopt import BaseSolver

class Solver(BaseSolver):
    name = "nothing"
    sampling_strategy = "run_once"
    def set_objective(self, X): self.X = X
    def run(self, _): self.x = self.X
    def get_result(self): return dict(x=self.x)
""",
}


def seconds(words: list[str], **how: object) -> float:
    began = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **how)
    return time.perf_counter() - began


def torch_import() -> float:
    code = [sys.executable, "-c", "import torch"]
    return statistics.median(seconds(code, env={**os.environ, "OMP_NUM_THREADS": "1"}) for _ in range(5))


def jobs_of_one(folder: Path) -> tuple[float, float, float]:
    """Smallest, median and largest seconds of a job with one instance, database included."""
    place = Place("cpu", 1, folder / "artifacts", None, float("inf"))
    [job] = make_plan([Request(task="null", method="nothing", preset="tiny")]).jobs
    times = []
    with Session(open_database(str(folder / "one.db"))) as session:
        for _ in range(7):
            began, run = time.perf_counter(), None
            for event in Pool([job], 1, place):
                assert event is not None
                message = event[1]
                if isinstance(message, Hello):
                    run = record.begin(session, job, message.environment, "")
                elif isinstance(message, Solved):
                    assert run is not None
                    record.instance(session, run, message, folder)
                elif isinstance(message, End):
                    assert run is not None
                    record.end(session, run, message)
            times.append(time.perf_counter() - began)
    return min(times), statistics.median(times), max(times)


def per_instance(folder: Path) -> float:
    """Seconds of harness for one instance."""
    place = Place("cpu", 1, folder / "artifacts", None, float("inf"))
    [job] = make_plan([Request(task="null", method="nothing", preset="small")]).jobs
    own, began, total, run = 0.0, 0.0, 0.0, None
    with Session(open_database(str(folder / "many.db"))) as session:
        for event in Pool([job], 1, place):
            assert event is not None
            message = event[1]
            if isinstance(message, Hello):
                run = record.begin(session, job, message.environment, "")
                began = time.perf_counter()
            elif isinstance(message, Solved):
                assert run is not None
                record.instance(session, run, message, folder)
                own += message.seconds
                total = time.perf_counter() - began
    return (total - own) / INSTANCES


def recognised(folder: Path, null: Path) -> tuple[float, float]:
    """Seconds of the command over 500 jobs that are all done, with --dry-run and with the table."""
    db = folder / "done.db"
    jobs = make_plan([Request(task="null", method="nothing", preset="tiny", seeds=JOBS)]).jobs
    message = Solved(
        instance=0,
        label="",
        observation="",
        seconds=0.1,
        steps=0,
        truncated=False,
        scores={"error": 0.0},
        curve=(),
        artifacts=(),
    )
    with Session(open_database(str(db))) as session:
        for job in jobs:
            run = record.begin(session, job, Surroundings(**capture(1, "cpu")), "")
            assert run is not None
            record.instance(session, run, message, folder)
            record.end(session, run, End(peak_memory=None, peak_device_memory=None))
    words = [sys.executable, "-m", "runners.run", "--task", "null", "--method", "nothing", "--preset", "tiny"]
    words += ["--seeds", str(JOBS), "--include", str(null), "--db", str(db)]
    dry = [seconds([*words, "--dry-run"], cwd=registry.ROOT) for _ in range(3)]
    full = [seconds(words, cwd=registry.ROOT) for _ in range(3)]
    return statistics.median(dry), statistics.median(full)


def benchopt(python: str, folder: Path) -> tuple[float, float]:
    """Seconds of `benchopt run` with one repetition, and the seconds that each further one adds."""
    home = folder / "benchmark_null"
    for name, text in BENCHOPT.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    few, many = 1, 101
    words = [python, "-m", "benchopt", "run", str(home), "--no-plot", "--no-html", "--no-cache", "--n-repetitions"]
    one, lot = (statistics.median(seconds([*words, str(n)], cwd=folder) for _ in range(3)) for n in (few, many))
    return one, (lot - one) / (many - few)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchopt", metavar="PYTHON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        null = folder / "null_task.py"
        null.write_text(NULL.lstrip())
        registry.include([null])
        print(f"{cores()} cores; one thread a job; medians; smallest and largest in brackets")
        print(f"import torch alone: {torch_import():.2f} s")
        low, middle, high = jobs_of_one(folder)
        print(f"job with one instance, start to end: {middle:.2f} s [{low:.2f}, {high:.2f}]")
        each = per_instance(folder)
        print(f"harness for one of {INSTANCES} instances: {1000 * each:.2f} ms")
        dry, full = recognised(folder, null)
        print(f"{JOBS} jobs recognised as done: {dry:.2f} s with --dry-run, {full:.2f} s with the table")
        if given.benchopt:
            one, more = benchopt(given.benchopt, folder)
            print(f"benchopt run, null solver: {one:.2f} s with one repetition, {1000 * more:.2f} ms for each further one")


if __name__ == "__main__":
    main()
