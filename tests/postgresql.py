"""A PostgreSQL server of its own for the tests, in a temporary folder, that no other machine can reach."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "suite"
HOW_TO_STOP = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
MISSING = "no PostgreSQL server on this machine; get it with: apt-get install postgresql"


def programs() -> Path | None:
    """The folder of the server's programs; Debian keeps them off the search path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return next((path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)


class Server:
    """A server in a folder, run by a user who is not root."""

    def __init__(self, programs: Path, place: Path) -> None:
        self.programs, self.place, self.running = programs, place, None
        # the server refuses to run as root, and whom it runs as must be able to reach its folder
        self.who = {"user": pwd.getpwnam("nobody").pw_uid, "extra_groups": []} if os.geteuid() == 0 else {}
        if self.who:
            os.chown(place, self.who["user"], -1)
        self.address = f"postgresql+psycopg://{USER}@/postgres?host={place}"

    def create(self) -> None:
        """Make the files of the database."""
        words = ["-D", self.place / "data", "-U", USER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        how = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "cwd": self.place, **self.who}
        subprocess.run([str(self.programs / "initdb"), *map(str, words)], check=True, **how)

    def start(self) -> None:
        """Begin to run, and wait until visitors are let in."""
        words = ["-D", self.place / "data", "-k", self.place, "-c", "listen_addresses=", "-c", "fsync=off"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": self.place, **self.who}
        self.running = subprocess.Popen([str(self.programs / "postgres"), *map(str, words)], **quiet)
        ask = [str(self.programs / "pg_isready"), "-q", "-h", str(self.place), "-U", USER, "-d", "postgres"]
        for _ in range(1200):
            if self.running.poll() is not None or subprocess.run(ask, check=False).returncode == 0:
                break
            time.sleep(0.05)
        assert self.running.poll() is None, "the PostgreSQL server did not start"

    def stop(self, mode: str = "fast") -> None:
        """End as `pg_ctl stop -m MODE` does: smart waits for visitors, fast sends them away, immediate is a crash."""
        self.running.send_signal(HOW_TO_STOP[mode])
        self.running.wait(timeout=20)

    def close(self) -> None:
        """End, however that may be, and leave nothing."""
        if self.running is not None and self.running.poll() is None:
            try:
                self.stop("fast")
            except subprocess.TimeoutExpired:
                self.stop("immediate")
        shutil.rmtree(self.place, ignore_errors=True)


@contextmanager
def restartable() -> Iterator[Server]:
    """A running server with a user `suite`. Skips the test where there is no server program."""
    folder = programs()
    if folder is None:
        pytest.skip(MISSING)
    server = Server(folder, Path(tempfile.mkdtemp(prefix="pg_")))
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.close()


@contextmanager
def server() -> Iterator[str]:
    """The folder of the socket of such a server."""
    with restartable() as running:
        yield str(running.place)
