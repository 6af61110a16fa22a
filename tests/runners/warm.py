"""Real workers and runners that start in hundredths of a second: forks of one process that has imported torch.

`python -m runners.worker` takes two seconds to import. A fork runs the same `main` on streams, environment and folder of its
own, in a session of its own, and is killed like any process. The process that forks has no threads.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from benchmark import registry

SERVER = """
import importlib, io, json, os, signal, socket, sys, tempfile, traceback
from contextlib import suppress
parent = os.getppid()
import torch
from runners import worker
from runners.cli import run_app
from runners.engines import local
import alembic.command, runners.run, runners.running, runners.execute, runners.table
from benchmark import environment, registry, solving
from benchmark.store import writing
from tests.runners.warm import Forked

registry.get_task("mri").load()
for name in ("cg_sense", "l1_wavelet"):
    registry.get_method(name).load()
environment.capture(1, "cpu")
door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
door.bind(sys.argv[1])
door.listen(64)
print("ready", flush=True)
waiting = {}

def become(order, streams):
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for one in (door, *waiting.values()):
        one.close()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    tempfile.tempdir = None
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w", buffering=1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if order["module"] == "runners.worker":
        worker._THREADS = int(os.environ["LOWDIMBENCH_THREADS"])
        worker.main()
    writing.AWAY = float(os.environ.get("AWAY", writing.AWAY))
    sys.argv, module = [order["module"], *order["words"]], importlib.import_module(order["module"])
    local.subprocess.Popen = Forked.in_place_of(sys.orig_argv[-1])
    if order["module"] == "pytest":
        sys.exit(module.main())
    run_app(module.app)

while os.getppid() == parent:
    door.settimeout(0.005 if waiting else 0.2)
    try:
        caller, _ = door.accept()
    except TimeoutError:
        pass
    else:
        text, streams, _, _ = socket.recv_fds(caller, 1 << 18, 3)
        child = os.fork()
        if child == 0:
            try:
                become(json.loads(text), streams)
            except Exception:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                code = sys.exc_info()[1]
                os._exit(code.code if isinstance(code, SystemExit) and isinstance(code.code, int) else 1)
        for stream in streams:
            os.close(stream)
        waiting[child] = caller
        with suppress(OSError):  # the caller was killed meanwhile
            caller.send(str(child).encode())
    while waiting:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            break
        caller = waiting.pop(child)
        with suppress(OSError):
            caller.send(str(os.waitstatus_to_exitcode(status)).encode())
        caller.close()
"""


class Forked:
    """A child of the server, as subprocess.Popen shows one of ours."""

    def __init__(self, door, module, words=(), *, environment, folder, streams=None):
        self.returncode = None
        self._turn = threading.Lock()
        pipes = [os.pipe() for _ in range(3)] if streams is None else []
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]] if streams is None else streams
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.connect(str(door))
        order = {"module": module, "words": [*map(str, words)], "environment": dict(environment), "folder": str(folder)}
        socket.send_fds(self._line, [json.dumps(order).encode()], theirs)
        self.pid = int(self._line.recv(64))
        self.stdin = self.stdout = self.stderr = None
        if pipes:
            for stream in theirs:
                os.close(stream)
            self.stdin, self.stdout, self.stderr = (
                os.fdopen(pipes[0][1], "wb"),
                os.fdopen(pipes[1][0], "rb"),
                os.fdopen(pipes[2][0], "rb"),
            )

    @classmethod
    def in_place_of(cls, door):
        """subprocess.Popen, of which workers come from the server."""
        start = subprocess.Popen

        class Popen(start):  # a class, as annotations of other packages take it for one
            def __new__(class_, words, *given, **how):
                if [*words][1:] == ["-m", "runners.worker"]:
                    return cls(door, "runners.worker", environment=how["env"], folder=Path.cwd())
                return super().__new__(class_)

        return Popen

    def poll(self):
        with self._turn:
            if self.returncode is None and select.select([self._line], [], [], 0)[0]:
                self.returncode = int(self._line.recv(64) or -signal.SIGKILL)
                self._line.close()
            return self.returncode

    def wait(self, timeout=None):
        if self.poll() is None:
            with suppress(OSError, ValueError):  # another thread heard it meanwhile
                select.select([self._line], [], [], timeout)
            if self.poll() is None:
                raise subprocess.TimeoutExpired("a fork", timeout or 0)
        return self.returncode

    def kill(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class Forge:
    """The process that forks, for as long as the context lasts. `door` is its socket."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="warm-")
        self.door = Path(self.folder.name) / "door"
        environment = {**os.environ, "PYTHONPATH": str(registry.ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self.door)],
            cwd=registry.ROOT,
            env=environment,
            stdout=subprocess.PIPE,
        )
        if self.server.stdout.readline() != b"ready\n":
            raise RuntimeError("the process that forks did not start")
        return self

    def __exit__(self, *error):
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()
        self.folder.cleanup()

    def run(self, words, *, environment, folder, output, errors=None, module="runners.run"):
        """A command with these words, which writes to a file or two, and whose workers are forks too."""
        with (
            Path(os.devnull).open("rb") as nothing,
            Path(output).open("ab") as said,
            Path(errors or output).open("ab") as wrong,
        ):
            streams = [nothing.fileno(), said.fileno(), wrong.fileno()]
            return Forked(self.door, module, words, environment=environment, folder=folder, streams=streams)
