"""Quality against cost: the Pareto front, and the time that a method needs to reach a quality."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.intervals import Floats


def pareto(cost: Floats, quality: Floats) -> NDArray[np.bool_]:
    """Which of m points (m,) no other dominates: none costs at most as much and is at least as good, and differs in one.

    cost: lower is better; quality: higher is better. Equal points are on the front together; NaN is never on it.
    """
    cost, quality = np.asarray(cost, float), np.asarray(quality, float)
    known = np.isfinite(cost) & np.isfinite(quality)
    no_worse = (cost[:, None] <= cost) & (quality[:, None] >= quality)  # [i, j]: i is no worse than j; false for NaN
    differs = (cost[:, None] < cost) | (quality[:, None] > quality)
    return known & ~(no_worse & differs & known[:, None]).any(0)


@dataclass(frozen=True)
class Reached:
    """Times to a quality over n curves: how many reached it, and the median time, where never counts as infinity."""

    reached: int
    n: int
    median: float

    @property
    def share(self) -> float:
        return self.reached / self.n


def time_to_quality(seconds: Floats, values: Floats, target: float, better: Literal["higher", "lower"]) -> float:
    """First recorded time at which a curve, points (p,) in any order, is at the target or better; inf if it never is."""
    seconds, values = np.asarray(seconds, float), np.asarray(values, float)
    there = values >= target if better == "higher" else values <= target
    return float(seconds[there].min()) if there.any() else float("inf")


def first_reached(
    steps: Floats, seconds: Floats, values: Floats, level: float, better: Literal["higher", "lower"]
) -> tuple[float, float]:
    """Step and seconds at which a curve, points (p,) by step, first is at the level or better, between two points linearly in
    value; both inf if it never is.
    """
    steps, seconds, values = (np.asarray(x, float) for x in (steps, seconds, values))
    there = np.flatnonzero(values >= level if better == "higher" else values <= level)
    if not len(there):
        return float("inf"), float("inf")
    at = int(there[0])
    if at == 0:
        return float(steps[0]), float(seconds[0])
    share = (level - values[at - 1]) / (values[at] - values[at - 1])
    step, second = (x[at - 1] + share * (x[at] - x[at - 1]) for x in (steps, seconds))
    return float(step), float(second)


def summarise_times(times: Floats) -> Reached:
    """Summary of the times to a quality (n,) of several curves. Raises ValueError for none.

    The median, because a mean over those that arrived would favour a method that gives up on the hard ones.
    """
    times = np.asarray(times, float)
    if not len(times):
        raise ValueError("no curves")
    return Reached(int(np.isfinite(times).sum()), len(times), float(np.median(times)))
