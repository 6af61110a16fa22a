"""Gradient descent for completion under ReLU sampling, from the tailored start and from the starts that fail.

    min_U  F(U) = 1/4 ||P(U U^T) - X||_F^2,   U_{t+1} = U_t - eta R(U_t) U_t,   R(U) = P(U U^T) - X,   eta = step / lambda_1(X)

U (n, r), X the observations filled with zeros, P keeps the observed entries. Under ReLU sampling the leading eigenvector of X
holds the norms of the rows alone and no direction, so that the r leading eigenvectors miss one. `relu_gd` begins, by `start`:
drop_leading         U_0 = [v_2 ... v_{r+1}] diag(lambda_i / p)^(1/2), negative ones 0, p the observed share (1/2: the factor 2)
norm_deflation       the r leading eigenpairs of X / p - e_r d d^T, d_i = sqrt(X_ii), e_r = Gamma(r/2) / (sqrt(pi)
Gamma((r+1)/2)) constant_deflation   the r leading eigenpairs of (X - mean(X)) / p
`gd_random` begins at normal numbers, `gd_spectral` at the r leading eigenpairs of X / p.
Source  arXiv:2406.05822. Its exact start, step and stopping rule are not known here: the three starts, the step 1/2 and the end
        at ||R U|| < 1e-10 ||X||^(3/2) are a reconstruction from its abstract
"""

from math import lgamma, pi, sqrt
from typing import Literal

import torch
from torch import Tensor

from benchmark import Completion, Context, Count, Positive, method
from methods._convergence import until_converged
from methods.matrices._misfit import Misfit
from methods.matrices._spectral import top_eigenpairs

Start = Literal["drop_leading", "norm_deflation", "constant_deflation"]
_STILL = 1e-10  # of the gradient, relative


@method(
    "relu_gd", solves="Completion", kind="factored gradient descent", paper="arXiv:2406.05822", needs=("symmetric", "above")
)
def relu_gd(
    problem: Completion,
    ctx: Context,
    *,
    start: Literal["drop_leading", "norm_deflation", "constant_deflation"] = "drop_leading",
    steps: Count = 3000,
    step: Positive = 0.5,
) -> Tensor:
    """Gradient descent from the tailored start: the leading eigenvector, which holds no direction, left out"""
    return descend(problem, ctx, tailored(problem, start), steps, step)


@method("gd_random", solves="Completion", kind="factored gradient descent", paper="arXiv:2406.05822", needs=("symmetric",))
def gd_random(problem: Completion, ctx: Context, *, steps: Count = 3000, step: Positive = 0.5) -> Tensor:
    """Gradient descent from a random start, of the size that the observed diagonal tells"""
    return descend(problem, ctx, random_start(problem, ctx), steps, step)


@method("gd_spectral", solves="Completion", kind="factored gradient descent", paper="arXiv:2406.05822", needs=("symmetric",))
def gd_spectral(problem: Completion, ctx: Context, *, steps: Count = 3000, step: Positive = 0.5) -> Tensor:
    """Gradient descent from the usual spectral start: the leading eigenvectors of the observations"""
    X, _ = problem.dense()
    return descend(problem, ctx, root(*top_eigenpairs(X / problem.fraction, problem.rank)), steps, step)


def descend(problem: Completion, ctx: Context, U: Tensor, steps: int, step: float) -> Tensor:
    """U U^T after gradient descent from U (B, n, r). A matrix that has converged stays where it is."""
    misfit = Misfit(problem)
    largest, _ = top_eigenpairs(problem.dense()[0], 1)  # (B, 1)
    eta = step / largest[..., None]
    small = _STILL * misfit.size**0.75
    slope = U
    for number in until_converged(ctx, steps, lambda: bool((torch.linalg.matrix_norm(slope) < small).all())):
        slope = misfit(U, U, right=False).left
        U = torch.addcmul(U, eta, slope, value=-1)
        ctx.record(number, lambda: problem.pack(U, U))
    return problem.pack(U, U)


def tailored(problem: Completion, start: Start) -> Tensor:
    """U_0 (B, n, r) of the tailored start."""
    X, _ = problem.dense()
    r = problem.rank
    if start == "drop_leading":
        values, vectors = top_eigenpairs(X / problem.fraction, r + 1)
        return root(values[:, 1:], vectors[..., 1:])
    if start == "norm_deflation":
        d = X.diagonal(dim1=-2, dim2=-1).clamp_min(0).sqrt()[..., None]
        e = sqrt(1 / pi) * 2.718281828459045 ** (lgamma(r / 2) - lgamma((r + 1) / 2))
        return root(*top_eigenpairs(X / problem.fraction - e * d @ d.mT, r))
    return root(*top_eigenpairs((X - X.mean((-2, -1), keepdim=True)) / problem.fraction, r))


def root(values: Tensor, vectors: Tensor) -> Tensor:
    """Vectors times the square roots of their eigenvalues, negative ones taken as 0."""
    return vectors * values.clamp_min(0).sqrt()[..., None, :]


def random_start(problem: Completion, ctx: Context) -> Tensor:
    """Normal numbers (B, n, r) of such a size that E (U U^T)_ii is the mean of the observed diagonal (planted factors: 1)."""
    _, i, j = problem.where
    diagonal = problem.y[i == j].mean().clamp_min(0) if bool((i == j).any()) else problem.y.abs().mean()
    B, n, _ = problem.shape
    return (diagonal / problem.rank).sqrt() * ctx.randn(B, n, problem.rank, dtype=torch.float64)
