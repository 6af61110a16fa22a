"""A small picture of what a task is about: a truth that some run kept, as a data URL, or an empty text."""

from base64 import b64encode

import numpy as np

from benchmark.spec import Picture
from leaderboard.artifacts.figures import Array
from leaderboard.charts import pixels

SIDE = 120  # pixels
_LINES = 12  # curves at most


def of(picture: Picture, truth: Array) -> str:
    """The truth of a declared picture, small. Empty for kinds that say nothing when they are small, and without a number."""
    if not np.isfinite(truth).any():
        return ""
    if picture.kind in ("image", "matrix"):
        filled: Array = np.nan_to_num(truth).astype(np.float32)
        return _png(pixels.picture_png(filled, float(np.nanmax(truth)) or 1.0, SIDE))
    if picture.kind == "strip":
        first: Array = np.nan_to_num(truth[0]).astype(np.float32)
        low = float(first.min())
        image = (first[0] if len(first) == 1 else first) - low
        return _png(pixels.picture_png(image, float(image.max()) or 1.0, SIDE))
    if picture.kind == "heat":
        low, high = float(np.nanmin(truth)), float(np.nanmax(truth))
        ends = (low if picture.low is None else picture.low, high if picture.high is None else picture.high)
        return _png(pixels.heat_png(truth, ends[1] if ends[1] > ends[0] else ends[0] + 1, SIDE, ends[0]))
    return _svg(curves(truth, picture.log)) if picture.kind == "lines" else ""


def curves(rows: Array, log: bool = False) -> str:
    """Curves (rows, columns) as an SVG picture; of many some, spread over all."""
    some = rows[np.unique(np.linspace(0, len(rows) - 1, min(_LINES, len(rows))).round().astype(int))]
    if log:
        some = np.where(some > 0, np.log10(np.where(some > 0, some, 1.0)), np.nan)
    low, high = float(np.nanmin(some)), float(np.nanmax(some))
    across = np.linspace(4, SIDE - 4, some.shape[1])
    lines = []
    for row in some:
        up = SIDE - 4 - (SIDE - 8) * (row - low) / ((high - low) or 1.0)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True) if np.isfinite(y))
        lines.append(f'<polyline points="{points}" fill="none" stroke="#2b7fc4" stroke-opacity=".75"/>')
    return _whole("".join(lines))


def dots(ends: list[tuple[float, float, float]]) -> str:
    """A line for each (mean, low, high), the first on top: how far the methods lie apart. A data URL."""
    values = [one for several in ends for one in several if np.isfinite(one)]
    low, high = min(values), max(values)

    def x(value: float) -> float:
        return 8 + (SIDE - 16) * (value - low) / ((high - low) or 1.0)

    lines = []
    for at, (mean, below, above) in enumerate(ends[:10]):
        y = 8 + at * (SIDE - 16) / max(1, min(len(ends), 10) - 1)
        if np.isfinite(below) and np.isfinite(above):
            lines.append(f'<line x1="{x(below):.1f}" x2="{x(above):.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="#2b7fc4"/>')
        lines.append(f'<circle cx="{x(mean):.1f}" cy="{y:.1f}" r="3" fill="#2b7fc4"/>')
    return _svg(_whole("".join(lines)))


def _whole(inside: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}">{inside}</svg>'


def _png(data: bytes) -> str:
    return f"data:image/png;base64,{b64encode(data).decode()}"


def _svg(text: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(text.encode()).decode()}"
