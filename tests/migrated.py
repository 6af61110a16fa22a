"""The tables of new SQLite files: the migrations make them once in a process, and every other new file gets a copy.

Ten migrations take 0.2 s, and hundreds of tests begin with a new file. A file with tables is migrated as ever.
"""

import sqlite3
import threading

from sqlalchemy import Engine, inspect

from benchmark.store import database

migrate = database._migrate  # as it is outside of tests
_turn = threading.Lock()
_made: list[sqlite3.Connection] = []


def copy() -> None:
    """Do so from now on."""
    database._migrate = _copied


def _copied(engine: Engine) -> None:
    if engine.dialect.name != "sqlite" or inspect(engine).get_table_names():
        return migrate(engine)
    with _turn, engine.connect() as connection:
        if not _made:
            migrate(engine)
            _made.append(sqlite3.connect(":memory:", check_same_thread=False))
            connection.connection.driver_connection.backup(_made[0])
        else:
            _made[0].backup(connection.connection.driver_connection)
            connection.invalidate()  # as after a migration
    return None
