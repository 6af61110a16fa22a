"""Opening a results database: create it, bring it up to date, or say in one line why that cannot be."""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.exc import DBAPIError

from benchmark.errors import UserError

DEFAULT = "results/lowdimbench.db"
REVISION = "0003"  # the newest migration; a test compares it with the folder
_APPLICATION = 0x4C444231  # "LDB1", in the header of our SQLite files
_BUSY_MS = 30_000


def location(db: str | None) -> str:
    """What the user meant: --db, else LOWDIMBENCH_DB, else results/lowdimbench.db."""
    return db or os.environ.get("LOWDIMBENCH_DB") or DEFAULT


def open_database(db: str, *, create: bool = True) -> Engine:
    """An engine on a path of a SQLite file or an SQLAlchemy URL, with the newest schema.

    A missing SQLite file is made if `create`. Raises UserError for a database that is missing, unreadable, not ours, damaged
    or written by a newer version, and for a folder that cannot be written.
    """
    if "://" in db:
        return _prepared(create_engine(db), db)
    path = Path(db)
    if not path.exists():
        if not create:
            raise UserError(f"no database at {path}; fill one with: python -m runners.run --task mri --method all")
        _make_folder(path)
    elif path.is_dir():
        raise UserError(f"{path} is a folder; --db names a file")
    elif create and not os.access(path, os.W_OK):
        raise UserError(f"{path} cannot be written; copy it or choose another with --db")
    elif path.stat().st_size:
        _check_ours(path)
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _pragmas)
    return _prepared(engine, str(path))


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {path.parent} ({error.strerror}); choose another with --db") from None
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"the folder {path.parent} cannot be written; choose another with --db")


def _check_ours(path: Path) -> None:
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            health = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
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


def _prepared(engine: Engine, name: str) -> Engine:
    try:
        with engine.connect() as connection:
            known = inspect(connection).has_table("alembic_version")
            revision = connection.scalar(text("SELECT version_num FROM alembic_version")) if known else None
            if revision is None and inspect(connection).get_table_names():
                raise UserError(f"{name} holds tables of another program; choose another with --db")
        if revision is not None and revision > REVISION:
            raise UserError(f"{name} was written by a newer version of this suite (schema {revision}); update the suite")
        if revision != REVISION:
            _migrate(engine)
    except DBAPIError as error:
        raise UserError(f"{name} cannot be opened ({error.orig}); choose another with --db") from None
    return engine


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
            command.upgrade(config, "head")
        connection.invalidate()  # the next one sets its pragmas anew
