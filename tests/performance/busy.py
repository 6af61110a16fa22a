"""What busy neighbours do to a method:  python tests/performance/busy.py [--steps N] [--beside 0,1,4]

Seconds and scores of self_guided_dip on mri/small, idle and beside one and four busy processes, for each way in which threads
of a worker may wait (runners/engines/waiting.py), and for one thread a job with a job on every core. Each cell is a run of
workers as of the command, with few steps; what is measured is kept in --keep and not measured again. Needs an idle machine.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import psutil

from benchmark.environment import cores
from runners.engines import local, waiting
from runners.engines.base import Place
from runners.engines.messages import Last, Solved
from runners.plan import Job, make_plan
from runners.request import Request

POLICIES = {
    "spinning": waiting.POLICIES["spinning"],
    "spin 1,000": waiting.POLICIES["short"],
    "spin 10,000": {**waiting.POLICIES["short"], "GOMP_SPINCOUNT": "10000"},
    "spin 100,000": {**waiting.POLICIES["short"], "GOMP_SPINCOUNT": "100000"},
    "passive": waiting.POLICIES["passive"],
}
BESIDE = (0, 1, 4)
ALONE = "one thread, a job a core"
Found = dict[str, Any]


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many processes that compute without end."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True) for _ in range(count)]
    try:
        time.sleep(0.5 if busy else 0.0)
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def jobs(steps: int, instances: int, seeds: int) -> tuple[Job, ...]:
    request = Request(
        task="mri", method="self_guided_dip", preset="small", seeds=seeds, set={"steps": steps}, baseline=False, timeout="never"
    )
    return tuple(replace(job, todo=tuple(range(instances))) for job in make_plan([request]).jobs)


def measure(work: tuple[Job, ...], threads: int, at_once: int) -> Found:
    """Seconds of an instance by both clocks (means), scores and steps by (seed, instance), and seconds of all jobs together."""
    solved: dict[str, Solved] = {}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for event in local.Pool(work, at_once, Place("cpu", threads, Path(folder), None, inf)):
            if event is None:
                continue
            job, message = event
            if isinstance(message, Solved):
                solved[f"{job.key.seed}/{message.instance}"] = message
            elif isinstance(message, Last) and message.kind != "end":
                sys.exit(f"a job ended with: {message}")
    everything = solved.values()
    return {
        "seconds": sum(one.seconds for one in everything) / len(solved),
        "cpu": sum(one.cpu_seconds or 0.0 for one in everything) / len(solved),
        "rate": len(solved) / (time.perf_counter() - began),
        "scores": {name: one.scores["psnr"] for name, one in sorted(solved.items())},
        "steps": sorted({one.steps for one in everything}),
        "truncated": sum(one.truncated for one in everything),
    }


def cells(asked: argparse.Namespace) -> Iterator[tuple[str, dict[str, str], int, int]]:
    """Name, variables, threads of a job, jobs at a time. `passive` with one thread waits for nobody."""
    for name, variables in POLICIES.items():
        yield f"{name}, {asked.threads} threads", variables, asked.threads, 1
    yield ALONE, POLICIES["passive"], 1, asked.threads


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--instances", type=int, default=1)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--beside", default=",".join(map(str, BESIDE)), help="numbers of busy processes")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "lowdimbench_busy.json")
    parser.add_argument("--anew", action="store_true", help="measure again what was measured before")
    asked = parser.parse_args()
    setting = f"{asked.steps} steps, {asked.instances} instances, {asked.threads} threads"
    kept: dict[str, Found] = {}
    if asked.keep.exists() and not asked.anew:
        kept = json.loads(asked.keep.read_text(encoding="utf-8"))
    load = psutil.cpu_percent(1.0) * cores() / 100
    print(f"{setting}; {cores()} cores, {load:.1f} of them busy before anything began", flush=True)
    print(
        f"{'':<28}{'beside':>7}{'s/instance':>12}{'CPU s':>8}{'times idle':>12}{'instances/s':>13}  steps  scores", flush=True
    )
    for name, variables, threads, at_once in cells(asked):
        local.WAITING = variables  # type: ignore[attr-defined]  # the constant, switched
        idle: Found | None = None
        for count in map(int, asked.beside.split(",")):
            place = f"{setting}; {name}; {count}"
            if place not in kept:
                with neighbours(count):
                    kept[place] = measure(jobs(asked.steps, asked.instances, at_once), threads, at_once)
                asked.keep.write_text(json.dumps(kept, indent=1), encoding="utf-8")
            found = kept[place]
            idle = idle or found
            same = "equal" if found["scores"] == idle["scores"] else "DIFFER"
            times, scores = found["seconds"] / idle["seconds"], list(found["scores"].values())
            print(
                f"{name:<28}{count:>7}{found['seconds']:>12.2f}{found['cpu']:>8.2f}{times:>12.2f}{found['rate']:>13.3f}"
                f"  {found['steps']}  {same if count else f'psnr {scores[:2]}'}",
                flush=True,
            )


if __name__ == "__main__":
    main()
