"""How rows and files are written: a commit that meets another writer is tried again, and no file is ever half there."""

import errno
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from benchmark.errors import Halted, UserError

T = TypeVar("T")

_PATIENCE = 60.0  # seconds, with other writers
_SILENT = 5.0  # seconds, with other writers, before a line says that it waits
_RACES = 8  # rows of one commit that another writer may have written first
AWAY = 600.0  # seconds, with a server that is gone
_BUSY = ("database is locked", "database table is locked", "deadlock detected", "could not serialize")
_FULL = ("full", "No space left", "disk quota")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# what SQLite makes of a quota that is met, and of a full disk where it maps memory; of a disk that fails as well
_REFUSED = ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE")


class Unstorable(UserError):  # noqa: N818  # reads as what the row is
    """The database is well and takes the row never."""


class DiskFull(Halted):
    """There is no room for a row or a file."""


class ServerAway(Halted):
    """The database server is gone and did not come back in time."""


def persist(session: Session, work: Callable[[], T], *, wait: bool = True) -> T:
    """Do the work and commit; do it again where another writer was faster, for up to a minute, and where the server is gone,
    for up to ten, with a line that says so where it takes long. What only reads is asked in the same way. wait: for a server.

    Raises Unstorable for a row that the database does not take, DiskFull, ServerAway, and what else the database raises.
    """
    since, races, away, told = dict[str, float](), 0, False, False
    began = time.monotonic()
    while True:
        try:
            result = work()
            session.commit()
        except (SQLAlchemyError, OverflowError, UnicodeError) as error:
            with suppress(SQLAlchemyError):  # of a connection that is lost
                session.rollback()
            kind, now, races = _kind(session, error), time.monotonic(), races + isinstance(error, IntegrityError)
            waited = now - since.setdefault(kind, now)
            match kind:
                case "full":
                    raise DiskFull(_full_line(session, error)) from None
                case "away" if wait and waited < AWAY:
                    if not away:
                        limit = f"waiting for it, for up to {AWAY / 60:g} minutes"
                        print(f"the database server is away ({_line(error)}); {limit}", file=sys.stderr, flush=True)
                    away = True
                case "away":
                    raise ServerAway(f"the database server is away ({_line(error)})") from None
                case "busy" if waited < _PATIENCE:
                    if not told and now - began > _SILENT:
                        print(
                            f"another program uses the database ({_line(error)}); waiting for it", file=sys.stderr, flush=True
                        )
                        told = True
                case "race" if races < _RACES:
                    pass
                case "race" | "never":
                    raise Unstorable(f"the database takes no such row ({_line(error)})") from None
                case _:
                    raise
            time.sleep(random.uniform(0.02, 0.2))
        else:
            if away:
                print("the database server is back", file=sys.stderr, flush=True)
            return result


def _kind(session: Session, error: Exception) -> str:
    """What an error means: full, away (a server), busy or race (another writer), never (a wrong row), or something else."""
    text = str(getattr(error, "orig", error))
    state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    if isinstance(error, IntegrityError):
        return "race"
    if any(word in text for word in _BUSY) or state == "55P03":
        return "busy"
    if is_full(error):
        return "full"
    if not isinstance(error, DBAPIError):
        return "never"
    if session.get_bind().dialect.name != "sqlite" and (
        error.connection_invalidated or (isinstance(error, OperationalError) and state[:3] in ("", "080", "57P"))
    ):
        return "away"
    return "else" if isinstance(error, OperationalError) else "never"


def _full_line(session: Session, error: Exception) -> str:
    url = session.get_bind().engine.url
    name = url.database if url.get_backend_name() == "sqlite" else None
    return full_line(name or "the database", error) if isinstance(error, DBAPIError) else str(error)


def _line(error: Exception) -> str:
    """The first line of what the database said, at most 200 characters."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]


def is_full(error: BaseException) -> bool:
    """Whether an error of a file or a database says that there is no room."""
    if isinstance(error, DiskFull):
        return True
    if isinstance(error, OperationalError):
        name, state = getattr(error.orig, "sqlite_errorname", None), getattr(error.orig, "sqlstate", None)
        return name in _REFUSED or state == "53100" or any(word in str(error.orig) for word in _FULL)
    return isinstance(error, OSError) and error.errno in _NO_ROOM


def full_line(name: str, error: DBAPIError) -> str:
    """The message about the database of this name for an error that `is_full`."""
    code = getattr(error.orig, "sqlite_errorname", None)
    if code in _REFUSED:
        return f"the disk of {name} is full, over its quota or failing ({_line(error)}: {code})"
    return f"the disk of {name} is full ({_line(error)})"


@contextmanager
def room(place: Path) -> Iterator[None]:
    """Raises DiskFull where what is written meanwhile, at `place`, finds no room."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise DiskFull(f"the disk of {place} is full ({error.strerror})") from None
        raise


def write_whole(path: Path, content: bytes) -> bool:
    """Write a file whose name is the hash of its content, unless it is there; never half of it. Whether it is new.

    Raises DiskFull where there is no room.
    """
    if path.exists():
        return False
    replace_whole(path, content)
    return True


def replace_whole(path: Path, content: bytes) -> None:
    """Write a file, in place of what is there; never half of it. A device or a pipe is written to and not replaced. Raises
    DiskFull where there is no room.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        with room(path):
            path.write_bytes(content)
        return
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    with room(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            scratch.write_bytes(content)
            scratch.replace(path)
        except BaseException:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
            raise


@contextmanager
def files_first(files: Mapping[Path, bytes]) -> Iterator[None]:
    """Files written whole before the rows that name them. Where one of them or what follows fails, none that is new stays.

    Raises DiskFull where there is no room for them.
    """
    new: list[Path] = []
    try:
        for path, content in files.items():
            if write_whole(path, content):
                new.append(path)
        yield
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        raise
