"""Commands in this process and in a folder of their own, where nothing that they plan is run, and what each of them owes.

A command ends with 0, 1 or 2. With 2 it says one line, `error: ...`, and leaves every file and every database as it was. It
raises nothing else, and executes nothing of what it reads.
"""

import io
import os
import shutil
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session
from sqlalchemy.pool import Pool

from benchmark import reading, registry, source
from benchmark.spec import RunKey
from benchmark.store.database import open_database
from benchmark.store.models import Method, Task
from runners import cli, main, sharing
from tests.fuzzing import fence
from tests.leaderboard.synthetic import Writer

RAN = "ran"  # the file that an expression writes where it is executed
SECONDS = 30.0  # of one command, however strange
_LONGEST = 4000  # characters of a message
_SQLITE = ("-wal", "-shm")  # what it puts beside a file that it reads
_OURS = (registry.ROOT / "tasks", registry.ROOT / "methods")


@dataclass(frozen=True)
class Said:
    """How a command ended. wrong: in what way it did not do what it owes; empty where it did."""

    code: int | None
    out: str
    err: str
    wrong: str
    changed: tuple[str, ...]


class Sandbox:
    """A folder with sound and damaged files, which is the same again before each command."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.pristine = folder / "work", folder / "pristine"
        self.folder.mkdir()
        self.connections: list[Any] = []
        _furnish(self.folder)
        self.close()
        shutil.copytree(self.folder, self.pristine)
        self.seen = self._files()

    def path(self, name: str, content: str | bytes) -> Path:
        """A file that is there for the next command alone."""
        path = self.folder / name
        path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        return path

    def __call__(self, *words: str, fresh: bool = True) -> Said:
        """`lowdimbench WORDS`. fresh: what it changes is undone when it has ended."""
        before = self._files()
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="replace", write_through=True) for _ in range(2))
        code: int | None = None
        began, wrong = time.monotonic(), ""
        saved = sys.argv, sys.stdout, sys.stderr, dict(os.environ)
        sys.argv, sys.stdout, sys.stderr = ["lowdimbench", *words], out, err
        try:
            with fence.around(self.folder.parent) as outside:
                main.main()
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0 if left.code is None else -1
        except BaseException as error:
            wrong = _traceback(error)
        finally:
            sys.argv, sys.stdout, sys.stderr = saved[:3]
            os.environ.clear()
            os.environ.update(saved[3])
            self.close()
        texts = [stream.buffer.getvalue().decode("utf-8", "replace") for stream in (out, err)]  # type: ignore[attr-defined]
        changed = tuple(self._changed(before))
        wrong = wrong or _owed(code, *texts, changed, time.monotonic() - began)
        if (self.folder / RAN).exists():
            wrong = "it executed what it read"
        if outside:
            wrong = f"it would write outside its folder: {outside[0]}"
        if fresh:
            self.restore()
        return Said(code, *texts, wrong, changed)

    def restored(self, wrong: str) -> str:
        """The same words, with every change undone."""
        self.restore()
        return wrong

    def close(self) -> None:
        """Close what commands left open, as the end of a process does."""
        for connection in self.connections:
            with suppress(Exception):
                connection.close()
        self.connections.clear()

    def restore(self) -> None:
        """Undo every change."""
        for name in list(self._changed(self.seen)):
            path, whole = self.folder / name, self.pristine / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            if whole.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(whole, path)
            elif whole.is_dir():
                shutil.copytree(whole, path)

    def _files(self) -> dict[str, tuple[int, int]]:
        return dict(_walk(str(self.folder), ""))

    def _changed(self, before: Mapping[str, tuple[int, int]]) -> Iterator[str]:
        now = self._files()
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name) and not name.endswith(_SQLITE):
                yield name


def _walk(folder: str, inside: str) -> Iterator[tuple[str, tuple[int, int]]]:
    for entry in os.scandir(folder):
        name = f"{inside}{entry.name}"
        about = entry.stat(follow_symlinks=False)
        if entry.is_dir(follow_symlinks=False):
            yield name, (-1, 0)
            yield from _walk(entry.path, f"{name}/")
        else:
            yield name, (about.st_size, about.st_mtime_ns)


def _traceback(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/site-packages/" not in frame.filename]
    ours = [frame for frame in frames if "/tests/" not in frame.filename] or frames
    return f"{type(error).__name__} in {Path(ours[-1].filename).name}:{ours[-1].lineno}: {str(error)[:200]!r}"


def _owed(code: int | None, out: str, err: str, changed: tuple[str, ...], seconds: float) -> str:
    """What a command that ended so did not do; empty where all is well."""
    if code not in (0, 1, 2):
        return f"it ended with {code}"
    if "Traceback (most recent call last)" in out + err:
        return "it printed a traceback"
    if seconds > SECONDS:
        return f"it took {seconds:.0f} s"
    if code != 2:
        return ""
    if not err.startswith("error: ") or err.count("\n") != 1 or not err.endswith("\n") or len(err.splitlines()) != 1:
        return f"it refused in other than one line: {err[:300]!r}"
    if len(err) > _LONGEST:
        return f"it refused in {len(err)} characters: {err[:100]!r}"
    if changed and "(refused as submission " not in err:  # of which a row is kept
        return f"it refused and left {', '.join(changed)}"
    return ""


# --- what stands in the folder -----------------------------------------------------------------------------------------

METHOD = '''"""Own."""
from benchmark import Count, LinearInverse, method


@method("own", solves="LinearInverse", kind="test", paper="")
def own(problem: LinearInverse, ctx, *, steps: Count = 3):
    return problem.A.H(problem.y)
'''
PLAN = "runs:\n  - task: mri\n    method: [dip, cg_sense]\n    preset: tiny\n    seeds: 2\n    set: {steps: 3}\n"


def _furnish(folder: Path) -> None:
    (folder / "results").mkdir()
    (folder / "reference").mkdir()
    (folder / "folder").mkdir()
    make_runs(folder / "runs.db")
    shutil.copy(folder / "runs.db", folder / "results" / "lowdimbench.db")
    open_database(str(folder / "empty.db")).dispose()
    whole = (folder / "runs.db").read_bytes()
    (folder / "cut.db").write_bytes(whole[: len(whole) // 2])
    (folder / "nothing").touch()
    (folder / "text").write_text("words\n")
    (folder / "bytes").write_bytes(bytes(range(256)))
    (folder / "own.py").write_text(METHOD)
    (folder / "bad.py").write_text(METHOD.replace("Count = 3", "Count = 1 / 0"))
    (folder / "plan.yaml").write_text(PLAN)
    (folder / "plan.toml").write_text('[[runs]]\ntask = "mri"\nmethod = "dip"\npreset = "tiny"\n')
    (folder / "bad.yaml").write_text("runs: [")
    (folder / "entry.toml").write_text('method = "own"\nauthors = ["A"]\ncontact = "a@b"\n')


def make_runs(path: Path) -> None:
    """A database with two made-up runs whose digests are those of their keys."""
    engine = open_database(str(path))
    with Session(engine) as session:
        writer = Writer(session, path.parent)
        for method in ("base_fill", "classic_wavelet"):
            run = writer.imaging_run("tiny", method, source="a" * 64, data="b" * 64)
            names = ("preset", "parameters", "seed", "source", "data")
            task, solver = session.get_one(Task, run.task_id), session.get_one(Method, run.method_id)
            key = RunKey(
                task=task.name, version=task.version, method=solver.name, **{name: getattr(run, name) for name in names}
            )
            run.digest = key.digest
        session.commit()
    engine.dispose()


# --- what a command would run or reach ---------------------------------------------------------------------------------


@contextmanager
def opened(folder: Path) -> Iterator[Sandbox]:
    """A sandbox in a folder. While it is open, jobs, servers, contract checks and processes for strangers' code begin nowhere,
    files of the repository are out of reach, and those of tasks/ and methods/ are read once.
    """
    with pytest.MonkeyPatch.context() as patch:
        _patch(patch, folder)
        sandbox = Sandbox(folder)
        patch.chdir(sandbox.folder)

        def note(connection: Any, record: Any) -> None:
            sandbox.connections.append(connection)

        event.listen(Pool, "connect", note)
        try:
            yield sandbox
        finally:
            event.remove(Pool, "connect", note)
            sandbox.close()
            patch.undo()
            registry.include([])


def _patch(patch: pytest.MonkeyPatch, folder: Path) -> None:
    modules = {name: import_module(f"runners.{name}") for name in COMMANDS}
    work = folder / "work"
    patch.setenv("HOME", str(folder))
    patch.setenv("COLUMNS", "200")
    for name in ("LOWDIMBENCH_DB", "LOWDIMBENCH_ONLINE", "LOWDIMBENCH_TOKEN"):
        patch.delenv(name, raising=False)
    from runners.execute import Outcome
    from runners.reproduce import Made

    observations = import_module("benchmark.submissions.observations")
    patch.setattr(modules["start"], "execute", lambda *given, **named: Outcome())
    patch.setattr(modules["reproduce"], "again", lambda words: Made({}, {}, frozenset(), None))
    patch.setattr(modules["review"], "_run", lambda words, seconds: (1, ["error: not here"]))
    patch.setattr(modules["check"], "_checks", lambda methods, tasks: iter(()))
    patch.setattr(modules["leaderboard"], "runpy", SimpleNamespace(run_module=lambda *given, **named: None))
    patch.setattr(observations, "export", lambda *given, **named: {"instances": [], "training": [], "data": []})
    patch.setattr(registry.TaskEntry, "load", lambda entry, data_dir=None: entry)
    for name in ("load", "export"):
        patch.setattr(modules[name], "REFERENCE", work / "reference")
    write = modules["new"]._write

    def write_here(kind: Any, name: str, given: Path | None, *rest: Any) -> Any:
        return write(kind, name, given or work / "folder", *rest)

    patch.setattr(modules["new"], "_write", write_here)
    patch.setattr(sharing, "busy", lambda: 0.0)
    patch.setattr(registry, "_included", [])
    _read_once(patch)


COMMANDS = ("start", "reproduce", "review", "check", "leaderboard", "load", "export", "new")


def _read_once(patch: pytest.MonkeyPatch) -> None:
    """Each command reads every task and method, which takes a third of a second: the suite's own files are read once. Those
    that are included have a new name each time.
    """
    known: dict[tuple[str, Path], Any] = {}

    def once(what: str, make: Any) -> Any:
        def read(file: Path, *rest: Any) -> Any:
            if not any(file.is_relative_to(room) for room in _OURS):
                return make(file, *rest)
            if (what, file) not in known:
                found = make(file, *rest)
                known[what, file] = list(found) if what == "methods" else found
            return known[what, file]

        return read

    patch.setattr(reading, "read", once("tree", reading.read))
    patch.setattr(reading, "task_spec", once("task", reading.task_spec))
    patch.setattr(reading, "method_specs", once("methods", reading.method_specs))
    patch.setattr(source, "forget", lambda: None)
    include, before = registry.include, list[Path]()

    def include_again(files: Any) -> None:
        """Each command begins with no file included, as a process does."""
        files = list(files)
        if files or before:
            registry._included.clear()
            before[:] = files
            include(files)

    patch.setattr(registry, "include", include_again)


__all__ = ["RAN", "Said", "Sandbox", "cli", "make_runs", "opened"]
