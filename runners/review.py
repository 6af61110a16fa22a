"""Runs code that was handed in, in processes of its own: first the contract checks, then the preset.

Nothing of it is read or imported in this process, nor in the one that scores its answers. It runs with the rights of the user
who calls this: read it before.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.errors import UserError
from benchmark.store.models import Method, Run, Submission, Task, now
from benchmark.store.writing import DiskFull, persist
from benchmark.submissions import package, store

_CHECK_SECONDS = 3600.0
_FULL = re.compile(r"the disk of .+? is full[^;]*")  # as DiskFull says
_TAIL = 20_000  # the last bytes of what a process printed that are kept


@dataclass(frozen=True)
class Machine:
    """Where and how long code may run. db is the path or URL of the database, folder that of the database."""

    db: str
    folder: Path
    device: str = "auto"
    threads: int | None = None
    data_dir: Path | None = None
    timeout: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


def review(session: Session, number: int, machine: Machine) -> Submission:
    """Runs the code of a submission, which is `reproduced` then, or `refused` with the reason and without results.

    Raises UserError for a submission that is no code, was decided already, or whose source is gone, DiskFull where this machine
    has no room for its results. That and KeyboardInterrupt leave it as it is, to be reviewed again.
    """
    submission = store.find(session, number)
    if submission.kind != "code":
        raise UserError(f"submission {number} holds predictions; code alone is reviewed")
    if submission.state not in ("received", "checked"):
        raise UserError(f"submission {number} is {submission.state}; only a received submission is reviewed")
    source, named = _source(submission, machine.folder)
    begun = now()
    session.commit()  # no transaction is open while others write
    code, said = _run(["runners.check", named[-1] if named else submission.method], _CHECK_SECONDS)
    _check_room(code, said)
    if code:
        return store.refuse(session, submission, _why(said, source, "the contract checks could not be made"))
    store.move(session, submission, "checked")
    words = ["--task", submission.task, "--preset", submission.preset, "--method", submission.method]
    words += ["--seeds", str(submission.seeds), *named, "--no-baseline", "--force", "--apart"]
    words += ["--db", machine.db, "--device", machine.device]
    words += ["--threads", str(machine.threads)] if machine.threads else []
    words += ["--data-dir", str(machine.data_dir)] if machine.data_dir else []
    words += ["--timeout", machine.timeout] if machine.timeout else []
    words += [word for name, text in machine.sources.items() for word in ("--source", f"{name}={text}")]
    session.commit()
    code, said = _run(["runners.run", *words], None)
    if code == 130:
        raise KeyboardInterrupt
    _check_room(code, said)
    runs = _made(session, submission, Run.command.contains(str(source), autoescape=True) if named else Run.heartbeat >= begun)
    if code == 0 and len(runs) == submission.seeds and all(run.status == "done" for run in runs):
        return store.link_runs(session, submission, runs, machine.folder)
    failed = next((run.error.splitlines()[0] for run in runs if run.error), None)
    persist(session, lambda: session.execute(delete(Run).where(Run.id.in_([run.id for run in runs]))))
    return store.refuse(session, submission, _private(failed, source) if failed else _why(said, source, "it did not run"))


def _source(submission: Submission, folder: Path) -> tuple[Path, list[str]]:
    """The place of the code that is to run, and the words that name it to a command, which are none for an installed package.

    Raises UserError where it was kept no more, or where what is installed is not what was handed in.
    """
    source = store.source_file(folder, submission.content, submission.method).absolute()
    if source.is_file():
        return source, ["--include", str(source)]
    kept = store.package_folder(folder, submission.content, submission.method)
    if not kept.is_dir():
        raise UserError(f"the source of submission {submission.id} is not in submissions beside the database")
    modules = " or ".join(sorted(path.stem for path in kept.iterdir()))
    if submission.method not in registry.methods():
        raise UserError(
            f"no installed package brings {submission.method}; install the one with {modules}, then review it again"
        )
    found = package.find(submission.method)
    if found.digest != submission.content:
        raise UserError(f"{found.label} is installed with other source than was handed in; install that, or hand this one in")
    return found.home, []


def _made(session: Session, submission: Submission, these: ColumnElement[bool]) -> Sequence[Run]:
    """The runs that it brought. `these` tells them, by the kept source in their command or by when they were made."""
    session.expire_all()
    return session.scalars(
        select(Run)
        .join(Method, Run.method_id == Method.id)
        .join(Task, Run.task_id == Task.id)
        .where(Method.name == submission.method, Task.name == submission.task, Run.preset == submission.preset)
        .where(Run.origin == "here", these, Run.seed < submission.seeds)
        .order_by(Run.seed)
    ).all()


def _run(words: Sequence[str], seconds: float | None) -> tuple[int, list[str]]:
    """The exit code and the last lines of `python -m ...`, which is ended with all of its group after so many seconds."""
    with tempfile.TemporaryFile() as said:  # no pipe: a stranger's code may print without end, and only the end is read
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(registry.ROOT), os.environ.get("PYTHONPATH")]))},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return 1, [f"error: it was ended after {seconds:g} s"]
        finally:
            _end(process)
        said.seek(max(0, said.seek(0, os.SEEK_END) - _TAIL))
        return code, said.read().decode(errors="replace").splitlines()


def _check_room(code: int, said: Sequence[str]) -> None:
    """Raises DiskFull where a command failed because of a full disk, of which nobody's code is guilty."""
    full = next((found[0] for line in said if (found := _FULL.search(line))), None)
    if code and full is not None:
        raise DiskFull(full)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
    process.wait()


def _why(said: Sequence[str], source: Path, otherwise: str) -> str:
    """The check that failed, else the last line that reports an error."""
    failed = [" ".join(line.split()).removeprefix("FAILED ") for line in said if line.startswith("FAILED")]
    errors = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
    return _private((failed or errors[-1:] or said[-1:] or [otherwise])[0], source)


def _private(text: str, source: Path) -> str:
    """The text without the place where this machine keeps the source."""
    return text.replace(str(source), source.name).replace(str(source.parent), "")
