"""Estimates and truths of one instance: reading the arrays, and drawing them as PNG.

Arrays are (H, W), or (3, H, W) in colour, non-negative, on the scale of the truth. Every image of an instance shares one scale
of brightness, and every error map one colour scale, so that tiles can be compared by eye.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.report.board import Row
from benchmark.statistics import Key
from benchmark.store.lines import is_picture
from benchmark.store.models import Artifact
from leaderboard.artifacts.files import kept_files

Array = NDArray[np.float32]
# Dark to bright with steadily rising lightness, for any form of colour blindness (anchors of matplotlib's "inferno").


@dataclass(frozen=True)
class Pictures:
    """truth (H, W) or (3, H, W), or None; estimates by label; problems: label -> why there is no image."""

    truth: Array | None
    estimates: dict[str, Array]
    problems: dict[str, str]


def pictures(session: Session, folder: Path, rows: Iterable[Row], key: Key) -> Pictures:
    """The images of one (seed, instance), read from the files that the database names, relative to its folder."""
    truth, estimates, problems = None, {}, {}
    for label, kind, path in kept_files(session, rows, key, ("truth", "estimate")):
        array = _read(folder, path)
        if isinstance(array, str):
            problems[label] = array
        elif kind == "truth":
            truth = array
        else:
            estimates[label] = array
    for label, array in list(estimates.items()):
        if truth is not None and array.shape != truth.shape:
            problems[label] = f"the estimate is {array.shape}, the truth {truth.shape}"
            del estimates[label]
    return Pictures(truth, estimates, problems)


def kept(session: Session, rows: Iterable[Row]) -> list[Key]:
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


def _read(folder: Path, relative: str) -> Array | str:
    array = load(folder, relative)
    if isinstance(array, str):
        return array
    if not is_picture(array.shape) or array.dtype.kind not in "fiu":
        return f"{relative} holds {array.dtype} {array.shape}, not an image (H, W) or (3, H, W)"
    return np.asarray(array, np.float32)
