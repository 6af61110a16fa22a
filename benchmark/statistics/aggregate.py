"""Methods across tasks. Scores of different units never meet: each instance turns into ranks first.

A task is an array (m, n_t), oriented so that higher is better, with the same m methods in every task; a method without complete
results on a task has a row with NaN there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics.intervals import DRAWS, LEVEL, Floats, intervals, resampling_counts


@dataclass(frozen=True)
class Aggregate:
    """m methods over T tasks; NaN for methods that are not ranked.

    average_rank   (m,) rank on each instance (1 is best, ties shared), averaged over the instances of a task, then over tasks;
                   interval (m, 2)
    borda          (m,) number of ranked methods beaten on an instance, a tie counts half, averaged over the instances of a task
                   and summed over tasks; interval (m, 2). The same order as average_rank: T (k - average_rank) for k methods
    coverage       (m,) tasks on which the method has complete results, of `tasks`
    ranks          (T, m) rank by mean score on each task
    """

    average_rank: Floats
    average_rank_interval: Floats
    borda: Floats
    borda_interval: Floats
    coverage: NDArray[np.int64]
    tasks: int
    ranks: Floats


def aggregate(
    tasks: Sequence[Floats],
    *,
    missing: Literal["unranked", "last"] = "unranked",
    resample_tasks: bool = False,
    level: float = LEVEL,
) -> Aggregate:
    """Average rank and Borda count with bootstrap-t intervals from 2000 draws. Raises ValueError for no task or unequal m.

    missing          "unranked": methods without complete results on every task are left out of all ranks, so that their
                     presence moves nobody; "last": they share the last ranks of the tasks that they lack
    resample_tasks   False: instances are resampled within each task, each task by itself: these tasks and no others.
                     True: tasks are resampled, with their instances nested in them: more tasks of their kind; NaN for T < 4

    Ranks are taken on each instance, because their mean is smooth in the data. The rank of a mean score jumps where two methods
    are close: its bootstrap intervals do not become right with more instances (about 75 % instead of 95 % for 10 tasks of 8
    instances). The intervals are no narrower than Student's, are not simultaneous, and are NaN where a task has one instance.
    Source: Davison and Hinkley (1997), section 3.2 (several samples); for the failure of bootstrapped ranks of means Hall and
    Miller, Annals of Statistics 37 (2009).
    """
    if not tasks or len({len(task) for task in tasks}) > 1:
        raise ValueError("aggregate needs at least one task and the same methods in each")
    complete = np.array([np.isfinite(task).all(1) & (task.shape[1] > 0) for task in tasks])  # (T, m)
    ranked = complete.all(0) if missing == "unranked" else complete.any(0)
    m, k, count = len(tasks[0]), int(np.sum(ranked)), len(tasks)
    present = [np.where(row[ranked, None], task[ranked], -np.inf) for task, row in zip(tasks, complete, strict=True)]
    on_instances = [shared_ranks(values) for values in present]  # (k, n_t)
    ranks, average, interval = np.full((count, m), np.nan), np.full(m, np.nan), np.full((m, 2), np.nan)
    if k:
        ranks[:, ranked] = [shared_ranks(_rounded(values.mean(1))[:, None])[:, 0] for values in present]
        by_task = np.stack([values.mean(1) for values in on_instances], axis=1)  # (k, T)
        average[ranked] = by_task.mean(1)
        interval[ranked] = intervals(by_task, level) if resample_tasks else _stratified(on_instances, level)
    borda, ends = count * (k - average), count * (k - interval[:, ::-1])
    return Aggregate(average, interval, borda, ends, complete.sum(0), count, ranks)


def shared_ranks(scores: Floats) -> Floats:
    """Ranks (k, n) of k methods on each of n instances: 1 is the highest score, equal ones share the mean of their places.

    The numbers of scipy.stats.rankdata, whose import takes longer than the first page of the leaderboard may.
    """
    above = np.array([(scores > one).sum(0) for one in scores], float).reshape(scores.shape)
    equal = np.array([(scores == one).sum(0) for one in scores], float).reshape(scores.shape)
    return above + (equal + 1) / 2


def _rounded(means: Floats) -> Floats:
    """Means (k,) without the last bits, in which equal methods may differ by the order of summation."""
    known = means[np.isfinite(means)]
    spread = float(np.ptp(known)) if len(known) else 0.0
    return np.round(means / spread, 12) if spread > 0 else means


def _stratified(tasks: Sequence[Floats], level: float) -> Floats:
    """Bootstrap-t interval (k, 2) of the mean over tasks of the mean over instances; a task is (k, n_t).

    Not narrower than Student's interval with Welch's degrees of freedom: ranks have few distinct values (see `intervals`).
    """
    if min(task.shape[1] for task in tasks) < 2:
        return np.full((len(tasks[0]), 2), np.nan)
    from scipy import special

    random = np.random.default_rng(0)
    k = len(tasks[0])
    shift, drawn = np.zeros((DRAWS, k)), np.zeros((DRAWS, k))  # of each resample: sum of deviations, sum of squared errors
    squared, welch = np.zeros(k), np.zeros(k)
    for task in tasks:
        n = task.shape[1]
        deviation = task - task.mean(1, keepdims=True)
        counts = resampling_counts(n)
        means = counts @ deviation.T / n
        errors = np.maximum(counts @ (deviation**2).T / n - means**2, 0.0) / (n - 1)
        order = random.permutation(DRAWS)  # tasks with equal n share the cached draws; shuffled, each has its own
        shift += means[order]
        drawn += errors[order]
        error = task.var(1, ddof=1) / n
        squared += error
        welch += error**2 / (n - 1)
    tail = (1 - level) / 2
    usable = drawn > 1e-9 * squared
    t = np.where(usable, shift / np.sqrt(np.where(usable, drawn, 1.0)), 0.0)
    low, high = np.quantile(t, [tail, 1 - tail], axis=0)
    student = special.stdtrit(np.maximum(squared**2 / np.where(welch > 0, welch, 1.0), 1.0), 1 - tail)
    average = np.mean([task.mean(1) for task in tasks], axis=0)
    scale = np.sqrt(squared) / len(tasks)
    return np.stack([average - np.maximum(high, student) * scale, average - np.minimum(low, -student) * scale], axis=1)


def critical_difference(methods: int, tasks: int, level: float = LEVEL) -> float:
    """Nemenyi's: average ranks of two methods that differ by less cannot be told apart across tasks.

    Made for one rank a task. The ranks of `aggregate`, averaged over the instances of a task, spread at most as much, so that
    with them it errs on the side of no difference. Raises ValueError for fewer than 2 methods or no task.
    Source: Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006), section 3.2.2.
    """
    if methods < 2 or tasks < 1:
        raise ValueError("a critical difference needs at least two methods and one task")
    return studentised_range(methods, level) * math.sqrt(methods * (methods + 1) / (6 * tasks))


@lru_cache
def studentised_range(methods: int, level: float = LEVEL) -> float:
    """Quantile of the range of `methods` independent normal variables over sqrt(2): Demsar's q.

    P(range < q) = k int phi(z) (Phi(z) - Phi(z - q))^(k - 1) dz, with z the largest of the k; the number of
    scipy.stats.studentized_range, whose import takes longer than the first page of the leaderboard may.
    """
    from scipy import special

    z = np.linspace(-9, 9, 2001)  # the sum is exact to the last digits: the integrand and all its slopes vanish at both ends
    density = methods * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    low, high = 0.0, 18.0
    for _ in range(60):
        q = (low + high) / 2
        below = float(density @ (special.ndtr(z) - special.ndtr(z - q)) ** (methods - 1))
        low, high = (q, high) if below < level else (low, q)
    return low / 2**0.5


def critical_groups(average_rank: Floats, difference: float) -> list[list[int]]:
    """Groups of at least two methods, consecutive by average rank (m,), that span less than the critical difference.

    Best first, only groups that no other contains; NaN belongs to none.
    """
    order = [int(i) for i in np.argsort(average_rank, kind="stable") if np.isfinite(average_rank[i])]
    groups: list[list[int]] = []
    end = 0
    for start, first in enumerate(order):
        stop = max(start + 1, sum(average_rank[i] - average_rank[first] < difference for i in order))
        if stop > max(end, start + 1):
            groups.append(order[start:stop])
            end = stop
    return groups


def friedman(ranks: Floats) -> float:
    """p that all methods perform alike, from ranks or mean scores (T, m); NaN for fewer than 2 tasks or 3 methods.

    The number of scipy.stats.friedmanchisquare, whose import takes long; its chi-squared approximation wants more than 10
    tasks. Source: Friedman (1937); for ties Conover, Practical Nonparametric Statistics (1999), section 5.8.
    """
    count, methods = ranks.shape
    if count < 2 or methods < 3 or not np.ptp(ranks, axis=1).any():
        return float("nan")
    from scipy import special

    own = shared_ranks(ranks.T)  # (m, T)
    between = count * ((own.mean(1) - (methods + 1) / 2) ** 2).sum()
    within = ((own - (methods + 1) / 2) ** 2).sum() / (count * (methods - 1))
    return float(special.chdtrc(methods - 1, between / within))
