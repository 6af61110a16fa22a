"""The part `long`: the jobs of long.toml one after the other until the time is over; each goes on where it was stopped."""

import json
import shlex
import signal
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

from tests.gpu.part import Given, options

JOBS = Path(__file__).with_name("long.toml")
_ENDS = 10.0  # seconds before the end at which a job is told to stop, so that it stores what is finished


def run(given: Given, jobs: Path = JOBS) -> int:
    """What each job did goes into long.json; the exit code is 1 where one ended with another than 0 by itself."""
    ended: dict[str, str] = {}
    for job in tomllib.loads(jobs.read_text(encoding="utf-8"))["job"]:
        seconds = given.left - _ENDS
        if seconds < 1:
            ended[job["name"]] = "no time was left"
        else:
            words = job["command"].format(device=given.device, db=given.out / "long.db", only=given.only)
            ended[job["name"]] = _job([sys.executable, *shlex.split(words)], seconds)
        (given.out / "long.json").write_text(json.dumps(ended, indent=1) + "\n", encoding="utf-8")
    return int(any(how.startswith("failed") for how in ended.values()))


def _job(words: list[str], seconds: float) -> str:
    job = subprocess.Popen(words)
    try:
        code = job.wait(seconds)
    except subprocess.TimeoutExpired:
        job.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            job.wait(_ENDS - 2)
        job.kill()
        job.wait()
        return f"stopped after {seconds:.0f} s"
    return "done" if code == 0 else f"failed ({code})"


if __name__ == "__main__":
    sys.exit(run(options()))
