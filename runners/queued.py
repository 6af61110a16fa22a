"""How much of the time in which threads of this process were ready to run others had the processors. Linux tells it.

CPU time against the clock on the wall does not: threads that sleep until another has its part ready use less than the clock's
time on an idle machine too.
"""

from pathlib import Path

_TASKS = Path("/proc/self/task")
Ledger = dict[str, tuple[int, int]]


def ledger(tasks: Path = _TASKS) -> Ledger:
    """(running, queued) in nanoseconds of each thread of this process since it began; empty where the system does not tell."""
    found: Ledger = {}
    try:
        threads = list(tasks.iterdir())
    except OSError:
        return found
    for thread in threads:
        try:
            running, queued, *_ = (thread / "schedstat").read_text(encoding="ascii").split()
            found[thread.name] = int(running), int(queued)
        except (OSError, ValueError):  # the thread has ended, or the kernel keeps no such statistics
            continue
    return found


def queued_share(before: Ledger, after: Ledger) -> float | None:
    """Between two ledgers, of the time in which threads ran or were ready to run, the part in which they were only ready:
    0 to 1. Threads that ended in between do not count. None where the system does not tell or keeps no such statistics.
    """
    if not before or not after:
        return None
    passed = [[end - begin for end, begin in zip(after[one], before.get(one, (0, 0)), strict=True)] for one in after]
    running, queued = (sum(column) for column in zip(*passed, strict=True))
    return queued / (running + queued) if running + queued > 0 else None
