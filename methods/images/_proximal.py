"""Least squares with a penalty by a solver of sigpy's, on the host, with this suite's operator.

min_x  1/2 ||A x - y||^2 + g(x), or + g(G x)
"""

from typing import Any

import torch
from sigpy import app
from torch import Tensor

from benchmark import Context, LinearInverse
from benchmark.operators.as_sigpy import AsSigpy


def solved(problem: LinearInverse, ctx: Context, steps: int, **how: Any) -> Tensor:
    """The last iterate. how: g as `proxg`, and what else the solver takes (sigpy.app.LinearLeastSquares)."""
    A, y = problem.A, problem.y.cpu().numpy()
    solver = app.LinearLeastSquares(AsSigpy(A, ctx.device), y, max_iter=steps, show_pbar=False, **how).alg

    def image() -> Tensor:
        return torch.from_numpy(solver.x.copy()).to(ctx.device, A.dtype)  # the solver updates it in place

    for step in ctx.steps(steps):
        solver.update()
        ctx.record(step, image())
    return image()
