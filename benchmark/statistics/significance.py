"""Whether a paired difference is real: sign-flip and Wilcoxon tests, Holm's correction, comparison of two methods.

Every test looks at one difference for each instance (seeds averaged first), so instances are what must be independent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from benchmark.statistics.intervals import DRAWS, Estimate, Floats, Key, difference_by_instance, estimate

FLIPS = 9999  # sign vectors of a single test: enough for p = 0.05 after Holm over a hundred methods
Test = Literal["sign-flip", "wilcoxon"]


@dataclass(frozen=True)
class Comparison:
    """Method a against method b on the n instances that both have: mean of a - b, p of no difference (two-sided), and the
    numbers of instances on which a is better, worse and equal.
    """

    difference: Estimate
    p: float
    n: int
    wins: int
    losses: int
    ties: int


def compare(
    scores_a: Mapping[Key, float],
    scores_b: Mapping[Key, float],
    better: Literal["higher", "lower"] = "higher",
    test: Test = "sign-flip",
) -> Comparison | None:
    """Compare any two methods over the (seed, instance) pairs that both have; None where they share none."""
    differences = difference_by_instance(scores_a, scores_b)
    if not len(differences):
        return None
    p = float(sign_flip(differences[None])[0]) if test == "sign-flip" else wilcoxon(differences)
    gains = np.sign(differences) * (1 if better == "higher" else -1)
    wins, losses = int((gains > 0).sum()), int((gains < 0).sum())
    return Comparison(estimate(differences), p, len(gains), wins, losses, len(gains) - wins - losses)


def sign_flip(differences: Floats) -> Floats:
    """Two-sided p (m,) that the mean of paired differences (m, n) is zero, for m methods at once; NaN for n = 0.

    Under the null a difference is as likely as its negative, so every vector of signs is as likely as the observed one; p is
    the share of vectors whose absolute sum reaches the observed. Exact over all 2^n for n <= 14, else over 9999 random ones
    at a fixed seed and the observed one, which keeps the level. The smallest possible p is 2 / 2^n. The same numbers as
    scipy.stats.permutation_test(permutation_type="samples"), which takes a hundred times as long for 50 methods.
    Source: Fisher, The Design of Experiments (1935), section 21.
    """
    differences = np.asarray(differences, float)
    if differences.shape[1] == 0:
        return np.full(len(differences), np.nan)
    sums = abs(sign_vectors(differences.shape[1], FLIPS) @ differences.T)  # (vectors, m), the observed first
    # A tolerance, because the same sum in another order may differ in the last bit and would then not count as reached.
    return np.asarray((sums >= sums[0] - 1e-12 * abs(differences).sum(1)).mean(0), float)


@lru_cache(maxsize=8)
def sign_vectors(n: int, draws: int = DRAWS) -> Floats:
    """Vectors of n signs, all +1 first; read-only. All 2^(n-1) with first sign +1 where at most `draws`, else `draws` random
    ones and the first.

    The first sign may be fixed, because a vector and its negative give the same absolute sum.
    """
    signs: Floats
    if 2 ** max(n - 1, 0) <= draws:
        bits = np.arange(2 ** max(n - 1, 0))[:, None] >> np.arange(n - 1, -1, -1)
        signs = (1 - 2 * (bits & 1)).astype(np.float64)
    else:
        signs = np.vstack([np.ones(n), 1.0 - 2.0 * np.random.default_rng(0).integers(0, 2, (draws, n))])
    signs.setflags(write=False)
    return signs


def wilcoxon(differences: Floats) -> float:
    """Two-sided p of Wilcoxon's signed-rank test of paired differences (n,), zeros left out; 1 where all are zero.

    NaN for n = 0. Source: Wilcoxon (1945); scipy.stats.wilcoxon.
    """
    differences = np.asarray(differences, float)
    if not len(differences):
        return float("nan")
    from scipy import stats

    return float(stats.wilcoxon(differences).pvalue) if differences.any() else 1.0


def holm(p: Floats) -> Floats:
    """Adjusted p (k,) of k tests. Rejecting those <= 0.05 keeps the family-wise error at 5 %. NaN is ignored and stays NaN.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
    """
    p = np.asarray(p, float)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: int(np.isfinite(p).sum())]  # NaN sorts last
    adjusted[order] = np.maximum.accumulate(np.minimum(p[order] * np.arange(len(order), 0, -1), 1.0))
    return adjusted
