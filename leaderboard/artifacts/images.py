"""Estimates and truths of one instance: reading the arrays, and drawing them as PNG. No Streamlit here.

Arrays are (H, W), or (3, H, W) in colour, non-negative, on the scale of the truth. Every image of an instance shares one scale
of brightness, and every error map one colour scale, so that tiles can be compared by eye.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.report.board import Row
from benchmark.statistics import Key
from benchmark.store.lines import is_picture
from benchmark.store.models import Artifact

Array = NDArray[np.float32]
# Dark to bright with steadily rising lightness, for any form of colour blindness (anchors of matplotlib's "inferno").
_HEAT = ["#000004", "#1b0c41", "#4a0c6b", "#781c6d", "#a52c60", "#cf4446", "#ed6925", "#fb9b06", "#f7d13d", "#fcffa4"]


@dataclass(frozen=True)
class Pictures:
    """truth (H, W) or (3, H, W), or None; estimates by label; problems: label -> why there is no image."""

    truth: Array | None
    estimates: dict[str, Array]
    problems: dict[str, str]


def pictures(session: Session, folder: Path, rows: Iterable[Row], key: Key) -> Pictures:
    """The images of one (seed, instance), read from the files that the database names, relative to its folder."""
    owner = {run.id: row.label for row in rows for run in row.runs if run.seed == key[0]}
    found = session.execute(
        select(Artifact.run_id, Artifact.kind, Artifact.path).where(
            Artifact.run_id.in_(owner), Artifact.instance == key[1], Artifact.kind.in_(["truth", "estimate"])
        )
    ).all()
    truth, estimates, problems = None, {}, {}
    for run, kind, path in found:
        array = _read(folder, path)
        if isinstance(array, str):
            problems[owner[run]] = array
        elif kind == "truth":
            truth = array
        else:
            estimates[owner[run]] = array
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


def error_map(estimate: Array, truth: Array) -> Array:
    """|estimate - truth|, in colour the mean over the channels: (H, W)."""
    error = np.abs(estimate - truth)
    return error if error.ndim == 2 else np.asarray(error.mean(0), np.float32)


def error_limit(pictures: Pictures) -> float:
    """Upper end of the shared error scale: of the estimates' 99.5th percentiles of error the largest, but at most twice their
    median, so that one that failed does not make all others look alike; rounded up to two figures.
    """
    if pictures.truth is None or not pictures.estimates:
        return 1.0
    tops = [float(np.percentile(error_map(e, pictures.truth), 99.5)) for e in pictures.estimates.values()]
    top = min(max(tops), 2 * float(np.median(tops))) or max(tops)
    if top <= 0:
        return 1.0
    unit = 10.0 ** (np.floor(np.log10(top)) - 1)
    return float(np.ceil(top / unit) * unit)


def picture_png(image: Array, top: float, side: int = 360) -> bytes:
    """`image` (H, W) or (3, H, W), 0 (dark) to `top` (full) in each channel, its pixels enlarged to about `side`, as PNG."""
    channels = np.broadcast_to(_level(image, top), (3, *image.shape[-2:]))  # a grey image in each of the three
    return _png(np.moveaxis(channels, 0, -1), side)


def heat_png(image: Array, top: float, side: int = 360, low: float = 0.0) -> bytes:
    """`image` (H, W) on the colour scale of errors, `low` to `top`, its pixels enlarged to about `side`, as PNG; what is no
    number is grey.
    """
    pixels = _lookup()[_level(image - low, top - low)]
    pixels[np.isnan(image)] = 128  # the scale has no grey
    return _png(pixels, side)


def bar_png(width: int = 600, height: int = 36) -> bytes:
    """The colour scale of errors from left to right, as PNG."""
    levels = np.linspace(0, 255, width).astype(np.uint8)
    return _encode(_lookup()[np.tile(levels, (height, 1))])


def _level(image: Array, top: float) -> NDArray[np.uint8]:
    share = np.clip(np.nan_to_num(image / (top or 1.0)), 0, 1)
    return np.asarray(np.rint(share * 255), np.uint8)


def _lookup() -> NDArray[np.uint8]:
    anchors = np.array([[int(h[i : i + 2], 16) for i in (1, 3, 5)] for h in _HEAT], float)  # (10, 3)
    at = np.linspace(0, len(anchors) - 1, 256)
    channels = [np.interp(at, np.arange(len(anchors)), anchors[:, c]) for c in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)  # (256, 3)


def _png(pixels: NDArray[np.uint8], side: int) -> bytes:
    """Whole-number enlargement: each pixel stays a sharp square."""
    factor = max(1, round(side / max(pixels.shape[:2])))
    return _encode(pixels.repeat(factor, axis=0).repeat(factor, axis=1))


def _encode(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
