"""Scores and seconds of many runs at once, from rows of the database into arrays."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from benchmark.statistics import Grid
from benchmark.store.models import ANSWERED, Instance, Score

_ROW = np.dtype([("run", np.int64), ("number", np.int64), ("value", np.float64)])


def fill_scores(session: Session, entries: Sequence[Any], metrics: Sequence[str] | None = None) -> None:
    """Set `scores` of each benchmark.store.queries.Entry: of these metrics, or of all that its runs have."""
    runs = sorted(run.id for entry in entries for run in entry.runs)
    if metrics is None:
        metrics = sorted(session.scalars(select(Score.metric).where(Score.run_id.in_(runs)).distinct()))
    columns = (Score.run_id, Score.instance, Score.value)
    found = {m: _rows(session, select(*columns).where(Score.run_id.in_(runs), Score.metric == m)) for m in metrics}
    for metric, grids in _grids(entries, found).items():
        for entry, grid in zip(entries, grids, strict=True):
            if grid:
                entry.scores[metric] = grid


def fill_truncated(session: Session, entries: Sequence[Any]) -> None:
    """Set `truncated` of each entry: (seed, instance) of those that their budget ended."""
    rows = session.execute(select(Instance.run_id, Instance.number).where(Instance.status == "truncated"))
    _fill_keys(entries, "truncated", [(run, number) for run, number in rows])


def fill_seconds(session: Session, entries: Sequence[Any]) -> None:
    """Set `seconds` of each entry: the method's own time on each instance with scores; predictions (`scored`) have none. And
    `contended`: (seed, instance) of those for which other programs had the processors.
    """
    runs = sorted(run.id for entry in entries for run in entry.runs if run.trust != "scored")
    columns = (Instance.run_id, Instance.number, Instance.seconds)
    answered = (Instance.run_id.in_(runs), Instance.status.in_(ANSWERED))
    rows = _rows(session, select(*columns).where(*answered))
    for entry, grid in zip(entries, _grids(entries, {"seconds": rows})["seconds"], strict=True):
        entry.seconds = grid
    late = session.execute(select(Instance.run_id, Instance.number).where(*answered, Instance.contended))
    _fill_keys(entries, "contended", [(run, number) for run, number in late])


def _fill_keys(entries: Sequence[Any], name: str, found: Sequence[tuple[int, int]]) -> None:
    numbers: dict[int, list[int]] = defaultdict(list)
    for run, number in found:
        numbers[run].append(number)
    for entry in entries if numbers else ():
        keys = frozenset((run.seed, number) for run in entry.runs for number in numbers.get(run.id, ()))
        setattr(entry, name, keys)


def _rows(session: Session, statement: Select[int, int, float]) -> np.ndarray:
    """The rows as an array of _ROW, from the driver's own tuples: a million of them take a second instead of three."""
    result = session.connection().execute(statement)
    rows = result.cursor.fetchall() if result.cursor else []
    result.close()
    return np.array(rows, _ROW)


def _grids(entries: Sequence[Any], found: Mapping[str, np.ndarray]) -> dict[str, list[Grid]]:
    """Name -> a grid for each entry; all have the same axes."""
    owners = {run.id: (at, run.seed) for at, entry in enumerate(entries) for run in entry.runs}
    ids = np.array(sorted(owners), np.int64)
    seeds = np.unique(np.array([seed for _, seed in owners.values()], np.int64))
    entry_of = np.array([owners[run][0] for run in ids.tolist()], np.int64)
    seed_of = np.searchsorted(seeds, np.array([owners[run][1] for run in ids.tolist()], np.int64))
    numbers = np.unique(np.concatenate([rows["number"] for rows in found.values()] or [np.zeros(0, np.int64)]))
    grids = {}
    for name, rows in found.items():
        cube = np.full((len(entries), len(numbers), len(seeds)), np.nan)
        run = np.searchsorted(ids, rows["run"])
        cube[entry_of[run], np.searchsorted(numbers, rows["number"]), seed_of[run]] = rows["value"]
        grids[name] = [Grid(numbers, seeds, values) for values in cube]
    return grids
