"""The inputs that methods get of an instance, and the reason where one was not kept: made anew from its task.

Pictures (H, W) from 0 to 1, or (3, H, W) in colour; texts with their true labels. Only believed where the observations are the
ones that the methods were shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from benchmark.report.board import Board, TaskInfo
from benchmark.statistics import Key
from leaderboard.artifacts.figures import Array
from leaderboard.artifacts.remake import remake

SIDE = 400  # rows and columns of a picture at most; of a larger one the first
_LINEAR = {"coils", "mask", "kernel", "direct"}  # features of which there is something to draw


@dataclass(frozen=True)
class Plate:
    """A picture of one input of the method, and its caption."""

    title: str
    about: str
    picture: Array


@dataclass(frozen=True)
class Given:
    """observation: hash of what methods are shown; texts and their labels, where the problem is of texts."""

    observation: str = ""
    plates: tuple[Plate, ...] = ()
    texts: tuple[str, ...] = ()
    labels: tuple[float, ...] = ()


def offered(task: TaskInfo) -> bool:
    """Whether a task's problems have more to show than runs keep of them."""
    return task.poses in _MADE and (task.poses != "LinearInverse" or bool(_LINEAR & set(task.offers)))


def make(task: str, version: int, preset: str, key: Key) -> Given:
    """What methods are given as a (seed, number). Imports torch. Raises UserError, with the reason as a clause."""
    return remake(task, version, preset, key, _given)


def _given(task: Any, instance: Any) -> Given:
    from benchmark.instances import observed

    return replace(_MADE[task.spec.poses](task, instance), observation=observed(instance.problem.shown()))


def _texts(task: Any, instance: Any) -> Given:
    """The test texts with their true labels."""
    texts = tuple(" ⟷ ".join(parts) for parts in instance.problem.test)
    return Given(texts=texts, labels=tuple(instance.truth.double().tolist()))


def _plates(task: Any, instance: Any) -> Given:
    """What the operator is and what was measured."""
    return Given(plates=tuple(_linear(instance.problem, set(task.spec.offers))))


def _magnitudes(task: Any, instance: Any) -> Given:
    """What was measured of a Fourier transform."""
    y = np.fft.fftshift(instance.problem.y.numpy(), axes=(-2, -1))  # (C, H, W)
    size = np.log10(np.maximum(y, 1e-12))
    about = "log magnitude, the zero frequency in the middle; white: the largest, black: 10⁻⁴ of it or nothing"
    return Given(plates=(Plate("as measured", about, _cut(np.clip((size - size.max() + 4) / 4, 0, 1))),))


def _seen(task: Any, instance: Any) -> Given:
    """Which entries are seen."""
    return Given(plates=(_entries(instance.problem),))


_MADE: dict[str, Callable[[Any, Any], Given]] = {
    "FewShot": _texts,
    "LinearInverse": _plates,
    "NonlinearInverse": _magnitudes,
    "Completion": _seen,
}


def _linear(problem: Any, offers: set[str]) -> list[Plate]:
    A, y, plates = problem.A, problem.y, []
    if "coils" in offers:
        mask = np.asarray(A.mask.numpy(), np.float32)
        whole = np.broadcast_to(mask, A.shape[-2:])
        share = f"{int(mask.sum())} of {mask.size} {'columns' if mask.ndim == 1 else 'places'}"
        plates.append(Plate("k-space mask", f"white: measured, {share} ({100 * mask.mean():.0f} %)", _cut(whole)))
        size = np.log10(np.maximum(y.abs().square().sum(0).sqrt().numpy(), 1e-12))  # (H, W), all coils
        top = size.max()
        about = f"log magnitude over all {len(y)} coils; white: the largest, black: 10⁻⁴ of it or nothing"
        plates.append(Plate("k-space as measured", about, _cut(np.clip((size - top + 4) / 4, 0, 1))))
    if "mask" in offers:
        mask = np.asarray(A.mask.numpy(), np.float32)
        plates.append(Plate("mask", f"white: seen, {100 * mask.mean():.0f} % of the pixels", _cut(mask)))
    if "kernel" in offers:
        kernel = A.kernel.numpy()
        about = f"{kernel.shape[0]} x {kernel.shape[1]}; white: its largest value, {kernel.max():.3g}"
        plates.append(Plate("kernel of the blur", about, _cut(kernel / kernel.max())))
    if offers & {"mask", "kernel", "direct"} and y.ndim == 3 and len(y) in (1, 3):
        low, high = problem.value_range or (float(y.min()), float(y.max()))
        shown = np.clip((y.numpy() - low) / (high - low), 0, 1)
        about = f"noise of standard deviation {problem.noise:.3g} in it; from {low:.3g} to {high:.3g}"
        plates.append(Plate("as measured", about, _cut(shown[0] if len(shown) == 1 else shown)))
    return plates


def _entries(problem: Any) -> Plate:
    """Which entries of the first matrix are seen."""
    matrix, row, column = problem.where.numpy()
    _, m, n = problem.shape
    mask = np.zeros((min(m, SIDE), min(n, SIDE)), np.float32)
    here = (matrix == 0) & (row < mask.shape[0]) & (column < mask.shape[1])
    mask[row[here], column[here]] = 1
    share = (matrix == 0).sum() / (m * n)
    return Plate("entries seen", f"white: seen, {100 * share:.3g} % of {m} x {n}{_part(mask.shape, (m, n))}", mask)


def _cut(picture: Any) -> Array:
    return np.asarray(picture[..., :SIDE, :SIDE], np.float32)


def _part(shown: tuple[int, ...], whole: tuple[int, int]) -> str:
    return "" if tuple(shown) == whole else f"; shown are the first {shown[0]} x {shown[1]}"


def texts(given: Given, named: Mapping[str, Array], board: Board) -> pd.DataFrame:
    """A line for each text: number, text, true label, and for each method what it named (1, N): ✓, or ✗ and the name; of grades
    the estimate. Those that most methods have wrong come first.
    """
    frame = pd.DataFrame({"text": given.texts, "true": given.labels})
    labels = [row.label for row in sorted(board.rows, key=lambda row: row is not board.baseline) if row.label in named]
    true, classes = np.array(given.labels), all(float(label).is_integer() for label in given.labels)
    wrong = np.zeros(len(frame))
    for label in labels:
        found = named[label].ravel()
        if classes:
            right = found == true
            frame[label] = ["✓" if one else f"✗ {name:.0f}" for one, name in zip(right, found, strict=True)]
            wrong += ~right
        else:
            frame[label] = found
            wrong += np.abs(found - true)
    if classes:
        frame["true"] = frame["true"].astype(int)
    return frame.iloc[np.argsort(-wrong, kind="stable")].rename_axis("number").reset_index()
