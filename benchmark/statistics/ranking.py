"""Ranks within one task that say what is real: all pairs tested at once, rank intervals, tie groups.

Scores are oriented: higher is better. A method's row may lack instances (NaN): two methods are compared on what both have.
"""

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.intervals import LEVEL, Floats
from benchmark.statistics.significance import sign_vectors

SEPARABLE = 6  # instances; with fewer no vector of signs is rare enough to separate anything at 5 %


def adjusted_p(scores: Floats) -> Floats:
    """p (m, m) of no difference between each pair of methods, corrected for all pairs together.

    scores: (m, n) or (m, n, seeds), higher is better, NaN where missing.
    Single-step max-statistic test by sign flips: one vector of signs over instances flips all differences together, and a pair
    is compared with the largest |sum of s d| / sqrt(sum of d^2) among all pairs. The p is the share of sign vectors, the
    observed one among them, whose largest statistic reaches the pair's. Because all pairs share the vector, the correlation
    between them is used instead of lost to a bound such as Bonferroni's. Where differences are symmetric about their mean, the
    chance of any false separation is at most 5 % at p <= 0.05, also when other pairs do differ: the maximum over all pairs is
    at least the one over the true nulls. All 2^(n-1) vectors up to sign are used for n <= 11, else 2000 random ones at a fixed
    seed and the observed one.
    Source: Westfall and Young, Resampling-Based Multiple Testing (1993), section 2.3; Romano and Wolf (2005).
    """
    scores = _nested(scores)
    m, n, _ = scores.shape
    signs = sign_vectors(n)
    largest = np.zeros(len(signs))
    observed = np.zeros((m, m))
    # Where nothing is missing the sum of a difference is the difference of two sums: m products instead of one for each pair.
    whole = m > 0 and scores.shape[2] == 1 and not np.isnan(scores).any()
    sums = (scores[..., 0] - scores[..., 0].mean(0)) @ signs.T if whole else None  # (m, vectors)
    for i in range(m - 1):
        differences, norm = _differences(scores[i], scores[i + 1 :])
        flipped = differences @ signs.T if sums is None else sums[i] - sums[i + 1 :]  # (pairs, vectors), the observed first
        flipped /= norm[:, None]
        np.abs(flipped, out=flipped)
        observed[i, i + 1 :] = flipped[:, 0]
        np.maximum(largest, flipped.max(0), out=largest)
    observed += observed.T
    # A tolerance, because the same sum in another order may differ in the last bit and would then not count as reached.
    reached = len(signs) - np.searchsorted(np.sort(largest), observed * (1 - 1e-10) - 1e-12)
    return np.where(np.eye(m, dtype=bool), 1.0, reached / len(signs))


def _nested(scores: Floats) -> Floats:
    """Scores as (m, n, seeds); seeds already averaged where no score is missing, which gives the same differences."""
    if scores.ndim == 2:
        return scores[..., None]
    return scores if np.isnan(scores).any() else scores.mean(2, keepdims=True)


def _differences(one: Floats, others: Floats) -> tuple[Floats, Floats]:
    """Differences (k, n) of a method (n, seeds) to k others, zero where nothing is shared, and their norms (k,), never zero."""
    differences = one - others
    shared = np.isfinite(differences)
    means = np.where(shared, differences, 0.0).sum(2) / np.maximum(shared.sum(2), 1)
    norm = np.sqrt((means**2).sum(1))
    return means, np.where(norm > 0, norm, 1.0)


def separated(scores: Floats, level: float = LEVEL) -> NDArray[np.bool_]:
    """[i, j] (m, m): method i is better than method j, by the test of all pairs at once (adjusted_p <= 1 - level).

    scores: (m, n) or (m, n, seeds), higher is better, NaN where missing. The direction is that of the mean paired difference.
    """
    scores = _nested(scores)
    direction = np.array([_differences(one, scores)[0].sum(1) for one in scores]).reshape(len(scores), len(scores))
    return (direction > 0) & (adjusted_p(scores) <= 1 - level + 1e-12)


def rank_intervals(better: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lowest and highest rank (m, 2) that the separated pairs leave open; all m hold together at the level of `separated`.

    better[i, j]: i is better than j. A method's rank is at least one more than the number of methods better than it, and at
    most m less the number that it is better than.
    Source: the idea is Mogstad, Romano, Shaikh and Wilhelm, Inference for Ranks, Review of Economic Studies 91 (2024).
    """
    return np.stack([1 + better.sum(0), len(better) - better.sum(1)], axis=1)


def tie_groups(means: Floats, better: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Ranks (m,): best mean first; a method shares the rank of the first of its group unless it is separated from that first.

    The comparison is with the first, not with the neighbour: a chain of close neighbours proves no equality.
    """
    ranks = np.zeros(len(means), np.int64)
    first = -1
    for position, at in enumerate(np.argsort(-np.asarray(means, float), kind="stable"), start=1):
        if first < 0 or better[first, at]:
            first = int(at)
            ranks[at] = position
        else:
            ranks[at] = ranks[first]
    return ranks
