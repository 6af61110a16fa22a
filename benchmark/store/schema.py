"""What the tables and the view of the database hold, as their classes say it. Nothing is typed twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from sqlalchemy import JSON, Column

from benchmark.store import views
from benchmark.store.models import Base, UTCTime

EXAMPLE = """SELECT task, preset, method, metric, AVG(value), COUNT(*), unit FROM scores
WHERE split = 'test' GROUP BY task, version, preset, method, parameters, origin, metric, unit"""


@dataclass(frozen=True)
class Table:
    """A table or view: its name, what it is, and (column, type, what it is or refers to) of each column."""

    name: str
    about: str
    columns: tuple[tuple[str, str, str], ...]


def tables() -> Iterator[Table]:
    """The view first, then every table in the order of its class."""
    about = "One line a score, joined from the tables below."
    yield Table(views.NAME, about, tuple((name, "", what) for name, what in views.COLUMNS.items()))
    for mapper in Base.registry.mappers:
        table = Base.metadata.tables[mapper.class_.__tablename__]
        columns = tuple((column.name, _type(column), _notes(column)) for column in table.columns)
        yield Table(table.name, cleandoc(mapper.class_.__doc__ or ""), columns)


def _type(column: Column[Any]) -> str:
    """'integer', or 'text or null'."""
    special = {JSON: "JSON", UTCTime: "time in UTC"}
    known = {str: "text", int: "integer", float: "number", bool: "true or false"}
    kind = special.get(type(column.type)) or known[column.type.python_type]
    return kind + (" or null" if column.nullable else "")


def _notes(column: Column[Any]) -> str:
    """Its foreign keys and its unique columns."""
    refers = [f"refers to {key.column.table.name}.{key.column.name}" for key in column.foreign_keys]
    return ", ".join(["key"] * column.primary_key + refers + ["unique"] * bool(column.unique))
