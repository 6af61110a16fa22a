"""Where each method stands on one board: the one function behind the command's table, the leaderboard and the export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.statistics.intervals import MINIMUM, Estimate, Key, difference_by_instance, estimates, table
from benchmark.statistics.ranking import rank_intervals, separated, tie_groups
from benchmark.statistics.significance import holm, sign_flip

# How the columns come about, in the words of every table that shows them.
HOW_RANKED = (
    "methods share a rank if the test does not separate them from the first of their group. It is a sign-flip test over "
    "instances of all pairs at once (largest statistic over the pairs); the chance of any false separation is at most 5 %"
)
HOW_BOUNDED = "the range of ranks that the data allow (simultaneous 95 % intervals)"
HOW_TESTED = (
    "p-value of a two-sided sign-flip test of the paired differences to the baseline over n instances, with Holm's correction "
    "for k comparisons. It is never below 2 k / 2^n, so few instances cannot reach significance"
)


@dataclass(frozen=True)
class Standing:
    """One method on one board.

    rank        of its tie group; None for an incomplete method, or with fewer than 4 instances
    low, high   its rank lies between them; the intervals of all methods hold together at 95 %
    gain        paired difference to the baseline; None for the baseline, or where they share nothing
    p           of no difference to the baseline, sign-flip test with Holm's correction; None where one of both is incomplete
                or there are fewer than 4 instances
    """

    rank: int | None = None
    low: int | None = None
    high: int | None = None
    gain: Estimate | None = None
    p: float | None = None

    @property
    def interval(self) -> str:
        """'1-3', '2' where it is certain, '' where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{self.low}" if self.low == self.high else f"{self.low}-{self.high}"


def standings(
    scores: Sequence[Mapping[Key, float]],
    complete: Sequence[bool],
    better: Literal["higher", "lower"],
    baseline: int | None = None,
) -> list[Standing]:
    """A standing for each method, in the given order. scores: of the primary metric; baseline: its position, if it has results.

    Only complete methods are ranked and tested: what an incomplete one lacks is rarely missing at random.
    """
    count = len(scores)
    ranks: dict[int, tuple[int, int, int]] = {}
    ranked = [at for at in range(count) if complete[at] and scores[at]]
    if ranked:
        cube = table([scores[at] for at in ranked]) * (1.0 if better == "higher" else -1.0)
        if cube.shape[1] >= MINIMUM:
            apart = separated(cube)
            means = np.nanmean(np.nanmean(cube, axis=2), axis=1) if np.isnan(cube).any() else cube.mean((1, 2))
            found = np.column_stack([tie_groups(means, apart), rank_intervals(apart)])
            ranks = {at: (int(r), int(low), int(high)) for at, (r, low, high) in zip(ranked, found, strict=True)}
    gains, p = _against(scores, complete, baseline)
    places = [ranks.get(at, (None, None, None)) for at in range(count)]
    return [Standing(rank, low, high, gains.get(at), p.get(at)) for at, (rank, low, high) in enumerate(places)]


def _against(
    scores: Sequence[Mapping[Key, float]], complete: Sequence[bool], baseline: int | None
) -> tuple[dict[int, Estimate], dict[int, float]]:
    """Gain and Holm's p of each position that can be compared with the baseline."""
    if baseline is None:
        return {}, {}
    gains: dict[int, Estimate] = {}
    raw: dict[int, float] = {}
    differences = {at: difference_by_instance(scores[at], scores[baseline]) for at in range(len(scores)) if at != baseline}
    for n in sorted({len(values) for values in differences.values()} - {0}):  # all methods with the same n at once
        same = [at for at, values in differences.items() if len(values) == n]
        values = np.array([differences[at] for at in same])
        gains.update(zip(same, estimates(values), strict=True))
        if n >= MINIMUM:
            p = zip(same, sign_flip(values).tolist(), strict=True)
            raw.update((at, value) for at, value in p if complete[at] and complete[baseline])
    return gains, dict(zip(raw, holm(np.array(list(raw.values()))).tolist(), strict=True))
