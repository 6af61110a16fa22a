"""A product of factors fitted by gradient descent:  1/2 ||P(W_L ... W_1) - Y||_F^2  over all W_l at once.

Factors from right to left, W_1 (B, w, n), ..., W_L (B, m, w). With the products A_l = W_l ... W_1 and R = P(W_L A_{L-1}) - Y,
    dW_L = R A_{L-1}^T,   B_{L-1} = W_L^T R,   dW_l = B_l A_{l-1}^T,   B_{l-1} = W_l^T B_l,   dW_1 = B_1
so that a narrow chain costs its two outer products with R and little else.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from benchmark import Completion, Context
from methods._convergence import until_converged
from methods.matrices._misfit import Misfit

_SHOWN = 4  # singular values kept, as a multiple of the rank


class Chain:
    """Factors of Y / scale, changed in place by `step`. rates: the step size of each."""

    def __init__(self, problem: Completion, factors: Sequence[Tensor], rates: Sequence[float], scale: float) -> None:
        self.problem, self.factors, self.rates, self.scale = problem, list(factors), list(rates), scale
        self.misfit = Misfit(problem, scale)

    def right(self) -> list[Tensor]:
        """A_1 ... A_{L-1}."""
        products = [self.factors[0]]
        for W in self.factors[1:-1]:
            products.append(W @ products[-1])
        return products

    def step(self) -> Tensor:
        """One step of every factor; ||R||_F^2 (B,) before it."""
        A, last = self.right(), self.factors[-1]
        found = self.misfit(last, A[-1].mT, square=True)
        slopes, back = [found.left], found.right.mT
        for W, before in zip(self.factors[-2:0:-1], A[-2::-1], strict=True):
            slopes.append(back @ before.mT)
            back = W.mT @ back
        slopes.append(back)
        for W, slope, rate in zip(self.factors, reversed(slopes), self.rates, strict=True):
            if rate:
                W.sub_(slope, alpha=rate)
        return found.square

    def estimate(self) -> Tensor:
        """The product in the units of y, as an estimate."""
        return self.problem.pack(self.scale * self.factors[-1], self.right()[-1].mT)

    def singular_values(self) -> Tensor:
        """(B, k) the largest ones of the product in the units of y, k = 4 rank at most."""
        left, right = self.factors[-1], self.right()[-1].mT
        count = min(_SHOWN * self.problem.rank, left.shape[-1], left.shape[-2], right.shape[-2])
        if left.shape[-1] >= min(left.shape[-2], right.shape[-2]):
            product = left @ right.mT
        else:
            product = torch.linalg.qr(left).R @ torch.linalg.qr(right).R.mT
        values: Tensor = self.scale * torch.linalg.svdvals(product)
        return values[:, :count]


def fit(problem: Completion, ctx: Context, chain: Chain, steps: int, tolerance: float) -> Tensor:
    """The estimate after descent until ||R||_F < tolerance ||Y||_F. Keeps the singular values along the way, one line a point:
    the step, then those of the first matrix.
    """
    square, seen = torch.inf * chain.misfit.size, list[Tensor]()

    for step in until_converged(ctx, steps, lambda: bool((square < tolerance**2 * chain.misfit.size).all())):
        square = chain.step()

        def point(step: int = step) -> Tensor:
            seen.append(torch.cat([torch.tensor([float(step + 1)]), chain.singular_values()[0].cpu()]))
            return chain.estimate()

        ctx.record(step, point)
    if seen and all(bool(torch.isfinite(line).all()) for line in seen):
        ctx.keep("singular_values", torch.stack(seen))
    return chain.estimate()
