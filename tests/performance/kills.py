"""Runners and real workers killed at random moments; nothing may be lost, doubled, half-written or left `running`.

    python tests/performance/kills.py [--kills 200] [--seed 0] [--postgresql]

Half of the kills hit a plan of many short instances, half one of mri/tiny. Workers and runners are forks of one process that
has imported torch (tests/runners/warm.py). After each kill the database is checked, and at the end the scores are compared,
bit for bit, with those of a plan that was left alone. --postgresql: on servers of its own, each of which is a victim as well:
it is stopped, as by `pg_ctl restart -m fast` or `-m immediate`, and started again at once or half a second later.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests import postgresql
from tests.runners.killing import PLANS, killed
from tests.runners.warm import Forge


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    began, hit, lost = time.monotonic(), Counter[str](), list[str]()
    with ExitStack() as open_now:
        folder = Path(open_now.enter_context(tempfile.TemporaryDirectory(prefix="kills-")))
        forge = open_now.enter_context(Forge())
        servers: list[postgresql.Server | None] = [None] * len(PLANS)
        if options.postgresql:
            servers = [open_now.enter_context(postgresql.restartable()) for _ in PLANS]
        with ThreadPoolExecutor(len(PLANS)) as lanes:
            each = [options.kills // 2, options.kills - options.kills // 2]
            jobs = [
                lanes.submit(killed, forge, folder, plan, kills, options.seed + number, server)
                for number, (plan, kills, server) in enumerate(zip(PLANS, each, servers, strict=True))
            ]
            for job in jobs:
                hit += job.result().hit
                lost += job.result().lost
    for what, count in sorted(hit.items()):
        print(f"{count:4d} {what}")
    for reason in lost[:20]:
        print(f"LOST {reason}")
    print(f"{options.kills} kills in {time.monotonic() - began:.0f} s: {len(lost)} lost")
    return bool(lost)


if __name__ == "__main__":
    sys.exit(main())
