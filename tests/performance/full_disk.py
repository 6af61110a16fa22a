"""Commands whose disk becomes full at any page that they write: one line, exit code 1, nothing half-written, then they go on.

    python tests/performance/full_disk.py [--points 40] [--seed 0] [NAME...]

Each scenario (tests/runners/filling.py) meets a small file system in memory with room for 0, 1, 2, ... pages of what it writes,
at so many points. It needs the right to mount one, as root or in a namespace of its own, which it enters by itself.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.runners.filling import SCENARIOS, can_mount, filled
from tests.runners.warm import Forge


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"some of: {', '.join(SCENARIOS)}")
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not can_mount():
        if "INSIDE" in os.environ or shutil.which("unshare") is None:
            print("this system lets nobody mount a small disk")
            return 77
        os.execvpe("unshare", ["unshare", "-Urm", sys.executable, *sys.argv], {**os.environ, "INSIDE": "1"})
    chance, lost = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory(prefix="full-") as folder, Forge() as forge:
        for name in options.names or SCENARIOS:
            began = time.monotonic()
            one = filled(forge, name, Path(folder) / name.replace(" ", "-").replace(",", ""), options.points, chance)
            print(
                f"{name}: {one.full} of {options.points} found no room, {time.monotonic() - began:.0f} s, {len(one.lost)} wrong"
            )
            for line, count in one.said.most_common(12):
                print(f"  {count:3d} {line[:300]}")
            for reason in one.lost[:12]:
                print(f"  WRONG {' '.join(reason.split())[:400]}")
            lost += len(one.lost)
            sys.stdout.flush()
    print(f"{lost} wrong")
    return bool(lost)


if __name__ == "__main__":
    sys.exit(main())
