"""Images, error maps and the colour scale as PNG.

Arrays are (H, W), or (3, H, W) in colour. They are non-negative, on the scale of the truth. Every image of an instance shares
one scale of brightness, and every error map one colour scale, so that tiles can be compared by eye.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from leaderboard.artifacts.figures import Array, Figure

_HEAT = ["#000004", "#1b0c41", "#4a0c6b", "#781c6d", "#a52c60", "#cf4446", "#ed6925", "#fb9b06", "#f7d13d", "#fcffa4"]


def error_map(estimate: Array, truth: Array) -> Array:
    """|estimate - truth| as (H, W). In colour it is the mean over the channels."""
    error = np.abs(estimate - truth)
    return error if error.ndim == 2 else np.asarray(error.mean(0), np.float32)


def error_limit(figure: Figure) -> float:
    """The upper end of the error scale that all maps share, rounded up to two figures.

    It is the largest of the 99.5th percentiles of the estimates' errors, but at most twice their median, so that one that
    failed does not make all others look alike.
    """
    if figure.truth is None or not figure.estimates:
        return 1.0
    tops = [float(np.percentile(error_map(e, figure.truth), 99.5)) for e in figure.estimates.values()]
    top = min(max(tops), 2 * float(np.median(tops))) or max(tops)
    if top <= 0:
        return 1.0
    unit = 10.0 ** (np.floor(np.log10(top)) - 1)
    return float(np.ceil(top / unit) * unit)


def picture_png(image: Array, top: float, side: int = 360) -> bytes:
    """A PNG of `image` (H, W) or (3, H, W), from 0 (dark) to `top` (full) in each channel. Its pixels are enlarged until
    its longer side has about `side` of the screen's.
    """
    channels = np.broadcast_to(_level(image, top), (3, *image.shape[-2:]))  # a grey image in each of the three
    return _png(np.moveaxis(channels, 0, -1), side)


def heat_png(image: Array, top: float, side: int = 360, low: float = 0.0) -> bytes:
    """A PNG of `image` (H, W) on the colour scale of errors from `low` to `top`. Its pixels are enlarged until its longer side
    has about `side` of the screen's. NaN is grey.
    """
    pixels = _lookup()[_level(image - low, top - low)]
    pixels[np.isnan(image)] = 128  # the scale has no grey
    return _png(pixels, side)


def strip_png(images: Array, ends: tuple[float, float], side: int = 240) -> bytes:
    """A PNG of `images` (N, 1 or 3, H, W) beside each other with white gaps, from ends[0] (dark) to ends[1] (full)."""
    count, _, height, width = images.shape
    gap = max(1, width // 24)
    low, high = ends
    row = np.full((height, count * (width + gap) - gap, 3), 255, np.uint8)
    for place, image in enumerate(images):
        level = np.broadcast_to(_level(image - low, high - low), (3, height, width))
        row[:, place * (width + gap) : place * (width + gap) + width] = np.moveaxis(level, 0, -1)
    factor = max(1, round(side / height))
    return _encode(row.repeat(factor, axis=0).repeat(factor, axis=1))


def bar_png(width: int = 600, height: int = 36) -> bytes:
    """A PNG of the colour scale of errors from left to right."""
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
    """A PNG enlarged by a whole number, so that each pixel stays a sharp square."""
    factor = max(1, round(side / max(pixels.shape[:2])))
    return _encode(pixels.repeat(factor, axis=0).repeat(factor, axis=1))


def _encode(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
