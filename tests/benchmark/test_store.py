import os
import sqlite3
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from benchmark import store
from benchmark.errors import UserError
from benchmark.store import database
from benchmark.store.models import Base, Instance, Run, Score, Submission, Task


def test_a_new_database_is_complete_and_in_wal_mode(tmp_path):
    engine = database.open_database(str(tmp_path / "new" / "a.db"))
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    with Session(engine) as session:
        session.add(Task(name="a", version=1, spec={}))
        session.commit()
    assert [t.name for t in Session(database.open_database(str(tmp_path / "new" / "a.db"))).query(Task)] == ["a"]


def test_the_newest_migration_is_the_one_expected():
    folder = Path(store.__file__).parent / "migrations" / "versions"
    assert max(p.name.split("_")[0] for p in folder.glob("0*.py")) == database.REVISION


def test_a_database_without_submissions_is_brought_up_to_date_and_keeps_its_scores(tmp_path):
    path = tmp_path / "a.db"
    at_revision(path, "0002", OLD.items())
    engine = database.open_database(str(path))
    with Session(engine) as session:
        assert [(score.run_id, score.value) for score in session.query(Score)] == [(1, 2.5)]
        assert [run.submission_id for run in session.query(Run)] == [None]
        [kept] = session.query(Submission)
        assert (kept.author, kept.kind, kept.seeds, kept.near, kept.changed) == ("Ada", "", 0, {}, kept.received)
        assert kept.token == ""
    engine.dispose()


def test_runs_of_before_say_nothing_of_where_they_ran(tmp_path):
    path = tmp_path / "a.db"
    at_revision(path, "0010", [(name, row) for name, row in OLD.items() if name != "submission"])
    engine = database.open_database(str(path))
    with Session(engine) as session:
        [run] = session.query(Run)
        assert (run.engine, run.node, run.tries, run.status) == (None, None, None, "done")
        run.engine, run.node, run.tries = "ray", "a (1)", 2
        session.commit()
        assert [score.value for score in session.query(Score)] == [2.5]
    engine.dispose()
    with create_engine(f"sqlite:///{path}").begin() as connection:
        migrate(connection, command.downgrade, "0010")
        [row] = connection.execute(text("SELECT * FROM run")).mappings()
    assert {name: value for name, value in row.items() if name in OLD["run"]} == OLD["run"]
    assert not {"engine", "node", "tries"} & row.keys()


def at_revision(path, revision, rows):
    """A SQLite file of ours of an older revision, with these (table, row)."""
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA application_id = {database._APPLICATION}")
    connection.close()
    with create_engine(f"sqlite:///{path}").begin() as connection:
        migrate(connection, command.upgrade, revision)
        for table, row in rows:
            names = ", ".join(f'"{name}"' for name in row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(':' + n for n in row)})"), row)


def migrate(connection, way, revision):
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    way(config, revision)


def instance(number, status, truncated, **more):
    about = {"id": number + 1, "run_id": 1, "number": number, "label": "", "observation": "", "seconds": 2.0, "steps": 9}
    return about | {"status": status, "truncated": truncated, **more}


def test_truncated_becomes_a_status_and_the_way_back_is_whole(tmp_path):
    path = tmp_path / "a.db"
    old = [instance(0, "done", False), instance(1, "done", True), instance(2, "failed", False, error="it failed")]
    tables = [(name, row) for name, row in OLD.items() if name != "submission"]
    at_revision(path, "0004", [*tables, *(("instance", row) for row in old)])
    engine = database.open_database(str(path))
    with Session(engine) as session:
        found = [(one.status, one.error, one.seconds, one.cpu_seconds) for one in session.query(Instance)]
        assert found == [
            ("done", None, 2.0, None),
            ("truncated", "its time budget ended it after 9 steps", 2.0, None),
            ("failed", "it failed", 2.0, None),
        ]
        assert [score.value for score in session.query(Score)] == [2.5]
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()
    with create_engine(f"sqlite:///{path}").begin() as connection:
        migrate(connection, command.downgrade, "0004")
        found = connection.execute(text("SELECT status, truncated, error FROM instance ORDER BY number")).all()
    assert found == [("done", 0, None), ("done", 1, None), ("failed", 0, "it failed")]


WHEN = "2026-01-01 00:00:00.000000"
OLD = {
    "task": {"id": 1, "name": "mri", "version": 1, "spec": "{}"},
    "method": {"id": 1, "name": "dip", "solves": "LinearInverse", "kind": "", "paper": "", "summary": ""},
    "environment": {
        **{"id": 1, "digest": "e", "commit": "", "dirty": 0, "python": "", "platform": "", "cpu": ""},
        **{"cores": 1, "threads": 1, "memory_gb": 1.0, "device": "cpu", "packages": "{}"},
    },
    "run": {
        **{"id": 1, "digest": "r", "origin": "here", "task_id": 1, "preset": "tiny", "method_id": 1, "parameters": "{}"},
        **{"seed": 0, "split": "test", "on_test": 0, "source": "", "data": "", "environment_id": 1, "trust": "reproduced"},
        **{"command": "", "status": "done", "instances": 1, "started": WHEN, "runner": "", "heartbeat": WHEN},
        **{"seconds": 1.0, "fit_seconds": 0.0},
    },
    "score": {"id": 1, "run_id": 1, "instance": 0, "metric": "psnr", "value": 2.5},
    "submission": {"id": 1, "digest": "s", "author": "Ada", "state": "received", "reason": "", "received": WHEN},
}


def files_beside(path):
    """Contents of all files; SQLite's own -wal and -shm come and go."""
    return {p: p.read_bytes() for p in Path(path).parent.iterdir() if p.is_file() and not p.name.endswith(("-wal", "-shm"))}


def refused(path, message, **how):
    before = files_beside(path)
    with pytest.raises(UserError, match=message) as caught:
        database.open_database(str(path), **how)
    assert "\n" not in str(caught.value)
    assert files_beside(path) == before


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "a.db"
    path.write_text("these are notes, long enough to be read as a header of a database file, but they are not one" * 20)
    refused(path, "not a readable SQLite database")


def test_a_damaged_database(tmp_path):
    path = tmp_path / "a.db"
    database.open_database(str(path)).dispose()
    whole = path.read_bytes()
    for leftover in tmp_path.glob("a.db-*"):
        leftover.unlink()
    path.write_bytes(whole[:4096] + b"\x00" * 8192 + whole[12288:])
    refused(path, "not a readable SQLite database|cannot be opened|is damaged")


def test_a_database_of_another_program(tmp_path):
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    refused(path, "database of another program")


def test_a_database_of_a_newer_version(tmp_path):
    path = tmp_path / "a.db"
    engine = database.open_database(str(path))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(UserError, match="written by a newer version of this suite"):
        database.open_database(str(path))


def test_a_folder_and_a_missing_file(tmp_path):
    refused(tmp_path, "is a folder")
    refused(tmp_path / "none.db", "no database at .*runners.run", create=False)


def test_a_pipe_or_a_device_is_no_database(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for how in ({}, {"create": False}, {"read_only": True}):
        refused(tmp_path / "pipe", "is a device or a pipe; --db names a file", **how)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; the check itself is tested below")
def test_a_read_only_folder_really(tmp_path):
    tmp_path.chmod(0o500)
    refused(tmp_path / "a.db", "cannot be written")


def test_a_read_only_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    refused(tmp_path / "a.db", "cannot be written; choose another with --db")


def test_location_order(monkeypatch):
    monkeypatch.delenv("LOWDIMBENCH_DB", raising=False)
    assert database.location(None) == database.DEFAULT
    monkeypatch.setenv("LOWDIMBENCH_DB", "x.db")
    assert database.location(None) == "x.db"
    assert database.location("y.db") == "y.db"


def test_a_reader_cannot_write_and_a_writer_beside_it_can(tmp_path):
    path = tmp_path / "a b%.db"
    writer = database.open_database(str(path))
    reader = database.open_database(str(path), read_only=True)
    with Session(reader) as session:
        session.add(Task(name="a", version=1, spec={}))
        with pytest.raises(OperationalError, match="readonly"):
            session.flush()
    with Session(writer) as session, Session(reader) as other:
        assert other.query(Task).count() == 0
        session.add(Task(name="a", version=1, spec={}))
        session.commit()
    with Session(reader) as session:
        assert session.query(Task).count() == 1
    for engine in (reader, writer):
        engine.dispose()


def test_a_reader_makes_nothing_and_brings_nothing_up_to_date(tmp_path):
    with pytest.raises(UserError, match="no database at"):
        database.open_database(str(tmp_path / "none.db"), read_only=True)
    (tmp_path / "bare.db").touch()
    refused(tmp_path / "bare.db", "has no tables yet; bring it up to date with", read_only=True)
    database.open_database(str(tmp_path / "old.db")).dispose()
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    refused(tmp_path / "old.db", "has the schema 0001 of an older version", read_only=True)


def test_a_file_in_a_folder_that_nobody_can_write_is_read(tmp_path, monkeypatch):
    database.open_database(str(tmp_path / "a.db")).dispose()
    for leftover in tmp_path.glob("a.db-*"):
        leftover.unlink()
    monkeypatch.setattr(database.os, "access", lambda *_: False)
    with Session(database.open_database(str(tmp_path / "a.db"), read_only=True)) as session:
        assert session.query(Task).count() == 0
    assert not list(tmp_path.glob("a.db-*"))


def test_a_url_that_names_nothing(monkeypatch):
    with pytest.raises(UserError, match="cannot be understood as a URL"):
        database.open_database("nonsense://place")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"pip install 'lowdimbench\[postgresql\]'") as caught:
        database.open_database("postgresql+psycopg://me:secret@here/data", read_only=True)
    assert "secret" not in str(caught.value)
