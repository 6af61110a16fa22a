"""How long ranking takes: 20 tasks x 50 methods x 100 instances = 100 000 scores, 2000 bootstrap draws.

    python tests/performance/ranking.py [--tasks 20] [--methods 50] [--instances 100]

Prints seconds on one thread, first call (which imports SciPy and makes the draws) and best of three: intervals of all
means; ranks, rank intervals, tie groups, differences to the baseline and corrected p on every task; average ranks across
tasks; and all of it. The target is 1 s for all of it.
"""

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the products are too small to share: on busy cores two threads take longer

import numpy as np

from benchmark import statistics


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """First call, which fills the caches of draws, and the best of three more."""
    taken = []
    for _ in range(4):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return taken[0], min(taken[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--methods", type=int, default=50)
    parser.add_argument("--instances", type=int, default=100)
    given = parser.parse_args()
    m, n = given.methods, given.instances
    random = np.random.default_rng(0)
    tasks = [random.normal(size=(m, n)) + random.normal(size=n) + np.arange(m)[:, None] / m for _ in range(given.tasks)]
    mappings = [[{(0, i): float(v) for i, v in enumerate(row)} for row in task] for task in tasks]

    def means() -> None:
        for rows in mappings:
            statistics.estimates(np.array([statistics.by_instance(row)[1] for row in rows]))

    def within() -> None:
        for rows in mappings:
            statistics.standings(rows, [True] * m, "higher", baseline=0)

    def across() -> None:
        statistics.aggregate(tasks)

    print(f"{given.tasks} tasks x {m} methods x {n} instances = {given.tasks * m * n} scores, {statistics.DRAWS} draws")
    for name, work in (("means", means), ("within tasks", within), ("across tasks", across)):
        first, best = seconds(work)
        print(f"  {name:<14} {best:.3f} s (first call {first:.3f} s)")
    first, best = seconds(lambda: (means(), within(), across()))
    print(f"  {'all':<14} {best:.3f} s")


if __name__ == "__main__":
    main()
