"""Opening a results database: create it, bring it up to date, or say in one line why that cannot be."""

import os
import re
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from benchmark.errors import UserError
from benchmark.store import health, writing
from benchmark.store.writing import DiskFull, ServerAway, is_full

DEFAULT = "results/lowdimbench.db"
REVISION = "0011"  # the newest migration; a test compares it with the folder
_APPLICATION = 0x4C444231  # "LDB1", in the header of our SQLite files
_BUSY_MS = 30_000
_MAPPED = 1 << 28  # bytes of the file that a reader maps into memory
# how libpq notices within a minute that a server's machine is gone, which closes no connection; times in seconds
_NOTICE = {"connect_timeout": "10", "keepalives_idle": "20", "keepalives_interval": "10", "keepalives_count": "3"}
_NOTICE |= {"tcp_user_timeout": "60000"}  # milliseconds
_STARTS = ("is starting up", "is shutting down", "not yet accepting connections", "in recovery mode")


def location(db: str | None) -> str:
    """What the user meant: --db, else LOWDIMBENCH_DB, else results/lowdimbench.db."""
    return db or os.environ.get("LOWDIMBENCH_DB") or DEFAULT


def open_database(db: str, *, create: bool = True, read_only: bool = False) -> Engine:
    """An engine on a path of a SQLite file or an SQLAlchemy URL, with the newest schema.

    A missing SQLite file is made if `create`. `read_only`: the database itself refuses every change, nothing is made or brought
    up to date, and writers beside it are not disturbed. Raises UserError for a database that is missing, unreadable, not ours,
    damaged or written by a newer version, and for a folder that cannot be written.
    """
    if db.startswith("sqlite:"):
        db = _file_of(db)
    if "://" in db:
        return _prepared(_connected(db, read_only), without_password(db), read_only)
    create = create and not read_only
    path = Path(db)
    if not path.exists():
        if not create:
            raise UserError(f"no database at {path}; fill one with: python -m runners.run --task mri --method all")
        _make_folder(path)
    elif path.is_dir():
        raise UserError(f"{path} is a folder; --db names a file")
    elif not path.is_file():  # SQLite would write a journal beside a device
        raise UserError(f"{path} is a device or a pipe; --db names a file")
    elif create and not os.access(path, os.W_OK):
        raise UserError(f"{path} cannot be written; copy it or choose another with --db")
    elif not path.stat().st_size:
        if not (create or read_only):
            raise UserError(f"{path} is empty; fill it with: python -m runners.run --task mri --method all")
    else:
        _check_ours(path, thorough=not read_only)
    if read_only:
        engine = create_engine("sqlite://", creator=lambda: _reader(path), poolclass=NullPool)
    else:
        engine = create_engine(URL.create("sqlite", database=str(path)))
        event.listen(engine, "connect", _pragmas)
    return _prepared(engine, str(path), read_only, thorough=not read_only)


def _file_of(url: str) -> str:
    """The file that an URL of SQLite names. Raises UserError for a database in memory, which would keep nothing."""
    try:
        file = make_url(url).database
    except (ArgumentError, ValueError) as error:  # the latter for a wrong port
        raise UserError(f"--db cannot be understood as a URL ({error})") from None
    if file in (None, "", ":memory:"):
        raise UserError(f"{url} is a database in memory, of which nothing would be kept; --db names a file")
    return str(file)


def _connected(url: str, read_only: bool) -> Engine:
    """An engine on a URL. Raises UserError for one that names nothing, or a driver that is not installed."""
    try:
        known = make_url(url)
        postgresql = known.get_backend_name() == "postgresql"
        arguments = {"options": "-c default_transaction_read_only=on"} if postgresql and read_only else {}
        if known.drivername.endswith(("+psycopg", "+psycopg2")):
            arguments |= {name: value for name, value in _NOTICE.items() if name not in known.query}
        return create_engine(url, connect_args=arguments, pool_pre_ping=postgresql)
    except ModuleNotFoundError as error:
        remedy = "; pip install 'lowdimbench[postgresql]'" if error.name == "psycopg" else ""
        raise UserError(f"the driver {error.name} of {without_password(url)} is not installed{remedy}") from None
    except (ArgumentError, ValueError) as error:  # the latter for a wrong port
        raise UserError(f"--db cannot be understood as a URL ({error})") from None


def without_password(url: str) -> str:
    """A path as it is; a URL with *** for its password."""
    if "://" not in url:
        return url
    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return "the database"


def _unwritten(path: Path) -> str:
    """Address for reading alone. Where the folder cannot be written, nobody does, and no lock is asked for."""
    still = not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()
    return f"file:{quote(str(path.resolve()))}?{'immutable=1' if still else 'mode=ro'}"


def _reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = sqlite3.connect(_unwritten(path), uri=True, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
    return connection


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {path.parent} ({error.strerror}); choose another with --db") from None
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"the folder {path.parent} cannot be written; choose another with --db")


def _check_ours(path: Path, thorough: bool) -> None:
    try:
        with sqlite3.connect(_unwritten(path), uri=True) as connection:
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            # it reads the whole file: seconds where there are millions of scores
            health = connection.execute("PRAGMA quick_check(1)").fetchone()[0] if thorough else "ok"
    except sqlite3.DatabaseError as error:
        raise UserError(f"{path} is not a readable SQLite database ({error}); choose another with --db") from None
    finally:
        if "connection" in locals():
            connection.close()
    if health != "ok":
        raise UserError(f"{path} is damaged ({health.splitlines()[-1]}); choose another with --db")
    if tables and application != _APPLICATION:
        raise UserError(f"{path} is a database of another program; choose another with --db")


def _pragmas(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    if cursor.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
        cursor.execute(f"PRAGMA application_id = {_APPLICATION}")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Switch to WAL mode; SQLite does not wait by itself where another connection is just doing the same."""
    for attempt in range(100):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if attempt == 99:
                raise
            time.sleep(0.05)


def _prepared(engine: Engine, name: str, read_only: bool = False, thorough: bool = False) -> Engine:
    try:
        if engine.dialect.name == "postgresql":
            _wait_for_start(engine)
        with engine.connect() as connection:
            known = inspect(connection).has_table("alembic_version")
            revision = connection.scalar(text("SELECT version_num FROM alembic_version")) if known else None
            if revision is None and inspect(connection).get_table_names():
                raise UserError(f"{name} holds tables of another program; choose another with --db")
        if revision is not None and not re.fullmatch("[0-9]{4}", revision := str(revision)):
            raise UserError(f"{name} is damaged (its schema is '{revision[:20]}'); choose another with --db")
        if revision is not None and revision > REVISION:
            raise UserError(f"{name} was written by a newer version of this suite (schema {revision}); update the suite")
        if revision != REVISION and read_only:
            state = f"has the schema {revision} of an older version of this suite" if revision else "has no tables yet"
            raise UserError(f"{name} {state}; bring it up to date with: python -m runners.load --reference --db {name}")
        if revision != REVISION:
            _migrate(engine)
        if thorough and engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                if reason := health.damage(connection):
                    raise UserError(f"{name} is damaged ({reason}); choose another with --db")
    except DBAPIError as error:
        if is_full(error):
            raise DiskFull(writing.full_line(name, error)) from None
        raise UserError(f"{name} cannot be opened ({' '.join(str(error.orig).split())}); choose another with --db") from None
    return engine


def _wait_for_start(engine: Engine) -> None:
    """Wait for a server that is there and lets nobody in yet, as long as a write waits. Raises ServerAway."""
    began, told = time.monotonic(), False
    while True:
        try:
            engine.connect().close()
        except OperationalError as error:
            if not any(words in str(error.orig) for words in _STARTS):
                raise
            if time.monotonic() - began > writing.AWAY:
                raise ServerAway(f"the database server lets nobody in ({' '.join(str(error.orig).split())})") from None
            if not told:
                print("the database server is starting or ending; waiting for it", file=sys.stderr, flush=True)
            told = True
            time.sleep(0.2)
        else:
            return


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # a table is changed by making it anew; with this on, dropping the old one would take the scores along
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.rollback()
        with connection.begin():
            if engine.dialect.name == "sqlite":
                # Python's driver begins no transaction for changes of the schema, and a kill would leave half of one
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except (SQLAlchemyError, UserError):
                raise
            except Exception as error:  # rows that are not what the older version wrote
                raise UserError(f"the database is damaged: it cannot be brought up to date ({error})") from None
        connection.invalidate()  # the next one sets its pragmas anew
