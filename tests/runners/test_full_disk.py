"""A disk that becomes full while commands write: one line, nothing half-written, and the same goes on where there is room."""

import errno
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from benchmark import fits, registry
from benchmark.fits import Fit
from benchmark.store import database
from benchmark.store.database import open_database
from benchmark.store.models import Artifact, Run, Submission
from benchmark.store.writing import DiskFull
from benchmark.submissions import store
from runners import cli, export, new, review
from tests import migrated
from tests.benchmark.submission_bundles import adjoint, files_of, packed


@pytest.fixture
def pages(monkeypatch):
    """Databases that are opened from now on take so many pages; None: any number."""
    limit = {}
    usual = database._pragmas

    def pragmas(connection, record):
        usual(connection, record)
        connection.execute(f"PRAGMA max_page_count = {limit.get('pages') or 1 << 30}")

    monkeypatch.setattr(database, "_pragmas", pragmas)
    return lambda count: limit.update(pages=count)


@pytest.fixture
def inserts():
    """No row of this table finds room from now on; None: all do."""
    state = {"table": None}

    def refuse(connection, cursor, statement, *rest):
        if state["table"] and statement.startswith(f"INSERT INTO {state['table']} "):
            raise sqlite3.OperationalError("database or disk is full")

    event.listen(Engine, "before_cursor_execute", refuse)
    yield lambda table: state.update(table=table)
    event.remove(Engine, "before_cursor_execute", refuse)


@pytest.fixture
def writes(monkeypatch):
    """The write of a file with this number, counted from 0, and those after it find room for half of it; None: none of them."""
    state = {"left": None}
    usual = Path.write_bytes

    def write(path, content):
        if state["left"] is None:
            return usual(path, content)
        state["left"] -= 1
        if state["left"] >= 0:
            return usual(path, content)
        usual(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write)
    return lambda number: state.update(left=number)


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_database_is_made_whole_or_made_by_the_next_command(tmp_path, pages, monkeypatch):
    monkeypatch.setattr(database, "_migrate", migrated.migrate)
    with Session(open_database(str(tmp_path / "whole.db"))) as session:
        whole = session.execute(text("PRAGMA page_count")).scalar()
    assert whole > 20
    path = tmp_path / "a.db"
    for count in range(2, whole, 6):
        pages(count)
        with pytest.raises(DiskFull, match=r"^the disk of .*a.db is full \(database or disk is full\)$"):
            open_database(str(path))
    pages(None)
    with Session(open_database(str(path))) as session:
        assert session.execute(text("SELECT version_num FROM alembic_version")).scalar() == database.REVISION
        assert session.execute(text("PRAGMA integrity_check")).scalar() == "ok"


@pytest.fixture(scope="module")
def bundle():
    return packed(files_of(registry.get_task("mri").load(), estimate=adjoint))


def scored(tmp_path, bundle):
    """What is there after a bundle was handed in: (submissions, runs, artifacts)."""
    with Session(open_database(str(tmp_path / "a.db"))) as session:
        try:
            store.receive_predictions(session, bundle, tmp_path)
        finally:
            session.rollback()
            found = tuple(session.query(table).count() for table in (Submission, Run, Artifact))
    return found


def test_a_bundle_is_scored_whole_or_not_at_all(tmp_path, bundle, inserts, writes):
    places = [lambda table=table: inserts(table) for table in ("submission", "run", "score", "artifact")]
    for place in (*places, lambda: writes(0), lambda: writes(2)):
        place()
        with pytest.raises(DiskFull):
            scored(tmp_path, bundle)
        inserts(None)
        writes(None)
        assert {name for name in files(tmp_path) if not name.startswith("a.db")} == set()
        with Session(open_database(str(tmp_path / "a.db"))) as session:
            assert [session.query(table).count() for table in (Submission, Run, Artifact)] == [0, 0, 0]
    assert scored(tmp_path, bundle) == (1, 1, 4)
    assert len([name for name in files(tmp_path) if name.startswith("artifacts")]) == 4


def test_files_of_commands_are_whole_or_not_there(tmp_path, writes, monkeypatch):
    (tmp_path / "old.csv").write_bytes(b"old")
    fit = Fit({}, 1.0, truncated=False)
    writes(0)
    for write in (
        lambda: export._write("new and longer", tmp_path / "old.csv"),
        lambda: fits.keep(tmp_path / "fits", "abc", fit),
    ):
        with pytest.raises(DiskFull, match=r"^the disk of .* is full \(No space left on device\)$"):
            write()
    assert files(tmp_path) == {"old.csv"}
    assert (tmp_path / "old.csv").read_bytes() == b"old"
    writes(None)
    fits.keep(tmp_path / "fits", "abc", fit)
    assert fits.load(tmp_path / "fits", "abc") == fit

    def full(path, *words, **how):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(DiskFull):
        new._write("method", "mine", tmp_path / "new", "method_LinearInverse", "methods/images")
    assert files(tmp_path) == {"old.csv", "fits/abc.safetensors"}


def test_a_full_disk_is_one_line_and_exit_code_1(tmp_path, monkeypatch, capsys, pages):
    monkeypatch.setattr(database, "_migrate", migrated.migrate)
    app = typer.Typer()
    app.command()(lambda: open_database(str(tmp_path / "a.db")))
    monkeypatch.setattr(sys, "argv", ["any"])
    pages(9)
    with pytest.raises(SystemExit) as left:
        cli.run_app(app)
    assert left.value.code == 1
    assert capsys.readouterr().err == (
        f"error: the disk of {tmp_path / 'a.db'} is full (database or disk is full); make room: what is stored is kept, "
        "and the same command goes on from there\n"
    )


@pytest.mark.parametrize("code", ["SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"])
def test_a_quota_is_a_full_disk(tmp_path, code):
    """SQLite tells a quota that is met, and a full disk where it maps memory, as an error of the disk."""

    def refuse(*statement):
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = code
        raise error

    engine = open_database(str(tmp_path / "a.db"))
    event.listen(engine, "before_cursor_execute", refuse)
    with Session(engine) as session, pytest.raises(DiskFull, match=rf"over its quota or failing \(disk I/O error: {code}\)$"):
        database.writing.persist(session, lambda: session.execute(text("SELECT 1")))


def test_code_is_not_refused_because_this_machine_has_no_room():
    said = [
        "  instance 0 (a): psnr 1",
        "  killed because the disk of /a b/r.db is full (database or disk is full)",
        "1 of 1 jobs",
    ]
    with pytest.raises(DiskFull, match=r"^the disk of /a b/r.db is full \(database or disk is full\)$"):
        review._check_room(1, said)
    review._check_room(0, said)
    review._check_room(1, ["error: it raised ValueError"])


@pytest.mark.slow
@pytest.mark.long
def test_a_small_disk():
    """A real file system in memory; tests/performance/full_disk.py does the same at more points, of more commands."""
    script = registry.ROOT / "tests" / "performance" / "full_disk.py"
    words = [sys.executable, str(script), "--points", "2", "load", "predictions"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=200, check=False)
    if done.returncode == 77:
        pytest.skip("this system lets nobody mount a small disk (unshare -Urm)")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 found no room" in done.stdout
