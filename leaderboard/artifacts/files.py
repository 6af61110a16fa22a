"""Which files the rows of a board kept of one instance, and the arrays in them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
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


def kept_keys(session: Session, rows: Iterable[Row]) -> list[Key]:
    """Each (seed, instance) of which some run of the rows kept its estimate."""
    seeds = {run.id: run.seed for row in rows for run in row.runs}
    found = select(Artifact.run_id, Artifact.instance).where(Artifact.run_id.in_(seeds), Artifact.kind == "estimate")
    return sorted({(seeds[run], number) for run, number in session.execute(found)})


def load(folder: Path, relative: str) -> NDArray[Any] | str:
    """An array from a file beside the database, or why there is none."""
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()):
        return "its file lies outside the folder of the database"
    if not path.is_file():
        return f"{relative} is missing beside the database"
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        return f"{relative} cannot be read ({error})"
    return array
