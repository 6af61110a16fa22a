"""All that is to be done on a GPU within some minutes, in order of worth:  tests/gpu/run [--minutes M] [--part NAME] [--out F]

    tests   the tests marked `gpu`
    pairs   every method on the tiny preset of every task that it fits, there and on the CPU: scores, memory, synchronisations
    speed   medians of a step and of a run for a method of each family, there and on the CPU, and its longest kernels
    long    runs at the papers' sizes while minutes are left (tests/gpu/plans), from where an earlier call stopped

Each part is a process with a share of the time; what one leaves goes to the next, and a part that fails stops none. Results are
written as they come into one folder, and a second call with the same folder does only what is missing. `--simulate` does all of
it on the CPU. Without a GPU the command says so and ends with 0; it ends with 1 where something that ran there was wrong.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmark import environment
from tests.gpu import summary

ROOT = Path(__file__).parents[2]
# share of the time that is left when a part begins
PARTS = {"tests": 0.25, "pairs": 0.45, "speed": 0.5, "long": 1.0}
_GRACE = 5.0  # seconds in which a part that is told to end may write what it has


def device_of(simulate: bool) -> str | None:
    """Where the parts run; None where there is no GPU."""
    if simulate:
        return "cpu"
    return "cuda" if torch.cuda.is_available() else None


def about(device: str) -> dict[str, Any]:
    """The machine, its software and the commit."""
    on_gpu = device != "cpu"
    name = torch.cuda.get_device_name() if on_gpu else device
    found: dict[str, Any] = environment.capture(torch.get_num_threads(), name)
    if on_gpu:
        words = ["nvidia-smi", "--query-gpu=driver_version,memory.total", "--format=csv,noheader"]
        try:
            found["driver"] = subprocess.run(words, capture_output=True, text=True, timeout=30).stdout.strip()
        except (OSError, subprocess.TimeoutExpired) as error:
            found["driver"] = f"not told: {type(error).__name__}"
    return found


def run_part(name: str, words: Sequence[str], seconds: float, out: Path) -> str:
    """How a part ended: `done`, `time is over` or `failed`, with its last line; its output is in NAME.log."""
    with (out / f"{name}.log").open("a", encoding="utf-8") as log:
        command = [sys.executable, "-m", f"tests.gpu.{name}", *words]
        part = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = part.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(part.pid, signal.SIGTERM)
            try:
                part.wait(_GRACE)
            except subprocess.TimeoutExpired:
                os.killpg(part.pid, signal.SIGKILL)
                part.wait()
            return "time is over"
    if code == 0:
        return "done"
    lines = (out / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"failed ({code}): {lines[-1] if lines else 'no words'}"


def main(words: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="tests/gpu/run", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="M", help="in all (10)")
    parser.add_argument("--part", action="append", choices=PARTS, metavar="NAME", help=f"only these: {', '.join(PARTS)}")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where results go (results/gpu)")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="pairs TASK/METHOD that match")
    parser.add_argument("--plan", default="*", metavar="PATTERN", help="of `long`, the files of tests/gpu/plans that match")
    parser.add_argument("--jobs", type=int, default=max(1, environment.cores() // 4), help="of tests and pairs, side by side")
    parser.add_argument("--simulate", action="store_true", help="on the CPU")
    given = parser.parse_args(words)
    if not given.minutes > 0:
        parser.error(f"--minutes {given.minutes:g}: more than 0")
    device = device_of(given.simulate)
    if device is None:
        print("there is no GPU here that PyTorch can use: nothing was run (tests/gpu/run --simulate runs it on the CPU)")
        return 0
    out = (given.out or ROOT / "results" / ("gpu_simulated" if given.simulate else "gpu")).absolute()
    out.mkdir(parents=True, exist_ok=True)
    (out / "about.json").write_text(json.dumps(about(device), indent=1) + "\n", encoding="utf-8")
    end = time.monotonic() + 60 * given.minutes
    ended = summary.read(out / "ended.json")
    for name in given.part or PARTS:
        left = end - time.monotonic()
        seconds = max(0.0, left - 2 * _GRACE) * (1.0 if given.part and len(given.part) == 1 else PARTS[name])
        if seconds < 1:
            ended[name] = "no time was left"
            continue
        print(f"{name}: {seconds:.0f} s", flush=True)
        options = ["--device", device, "--out", str(out), "--seconds", f"{seconds:.0f}", "--only", given.only]
        options += ["--jobs", str(given.jobs), "--plan", given.plan]
        ended[name] = run_part(name, options, seconds + _GRACE, out)
        (out / "ended.json").write_text(json.dumps(ended, indent=1) + "\n", encoding="utf-8")
    text, wrong = summary.of(out)
    (out / "summary.txt").write_text(text, encoding="utf-8")
    print(text, end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
