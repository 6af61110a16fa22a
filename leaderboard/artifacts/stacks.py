"""Stacks of curves of one instance, such as spectra, as they were kept.

truth      (B, n), a curve in each row; column j stands at axis.start + j * axis.step
estimates  (B, n) of each method
measured   (B, m), the numbers that a curve was reconstructed from; not always kept
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from benchmark.report.board import Row
from benchmark.statistics import Key
from leaderboard.artifacts.files import kept_files
from leaderboard.artifacts.images import load

Array = NDArray[np.float64]
TRUTH = "truth"
_KINDS = {"truth": "the truth", "measured": "the measured signal"}  # kept once for a run, not a method's own


@dataclass(frozen=True)
class Stack:
    """truth (B, n) or None, estimates (B, n) by label, measured (B, m) or None; problems: what is not shown -> why."""

    truth: Array | None
    estimates: dict[str, Array]
    measured: Array | None
    problems: dict[str, str]


def read_stack(session: Session, folder: Path, rows: Iterable[Row], key: Key) -> Stack:
    """The curves of one (seed, instance), read from the files that the database names, relative to its folder."""
    arrays: dict[str, Array] = {}
    problems: dict[str, str] = {}
    for label, kind, path in kept_files(session, rows, key, ("estimate", *_KINDS)):
        name = _KINDS.get(kind, label)
        if name in arrays:
            continue  # every run keeps the same truth: the first that can be read will do
        array = _read(folder, path)
        if isinstance(array, str):
            problems[name] = array
        else:
            arrays[name] = array
    problems = {name: text for name, text in problems.items() if name not in arrays}
    truth, measured = arrays.pop(_KINDS["truth"], None), arrays.pop(_KINDS["measured"], None)
    for label, array in list(arrays.items()):
        if truth is not None and array.shape != truth.shape:
            problems[label] = f"the estimate is {array.shape}, the truth {truth.shape}"
            del arrays[label]
    if truth is not None and measured is not None and len(measured) != len(truth):
        problems[_KINDS["measured"]] = f"it has {len(measured)} rows, the truth {len(truth)}"
        measured = None
    return Stack(truth, arrays, measured, problems)


def _read(folder: Path, relative: str) -> Array | str:
    array = load(folder, relative)
    if isinstance(array, str):
        return array
    if array.ndim != 2 or not array.size or array.dtype.kind not in "fiu":
        return f"{relative} holds {array.dtype} {array.shape}, not a stack of curves (B, n)"
    if not np.isfinite(array).all():
        return f"{relative} holds values that are not finite"
    return np.asarray(array, np.float64)
