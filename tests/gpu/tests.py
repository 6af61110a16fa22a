"""The part `tests`: those marked `gpu`, in a process of pytest; simulated ones run where a GPU would be, on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.gpu.part import Given, options

TESTS = Path(__file__).parents[1]


def files() -> list[str]:
    """Those that mark a test so: to collect all others takes longer than to run these."""
    return [str(file) for file in sorted(TESTS.rglob("test_*.py")) if "mark.gpu" in file.read_text(encoding="utf-8")]


def run(given: Given) -> int:
    """Pytest's exit code; what it says last goes into tests.json."""
    words = [sys.executable, "-m", "pytest", "-m", "gpu", "-p", "no:cacheprovider", "--no-header", *files()]
    if given.only != "*":
        task, _, method = given.only.partition("/")
        words += ["-k", f"{task.strip('*')} and {method.strip('*')}" if method.strip("*") else task.strip("*")]
    if given.jobs > 1:
        words += ["-n", str(given.jobs)]
    environment = {**os.environ, "LOWDIMBENCH_TEST_DEVICE": str(given.device)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    print(done.stdout + done.stderr)
    found = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    last = (done.stdout.strip().splitlines() or ["no words"])[-1]
    (given.out / "tests.json").write_text(
        json.dumps({"code": done.returncode, "last": last, "failed": found}), encoding="utf-8"
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(run(options()))
