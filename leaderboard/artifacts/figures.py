"""What a task declares that it draws of an estimate (`benchmark.spec.Picture`), as it was kept, and its common scale.

heat    (H, W), of any size, and of a size of its own for each method
lines   (R, n), a curve in each row; column j stands at axis.start + j * axis.step

All drawings of one picture share their scales. A missing truth has no meaning.
Numbers that are not finite are left out of the scales.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from benchmark.report.board import Board, Row
from benchmark.spec import Picture
from benchmark.statistics import Key
from leaderboard.artifacts.files import kept_files
from leaderboard.artifacts.images import load

Array = NDArray[np.float64]
TRUTH = "truth"


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


def read_figures(session: Session, folder: Path, rows: Iterable[Row], key: Key, pictures: Sequence[Picture]) -> list[Figure]:
    """What was kept of each picture for a (seed, instance), from the files that the database names, relative to its folder."""
    found: dict[str, list[Any]] = {}
    for label, kind, path in kept_files(session, rows, key):
        found.setdefault(kind, []).append((label, path))
    return [_figure(picture, found, folder) for picture in pictures]


def _figure(picture: Picture, found: dict[str, list[Any]], folder: Path) -> Figure:
    suffix = "" if picture.name == "image" else f"_{picture.name}"
    truth: Array | None = None
    estimates: dict[str, Array] = {}
    problems: dict[str, str] = {}
    for _, path in found.get(f"truth{suffix}", []):  # every run keeps the same: the first that can be read will do
        array = _read(folder, path)
        if not isinstance(array, str):
            truth = array
            problems.pop(TRUTH, None)
            break
        problems[TRUTH] = array
    for label, path in found.get(f"estimate{suffix}", []):
        array = _read(folder, path)
        if isinstance(array, str):
            problems[label] = array
        else:
            estimates[label] = array
    return Figure(picture, truth, estimates, problems)


def _read(folder: Path, relative: str) -> Array | str:
    array = load(folder, relative)
    if isinstance(array, str):
        return array
    if array.ndim != 2 or not array.size or array.dtype.kind not in "fiub":
        return f"{relative} holds {array.dtype} {array.shape}, not a matrix"
    return np.asarray(array, np.float64)


def ordered(board: Board, figure: Figure) -> list[Row]:
    """The rows that have this picture, the baseline first."""
    rows = sorted(board.rows, key=lambda row: row is not board.baseline)
    return [row for row in rows if row.label in figure.estimates]


def limits(figure: Figure) -> tuple[float, float] | None:
    """Ends of the scale of the numbers: the declared ones, else those of the numbers; None where none can be drawn."""
    picture = figure.picture
    arrays = [*([] if figure.truth is None else [figure.truth]), *figure.estimates.values()]
    drawn = np.concatenate([_drawable(array, picture) for array in arrays]) if arrays else np.zeros(0)
    if not drawn.size and (picture.low is None or picture.high is None):
        return None
    low = float(drawn.min()) if picture.low is None else picture.low
    high = float(drawn.max()) if picture.high is None else picture.high
    if picture.log and picture.kind == "lines":
        low = low if low > 0 else float(drawn.min(initial=high if high > 0 else 1.0))
        return (low, high) if high > low else (low / 10, low * 10)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _drawable(array: Array, picture: Picture) -> Array:
    kept = array[np.isfinite(array)]
    return kept[kept > 0] if picture.log and picture.kind == "lines" else kept


def beyond(figure: Figure) -> list[str]:
    """What reaches beyond a declared scale: the truth, then labels."""
    ends = limits(figure)
    if ends is None:
        return []
    every = {**({} if figure.truth is None else {TRUTH: figure.truth}), **figure.estimates}
    parts = {label: _drawable(array, figure.picture) for label, array in every.items()}
    return [label for label, part in parts.items() if part.size and (part.min() < ends[0] or part.max() > ends[1])]


def odd(figure: Figure) -> list[str]:
    """What holds numbers that are not drawn: not finite, or not positive on a logarithmic scale."""
    every = {**({} if figure.truth is None else {TRUTH: figure.truth}), **figure.estimates}
    return [label for label, array in every.items() if _drawable(array, figure.picture).size < array.size]
