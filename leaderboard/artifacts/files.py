"""Which files the rows of a board kept of one instance."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.report.board import Row
from benchmark.statistics import Key
from benchmark.store.models import Artifact


class KeptFile(NamedTuple):
    """label: of the row whose run kept it; path: relative to the folder of the database."""

    label: str
    kind: str
    path: str


def kept_files(session: Session, rows: Iterable[Row], key: Key, kinds: Iterable[str] | None = None) -> list[KeptFile]:
    """The files of a (seed, instance) of these kinds, of all kinds where None, in the order in which they were stored."""
    owner = {run.id: row.label for row in rows for run in row.runs if run.seed == key[0]}
    query = select(Artifact.run_id, Artifact.kind, Artifact.path).where(Artifact.run_id.in_(owner), Artifact.instance == key[1])
    if kinds is not None:
        query = query.where(Artifact.kind.in_(list(kinds)))
    return [KeptFile(owner[run], kind, path) for run, kind, path in session.execute(query.order_by(Artifact.id))]
