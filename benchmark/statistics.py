"""What is real and what is noise: intervals on means and on paired differences. Pure functions on arrays.

A score is indexed by (seed, instance). Instances are the population: seeds of one instance are averaged first, so that
repeating a run does not make the interval narrower than the number of instances allows.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Key = tuple[int, int]  # (seed, instance)
LEVEL = 0.95
MINIMUM = 4  # instances; with fewer there is no interval
_DRAWS = 4000


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` instances with its 95 % interval; low and high are NaN where n < 4."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def mean(scores: Mapping[Key, float]) -> Estimate:
    """Mean over instances with a bootstrap-t interval. Raises ValueError for no scores."""
    return _estimate(list(_by_instance(scores).values()))


def paired_difference(scores: Mapping[Key, float], reference: Mapping[Key, float]) -> Estimate | None:
    """Mean of scores - reference over the (seed, instance) pairs that both have; None where they share none."""
    shared = scores.keys() & reference.keys()
    if not shared:
        return None
    return mean({key: scores[key] - reference[key] for key in shared})


def _by_instance(scores: Mapping[Key, float]) -> dict[int, float]:
    groups: dict[int, list[float]] = defaultdict(list)
    for (_, instance), value in sorted(scores.items()):
        groups[instance].append(value)
    return {instance: float(np.mean(values)) for instance, values in groups.items()}


def _estimate(values: Sequence[float]) -> Estimate:
    if not values:
        raise ValueError("no scores")
    low, high = bootstrap_t(np.asarray(values, float))
    return Estimate(float(np.mean(values)), low, high, len(values))


def bootstrap_t(values: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """Studentised bootstrap interval of the mean of `values` (n,); (nan, nan) where n < 4.

    Its coverage at n = 8 is near the nominal one, where the percentile bootstrap is too narrow. Resamples with one value
    repeated n times have no spread and are left out. The draws come from a fixed seed: the same values give the same interval.
    Source: Efron and Tibshirani, An Introduction to the Bootstrap, section 12.5.
    """
    n = len(values)
    if n < MINIMUM:
        return float("nan"), float("nan")
    centre, error = values.mean(), values.std(ddof=1) / n**0.5
    if error <= 1e-12 * max(abs(centre), 1.0):
        return float(centre), float(centre)
    drawn = values[np.random.default_rng(0).integers(0, n, (_DRAWS, n))]
    spread = drawn.std(axis=1, ddof=1) / n**0.5
    usable = spread > 1e-9 * error
    t = (drawn.mean(axis=1)[usable] - centre) / spread[usable]
    tail = (1 - level) / 2
    upper, lower = np.quantile(t, [1 - tail, tail])
    return float(centre - upper * error), float(centre - lower * error)
