"""Commands of the suite in forks of one process that has imported them: what each says and its code, for less of the time.

`python -m MODULE WORDS` takes 0.7 s to import. A fork has the same modules, argv, folder, environment and streams, and ends as
a program does. What the interpreter reads at its start (PYTHON*, the locale) cannot be changed any more: with other values
the command runs as a process of its own. Jobs take 2.6 s to import: their processes, and commands that compute themselves,
are forks of a second process, which has imported PyTorch (warm.py). What `Command.start` starts is new from top to bottom.
"""

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from benchmark import registry
from tests.runners.warm import Forge

SERVER = """
import importlib, json, os, runpy, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from benchmark import registry
registry.source_hash(registry.get_task("mri"), registry.get_method("cg_sense"), "tiny")  # what is read is read once
assert "torch" not in sys.modules  # a process with threads is not to be forked
from runners.engines import local
from tests.runners.warm import Forked
while line := sys.stdin.readline():
    order = json.loads(line)
    if (child := os.fork()) == 0:
        for descriptor, name in enumerate((os.devnull, order["out"], order["err"])):
            os.dup2(os.open(name, os.O_RDONLY if descriptor == 0 else os.O_WRONLY), descriptor)
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        if order["door"]:
            local.subprocess.Popen = Forked.in_place_of(order["door"])
        module, *sys.argv[1:] = order["words"]
        sys.modules.pop(module, None)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        sys.exit()
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
IMPORTED = (
    "runners.main",
    "runners.run",
    "runners.execute",
    "runners.table",
    "runners.load",
    "alembic.command",
    "sqlalchemy.orm",
)
STARTS_JOBS = ("runners.run", "runners.tune", "runners.reproduce")
COMPUTES = ("runners.check", "runners.submit", "pytest")
AT_START = ("PYTHON", "LC_", "LANG")


def _at_start(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(AT_START)}


class Forks:
    """The process from which commands are forked; it starts with the first."""

    def __init__(self) -> None:
        self.environment = {**os.environ, "PYTHONPATH": str(registry.ROOT)}
        self.server: subprocess.Popen[str] | None = None
        self.turn = threading.Lock()

    @cached_property
    def forge(self) -> Forge:
        """The process that has imported PyTorch; it starts with the first that needs it."""
        ends = ExitStack()
        atexit.register(ends.close)
        return ends.enter_context(Forge())

    def __call__(
        self, words: list[str], folder: Path, environment: dict[str, str], timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run `python -m` with these words. Raises TimeoutExpired, the command killed."""
        if not hasattr(os, "fork") or _at_start(environment) != _at_start(self.environment):
            command = [sys.executable, "-m", *words]
            return subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout, check=False
            )
        with self.turn, tempfile.TemporaryDirectory() as scratch:
            if words[0] in COMPUTES:
                return self._computed(words, folder, environment, Path(scratch), timeout)
            return self._forked(words, str(folder), environment, Path(scratch), timeout)

    def _computed(
        self, words: list[str], folder: Path, environment: dict[str, str], scratch: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        out, err = scratch / "out", scratch / "err"
        how = {"environment": environment, "folder": folder, "output": out, "errors": err}
        child = self.forge.run(words[1:], module=words[0], **how)
        try:
            code = child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            raise subprocess.TimeoutExpired(words, timeout, out.read_text(), err.read_text()) from None
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())

    def _forked(
        self, words: list[str], folder: str, environment: dict[str, str], scratch: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        if self.server is None:
            command = [sys.executable, "-c", SERVER, *IMPORTED]
            self.server = subprocess.Popen(
                command,
                cwd=registry.ROOT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
            )
            atexit.register(self.server.kill)
        out, err = scratch / "out", scratch / "err"
        out.touch()
        err.touch()
        order: dict[str, object] = {
            "words": words,
            "folder": folder,
            "environment": environment,
            "out": str(out),
            "err": str(err),
        }
        order["door"] = str(self.forge.door) if words[0] in STARTS_JOBS else None
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps(order) + "\n")
        child = int(self.server.stdout.readline())
        if late := not select.select([self.server.stdout], [], [], timeout)[0]:
            os.kill(child, signal.SIGKILL)
        code = int(self.server.stdout.readline())
        if late:
            raise subprocess.TimeoutExpired(words, timeout, out.read_text(), err.read_text())
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())


FORKS = Forks()
