"""Whether the rows of a SQLite file are of their types: SQLite takes any value in any column, and other programs write too."""

from sqlalchemy import JSON, Boolean, Column, Connection, DateTime, Float, Integer, Table

from benchmark.store.models import Base, UTCTime

_LARGEST = "1.7976931348623157e308"


def damage(connection: Connection) -> str:
    """The fault of the tables, in one line; empty where all is well. It reads every row."""
    found = {name for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for table in Base.metadata.sorted_tables:
        if table.name not in found:
            return f"it lacks the table {table.name}"
        columns = {row[1] for row in connection.exec_driver_sql(f'PRAGMA table_info("{table.name}")')}
        if lost := [column.name for column in table.columns if column.name not in columns]:
            return f"its table {table.name} lacks the column {lost[0]}"
        if reason := _wrong(connection, table):
            return reason
    orphan = connection.exec_driver_sql("PRAGMA foreign_key_check(run)").first()
    return f"run {orphan[1]} names a {orphan[2]} that is not there" if orphan else ""


def _wrong(connection: Connection, table: Table) -> str:
    """The first value of a table that is not of its column's type."""
    tests = {column.name: _test(column) for column in table.columns}
    anything = " AND ".join(f"({test})" for test in tests.values())
    if connection.exec_driver_sql(f'SELECT 1 FROM "{table.name}" WHERE ({anything}) IS NOT 1 LIMIT 1').first() is None:
        return ""
    for name, test in tests.items():
        row = connection.exec_driver_sql(f'SELECT rowid FROM "{table.name}" WHERE ({test}) IS NOT 1 LIMIT 1').first()
        if row is not None:
            return f"its table {table.name} holds no proper {name} in row {row[0]}"
    return ""


def _unbounded(name: str) -> str:
    """Python writes numbers into JSON that SQLite does not call valid."""
    return f"{name} GLOB '{{*[:, ]Infinity*}}' OR {name} GLOB '{{*[:, -]NaN*}}' OR {name} GLOB '{{*-Infinity*}}'"


def _test(column: Column[object]) -> str:
    """An expression that is 1 for a proper value."""
    name, kind = f'"{column.name}"', column.type
    if isinstance(kind, JSON):
        test = f"CASE WHEN json_valid({name}) THEN json_type({name}) = 'object' ELSE {_unbounded(name)} END"
    elif isinstance(kind, UTCTime | DateTime):
        test = f"{name} GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9] *' AND datetime({name}) IS NOT NULL"
    elif isinstance(kind, Boolean):
        test = f"{name} IN (0, 1)"
    elif isinstance(kind, Integer):
        test = f"typeof({name}) = 'integer'"
    elif isinstance(kind, Float):
        test = f"{name} BETWEEN -{_LARGEST} AND {_LARGEST}"
    else:
        test = f"typeof({name}) = 'text'"
    return f"{name} IS NULL OR ({test})" if column.nullable else test
