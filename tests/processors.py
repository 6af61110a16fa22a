"""The tests of methods as older processors compute them: python tests/processors.py [--lowest] [PYTEST ARGS], by hand.

    lowest   SSE 4.2, as every processor of 64 bits since 2009     (`make processors` runs this one)
    avx2     256 bits, as most since 2013
    here     whatever this one has

PyTorch, oneDNN, MKL, OpenBLAS and NumPy are limited alike, so sums are taken in another order and round otherwise. A line for
each setting; the exit code is 1 where a test failed. Without a path it runs tests/methods. On other than x86 only `here` runs.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

LIMITS = {
    "lowest": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "OPENBLAS_CORETYPE": "Nehalem",
    },
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
    },
    "here": {},
}
NUMPY = "NPY_DISABLE_CPU_FEATURES"


def numpy_beyond(setting: str) -> str:
    """NumPy's names of what this processor has beyond the setting; their spelling differs from release to release."""
    code = "import numpy; print(*numpy.show_config('dicts')['SIMD Extensions'].get('found', []))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return " ".join(name for name in found if setting == "lowest" or name.startswith(("AVX512", "X86_V4")))


def environment(setting: str) -> dict[str, str]:
    ours = {NUMPY, *(name for limits in LIMITS.values() for name in limits)}
    env = {name: value for name, value in os.environ.items() if name not in ours}
    if setting != "here":
        env |= LIMITS[setting] | {NUMPY: numpy_beyond(setting)}
    return env


def tested(setting: str, arguments: list[str]) -> bool:
    """Run pytest under the setting and print its line; where tests fail, what it said before."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", *arguments]
    run = subprocess.run(command, env=environment(setting), capture_output=True, text=True)
    lines = (run.stdout + run.stderr).strip().splitlines() or ["pytest said nothing"]
    if run.returncode:
        print("\n".join(lines[:-1]))
    print(
        f"{setting:7} {'passed' if run.returncode == 0 else 'FAILED'} in {time.monotonic() - began:.0f} s: {lines[-1]}",
        flush=True,
    )
    return run.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lowest", action="store_true", help="the lowest setting alone")
    given, arguments = parser.parse_known_args()
    if not any(Path(argument.split("::")[0]).exists() for argument in arguments):
        arguments.append("tests/methods")
    settings = ["lowest"] if given.lowest else list(LIMITS)
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        print(f"the instructions of {platform.machine()} cannot be limited here")
        settings = [] if given.lowest else ["here"]
    passed = [tested(setting, arguments) for setting in settings]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
