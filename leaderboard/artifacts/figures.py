"""A picture that a task declares (`benchmark.spec.Picture`) of one instance: the arrays as they were kept.

`benchmark.spec.DRAWINGS` gives the shapes. A heat map or lines may have another size for each method. All other drawings of an
instance have the shape of the truth's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from benchmark.report.board import Board, Row
from benchmark.spec import DRAWINGS, Picture
from benchmark.statistics import Key
from leaderboard.artifacts.files import kept_files, load

Array = NDArray[np.float64] | NDArray[np.float32]
TRUTH = "truth"
_FLOAT32 = ("image", "strip")  # large, and drawn in 256 levels


@dataclass(frozen=True)
class Figure:
    """One declared picture of an instance. truth or None, estimates by label; problems: what is not shown -> why."""

    picture: Picture
    truth: Array | None
    estimates: dict[str, Array]
    problems: dict[str, str]

    @property
    def empty(self) -> bool:
        return self.truth is None and not self.estimates

    @property
    def every(self) -> dict[str, Array]:
        """The truth, where there is one, then the estimates."""
        return {**({} if self.truth is None else {TRUTH: self.truth}), **self.estimates}


def read_figures(session: Session, folder: Path, rows: Iterable[Row], key: Key, pictures: Sequence[Picture]) -> list[Figure]:
    """What was kept of each picture for a (seed, instance), from the files that the database names, relative to its folder."""
    found: dict[str, list[tuple[str, str]]] = {}
    for label, kind, path in kept_files(session, rows, key):
        found.setdefault(kind, []).append((label, path))
    return [_figure(picture, found, folder) for picture in pictures]


def read_beside(session: Session, folder: Path, rows: Iterable[Row], key: Key, kind: str) -> Array | str | None:
    """A matrix that a task kept beside the truth, such as what was measured; why it cannot be read; None if none is."""
    found: Array | str | None = None
    for _, _, path in kept_files(session, rows, key, [kind]):
        found = _read(folder, path, Picture(kind="lines", one_by_one=True))
        if not isinstance(found, str):
            return found  # every run keeps the same: the first that can be read will do
    return found


def _figure(picture: Picture, found: dict[str, list[tuple[str, str]]], folder: Path) -> Figure:
    suffix = "" if picture.name == "image" else f"_{picture.name}"
    truth: Array | None = None
    estimates: dict[str, Array] = {}
    problems: dict[str, str] = {}
    for _, path in found.get(f"truth{suffix}", []):  # every run keeps the same: the first that can be read will do
        array = _read(folder, path, picture)
        if not isinstance(array, str):
            truth = array
            problems.pop(TRUTH, None)
            break
        problems[TRUTH] = array
    for label, path in found.get(f"estimate{suffix}", []):
        array = _read(folder, path, picture)
        if isinstance(array, str):
            problems[label] = array
        elif picture.paired and truth is not None and array.shape != truth.shape:
            problems[label] = f"the estimate is {array.shape}, the truth {truth.shape}"
        else:
            estimates[label] = array
    return Figure(picture, truth, estimates, problems)


def _read(folder: Path, relative: str, picture: Picture) -> Array | str:
    array = load(folder, relative)
    if isinstance(array, str):
        return array
    if not picture.fits(array.shape) or array.dtype.kind not in "fiub":
        return f"{relative} holds {array.dtype} {array.shape}, not {DRAWINGS[picture.kind]}"
    if picture.one_by_one and not np.isfinite(array).all():
        return f"{relative} holds values that are not finite"
    kind: Any = np.float32 if picture.kind in _FLOAT32 else np.float64
    return np.asarray(array, kind)


def ordered(board: Board, figure: Figure) -> list[Row]:
    """The rows that have this picture, the baseline first."""
    rows = sorted(board.rows, key=lambda row: row is not board.baseline)
    return [row for row in rows if row.label in figure.estimates]
