"""Non-negative least squares with total variation: piecewise constant spectra.

    x_hat = argmin_{x >= 0} 1/2 ||R x - y||^2 + weight sum_j |x_{j+1} - x_j|       R / max R, y / max y

`exact` ends at the minimum, with proof (methods/spectral/intervals.py). `admm` splits z = D x and u = x,

    x = (R^T R + penalty (D^T D + I))^-1 (R^T y + penalty (D^T (z - a) + u - b))
    z = shrink(D x + a, weight / penalty),  a += D x - z        u = max(0, x + b),  b += x - u

with one inverse for all spectra, and is stopped far from the minimum: from x = 0 it adds detail slowly, so that stopping early
smooths the spectrum, which here matters more than the weight does. The minimum itself is a staircase.
Source: Boyd et al., Foundations and Trends in Machine Learning 3 (2011), for ADMM. The paper's solver is not published
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from benchmark import Context, Count, LinearInverse, Positive, method
from methods.spectral import System, intervals


@method(
    "nnls_tv",
    solves="LinearInverse",
    kind="classical",
    paper="arXiv:2403.12354",
    needs=("spectrum",),
    settings={},
)
def nnls_tv(
    problem: LinearInverse,
    ctx: Context,
    *,
    solver: Literal["admm", "exact"] = "admm",
    weight: Positive = 1e-6,
    penalty: Positive = 1.0,
    steps: Count = 1000,
    upto: Positive = 650.0,
) -> Tensor:
    system = System(problem, upto)
    R, y = system.R, system.y
    if solver == "exact":
        found = intervals.solve(R.cpu().numpy(), y.cpu().numpy(), weight)
        return system.whole(torch.from_numpy(found).to(ctx.device))
    n = system.width
    eye = torch.eye(n, dtype=R.dtype, device=ctx.device)
    D = eye.diff(dim=0)
    inverse = torch.linalg.inv(R.T @ R + penalty * (D.T @ D + eye))
    start, inverse = y @ R @ inverse, penalty * inverse
    u = torch.zeros_like(start)
    z = u[:, 1:].clone()
    a, b = torch.zeros_like(z), torch.zeros_like(u)
    for step in ctx.steps(steps):
        inner = u - b
        inner[:, 1:] += z - a  # D^T (z - a)
        inner[:, :-1] -= z - a
        x = torch.addmm(start, inner, inverse)
        a += x.diff()
        z = softshrink(a, weight / penalty)
        a -= z
        b += x
        u = b.clamp_min(0)
        b -= u
        ctx.record(step, lambda: system.whole(u))
    return system.whole(u)
