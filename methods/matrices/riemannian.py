"""Riemannian trust regions on positive semidefinite matrices of fixed rank: a second-order solver from a random start.

    min_U  1/4 ||P(U U^T) - X||_F^2   over U (n, r) up to rotation,
    gradient R U,   R = P(U U^T) - X;   Hessian along H:  P(U H^T + H U^T) U + R H

The solver and the manifold are pymanopt's. `start`: `random` as for gd_random, or `tailored` as for relu_gd.
Source  Boumal, Absil, NIPS 2011, for the method (RTRMC); Townsend, Koep, Weichwald, JMLR 17 (2016), for pymanopt
"""

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from benchmark import Completion, Context, Count, method
from methods.matrices.relu_gd import random_start, tailored


@method("riemannian", solves="Completion", kind="Riemannian", paper="arXiv:1603.03236", needs=("symmetric",))
def riemannian(
    problem: Completion, ctx: Context, *, start: Literal["random", "tailored"] = "random", iterations: Count = 200
) -> Tensor:
    U = random_start(problem, ctx) if start == "random" else tailored(problem, "drop_leading")
    X, mask = (part.cpu().numpy() for part in problem.dense())
    for b in ctx.steps(len(U)):  # a matrix that the budget does not reach stays at its start
        U[b] = torch.from_numpy(trust_regions(X[b], mask[b], U[b].cpu().numpy(), iterations)).to(ctx.device)
        ctx.record(b, lambda: problem.pack(U, U))
    return problem.pack(U, U)


def trust_regions(X: Any, mask: Any, U: Any, iterations: int) -> Any:
    """The factor (n, r) that trust regions reach from U within so many outer iterations."""
    from pymanopt import Problem
    from pymanopt.function import numpy as as_numpy
    from pymanopt.manifolds import PSDFixedRank
    from pymanopt.optimizers import TrustRegions

    manifold = PSDFixedRank(*U.shape)

    @as_numpy(manifold)  # type: ignore[untyped-decorator]  # pymanopt has no types
    def cost(U: Any) -> Any:
        return np.sum((mask * (U @ U.T) - X) ** 2) / 4

    @as_numpy(manifold)  # type: ignore[untyped-decorator]  # pymanopt has no types
    def gradient(U: Any) -> Any:
        return (mask * (U @ U.T) - X) @ U

    @as_numpy(manifold)  # type: ignore[untyped-decorator]  # pymanopt has no types
    def hessian(U: Any, H: Any) -> Any:
        half = U @ H.T
        return (mask * (half + half.T)) @ U + (mask * (U @ U.T) - X) @ H

    solver = TrustRegions(
        max_iterations=iterations, max_time=1e9, min_gradient_norm=1e-10 * np.linalg.norm(X) ** 1.5, verbosity=0
    )
    task = Problem(manifold, cost, euclidean_gradient=gradient, euclidean_hessian=hessian)
    return solver.run(task, initial_point=U).point
