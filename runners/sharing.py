"""How many jobs run side by side and with how many threads each, where the user leaves it open.

The time of a job on t threads is taken as work / t**0.6: the second thread of a core-bound method gains a half, not the double.
So jobs side by side finish sooner than one after the other with all cores, unless a few of them make most of the work.
"""

import heapq
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.environment import cores

_GAIN = 0.6  # a job on t threads is faster by t to this power
_ROOM = 2e9  # bytes that a job should have at least; the largest of the suite on presets of size small takes 1.7e9
_LOOK = 0.25  # seconds


@dataclass(frozen=True)
class Work:
    """The work of one job: its seconds on one thread, in any unit that all jobs share, and the number of threads that it can
    use at most.
    """

    seconds: float
    threads: int | None = None


def share(
    cores: int, free: int, works: Sequence[Work], jobs: int | None, threads: int | None, *, most: int | None = None
) -> tuple[int, int]:
    """(jobs at a time, threads of each) with which the works end soonest on so many cores. Given ones are obeyed.

    The number of threads depends on all cores and not on the free ones: scores are rounded by the number of threads, and what
    others do on the machine is not to change them. While cores are taken, fewer jobs run at a time.

    most is the largest number of jobs at a time. Of choices that end equally soon the one with more jobs counts.
    """
    if jobs is None:
        room = max(1, min(len(works) or 1, cores // (threads or 1), most or cores))
        choices = [(at_once, threads or max(1, cores // at_once)) for at_once in range(room, 0, -1)]
        jobs, threads = min(choices, key=lambda choice: round(_makespan(works, *choice), 9))
        jobs = max(1, min(jobs, free // threads))
    return jobs, threads or max(1, cores // jobs)


def _makespan(works: Sequence[Work], at_once: int, threads: int) -> float:
    """The time when the last job ends. They start in their order, each as soon as there is room."""
    ends = [0.0] * at_once
    for work in works:
        used = min(threads, work.threads or threads)
        heapq.heapreplace(ends, ends[0] + work.seconds / used**_GAIN)
    return max(ends)


def cores_now() -> tuple[int, int]:
    """The cores that this process may use, by affinity and by the quota of its container, and how many of them are free at this
    moment. Both are at least one. The look takes a quarter of a second.
    """
    allowed = allowed_cores(cores(), quota())
    return allowed, free_cores(allowed, cores(), busy())


def allowed_cores(affine: int, quota: float | None) -> int:
    """The number of cores that a process may use: those that it may run on, at most as many as its quota gives, at least 1."""
    return affine if quota is None else max(1, min(affine, round(quota)))


def free_cores(allowed: int, affine: int, busy: float) -> int:
    """The number of free cores: those that it may run on and that are not busy, at most `allowed`, at least 1."""
    return max(1, min(allowed, round(affine - busy)))


def busy() -> float:
    """The number of the cores that this process may use that are at work for anybody, on average over a moment."""
    import psutil

    used: list[float] = psutil.cpu_percent(_LOOK, percpu=True)
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(used))
    return sum(used[core] for core in mine if core < len(used)) / 100


def quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """The cores that a container may use on average. None where it is not limited, or not told."""
    try:
        allowed, period = (root / "cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        try:
            allowed, period = (
                (root / "cpu" / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period")
            )
        except OSError:
            return None
    try:
        cores = float(allowed) / float(period)  # "max" is no number, -1 no limit
    except (ValueError, ZeroDivisionError):
        return None
    return cores if cores > 0 else None


def most_jobs(memory: float, each: float | None = None) -> int:
    """The number of jobs that this memory has room for, in bytes. each is what one may use, where that is known."""
    return max(1, int(memory // (each or _ROOM)))
