"""Where a run happens: code, versions and machine. Gathered in the worker, stored with every run."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

_BASE = ("torch", "numpy", "scipy", "sigpy", "PyWavelets", "h5py")  # where the project itself is not installed
_IDLE = ("dev", "docs", "leaderboard", "postgresql", "ray", "slurm")  # extras that cannot change a score


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


UNKNOWN = "unknown"  # the commit of an installed package
COMMIT = "LOWDIMBENCH_COMMIT"


@cache
def commit() -> tuple[str, bool]:
    """The commit of this repository and whether tracked files differ from it. Outside a repository what $LOWDIMBENCH_COMMIT
    says of a copied tree, `HASH` or `HASH dirty`; without it (UNKNOWN, True).
    """
    if head := _git("rev-parse", "HEAD"):
        return head, bool(_git("status", "--porcelain", "--untracked-files=no"))
    told = re.fullmatch(r"([0-9a-f]{40})( dirty)?", os.environ.get(COMMIT, ""))
    return (told[1], told[2] is not None) if told else (UNKNOWN, True)


def commit_text(head: str, dirty: bool, length: int | None = None) -> str:
    """A commit in words, its hash cut to a length."""
    return f"{head[:length]} with uncommitted changes" if dirty and head != UNKNOWN else head[:length]


def packages() -> tuple[str, ...]:
    """Names of this project and of everything that it declares to need and that could change a score."""
    try:
        declared = requires("lowdimbench") or []
    except PackageNotFoundError:
        declared = []
    wanted = [text for text in declared if not re.search(rf"extra\s*==\s*['\"]({'|'.join(_IDLE)})['\"]", text)]
    names = [match.group() for match in (re.match(r"[A-Za-z0-9._-]+", text) for text in wanted) if match]
    return tuple(dict.fromkeys(["lowdimbench", *(names or _BASE)]))


def _versions(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def cpu_name() -> str:
    """The processor's model, as the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or "unknown"


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> float:
    """Bytes of memory this machine, or the container around this process, has."""
    import psutil

    total = float(psutil.virtual_memory().total)
    try:
        return min(total, float(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    except (OSError, ValueError):  # no such limit
        return total


def digest(facts: Mapping[str, Any]) -> str:
    """The unique key of an environment: a hash of its columns."""
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def capture(threads: int, device: str) -> dict[str, Any]:
    """The columns of benchmark.store.models.Environment; `device` is its name, such as "cpu" or "NVIDIA H200"."""
    import psutil
    import torch

    head, dirty = commit()
    cuda = {"cuda": torch.version.cuda} if torch.version.cuda is not None else {}
    facts = {
        "commit": head,
        "dirty": dirty,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "cores": cores(),
        "threads": threads,
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "device": device,
        "packages": {**_versions(packages()), **cuda},
    }
    return {"digest": digest(facts), **facts}
