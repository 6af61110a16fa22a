"""Thousands of strange inputs for commands, plan files, files of runs, included files and what workers say.

    python tests/performance/fuzz.py [--inputs 20000] [--seed 0] [--only "plan files"]

Everything happens in this process; no job is run. What is owed for each input, tests/fuzzing/sandbox.py says. Of each fault the
shortest input that showed it is printed. A short form is tests/test_fuzzing.py.
"""

import argparse
import faulthandler
import os
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzzing.kinds import KINDS, Kind
from tests.fuzzing.sandbox import Sandbox, opened

HANGS = 300.0  # seconds of one input, after which the process says where it is and ends


def fuzz(box: Sandbox, kind: Kind, count: int, start: int) -> tuple[Counter[str], dict[str, tuple[str, Any]]]:
    """How so many inputs of a kind ended, and of each sort of fault its words and the shortest input."""
    ends, faults = Counter[str](), dict[str, tuple[str, Any]]()
    while (left := count - ends.total()) > 0:

        @seed(start + ends.total())
        @settings(
            max_examples=left, database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
        )
        @given(kind.inputs)
        def one(given: Any) -> None:
            if ends.total() >= count:
                return
            faulthandler.dump_traceback_later(HANGS, exit=True)
            wrong, end = kind.check(box, given)
            faulthandler.cancel_dump_traceback_later()
            ends[f"FAULT {wrong.partition(':')[0]}" if wrong else end] += 1
            sort = re.sub("[0-9]+", "N", wrong)[:60]
            if wrong and (sort not in faults or len(repr(given)) < len(repr(faults[sort][1]))):
                faults[sort] = wrong, given

        one()
    return ends, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=[kind.name for kind in KINDS])
    options = parser.parse_args()
    chosen = [kind for kind in KINDS if options.only in (None, kind.name)]
    total, tracebacks, wrong = 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, opened(Path(folder)) as box:
        for kind in chosen:
            began = time.monotonic()
            count = round(options.inputs * kind.share / sum(one.share for one in chosen))
            ends, faults = fuzz(box, kind, count, options.seed)
            total += ends.total()
            wrong += sum(number for end, number in ends.items() if end.startswith("FAULT"))
            tracebacks += sum(number for end, number in ends.items() if end.startswith("FAULT") and " in " in end)
            said = ", ".join(f"{number} {end}" for end, number in ends.most_common())
            print(f"{kind.name:18} {ends.total():6} in {time.monotonic() - began:4.0f} s: {said}", flush=True)
            for words, given in faults.values():
                print(f"FAULT {words}\n      {repr(given)[:1000]}", flush=True)
    print(f"{total} inputs, {tracebacks} tracebacks, {wrong} faults")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
