"""The rules by which claims are judged. Pure functions of scores and curves; each gives a value, its 95 % interval and n.

Scores are mappings (seed, instance) -> value; curves are mappings (seed, instance) -> points (p, 3) of step, seconds and value,
in the order of steps. Instances are what is resampled, their seeds averaged first (benchmark/statistics/intervals.py). Where
one
training serves all instances of a seed (`learns`), instances do not tell how another training would come out: the interval then
counts seeds as a sample too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from benchmark import statistics
from benchmark.statistics import LEVEL, Key
from benchmark.statistics.intervals import Floats

Values = Mapping[Key, float]
Curves = Mapping[Key, Floats]
Direction = Literal["higher", "lower"]
INFINITE = float("inf")


@dataclass(frozen=True)
class Measured:
    """A value with its 95 % interval, over n of what `counted` says.

    low and high are NaN where there is no interval, and `note` may say why.
    """

    value: float
    low: float
    high: float
    n: int
    counted: str = "instances"
    unit: str = ""
    note: str = ""


def level(values: Values, *, learns: bool = False, drawn: bool = False) -> Measured:
    """The mean. drawn: every seed draws other data, so that each (seed, instance) is a draw of its own and not a repeat."""
    if drawn:
        values = {(0, number): value for number, (_, value) in enumerate(sorted(values.items()))}
        return replace(level(values), counted="draws")
    found = statistics.mean(values)
    if not learns:
        return Measured(found.mean, found.low, found.high, found.n)
    low, high = _over_seeds_too(values)
    return Measured(found.mean, min(low, found.low), max(high, found.high), found.n)  # NaN, the first, stays


def ahead(first: Values, second: Values, *, learns: bool = False, drawn: bool = False) -> Measured:
    """The mean of first - second over the (seed, instance) pairs that both have. Raises ValueError where they share none."""
    return level(_differences(first, second), learns=learns, drawn=drawn)


def ratio(over: Values, under: Values, *, learns: bool = False) -> Measured:
    """The mean of `over` as a multiple of the mean of `under`, over what both have; `under` is positive.

    The interval is that of the mean of over - value * under, divided by the mean of `under` (Fieller's idea, to first order).
    An `over` that is infinite, as the time to a quality never reached, makes the ratio infinite.
    """
    shared = sorted(over.keys() & under.keys())
    top, bottom = ({key: side[key] for key in shared} for side in (over, under))
    a, b = _mean(top), _mean(bottom)
    count = len({number for _, number in shared})
    if not np.isfinite(b):
        return Measured(float("nan"), float("nan"), float("nan"), count)
    if not np.isfinite(a):
        return Measured(float("inf"), float("inf"), float("inf"), count)
    value = a / b
    found = level({key: top[key] - value * bottom[key] for key in shared}, learns=learns)
    return replace(found, value=value, low=value + found.low / b, high=value + found.high / b)


def share(values: Values, *, each: int = 1) -> Measured:
    """The share of draws that succeed, with Clopper's and Pearson's interval; a value is the share of its `each` draws.

    Every (seed, instance) holds draws of its own, so that draws are what is counted.
    """
    good, count = round(sum(values.values()) * each), len(values) * each
    low, high = _binomial(good, count)
    return Measured(good / count, low, high, count, "draws")


def onset(*cells: Values, at: Sequence[float], each: int = 1, least: float = 0.8) -> Measured:
    """The first of the places `at`, ascending, from which on the share of draws that succeed is `least` or more in every cell.

    Its interval: from the first place from which on no share is certainly below `least`, to the first from which on each is
    certainly not; infinite where there is none.
    """
    found = [share(values, each=each) for values in cells]
    sides = zip(*((one.value, one.high, one.low) for one in found), strict=True)
    value, low, high = (_first_from([one >= least for one in side], at) for side in sides)
    return Measured(value, low, high, min(one.n for one in found), "draws")


def bound(values: Values, *, which: Literal["largest", "least"]) -> Measured:
    """The largest or the least of all values: what every single run must keep. Nothing is estimated, so it has no width."""
    extreme = (max if which == "largest" else min)(values.values())
    return Measured(extreme, extreme, extreme, len(values), "runs of instances")


def bound_of_difference(first: Values, second: Values, *, which: Literal["largest", "least"]) -> Measured:
    """The largest or the least of all paired differences first - second."""
    return bound(_differences(first, second), which=which)


def separation(upper: Values, lower: Values) -> Measured:
    """How far the least value of `upper` is above the largest of `lower`: negative where they overlap. It has no width."""
    gap = min(upper.values()) - max(lower.values())
    return Measured(gap, gap, gap, min(len(upper), len(lower)), "runs of instances")


def monotone(*levels: Values, rising: bool = True, learns: bool = False) -> Measured:
    """The least of the steps from each to the next, as paired differences; positive where all go in the direction said.

    Each end is the least of the steps' ends. Where the low end is above zero every step is, at 95 % and without a correction:
    the
    claim needs all of them.
    """
    pairs = [(b, a) if rising else (a, b) for a, b in pairwise(levels)]
    steps = [ahead(first, second, learns=learns) for first, second in pairs]
    value, low, high = (min(ends) for ends in zip(*((s.value, s.low, s.high) for s in steps), strict=True))
    if any(np.isnan(step.low) for step in steps):
        low = high = float("nan")
    return Measured(value, low, high, min(step.n for step in steps))


def rank(*rows: Values, better: Direction = "higher") -> Measured:
    """The rank of the first by the mean, 1 for the best, between the ranks that a test of all pairs leaves open."""
    means = [_mean(row) for row in rows]
    above = sum((one > means[0]) if better == "higher" else (one < means[0]) for one in means[1:])
    place = statistics.standings(rows, [True] * len(rows), better)[0]
    count = len(statistics.by_instance(rows[0])[0])
    if place.low is None or place.high is None:
        return Measured(1 + above, float("nan"), float("nan"), count)
    return Measured(1 + above, place.low, place.high, count)


# --- of curves --------------------------------------------------------------------------------------------------------


def falls(
    curves: Curves, *, after: float = 0, until: float = INFINITE, better: Direction = "higher", learns: bool = False
) -> Measured:
    """The mean of how far a curve ends below its best point, from step `after` on, if it ended at step `until`."""
    best, last = peak(curves, after=after, until=until, better=better), end(curves, after=after, until=until)
    first, second = (best, last) if better == "higher" else (last, best)
    return ahead(first, second, learns=learns)


def reaches(curves: Curves, *, to: float, better: Direction, axis: Literal["steps", "seconds"] = "steps") -> Measured:
    """The mean step or second at which curves first are at `to` or better; infinite where one of them never is."""
    found = reached(curves, to=to, better=better, axis=axis)
    if np.isfinite(list(found.values())).all():
        return level(found)
    return Measured(float("inf"), float("inf"), float("inf"), len({number for _, number in found}))


def slope(curves: Curves, *, between: tuple[float, float], per: float = 100.0) -> Measured:
    """The mean of `slopes`. Raises ValueError where no curve has one."""
    return level(slopes(curves, between=between, per=per))


def slopes(curves: Curves, *, between: tuple[float, float], per: float = 100.0) -> dict[Key, float]:
    """The change of each curve's value in `per` steps, by least squares, where it lies between two values. Curves with fewer
    than three points there are left out.
    """
    low, high = sorted(between)
    found = {}
    for key, points in curves.items():
        inside = (points[:, 2] > low) & (points[:, 2] < high)
        if inside.sum() > 2:
            found[key] = float(per * np.polyfit(points[inside, 0], points[inside, 2], 1)[0])
    return found


def start(curves: Curves) -> dict[Key, float]:
    """The value of each curve's first point."""
    return {key: float(points[0, 2]) for key, points in curves.items()}


def before(curves: Curves, *, after: float) -> dict[Key, float]:
    """The value of each curve's last point up to step `after`. Curves that begin later are left out."""
    early = {key: points[points[:, 0] <= after, 2] for key, points in curves.items()}
    return {key: float(values[-1]) for key, values in early.items() if len(values)}


def peak(curves: Curves, *, after: float = 0, until: float = INFINITE, better: Direction = "higher") -> dict[Key, float]:
    """The best value of each curve beyond step `after`, up to step `until`: it needs the truth and is no method's answer."""
    trained = {key: points[points[:, 0] > after, 2] for key, points in _up_to(curves, until).items()}
    return {key: float(values.max() if better == "higher" else values.min()) for key, values in trained.items()}


def end(curves: Curves, *, after: float = 0, until: float = INFINITE) -> dict[Key, float]:
    """The mean of the last 5 % of each curve, counted from step `after`: single iterates spike. until: where it is cut, so that
    curves of different lengths are read at equal steps.
    """
    found = {}
    for key, points in _up_to(curves, until).items():
        found[key] = float(points[points[:, 0] > after + 0.95 * (points[-1, 0] - after), 2].mean())
    return found


def reached(curves: Curves, *, to: float, better: Direction, axis: Literal["steps", "seconds"]) -> dict[Key, float]:
    """Step or second at which each curve first is at `to` or better, between two points linearly; infinite if never."""
    place = 0 if axis == "steps" else 1
    return {
        key: statistics.first_reached(points[:, 0], points[:, 1], points[:, 2], to, better)[place]
        for key, points in curves.items()
    }


# --- what they share --------------------------------------------------------------------------------------------------


def _up_to(curves: Curves, until: float) -> Curves:
    """The curves up to a step; those that begin later are left out."""
    early = {key: points[points[:, 0] <= until] for key, points in curves.items()}
    return {key: points for key, points in early.items() if len(points)}


def _mean(values: Values) -> float:
    return float(statistics.by_instance(values)[1].mean())


def _differences(first: Values, second: Values) -> dict[Key, float]:
    found = {key: value - second[key] for key, value in first.items() if key in second}
    if not found:
        raise ValueError("they share no (seed, instance)")
    return found


def _over_seeds_too(values: Values) -> tuple[float, float]:
    """Student's interval of the mean where instances and seeds are both samples, crossed; NaN for one seed.

    The variance of the mean is (M_i + M_s - M_e) / (n r), with the mean squares between n instances, between r seeds and of the
    rest, and no less than either alone; Satterthwaite's degrees of freedom. Three seeds are too few to resample: of 27 draws 3
    hold one seed alone.
    Source: Searle, Casella and McCulloch, Variance Components (1992), section 4.7; Owen, The pigeonhole bootstrap (2007).
    """
    table = statistics.table([values])[0]  # (n, r)
    table = table[np.isfinite(table).all(1)]
    n, r = table.shape
    if min(n, r) < 2:
        return float("nan"), float("nan")
    mean, rows, columns = table.mean(), table.mean(1), table.mean(0)
    between, seeds = r * rows.var(ddof=1), n * columns.var(ddof=1)
    rest = ((table - rows[:, None] - columns + mean) ** 2).sum() / ((n - 1) * (r - 1))
    variance = max(between + seeds - rest, between, seeds) / (n * r)
    if variance <= 0:
        return float(mean), float(mean)
    freedom = (between + seeds) ** 2 / (between**2 / (n - 1) + seeds**2 / (r - 1))
    from scipy import special

    half = special.stdtrit(freedom, (1 + LEVEL) / 2) * variance**0.5
    return float(mean - half), float(mean + half)


def _binomial(good: int, count: int) -> tuple[float, float]:
    """Clopper's and Pearson's interval of a share."""
    from scipy import special

    tail = (1 - LEVEL) / 2
    low = special.betaincinv(good, count - good + 1, tail) if good else 0.0
    high = special.betaincinv(good + 1, count - good, 1 - tail) if good < count else 1.0
    return float(low), float(high)


def _first_from(fine: Sequence[bool], at: Sequence[float]) -> float:
    place = len(fine)
    while place and fine[place - 1]:
        place -= 1
    return float(at[place]) if place < len(fine) else float("inf")


# By name: what a claim's part may be judged by. Those in LEARNING count seeds as a sample where a method learns.
_RULES: tuple[Callable[..., Measured], ...] = (
    level,
    ahead,
    ratio,
    share,
    onset,
    bound,
    bound_of_difference,
    separation,
    monotone,
    rank,
    falls,
    reaches,
    slope,
)
RULES = {rule.__name__: rule for rule in _RULES}
LEARNING = frozenset({"level", "ahead", "ratio", "monotone", "falls"})
# What a quantity may be beside a score and seconds: of curves, one value each.
_OF_CURVES: tuple[Callable[..., dict[Key, float]], ...] = (start, before, peak, end, reached, slopes)
OF_CURVES = {one.__name__: one for one in _OF_CURVES}
