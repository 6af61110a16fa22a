"""Smoothing by stopping early: non-negative least squares whose differences are driven to zero, ended long before they are.

    min over x >= 0 of  1/2 ||R x - y||^2   subject to  D x = 0,     by ADMM from x = 0        R / max R, y / max y

    x = (R^T R + penalty (D^T D + I))^-1 (R^T y + penalty (u - b - D^T a)),    a += D x    u = max(0, x + b),  b += x - u

At its end it would be the best constant spectrum. It is stopped after a few steps, where the quadratic term has smoothed the
spectrum and the multipliers a have not yet flattened it: `steps` is what regularises. With a finite weight of total variation,
as in `nnls_tv --set solver=admm`, the same steps follow as long as every |D x + a| is below weight / penalty.
Source: Boyd et al., Foundations and Trends in Machine Learning 3 (2011), for ADMM; the use of its first steps is this suite's
"""

import torch
from torch import Tensor

from benchmark import Context, Count, LinearInverse, Positive, method
from benchmark.datasets.line_spectra import SimulatedSpectra
from methods.spectra._system import System, smoothing_inverse


def factorise(
    training: SimulatedSpectra, ctx: Context, *, penalty: Positive = 3e-4, upto: Positive = 650.0
) -> dict[str, Tensor]:
    return {"inverse": smoothing_inverse(training.matrix, training.wavelengths, penalty, upto)}


@method(
    "stopped_smoother",
    solves="LinearInverse",
    kind="classical",
    paper="doi:10.1561/2200000016",
    needs=("spectrum",),
    fit=factorise,
    search={"*": {"penalty": (1e-5, 1e-1, "log"), "steps": (5, 200, "log")}},
)
def stopped_smoother(
    problem: LinearInverse,
    ctx: Context,
    learnt: dict[str, Tensor],
    *,
    penalty: Positive = 3e-4,
    steps: Count = 20,
    upto: Positive = 650.0,
) -> Tensor:
    """Non-negative least squares smoothed by the first steps of ADMM"""
    system = System(problem, upto)
    start, inverse = system.y @ system.R @ learnt["inverse"], penalty * learnt["inverse"]
    u = torch.zeros_like(start)
    a, b = torch.zeros_like(u[:, 1:]), torch.zeros_like(u)
    for step in ctx.steps(steps):
        inner = u - b
        inner[:, 1:] -= a  # - D^T a
        inner[:, :-1] += a
        x = torch.addmm(start, inner, inverse)
        a += x.diff()
        b += x
        u = b.clamp_min(0)
        b -= u
        ctx.record(step, lambda: system.whole(u))
    return system.whole(u)
