"""A PostgreSQL server of its own for the tests, in a temporary folder, that no other machine can reach."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "suite"
MISSING = "no PostgreSQL server on this machine; get it with: apt-get install postgresql"


def programs() -> Path | None:
    """The folder of the server's programs; Debian keeps them off the search path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return next((path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)


@contextmanager
def server() -> Iterator[str]:
    """The folder of the socket of a running server with a user `suite`. Skips the test where there is no server program."""
    folder = programs()
    if folder is None:
        pytest.skip(MISSING)
    # the server refuses to run as root, and whom it runs as must be able to reach its folder
    who = {"user": pwd.getpwnam("nobody").pw_uid, "extra_groups": []} if os.geteuid() == 0 else {}
    place = Path(tempfile.mkdtemp(prefix="pg_"))
    data = place / "data"
    if who:
        os.chown(place, pwd.getpwnam("nobody").pw_uid, -1)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "cwd": place, **who}
    make = [folder / "initdb", "-D", data, "-U", USER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    running = None
    try:
        subprocess.run([str(word) for word in make], check=True, **quiet)
        start = [folder / "postgres", "-D", data, "-k", place, "-c", "listen_addresses=", "-c", "fsync=off"]
        running = subprocess.Popen([str(word) for word in start], **{**quiet, "stderr": subprocess.DEVNULL})
        ask = [str(folder / "pg_isready"), "-q", "-h", str(place), "-U", USER, "-d", "postgres"]
        for _ in range(600):
            if running.poll() is not None or subprocess.run(ask, check=False).returncode == 0:
                break
            time.sleep(0.1)
        assert running.poll() is None, "the PostgreSQL server did not start"
        yield str(place)
    finally:
        if running is not None:
            running.terminate()  # waits for its visitors; a second later they are sent away
            try:
                running.wait(timeout=5)
            except subprocess.TimeoutExpired:
                running.send_signal(2)
                running.wait(timeout=20)
        shutil.rmtree(place, ignore_errors=True)
