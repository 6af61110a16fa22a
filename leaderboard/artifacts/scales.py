"""The scale that all drawings of one declared picture share. Numbers that are not finite are left out of it."""

import numpy as np
from numpy.typing import NDArray

from benchmark.spec import Picture
from leaderboard.artifacts.figures import Array, Figure


def limits(figure: Figure) -> tuple[float, float] | None:
    """Ends of the scale of the numbers: the declared ones, else those of the numbers; None where none can be drawn."""
    picture = figure.picture
    drawn = np.concatenate([_drawable(array, picture) for array in figure.every.values()] or [np.zeros(0)])
    if not drawn.size and (picture.low is None or picture.high is None):
        return None
    low = float(drawn.min()) if picture.low is None else picture.low
    high = float(drawn.max()) if picture.high is None else picture.high
    if picture.log and picture.kind == "lines":
        low = low if low > 0 else float(drawn.min(initial=high if high > 0 else 1.0))
        return (low, high) if high > low else (low / 10, low * 10)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _drawable(array: Array, picture: Picture) -> NDArray[np.floating]:
    kept = array[np.isfinite(array)]
    return kept[kept > 0] if picture.log and picture.kind == "lines" else kept


def beyond(figure: Figure) -> list[str]:
    """Values that reach beyond a declared scale: the truth, then labels."""
    ends = limits(figure)
    if ends is None:
        return []
    parts = {label: _drawable(array, figure.picture) for label, array in figure.every.items()}
    return [label for label, part in parts.items() if part.size and (part.min() < ends[0] or part.max() > ends[1])]


def odd(figure: Figure) -> list[str]:
    """Arrays with numbers that are not drawn: not finite, or not positive on a logarithmic scale."""
    return [label for label, array in figure.every.items() if _drawable(array, figure.picture).size < array.size]
