"""Non-negative least squares with total variation: piecewise constant spectra.

    x_hat = argmin_{x >= 0} 1/2 ||R x - y||^2 + weight sum_j |x_{j+1} - x_j|       R / max R, y / max y

`exact` ends at the minimum, with proof (methods/spectra/_intervals.py). `admm` splits z = D x and u = x,

    x = (R^T R + penalty (D^T D + I))^-1 (R^T y + penalty (D^T (z - a) + u - b))
    z = shrink(D x + a, weight / penalty),  a += D x - z        u = max(0, x + b),  b += x - u

from x = 0 and is stopped far from the minimum: it adds detail step by step, so that stopping early smooths the spectrum. The
minimum itself is a staircase, and further from the truth. The inverse is one for all spectra of a device; it is made before
them, as what the method learns.
Source: Boyd et al., Foundations and Trends in Machine Learning 3 (2011), for ADMM. The paper's solver is not published
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from benchmark import Context, Count, LinearInverse, Positive, method
from benchmark.datasets.line_spectra import SimulatedSpectra
from methods.spectra import _intervals as intervals
from methods.spectra._system import System, scaled


def factorise(
    training: SimulatedSpectra, ctx: Context, *, penalty: Positive = 3e-4, upto: Positive = 650.0
) -> dict[str, Tensor]:
    R = scaled(training.matrix, training.wavelengths, upto)
    eye = torch.eye(R.shape[1], dtype=R.dtype, device=ctx.device)
    D = eye.diff(dim=0)
    return {"inverse": torch.linalg.inv(R.T @ R + penalty * (D.T @ D + eye))}


@method(
    "nnls_tv",
    solves="LinearInverse",
    kind="classical",
    paper="arXiv:2403.12354",
    needs=("spectrum",),
    fit=factorise,
    # Lowest mean RMSE over the tuning instances of small among weights 1e-8 to 1e-3, penalties 1e-4 to 10, 10 to 1000 steps;
    # with 20 steps 3e-5 and a penalty of 1e-4 are as good. At the exact minimum 1e-6 is best, and 10 % worse.
    settings={"spectral": {"weight": 1e-4, "penalty": 3e-4, "steps": 20}},
)
def nnls_tv(
    problem: LinearInverse,
    ctx: Context,
    learnt: dict[str, Tensor],
    *,
    solver: Literal["admm", "exact"] = "admm",
    weight: Positive = 1e-4,
    penalty: Positive = 3e-4,
    steps: Count = 20,
    upto: Positive = 650.0,
) -> Tensor:
    system = System(problem, upto)
    R, y = system.R, system.y
    if solver == "exact":
        found = intervals.solve(R.cpu().numpy(), y.cpu().numpy(), weight)
        return system.whole(torch.from_numpy(found).to(ctx.device))
    start, inverse = y @ R @ learnt["inverse"], penalty * learnt["inverse"]
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
