"""Means and paired differences with 95 % intervals, seeds nested in instances.

A score is indexed by (seed, instance). Instances are the population that a claim is about; seeds repeat the same instances. So
the seeds of one instance are averaged first and instances are resampled, which is the cluster bootstrap with instances as
clusters. Resampling (seed, instance) pairs as if they were independent would count the spread between instances once for each
seed: three seeds would narrow the interval by up to sqrt(3) without a single new instance. Averaging loses nothing: the mean of
an instance already holds its noise over seeds, at the size that it has with this number of seeds.
Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), sections 2.4 and 3.8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.grid import Floats as Floats
from benchmark.statistics.grid import Grid
from benchmark.statistics.grid import Key as Key

LEVEL = 0.95
MINIMUM = 4  # instances; with fewer there is no interval
DRAWS = 2000


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

    def within(self, least: float | None, most: float | None) -> "Estimate":
        """The interval without what lies outside the range of possible values; None: no end. It covers as often as before."""
        low = self.low if least is None else max(self.low, least)  # NaN stays
        high = self.high if most is None else min(self.high, most)
        return replace(self, low=low, high=high)


def mean(scores: Mapping[Key, float]) -> Estimate:
    """Mean over instances with a bootstrap-t interval. Raises ValueError for no scores."""
    return estimate(by_instance(scores)[1])


def paired_difference(scores: Mapping[Key, float], reference: Mapping[Key, float]) -> Estimate | None:
    """Mean of scores - reference over the (seed, instance) pairs that both have; None where they share none."""
    differences = difference_by_instance(scores, reference)
    return estimate(differences) if len(differences) else None


def difference_by_instance(scores: Mapping[Key, float], reference: Mapping[Key, float]) -> Floats:
    """scores - reference of each instance (n,), averaged over the seeds that both have; (0,) where they share none."""
    if isinstance(scores, Grid) and isinstance(reference, Grid) and scores.fits(reference):
        return by_instance(Grid(scores.numbers, scores.seeds, scores.array - reference.array))[1]
    return by_instance({key: value - reference[key] for key, value in scores.items() if key in reference})[1]


def by_instance(scores: Mapping[Key, float]) -> tuple[NDArray[np.int64], Floats]:
    """Instance numbers (n,), ascending, and the mean score of each over its seeds (n,)."""
    if not scores:
        return np.zeros(0, np.int64), np.zeros(0)
    if isinstance(scores, Grid):
        known = np.isfinite(scores.array)
        there = known.any(1)
        sums = np.where(known, scores.array, 0.0)[there].sum(1)
        return scores.numbers[there], sums / known[there].sum(1)
    keys = np.array(list(scores), np.int64)
    order = np.lexsort((keys[:, 0], keys[:, 1]))  # one order of summation, whatever the order of the mapping
    instances, starts, seeds = np.unique(keys[order, 1], return_index=True, return_counts=True)
    values = np.fromiter(scores.values(), float, len(scores))[order]
    return instances, np.add.reduceat(values, starts) / seeds


def table(rows: Sequence[Mapping[Key, float]]) -> Floats:
    """Scores of several methods as one array (m, n, r): methods, instances, seeds; NaN where a method has no score."""
    grids = [row for row in rows if isinstance(row, Grid)]
    if grids and all(grids[0].fits(row) or not row for row in rows):
        empty = np.full_like(grids[0].array, np.nan)
        cube = np.stack([row.array if isinstance(row, Grid) else empty for row in rows])
        known = np.isfinite(cube)
        return cube if known.all() else cube[:, known.any((0, 2))][:, :, known.any((0, 1))]
    keys = set().union(*rows)
    seeds = {seed: at for at, seed in enumerate(sorted({seed for seed, _ in keys}))}
    instances = {number: at for at, number in enumerate(sorted({number for _, number in keys}))}
    found = np.full((len(rows), len(instances), len(seeds)), np.nan)
    for line, row in zip(found, rows, strict=True):
        if row:
            at = np.array([(instances[number], seeds[seed]) for seed, number in row])
            line[at[:, 0], at[:, 1]] = np.fromiter(row.values(), float, len(row))
    return found


def estimate(values: Floats | Sequence[float]) -> Estimate:
    """Mean of one value for each instance (n,) with its interval. Raises ValueError for no values."""
    values = np.asarray(values, float)
    if not len(values):
        raise ValueError("no scores")
    return estimates(values[None])[0]


def bootstrap_t(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Interval of the mean of `values` (n,) as `intervals` makes it; (nan, nan) where n < 4."""
    [(low, high)] = intervals(np.asarray(values, float)[None], level)
    return float(low), float(high)


def estimates(values: Floats) -> list[Estimate]:
    """`estimate` of each row of (m, n), n >= 1, at once."""
    rows = np.column_stack([values.mean(1), intervals(values)]).tolist()
    return [Estimate(centre, low, high, values.shape[1]) for centre, low, high in rows]


def intervals(values: Floats, level: float = LEVEL) -> Floats:
    """Studentised bootstrap intervals (m, 2) of the means of m methods on n instances (m, n); NaN where n < 4.

    Near-nominal coverage from n = 4 on and for skewed scores, where the percentile bootstrap is too narrow. Resamples without
    spread have no t and are left out. Where at most half of the n values are distinct (success or failure, say) resamples say
    too little about the spread, and the interval is widened to Student's. Neither end lies beyond both all values and twice
    Student's interval: one value far from many close ones makes a t without bound of the resamples that miss it. Values that
    are all equal give an interval of width zero: it says that nothing varied, not that nothing can. The draws come from a fixed
    seed: equal values, equal interval.
    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 12.5.
    """
    n = values.shape[1]
    if n < MINIMUM:
        return np.full((len(values), 2), np.nan)
    centre, spread = values.mean(1), values.std(1, ddof=1)
    constant = spread <= 1e-12 * np.maximum(abs(centre), 1e-300)
    z = (values - centre[:, None]) / np.where(constant, 1.0, spread)[:, None]
    tail = (1 - level) / 2
    quantiles = _t_quantiles(z, tail)
    from scipy import special

    student = special.stdtrit(n - 1, 1 - tail)  # quantile of Student's t
    repeated = 1 + (np.diff(np.sort(z, axis=1), axis=1) > 1e-9).sum(1) <= n / 2
    quantiles[0, repeated] = np.minimum(quantiles[0, repeated], -student)
    quantiles[1, repeated] = np.maximum(quantiles[1, repeated], student)
    root = n**0.5  # a mean at the largest value is z.max() root away, in units of t
    quantiles[0] = np.maximum(quantiles[0], -np.maximum(2 * student, z.max(1) * root))
    quantiles[1] = np.minimum(quantiles[1], np.maximum(2 * student, -z.min(1) * root))
    ends = centre - quantiles[::-1] * np.where(constant, 0.0, spread / n**0.5)  # high t at the low end
    return np.ascontiguousarray(ends.T)


def _t_quantiles(z: Floats, tail: float) -> Floats:
    """Lower and upper quantile (2, m) of the bootstrapped t of standardised values z (m, n)."""
    n = z.shape[1]
    counts = resampling_counts(n)
    means = counts @ z.T / n  # (draws, m)
    variances = (counts @ (z * z).T / n - means**2) * (n / (n - 1))
    t = means / np.sqrt(np.maximum(variances, 1e-9) / n)
    found: Floats = np.quantile(t, [tail, 1 - tail], axis=0)
    spreadless = variances <= 1e-9
    for column in np.flatnonzero(spreadless.any(0)):
        kept = means[~spreadless[:, column], column] / np.sqrt(variances[~spreadless[:, column], column] / n)
        found[:, column] = np.quantile(kept, [tail, 1 - tail]) if len(kept) else 0.0
    return found


@lru_cache(maxsize=8)
def resampling_counts(n: int, draws: int = DRAWS) -> Floats:
    """How often each of n instances is drawn in each resample (draws, n), from a fixed seed; read-only.

    A resampled mean is a row times the values over n, so all methods and draws are one matrix product.
    """
    drawn = np.random.default_rng(0).integers(0, n, (draws, n)) + n * np.arange(draws)[:, None]
    counts: Floats = np.zeros((draws, n), np.float64)
    counts[:] = np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n)
    counts.setflags(write=False)
    return counts
