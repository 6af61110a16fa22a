"""Non-negative least squares with total variation, exactly and for many spectra at once.

    x = argmin_{x >= 0} 1/2 ||R x - y||^2 + weight sum_j |x_{j+1} - x_j|

A non-negative x is a sum of indicators of intervals with positive weights, and its total variation is the sum of theirs: 2
for an interval inside, 1 for one that touches an end, 0 for all of the axis (its level sets, nested). So the problem is
non-negative least squares with a linear cost over all n (n + 1) / 2 intervals. Lawson and Hanson's active set solves it: of all
intervals the one with the steepest descent, a largest sum of consecutive entries of R^T (y - R x), is found in O(n); at most d
are ever active; and where no interval descends, the minimum is found, with that proof.
Source: the level sets are Fleming and Rishel's coarea formula; Lawson, Hanson, Solving Least Squares Problems (1974), ch. 23
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_MOST = 1000  # rounds; 40 to 110 are usual
_TINY = 1e-14


def solve(R: Array, y: Array, weight: float, tolerance: float = 1e-10) -> Array:
    """(B, n) minimisers for the rows of y (B, d). tolerance: steepest descent left, relative to that of x = 0."""
    return Intervals(R, y, weight).minimise(tolerance)


def gap(R: Array, y: Array, weight: float, x: Array) -> Array:
    """(B,) how far non-negative x (B, n) may be from the minimum, (P(x) - D(theta)) / P(x) from 0 to 1.

    D(theta) = 1/2 ||y||^2 - 1/2 ||y - theta||^2 is at most the minimum wherever no interval's sum of R^T theta is above its
    cost. theta is the residual, made so: its part along R 1 taken off where that is positive (all of the axis costs nothing),
    then scaled by the best number up to the largest that is allowed.
    """
    r = y - x @ R.T
    value = 0.5 * (r**2).sum(1) + weight * np.abs(np.diff(x)).sum(1)
    whole = R.sum(1)
    r = r - np.maximum(r @ whole, 0)[:, None] / (whole @ whole) * whole
    sums = np.cumsum(r @ R, 1)
    inner = sums[:, :-1]  # sums from the left up to each inner border
    worst = np.stack([(inner - np.minimum.accumulate(inner, 1)).max(1) / 2, inner.max(1), sums[:, -1] - inner.min(1)]).max(0)
    allowed = weight / np.maximum(worst, 1e-30)
    scale = np.minimum((y * r).sum(1) / np.maximum((r**2).sum(1), 1e-300), allowed).clip(0)
    theta = scale[:, None] * r
    bound = (y * theta).sum(1) - 0.5 * (theta**2).sum(1)
    found: Array = np.maximum(value - bound, 0) / np.maximum(value, 1e-300)
    return found


class Intervals:
    """The active intervals of B spectra, in d + 1 slots each: [low, high), column R 1_[low, high), cost and weight."""

    def __init__(self, R: Array, y: Array, weight: float) -> None:
        self.R, self.y, self.price = R, y, weight
        (B, d), n = y.shape, R.shape[1]
        self.sums = np.concatenate([np.zeros((d, 1)), np.cumsum(R, 1)], 1)  # (d, n + 1)
        self.low, self.high = np.zeros((2, B, d + 1), int)
        self.cost, self.weight = np.zeros((2, B, d + 1))
        self.columns = np.zeros((B, d, d + 1))  # zero where a slot is free
        self.active = np.zeros((B, d + 1), bool)
        self.n = n

    def minimise(self, tolerance: float) -> Array:
        todo = np.arange(len(self.y))
        enough = tolerance * np.abs(self.y @ self.R).max(1)
        for _ in range(_MOST):
            low, high, cost, descent = self._steepest(todo)
            going = descent > enough[todo]
            todo = todo[going]
            if not len(todo):
                break
            slot = (~self.active[todo]).argmax(1)
            self.low[todo, slot], self.high[todo, slot], self.cost[todo, slot] = low[going], high[going], cost[going]
            self.columns[todo, :, slot] = (self.sums[:, high[going]] - self.sums[:, low[going]]).T
            self.active[todo, slot] = True
            self._balance(todo)
        return self._sum()

    def _steepest(self, todo: NDArray[np.int_]) -> tuple[NDArray[np.int_], NDArray[np.int_], Array, Array]:
        """The interval whose weight lowers the objective fastest: low, high, cost, descent, each (len(todo),)."""
        n, each = self.n, np.arange(len(todo))
        residual = self.y[todo] - np.einsum("bdk,bk->bd", self.columns[todo], self.weight[todo])
        sums = np.concatenate([np.zeros((len(todo), 1)), np.cumsum(residual @ self.R, 1)], 1)  # (B, n + 1)
        inner = sums[:, 1:n]  # where an interval inside may begin and end
        lowest = np.minimum.accumulate(inner, 1)
        end = (inner - lowest).argmax(1)
        begin = np.array([row[: stop + 1].argmin() for row, stop in zip(inner, end, strict=True)])
        first, last = inner.argmax(1), inner.argmin(1)  # the end of one that touches the left, the begin of one at the right
        zero, whole = np.zeros_like(end), np.full_like(end, n)
        lows = np.stack([1 + begin, zero, 1 + last, zero])
        highs = np.stack([1 + end, 1 + first, whole, whole])
        costs = np.array([2.0, 1.0, 1.0, 0.0])
        descents = sums[each, highs] - sums[each, lows] - self.price * costs[:, None]  # (4, B)
        best = descents.argmax(0)
        return lows[best, each], highs[best, each], costs[best], descents[best, each]

    def _balance(self, todo: NDArray[np.int_]) -> None:
        """Least squares over the active intervals; those that would become negative leave, until none would."""
        slots = self.active.shape[1]
        diagonal = np.arange(slots)
        for _ in range(3 * slots):
            active, columns = self.active[todo], self.columns[todo]
            size = np.linalg.norm(columns, axis=1)
            size[~active] = 1.0
            unit = columns / size[:, None]
            gram = np.einsum("bdk,bdl->bkl", unit, unit)
            gram[:, diagonal, diagonal] += np.where(active, _TINY, 1.0)
            right = np.einsum("bdk,bd->bk", unit, self.y[todo]) - self.price * self.cost[todo] * active / size
            wanted = np.linalg.solve(gram, right[..., None])[..., 0] / size * active
            negative = active & (wanted <= 0)
            good = ~negative.any(1)
            self.weight[todo[good]] = wanted[good]
            todo = todo[~good]
            if not len(todo):
                return
            wanted, negative, now = wanted[~good], negative[~good], self.weight[todo]
            span = np.where(negative, now - wanted, 1.0)
            share = np.where(negative & (span > 0), now / np.where(span > 0, span, 1.0), np.where(negative, 0.0, np.inf))
            leaving, each = share.argmin(1), np.arange(len(todo))
            now = now + share[each, leaving, None] * (wanted - now)
            now[each, leaving] = 0.0
            gone = self.active[todo] & (now <= 0)
            now[gone] = 0.0
            self.weight[todo] = now
            self.active[todo] &= ~gone
            self.columns[todo] *= self.active[todo][:, None]

    def _sum(self) -> Array:
        """(B, n) the weighted indicators, added up."""
        each = np.arange(len(self.y))[:, None]
        jumps = np.zeros((len(self.y), self.n + 1))
        np.add.at(jumps, (each, self.low), self.weight)
        np.add.at(jumps, (each, self.high), -self.weight)
        found: Array = np.maximum(np.cumsum(jumps, 1)[:, :-1], 0)
        return found
