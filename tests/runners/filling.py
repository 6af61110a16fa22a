"""Commands on a disk that becomes full at any page of what they write, and what may be there after each.

A scenario is a command whose files lie on a small file system in memory (tmpfs), or under a limit of the size of a file, which
is met as a quota is. It is run with room for so many pages, must end well or with exit code 1 and a line that says why, and
must leave nothing half-written; then it is run with room and must end as if it had always been there.
"""

import ctypes
import os
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from benchmark import registry
from benchmark.store import database
from tests.benchmark.submission_bundles import adjoint, files_of, packed
from tests.benchmark.test_store import OLD, at_revision

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
ROOM = 256 << 20  # bytes
MRI = ("--task", "mri", "--preset", "tiny", "--no-baseline", "--threads", "1", "--jobs", "1")
METHOD = '''
"""The answer that a stranger hands in."""

import torch

from benchmark import Context, LinearInverse, method


@method("theirs", solves="LinearInverse", kind="test", paper="")
def theirs(problem: LinearInverse, ctx: Context) -> torch.Tensor:
    return problem.A.H(problem.y)
'''


def can_mount():
    """Whether this process may mount a file system of its own."""
    if not sys.platform.startswith("linux"):
        return False
    with tempfile.TemporaryDirectory(prefix="filling-") as folder:
        try:
            Disk(Path(folder)).close()
        except OSError:
            return False
    return True


class Disk:
    """A file system in memory whose size can be changed. The calls of the system itself: `mount` can miss its own entry in the
    list of what is mounted while others mount as well.
    """

    _REMOUNT, _DETACH = 32, 2

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._mount(b"tmpfs", 0, ROOM)

    def _mount(self, kind, flags, size):
        self._called("mount", kind, bytes(self.folder), kind, ctypes.c_ulong(flags), f"size={size}".encode())

    @staticmethod
    def _called(name, *arguments):
        if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def used(self):
        about = os.statvfs(self.folder)
        return (about.f_blocks - about.f_bfree) * about.f_frsize

    def leave(self, pages):
        """Room for so many pages more than there are; None for plenty. At least one: to tmpfs a size of 0 is no limit."""
        self._mount(None, self._REMOUNT, ROOM if pages is None else max(PAGE, self.used() + pages * PAGE))

    def close(self):
        self._called("umount2", bytes(self.folder), self._DETACH)


@dataclass
class Scenario:
    """words: a module and what it is told; {d}: the small disk, {s}: a folder with room. prepare(small, beside): before it."""

    words: tuple[str, ...]
    prepare: object = lambda small, beside: None
    before: tuple[str, ...] = ()  # a command that fills the database before
    database: str = "{d}/r.db"
    once: bool = False  # it refuses to be run again where it ended well
    environment: dict[str, str] = field(default_factory=dict)


def old_database(small, beside):
    """One of an older version, with rows."""
    scores = [("score", {**OLD["score"], "id": number, "metric": f"m{number}"}) for number in range(2, 400)]
    tables = {name: row for name, row in OLD.items() if name != "submission"} | {"task": {**OLD["task"], "name": "older"}}
    at_revision(small / "r.db", "0004", [*tables.items(), *scores])


def another(small, beside):
    """A file, without which a disk has room for a page."""
    (small / "another").write_bytes(b"x")


def bundle(small, beside):
    (beside / "mine.zip").write_bytes(packed(files_of(registry.get_task("mri").load(), estimate=adjoint)))


def code(small, beside):
    (beside / "theirs.py").write_text(METHOD.lstrip())


CG = ("runners.run", *MRI, "--method", "cg_sense", "--db", "{d}/r.db")
SUBMIT = ("runners.submit", "predictions", "{s}/mine.zip", "--db", "{d}/r.db")
EXPORT = ("runners.export", "--format", "jsonl", "--pictures", "2", "--output", "{d}/out.jsonl", "--db", "{s}/r.db")
INPUTS = ("runners.submit", "export-inputs", "--task", "mri", "--preset", "tiny", "--output")
SCENARIOS = {
    "run on nothing": Scenario(CG),
    "run on results": Scenario(("runners.run", *MRI, "--method", "l1_wavelet", "--db", "{d}/r.db"), before=CG),
    "run, temporary files there too": Scenario(CG, environment={"TMPDIR": "{d}"}),
    "learn": Scenario(
        ("runners.run", "--task", "spectral", "--preset", "tiny", "--method", "ridge_map", "--no-baseline", "--db", "{d}/r.db")
    ),
    "migrate": Scenario(("runners.load", "{s}/out.jsonl", "--db", "{d}/r.db"), prepare=old_database),
    "load": Scenario(("runners.load", "{s}/out.jsonl", "--db", "{d}/r.db")),
    "export": Scenario(EXPORT, database="{s}/r.db"),
    "export beside the database": Scenario(
        ("runners.export", "--format", "csv", "--output", "{d}/out.csv", "--db", "{d}/r.db"), before=CG
    ),
    "show": Scenario(("runners.show", "1", "--db", "{d}/r.db"), before=CG),
    "inputs, a folder": Scenario((*INPUTS, "{d}/inputs"), once=True),
    "inputs, a zip file": Scenario((*INPUTS, "{d}/inputs.zip"), once=True),
    "predictions": Scenario(SUBMIT, prepare=bundle),
    "predictions beside results": Scenario(SUBMIT, prepare=bundle, before=CG),
    "code, kept": Scenario(
        ("runners.submit", "code", "{s}/theirs.py", "--task", "mri", "--preset", "tiny", "--receive", "--db", "{d}/r.db"),
        prepare=code,
    ),
    "code, run": Scenario(
        ("runners.submit", "code", "{s}/theirs.py", "--task", "mri", "--preset", "tiny", "--threads", "1", "--db", "{d}/r.db"),
        prepare=code,
    ),
    "a private seed": Scenario(("runners.submit", "secret", "--secret-file", "{d}/secret"), prepare=another),
    "withdraw": Scenario(
        ("runners.submit", "withdraw", "1", "--maintainer", "--db", "{d}/r.db"), prepare=bundle, before=SUBMIT, once=True
    ),
    "new method": Scenario(("runners.new", "method", "mine", "--folder", "{d}"), once=True),
}


class Filled:
    """A scenario on a disk of its own. `lost` is what must not be, `said` what commands said that found no room, how often."""

    def __init__(self, forge, name, folder):
        self.forge, self.name, self.scenario = forge, name, SCENARIOS[name]
        self.small, self.beside = folder / "small", folder / "beside"
        self.beside.mkdir(parents=True)
        self.lost: list[str] = []
        self.said: Counter[str] = Counter()
        self.full = 0

    def __enter__(self):
        self.disk = Disk(self.small)
        return self

    def __exit__(self, *error):
        self.disk.close()

    def words(self, words):
        return [word.format(d=self.small, s=self.beside) for word in words]

    def call(self, words, limit=None):
        """Exit code, output and errors of a command."""
        module, *rest = self.words(words)
        out, err = self.beside / "out", self.beside / "err"
        for file in (out, err):
            file.unlink(missing_ok=True)
        environment = {**os.environ, "PYTHONPATH": str(registry.ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        environment |= {name: value.format(d=self.small) for name, value in self.scenario.environment.items()}
        environment |= {"LIMIT": str(limit)} if limit is not None else {}
        runner = self.forge.run(rest, environment=environment, folder=self.beside, output=out, errors=err, module=module)
        code = runner.wait(120)
        return code, out.read_text(), err.read_text()

    def prepared(self):
        """The disk as the command meets it."""
        self.disk.leave(None)
        for one in self.small.iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()
        for name in ("r.db", "out.jsonl"):
            if (kept := self.beside / f"kept-{name}").exists():
                shutil.copy(kept, self.beside / name)
        self.scenario.prepare(self.small, self.beside)
        if self.scenario.before:
            code, _, err = self.call(self.scenario.before)
            assert code == 0, err

    def whole(self):
        """Run it with room; how many pages it takes, at the most that was seen, and what it leaves."""
        self.prepared()
        before = self.disk.used()
        code, out, err = self.call(self.scenario.words)
        if code:
            self.lost.append(f"with room it ends with {code}: {out[-300:]} {err}")
        return (self.disk.used() - before) // PAGE, self.state()

    def fill(self, pages, wanted):
        """Run it with room for so many pages, then with plenty; wanted: what is to be there in the end."""
        self.prepared()
        before = self.state()
        self.disk.leave(pages)
        code, out, err = self.call(self.scenario.words)
        self.disk.leave(None)
        place = f"{self.name}, {pages} pages"
        if code:
            self.full += 1
            self._check_words(place, code, out, err)
        self.lost += [f"{place}: {what}" for what in self.leftovers()]
        if not code and self.scenario.once:
            return
        if code and self.scenario.once and self.state() == wanted and before != wanted:
            self.lost.append(f"{place}: it said that it failed, and did it")
            return
        code, out, err = self.call(self.scenario.words)
        if code:
            self.lost.append(f"{place}: the same command ends with {code} where there is room: {out[-300:]} {err}")
        elif (found := self.state()) != wanted:
            self.lost.append(f"{place}: with room it leaves {shortest(found ^ wanted)}")
        self.lost += [f"{place}, then with room: {what}" for what in self.leftovers()]

    def _check_words(self, place, code, out, err):
        for line in (line for line in [*err.splitlines(), *out.splitlines()] if "full" in line or "rror" in line):
            self.said[plain(line, self.small, self.beside)] += 1
        if code != 1:
            self.lost.append(f"{place}: exit code {code}: {err[-500:]}")
        if "Traceback" in out + err:
            self.lost.append(f"{place}: a traceback: {(out + err)[-300:]}")
        if len(err.splitlines()) > 1 or (len(err.splitlines()) == 0 and "did not finish; the same command" not in out):
            self.lost.append(f"{place}: no line, or more than one: {err[-500:]}")
        if " full" not in out + err:
            self.lost.append(f"{place}: it does not say that the disk is full: {(out + err)[-300:]}")

    def file(self):
        return Path(self.scenario.database.format(d=self.small, s=self.beside))

    def query(self, statement):
        """Rows of the database, of a copy of it, so that nothing here changes it."""
        if not (self.file().exists() and self.file().stat().st_size):
            return []
        copies = self.beside / "copies"
        shutil.rmtree(copies, ignore_errors=True)
        copies.mkdir()
        for file in self.file().parent.glob("r.db*"):
            shutil.copy(file, copies / file.name)
        with sqlite3.connect(copies / "r.db") as connection, suppress(sqlite3.OperationalError):  # no such table
            return connection.execute(statement).fetchall()
        return []

    def leftovers(self):
        """What must not be there: half-written files, files that no row names, rows without their files or halves of runs."""
        found = [f"{path.name} is left over" for path in self.small.rglob("*.part*")]
        if self.query("PRAGMA integrity_check") not in ([], [("ok",)]):
            found.append("the database is damaged")
        revision = self.query("SELECT version_num FROM alembic_version")
        if revision not in ([], [("0004",)], [(database.REVISION,)]):
            found.append(f"half of a migration: {revision}")
        named = dict(self.query("SELECT path, sha256 FROM artifact"))
        here = self.file().parent
        for path, digest in named.items():
            if not (here / path).is_file() or sha256((here / path).read_bytes()).hexdigest() != digest:
                found.append(f"{path} is not whole")
        if here == self.small:
            files = {path.relative_to(here).as_posix() for path in (here / "artifacts").rglob("*") if path.is_file()}
            withdrawn = self.query("SELECT 1 FROM submission WHERE state = 'withdrawn'")  # whose pictures stay
            found += [f"no row names {path}" for path in files - named.keys() if not withdrawn]
            sources = {path for path in (here / "submissions").rglob("*") if path.is_file()}
            kept = {name for (name,) in self.query("SELECT content FROM submission")}
            found += [f"no row names {path.name}" for path in sources if path.parent.name not in kept]
        if self.query("SELECT 1 FROM submission WHERE kind = 'predictions' AND state NOT IN ('scored', 'withdrawn')"):
            found.append("a submission between two states")
        found += [
            f"run {run}: {done} instances done of {count}, {scores} scores"
            for run, status, count, done, scores in self.query(
                "SELECT id, status, instances, (SELECT count(*) FROM instance WHERE run_id = run.id AND status = 'done'), "
                "(SELECT count(DISTINCT instance) FROM score WHERE run_id = run.id) FROM run WHERE digest <> 'r'"
            )
            if done != scores or (status == "done" and done != count)
        ]
        return found

    def state(self):
        """What is there, without times, tokens and numbers of rows."""
        found = {
            ("file", path.relative_to(self.small).as_posix())
            for path in self.small.rglob("*")
            if path.is_file() and not path.name.startswith("r.db")
        }
        scores = "SELECT digest, origin, status, instance, metric, value FROM run LEFT JOIN score ON run_id = run.id"
        found |= {("score", *row) for row in self.query(scores)}
        found |= {("submission", *row) for row in self.query("SELECT digest, state FROM submission")}
        return found


def shortest(differing):
    return sorted(map(str, differing))[:3]


def plain(line, small, beside):
    """A line without what differs from one try to the next."""
    words = line.strip().replace(str(small), "DISK").replace(str(beside), "BESIDE")
    return " ".join("FILE" if ".part" in word or ".npy" in word else word for word in words.split())


def filled(forge, name, folder, points, chance):
    """A scenario that met a full disk at so many points, from the first page that it takes to the last."""
    with Filled(forge, name, folder) as one:
        _material(one)
        took, wanted = one.whole()
        one.lost += [f"{name}, with room: {what}" for what in one.leftovers()]
        most = took + (20 if (one.small / "r.db").exists() else 0)  # SQLite's files grow and shrink
        for number in range(points):
            start, stop = number * most // points, (number + 1) * most // points
            one.fill(chance.randrange(start, max(stop, start + 1)), wanted)
        return one


def _material(one):
    """What commands read: a database with a run and its export, with their pictures."""
    if not any("{s}/out.jsonl" in word or "{s}/r.db" in word for word in one.scenario.words):
        return
    for words in (
        ("runners.run", *MRI, "--method", "cg_sense", "--db", "{s}/r.db"),
        ("runners.export", "--format", "jsonl", "--pictures", "2", "--output", "{s}/out.jsonl", "--db", "{s}/r.db"),
    ):
        code, _, err = one.call(words)
        assert code == 0, err
