"""How many decimals a number is shown with. The board, the exports and the table of a command all ask here."""

import math
from collections.abc import Iterable

import numpy as np

from benchmark.statistics import Estimate

MOST = 6  # decimals


def decimals(size: float, figures: int = 2) -> int:
    """Decimals that show a positive size with so many figures, 0 to MOST. An interval's width is shown with two figures."""
    return min(MOST, max(0, figures - 1 - math.floor(math.log10(size))))


def digits(estimates: Iterable[Estimate | None]) -> int:
    """Decimals that show the median width of the intervals with two figures. Without intervals, the largest mean has three."""
    known = [e for e in estimates if e is not None]
    widths = [e.high - e.low for e in known if e.high > e.low]
    if widths:
        return decimals(float(np.median(widths)))
    sizes = [abs(e.mean) for e in known if e.mean]
    return decimals(max(sizes), figures=3) if sizes else 1


def digits_of(values: Iterable[float]) -> int:
    """Decimals that show the spread of the values with two figures, as an interval of their mean would be."""
    found = np.array(list(values), float)
    wide = float(np.ptp(found)) / max(len(found), 1) ** 0.5 if len(found) > 1 else 0.0
    return decimals(wide or (float(abs(found).max()) / 100 if len(found) and found.any() else 0.01))
