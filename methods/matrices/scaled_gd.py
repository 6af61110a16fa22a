"""Scaled gradient descent: the factors' own metric makes its rate independent of the condition number.

    L <- L - step / p  R N (N^T N)^{-1},   N <- N - step / p  R^T L (L^T L)^{-1},   R = P(L N^T) - Y,   p the observed share

Symmetric problems have one factor, L = N = U. Starts, L (m, r), N (n, r): `spectral`, the r leading singular pairs of Y / p;
`tailored`, for symmetric problems under ReLU sampling, that of relu_gd.
Source  Tong, Ma, Chi, JMLR 22 (2021), arXiv:2005.08898; without its projection onto incoherent factors
"""

from typing import Literal

import torch
from torch import Tensor

from benchmark import Completion, Context, Count, Positive, method
from methods._convergence import until_converged
from methods.matrices._misfit import Misfit
from methods.matrices._spectral import top_eigenpairs, top_singular
from methods.matrices.relu_gd import root, tailored

_STILL = 1e-12  # of the residual, relative: where it no longer falls, rounding is all that is left
_STALLED = 1e-9  # relative change of the residual between points of the curve


@method(
    "scaled_gd",
    solves="Completion",
    kind="factored gradient descent",
    paper="arXiv:2005.08898",
    settings={
        "mc": {"step": 0.25},  # the product changes by the step of each of its two factors
        # Ratings: the number of steps with the least held-out error on the tuning splits.
        "deep_mc/small_films": {"steps": 12},
        "deep_mc/small_lecturers": {"steps": 5, "step": 0.1},
    },
)
def scaled_gd(
    problem: Completion,
    ctx: Context,
    *,
    start: Literal["spectral", "tailored"] = "spectral",
    steps: Count = 2000,
    step: Positive = 0.5,
) -> Tensor:
    if start == "tailored" and not problem.symmetric:
        raise ValueError("start=tailored needs a symmetric problem; spectral works everywhere")
    p, misfit = problem.fraction, Misfit(problem)
    if problem.symmetric:
        spectral = start == "spectral"
        L = root(*top_eigenpairs(problem.dense()[0] / p, problem.rank)) if spectral else tailored(problem, "drop_leading")
        N = L
    else:
        U, s, V = top_singular(problem, ctx, problem.rank)
        weight = (s / p).sqrt()[:, None]
        L, N = U * weight, V * weight
    before, square = torch.inf * misfit.size, misfit.size

    def done() -> bool:
        nonlocal before
        still = (square < _STILL**2 * misfit.size) | ((square - before).abs() < _STALLED * square)
        before = square
        return bool(still.all())

    for number in until_converged(ctx, steps, done):
        found = misfit(L, N, square=True, right=not problem.symmetric)
        square = found.square
        L_next = L - step / p * solve(N, found.left)
        N = L_next if problem.symmetric else N - step / p * solve(L, found.right)
        L = L_next
        ctx.record(number, lambda: problem.pack(L, N))
    return problem.pack(L, N)


def solve(factor: Tensor, slope: Tensor) -> Tensor:
    """slope (factor^T factor)^{-1}, batched; a direction that the factor lacks is damped, not inverted."""
    gram = factor.mT @ factor
    damping = 1e-12 * gram.diagonal(dim1=-2, dim2=-1).sum(-1)[:, None, None]
    eye = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    found: Tensor = torch.linalg.solve(gram + damping * eye, slope, left=False)
    return found
