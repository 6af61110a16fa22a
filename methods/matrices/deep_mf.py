"""Deep matrix factorisation from a small orthogonal start: gradient descent finds matrices of low rank by itself.

    min over W_1 ... W_L of  1/2 ||P(W_L ... W_1) - Y / c||_F^2,   W_l(0) = eps Q_l, Q_l orthogonal,   steps of size lr / p

W_1 (w, n), W_l (w, w), W_L (m, w); p the observed share; c = sigma_1(Y) / p puts the largest singular value near 1, so that eps
and lr mean the same for every matrix. `deep_mf`: w = max(m, n), L = 3; `shallow_mf`: L = 2; `narrow_mf`: w = 2 rank, the
control of deep_mf_compressed. Ends at ||R||_F < tolerance ||Y||_F.
Source  arXiv:2406.04112. Its code takes eps = 1e-3 and steps of 5e3 on the mean over all entries, for a target with
        sigma_1 = 2 sqrt(n): at n = 1000, 20 % seen, eps = 2.5e-4 and lr = 0.25 here. For Y that is not square W_l(0) are
        cropped, as there
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from benchmark import Completion, Context, Count, Positive, UserError, method
from methods.matrices._chain import Chain, fit
from methods.matrices._spectral import top_singular

COMMON: dict[str, Any] = {"solves": "Completion", "kind": "deep factorisation", "needs": ("uniform",)}
TINY: dict[str, dict[str, Any]] = {"deep_mc/tiny": {"steps": 1200, "tolerance": 1e-4}}
# Ratings are not of low rank: there a run ends at the step with the least held-out error on the tuning splits.
_DEEP = {**TINY, "deep_mc/small_films": {"steps": 2600}, "deep_mc/small_lecturers": {"steps": 2500}}
_SHALLOW = {
    **TINY,
    "deep_mc/small": {"steps": 5000},  # on the tuning instances its error no longer falls
    "deep_mc/small_films": {"steps": 50},
    "deep_mc/small_lecturers": {"steps": 50},
}
_NARROW = {**TINY, "deep_mc/small_films": {"steps": 6000}, "deep_mc/small_lecturers": {"steps": 4800}}


@dataclass(frozen=True)
class Descent:
    """Number of factors, their scale at the start, and the descent: rate, most steps, end."""

    depth: Count = 3
    eps: Positive = 3e-3
    lr: Positive = 0.2
    steps: Count = 20000
    tolerance: Positive = 1e-6


@method("deep_mf", paper="arXiv:2406.04112", parameters=Descent, settings=_DEEP, **COMMON)
def deep_mf(problem: Completion, ctx: Context, given: Descent) -> Tensor:
    """Deep matrix factorisation, as wide as the matrix: a product of three from a small orthogonal start"""
    return descend(problem, ctx, max(problem.shape[1:]), given)


@method("shallow_mf", paper="arXiv:2406.04112", settings=_SHALLOW, **COMMON)
def shallow_mf(
    problem: Completion,
    ctx: Context,
    *,
    eps: Positive = 3e-3,
    lr: Positive = 0.2,
    steps: Count = 20000,
    tolerance: Positive = 1e-6,
) -> Tensor:
    """Two factors as wide as the matrix, from a small orthogonal start: the same descent without depth"""
    return descend(problem, ctx, max(problem.shape[1:]), Descent(2, eps, lr, steps, tolerance))


@dataclass(frozen=True)
class Narrow(Descent):
    """assumed: the rank that it is built for; 0: the problem's."""

    assumed: int = 0


@method("narrow_mf", paper="arXiv:2406.04112", parameters=Narrow, settings=_NARROW, **COMMON)
def narrow_mf(problem: Completion, ctx: Context, given: Narrow) -> Tensor:
    """Deep matrix factorisation of width twice the rank, from a random start: the control of the compressed one"""
    return descend(problem, ctx, 2 * assumed_rank(problem, given.assumed), given)


def assumed_rank(problem: Completion, assumed: int) -> int:
    """The rank that a method is built for. Raises UserError for one whose double does not fit."""
    most = min(problem.shape[1:]) // 2
    if not 0 <= assumed <= most:
        raise UserError(f"assumed is {assumed}, not from 0 (the problem's rank) to {most}, half of the smaller side")
    return assumed or problem.rank


def descend(problem: Completion, ctx: Context, width: int, given: Descent) -> Tensor:
    """The estimate of a chain of factors of this width."""
    depth, eps, lr = given.depth, given.eps, given.lr
    B, m, n = problem.shape
    sides = [n, *[width] * (depth - 1), m]
    factors = [torch.stack([eps * orthogonal(out, inner, ctx) for _ in range(B)]) for inner, out in pairwise(sides)]
    scale = unit(problem, ctx)
    return fit(problem, ctx, Chain(problem, factors, [lr / problem.fraction] * depth, scale), given.steps, given.tolerance)


def orthogonal(rows: int, columns: int, ctx: Context) -> Tensor:
    """The upper left part (rows, columns) of a Haar-distributed orthogonal matrix."""
    size = max(rows, columns)
    Q, R = torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=ctx.generator).to(ctx.device))
    part: Tensor = (Q * R.diagonal().sign())[:rows, :columns]
    return part.contiguous()


def unit(problem: Completion, ctx: Context) -> float:
    """c: an estimate of the largest singular value, the largest one of a stack."""
    _, s, _ = top_singular(problem, ctx, 1)
    return s.max().item() / problem.fraction
