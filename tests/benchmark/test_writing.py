"""How rows and files are written where something is in the way: another writer, a wrong row, a full disk."""

import errno
import os
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import make_url, select
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from benchmark.errors import Halted, UserError
from benchmark.store import writing
from benchmark.store.database import open_database
from benchmark.store.models import Method
from benchmark.store.writing import DiskFull, ServerAway, Unstorable, files_first, is_full, persist, replace_whole, write_whole

NO_ROOM = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def session(tmp_path):
    engine = open_database(str(tmp_path / "a.db"))
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def method(name="m", summary=""):
    return Method(name=name, solves="LinearInverse", kind="", paper="", summary=summary)


def after(session, *errors):
    """Work that adds a method after it failed so often."""
    waiting = list(errors)

    def work():
        if waiting:
            raise waiting.pop(0)
        session.add(method())

    return work, waiting


def error(kind, text):
    return kind("statement", {}, sqlite3.OperationalError(text))


@pytest.mark.parametrize("text", ["database is locked", "deadlock detected"])
def test_where_another_writer_was_faster_the_work_is_done_again(session, text):
    work, waiting = after(session, *[error(OperationalError, text)] * 12)
    persist(session, work)
    assert not waiting
    assert session.scalars(select(Method.name)).all() == ["m"]


@pytest.mark.parametrize(("silent", "lines"), [(0.0, 1), (60.0, 0)])
def test_who_waits_long_for_another_writer_says_so_once(session, monkeypatch, capsys, silent, lines):
    monkeypatch.setattr(writing, "_SILENT", silent)
    work, _ = after(session, *[error(OperationalError, "database is locked")] * 3)
    persist(session, work)
    said = "another program uses the database (database is locked); waiting for it\n"
    assert capsys.readouterr().err == said * lines


def test_a_row_that_another_writer_added_first_is_met_again_and_one_that_stays_wrong_is_not(session):
    work, waiting = after(session, *[error(IntegrityError, "UNIQUE")] * 7)
    persist(session, work)
    assert not waiting
    tries = []

    def twice():
        tries.append(1)
        session.add(method())

    with pytest.raises(Unstorable, match=r"^the database takes no such row \(UNIQUE constraint failed: method.name\)$"):
        persist(session, twice)
    assert len(tries) == 8
    assert session.scalars(select(Method.name)).all() == ["m"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Method(id=2**63, name="n", solves="", kind="", paper="", summary=""),
        lambda: method("n", summary="half of a \ud800"),
        lambda: method("n", summary=object()),
        lambda: method("n", summary=None),
    ],
)
def test_a_row_that_cannot_be_stored_is_said_at_once_and_the_session_goes_on(session, wrong):
    with pytest.raises(Unstorable) as caught:
        persist(session, lambda: session.add(wrong()))
    assert isinstance(caught.value, UserError)
    assert "\n" not in str(caught.value)
    persist(session, lambda: session.add(method()))
    assert session.scalars(select(Method.name)).all() == ["m"]


def test_a_row_that_is_gone_is_no_busy_database(session, tmp_path):
    persist(session, lambda: session.add(method()))
    row = session.scalars(select(Method)).one()
    with sqlite3.connect(tmp_path / "a.db") as other:
        other.execute("DELETE FROM method")

    def work():
        row.summary = "new"

    session.commit()
    with pytest.raises(Unstorable):
        persist(session, work)


def test_a_full_disk_is_no_busy_database(session):
    work, _ = after(session, error(OperationalError, "database or disk is full"))
    with pytest.raises(DiskFull, match=r"^the disk of .*a.db is full \(database or disk is full\)$") as caught:
        persist(session, work)
    assert isinstance(caught.value, Halted)
    persist(session, work)
    assert session.scalars(select(Method.name)).all() == ["m"]


def test_other_failures_of_the_database_pass(session):
    work, _ = after(session, error(OperationalError, "disk I/O error"))
    with pytest.raises(OperationalError):
        persist(session, work)


class Server:
    """A session on a server that is away for a while."""

    class dialect:  # noqa: N801
        name = "postgresql"

    class engine:  # noqa: N801
        url = make_url("postgresql+psycopg:///results")

    def __init__(self):
        self.commits = 0

    def get_bind(self):
        return self

    def rollback(self):
        raise OperationalError("rollback", {}, sqlite3.OperationalError("the connection is lost"))

    def commit(self):
        self.commits += 1


class Lost(Exception):  # noqa: N818
    def __init__(self, text, sqlstate=None):
        super().__init__(text)
        self.sqlstate = sqlstate


def test_a_server_that_is_away_is_waited_for_with_a_word(capsys):
    gone = [
        OperationalError("s", {}, Lost("terminating connection due to administrator command", "57P01")),
        OperationalError("s", {}, Lost("connection failed: No such file or directory\nIs the server running?")),
        DBAPIError("s", {}, Lost("the connection is closed"), connection_invalidated=True),
    ]
    server, waiting = Server(), [*gone]

    def work():
        if waiting:
            raise waiting.pop(0)
        return "done"

    assert persist(server, work) == "done"
    assert server.commits == 1
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "the database server is away (terminating connection due to administrator command); "
        "waiting for it, for up to 10 minutes",
        "the database server is back",
    ]


def test_a_server_that_stays_away_is_given_up(monkeypatch):
    monkeypatch.setattr(writing, "AWAY", 0.0)

    def work():
        raise OperationalError("s", {}, Lost("connection refused"))

    with pytest.raises(ServerAway, match=r"^the database server is away \(connection refused\)$") as caught:
        persist(Server(), work)
    assert isinstance(caught.value, Halted)
    monkeypatch.undo()
    with pytest.raises(ServerAway):
        persist(Server(), work, wait=False)


def test_a_server_without_room_is_full():
    def work():
        raise OperationalError("s", {}, Lost("could not extend file", "53100"))

    with pytest.raises(DiskFull):
        persist(Server(), work)
    assert is_full(NO_ROOM)
    assert not is_full(OSError(errno.ENOENT, "no such file"))


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    place = tmp_path / "ab" / "abc.npy"
    assert write_whole(place, b"content")
    assert not write_whole(place, b"other")
    assert place.read_bytes() == b"content"
    write = Path.write_bytes

    def half(path, content):
        write(path, content[:3])
        raise NO_ROOM

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(DiskFull, match=r"is full \(No space left on device\)$"):
        write_whole(tmp_path / "b.npy", b"content")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["abc.npy"]


def test_files_stay_only_where_their_rows_are_written(tmp_path, monkeypatch):
    old, new, last = (tmp_path / name for name in ("old", "new", "last"))
    old.write_bytes(b"old")

    def rows_that_fail():
        with files_first({old: b"other", new: b"new"}):
            assert new.read_bytes() == b"new"
            raise KeyError

    with pytest.raises(KeyError):
        rows_that_fail()
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    write = Path.write_bytes

    def full(path, content):
        if path.name.startswith(".last"):
            raise NO_ROOM
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DiskFull, match=f"^the disk of {tmp_path} is full"), files_first({new: b"new", last: b"last"}):
        pytest.fail("rows are not written without their files")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    monkeypatch.undo()
    with files_first({new: b"new"}):
        pass
    assert old.read_bytes() == b"old"
    assert new.read_bytes() == b"new"


def test_a_pipe_or_a_device_is_written_to_and_stays_what_it_is(tmp_path):
    """By the superuser a device could be replaced: /dev/null became a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    replace_whole(pipe, b"content")
    reader.join(timeout=10)
    assert heard == [b"content"]
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]
