"""What the harness adds to a run: start of a job, time per instance, and flat memory.

    python tests/performance/harness.py [--preset small] [--method self_guided_dip] [--instances 8]

Prints the seconds from starting a worker to its first step beside those of importing torch alone, and for one run the share
of the worker's time that is not the method's (making instances, scoring curve points, pictures, messages, the database).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.environment import cores
from benchmark.store.database import open_database
from runners import record
from runners.engines.local import run_job
from runners.plan import make_plan


def torch_import(threads: int) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "import torch"],
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        cwd=registry.ROOT,
    )
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--method", default="self_guided_dip")
    parser.add_argument("--instances", type=int, default=8)
    parser.add_argument("--threads", type=int, default=cores())
    given = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        starts, imports = [], []
        null = make_plan(["mri"], ["zero_filled"], given.preset, [0], {}).jobs[0]
        for _ in range(5):
            imports.append(torch_import(given.threads))
            began = time.perf_counter()
            for message in run_job(
                replace(null, todo=(0,)),
                device="cpu",
                threads=given.threads,
                artifacts=Path(folder, "artifacts"),
                data_dir=None,
            ):
                if message["kind"] == "hello":
                    starts.append(time.perf_counter() - began)
        alone, ready = statistics.median(imports), statistics.median(starts)
        print(f"import torch alone: {alone:.2f} s; worker ready: {ready:.2f} s (median of 5)")

        [job] = make_plan(["mri"], [given.method], given.preset, [0], {}, baseline=False).jobs
        job = replace(job, todo=job.todo[: given.instances])
        method_seconds, first, memory = 0.0, 0.0, []
        with Session(open_database(str(Path(folder, "a.db")))) as session:
            for message in run_job(
                job, device="cpu", threads=given.threads, artifacts=Path(folder, "artifacts"), data_dir=None
            ):
                if message["kind"] == "hello":
                    run = record.begin(session, job, message["environment"], "")
                    first = time.perf_counter()
                    [worker] = psutil.Process().children()
                elif message["kind"] == "instance":
                    method_seconds += message["seconds"]
                    record.instance(session, run, message)
                    memory.append(worker.memory_info().rss / 1e6)
            total = time.perf_counter() - first
        print(f"{given.method} on {given.preset}, {len(memory)} instances:")
        print(f"  {total:.1f} s, of which the method's {method_seconds:.1f} s;")
        print(f"  the rest is {total - method_seconds:.2f} s = {100 * (total / method_seconds - 1):.2f} %")
        print("  resident memory after each instance, MB: " + ", ".join(f"{m:.0f}" for m in memory))


if __name__ == "__main__":
    main()
