"""What the engines cost, measured with jobs that sleep, on one machine.

    python tests/performance/engines.py [--engine local] [--engine ray] [--workers 2,4] [--seconds 1,10]
        [--many 1000,10000] [--plan 10000] [--queue 100,1000]

Prints for each engine: efficiency (seconds slept over seconds that the workers had, from the end of the first jobs, which start
processes, to the last end); for plans of many jobs that sleep not at all the milliseconds a job, those that the head computes,
by how much the head grew, and what a run takes in the database. Then what the plan itself costs, and, where submitit is
installed, what the folder of a SLURM site costs with many jobs in it. A job stands in for the isolated worker: what it says is
what a worker says of one instance, without a picture. What a worker adds by importing PyTorch is measured by harness.py.
"""

import argparse
import importlib.util
import io
import math
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

import psutil
from rich.console import Console
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmark import environment
from benchmark.store.database import open_database
from benchmark.store.models import Score
from runners.engines import engine, local, messages
from runners.engines.base import Place
from runners.execute import Execution
from runners.plan import Plan, make_plan
from runners.progress import Display
from runners.request import Request

HELLO = messages.written(messages.Hello(environment=messages.Surroundings(**environment.capture(1, "cpu"))))
SOLVED = messages.written(
    messages.Solved(
        instance=0,
        label="",
        observation="0" * 64,
        seconds=0.0,
        steps=1,
        truncated=False,
        scores={"psnr": 1.0, "ssim": 0.5, "nmse": 0.1},
        curve=(),
        artifacts=(),
    )
)
END = messages.written(messages.End(peak_memory=1.0, peak_device_memory=None))
WORKER = """
import json, sys, time
order = json.loads(sys.stdin.readline())
hello, solved, end = sys.argv[1:]
print(hello, flush=True)
time.sleep(order["parameters"]["pause"])
print(solved, flush=True)
print(end, flush=True)
"""


def sleeping(errand, names, *contents):
    """In place of the Ray task."""
    yield f'{{"kind": "at", "node": "{errand.key.preset}"}}'
    yield HELLO
    time.sleep(errand.key.parameters["pause"])
    yield SOLVED
    yield END


def plan(number, pause):
    [job] = make_plan([Request(task="mri", method="zero_filled", preset="tiny", baseline=False)]).jobs
    one = replace(job, todo=(0,), timeout=600.0)
    keys = (job.key.model_copy(update={"parameters": {"pause": pause, "number": n}}) for n in range(number))
    return Plan(tuple(replace(one, key=key) for key in keys), ())


class Timed(Display):
    ends: list[float]

    def finish(self, job):
        super().finish(job)
        self.ends.append(time.monotonic())


def carried_out(name, workers, jobs, folder):
    """(times at which jobs ended, wall seconds, the head's CPU seconds, MB by which it grew, MB of the database)"""
    (folder / "artifacts").mkdir(parents=True)
    opened = open_database(str(folder / "a.db"))
    display = Timed(jobs, Console(file=io.StringIO()))
    display.ends = []
    before, began, cpu = psutil.Process().memory_info().rss, time.monotonic(), time.process_time()
    with Session(opened) as session:
        place = Place("cpu", 1, folder / "artifacts", None, math.inf)
        Execution(session, jobs, place, display, lambda job: "", at_once=workers, engine=engine(name))()
        stored = session.scalar(select(func.count()).select_from(Score))
    opened.dispose()
    if stored != 3 * len(jobs.jobs):
        sys.exit(f"{name}: {stored} scores of {len(jobs.jobs)} jobs are stored")
    grown = (psutil.Process().memory_info().rss - before) / 1e6
    ends = [at for at in display.ends if at][1::2]  # after its instance, and at its end
    return ends, time.monotonic() - began, time.process_time() - cpu, grown, (folder / "a.db").stat().st_size / 1e6


def stand_in(name, workers):
    """Whatever stands in for the isolated worker of an engine."""
    if name == "local":
        start = subprocess.Popen
        words = [sys.executable, "-S", "-c", WORKER, HELLO, SOLVED, END]
        return [mock.patch.object(local.subprocess, "Popen", lambda _, **how: start(words, **how))]
    from runners.engines import ray

    return [mock.patch.object(ray, "carry", sleeping), mock.patch.object(environment, "cores", return_value=workers)]


def measured(name, workers, number, pause):
    with tempfile.TemporaryDirectory() as scratch:
        patches = stand_in(name, workers)
        for patch in patches:
            patch.start()
        try:
            return carried_out(name, workers, plan(number, pause), Path(scratch) / "db")
        finally:
            for patch in patches:
                patch.stop()


def planned(number):
    """CPU seconds and bytes of one job of a plan of so many, in 1000 seeds."""
    grid = {"damping": [1e-3 * k for k in range(1, number // 1000 + 1)]}
    ask = Request(task="mri", method="cg_sense", preset="tiny", seeds=1000, grid=grid, on_test=True, baseline=False)
    make_plan([ask.model_copy(update={"seeds": 1})])  # reads code and data, once
    before, began = psutil.Process().memory_info().rss, time.process_time()
    made = make_plan([ask])
    assert len(made.jobs) == number
    return (time.process_time() - began) / number, (psutil.Process().memory_info().rss - before) / number


def queued(number):
    """CPU seconds: to offer one job of so many, in which an allocation finds the only one that is left, in which the head
    looks at all once. Of a larger plan the head offers a part.
    """
    from runners.engines import allocation, slurm
    from runners.engines.desk import Desk

    with tempfile.TemporaryDirectory() as scratch:
        head = Desk(plan(number, 0).jobs, Place("cpu", 1, Path(scratch) / "artifacts", None, math.inf))
        site = slurm.Site.__new__(slurm.Site)
        site.queue, site.desk, site.allocations = allocation.Queue(Path(scratch)), head, {"1_0", "2_0"}
        site.before, site.out, site.read, site.heard = {}, {}, {}, {}
        site._send()
        began = time.process_time()
        for name in list(site.out)[:100]:
            site.queue.put(name, head.errand(site.out[name]), {})
        put = (time.process_time() - began) / 100
        share = allocation.Share(scratch)
        for name in site.queue.jobs()[:-1]:
            site.queue.claim(name, "2_0")
        began = time.process_time()
        assert share._next(site.queue, "1_0")
        found = time.process_time() - began
        began = time.process_time()
        assert not [event for name in list(site.out) for event in site._news(name)]
        assert not list(site._lost())
        return put, found, time.process_time() - began


def numbers(text):
    return [int(part) for part in text.split(",") if part]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", action="append", choices=("local", "ray"))
    parser.add_argument("--workers", type=numbers, default=[2, 4])
    parser.add_argument("--seconds", type=numbers, default=[1, 10])
    parser.add_argument("--rounds", type=int, default=4, help="jobs of each worker, the first of which is not counted")
    parser.add_argument("--many", type=numbers, default=[1000, 10000])
    parser.add_argument("--plan", type=numbers, default=[10000])
    parser.add_argument("--queue", type=numbers, default=[100, 1000], help="jobs of a plan for a SLURM site")
    given = parser.parse_args()
    load = psutil.getloadavg()[0]
    print(f"{environment.cores()} cores, load {load:.1f} before")
    for name in given.engine or ("local", "ray"):
        for pause in given.seconds:
            for workers in given.workers:
                jobs = workers * given.rounds
                ends, wall, *_ = measured(name, workers, jobs, pause)
                passed = ends[-1] - ends[workers - 1]
                efficiency = (jobs - workers) * pause / (workers * passed)
                print(
                    f"{name}: {jobs} jobs of {pause} s on {workers} workers: efficiency {efficiency:.2f}, {wall:.1f} s in all"
                )
        for many in given.many:
            ends, wall, cpu, grown, stored = measured(name, max(given.workers), many, 0)
            passed = (ends[-1] - ends[0]) / (many - 1)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
            print(f"{name}: {many} jobs of 0 s on {max(given.workers)} workers: {wall:.1f} s, {1e3 * passed:.1f} ms a job")
            print(f"  the head: {1e3 * cpu / many:.1f} ms a job of its own, grew by {grown:.0f} MB, {peak:.0f} MB at most")
            print(f"  the database: {1e3 * stored / many:.2f} KB a job of one instance and three scores")
    for number in given.plan:
        each, size = planned(number)
        print(f"a plan of {number} jobs: {1e3 * each:.3f} ms and {size / 1e3:.2f} KB a job")
    if given.queue and importlib.util.find_spec("submitit") is None:
        print("the folder of a SLURM site is not measured: pip install 'lowdimbench[slurm]'")
    for number in given.queue if importlib.util.find_spec("submitit") else ():
        put, found, looked = queued(number)
        print(
            f"a SLURM folder, {number} jobs planned: {1e3 * put:.2f} ms to offer one, {1e3 * found:.0f} ms for an allocation to"
        )
        print(f"  find its next, {1e3 * looked:.0f} ms for the head to look at all")


if __name__ == "__main__":
    main()
