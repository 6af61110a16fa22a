"""Soft-Impute: what is not seen is filled with the current estimate, whose singular values are then shrunk.

    min_Z 1/2 ||P(Z) - Y||_F^2 + weight ||Z||_*,    Z <- S_weight(Y + Z - P(Z)),   S shrinks singular values by `weight`

along weight = 1/2, 1/5, ... of ||Y||_2 down to `weight` of it, each from the one before. Singular values of a positive
semidefinite estimate are its eigenvalues. Z (B, m, n).
Source  Mazumder, Hastie, Tibshirani, JMLR 11 (2010)
"""

import torch
from torch import Tensor

from benchmark import Completion, Context, Count, Positive, method
from methods._convergence import POINTS

_PATH = (0.5, 0.2, 0.1, 0.05, 0.02)


@method(
    "soft_impute",
    solves="Completion",
    kind="classical",
    paper="doi:10.5555/1756006.1859931",
    # the point of the path with the least held-out error, on the tuning splits
    settings={"deep_mc/small_films": {"weight": 0.2}, "deep_mc/small_lecturers": {"weight": 0.4}},
)
def soft_impute(problem: Completion, ctx: Context, *, weight: Positive = 0.01, steps: Count = 240) -> Tensor:
    Y, mask = problem.dense()
    top = torch.linalg.matrix_norm(Y, 2)[:, None]  # (B, 1)
    path = [value for value in _PATH if value > weight] + [weight]
    Z = torch.zeros_like(Y)
    for step in ctx.steps(steps, points=POINTS):
        level = path[min(len(path) - 1, step * len(path) // steps)]
        Z = shrink(Y + Z - mask * Z, level * top, problem.symmetric)
        ctx.record(step, Z)
    return Z


def shrink(Z: Tensor, by: Tensor, symmetric: bool) -> Tensor:
    """Z (B, m, n) with its singular values, or the eigenvalues of a positive semidefinite one, less by (B, 1), at least 0."""
    if symmetric:
        values, vectors = torch.linalg.eigh(Z)
    else:
        vectors, values, other = torch.linalg.svd(Z, full_matrices=False)
    shrunk: Tensor = (vectors * (values - by).clamp_min(0)[:, None]) @ (vectors.mT if symmetric else other)
    return shrunk
