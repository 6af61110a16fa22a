"""Non-negative least squares with total variation: piecewise constant spectra, at the minimum.

    x_hat = argmin_{x >= 0} 1/2 ||R x - y||^2 + weight sum_j |x_{j+1} - x_j|       R / max R, y / max y

`exact` ends at the minimum, with proof (methods/spectra/_intervals.py). `admm` splits z = D x and u = x,

    x = (R^T R + penalty (D^T D + I))^-1 (R^T y + penalty (D^T (z - a) + u - b))
    z = shrink(D x + a, weight / penalty),  a += D x - z        u = max(0, x + b),  b += x - u

from x = 0 until the duality gap is at most `gap` of the objective, or the steps are spent. Either says how far it ended from
the minimum: the trait `duality_gap`, which bounds (objective - minimum) / objective. The inverse is one for all spectra of a
device; it is made before them, as what the method learns. What ADMM is after 20 steps of a small penalty has a name of its own,
`stopped_smoother`: total variation has not entered there.
Source: Boyd et al., Foundations and Trends in Machine Learning 3 (2011), for ADMM. The paper's solver is not published
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from benchmark import Context, Count, LinearInverse, Positive, method
from benchmark.datasets.line_spectra import SimulatedSpectra
from methods._convergence import until_converged
from methods.spectra import _intervals as intervals
from methods.spectra._system import System, smoothing_inverse


def factorise(
    training: SimulatedSpectra, ctx: Context, *, penalty: Positive = 3e-4, upto: Positive = 650.0
) -> dict[str, Tensor]:
    return {"inverse": smoothing_inverse(training.matrix, training.wavelengths, penalty, upto)}


def how_near(problem: LinearInverse, given: Mapping[str, Any], kept: Mapping[str, Tensor]) -> dict[str, float]:
    """The trait of a run that kept `gap` (B,), the relative duality gap of each spectrum."""
    return {"duality_gap": kept["gap"].max().item()}


@method(
    "nnls_tv",
    solves="LinearInverse",
    kind="classical",
    paper="arXiv:2403.12354",
    needs=("spectrum",),
    fit=factorise,
    traits=how_near,
    search={"*": {"weight": (1e-8, 1e-3, "log")}},
    # Lowest mean RMSE over the tuning instances of small among weights 1e-8 to 1e-3.
    settings={"spectral": {"weight": 1e-6}},
)
def nnls_tv(
    problem: LinearInverse,
    ctx: Context,
    learnt: dict[str, Tensor],
    *,
    solver: Literal["exact", "admm"] = "exact",
    weight: Positive = 1e-4,
    penalty: Positive = 3e-4,
    steps: Count = 20000,
    gap: Positive = 1e-3,
    upto: Positive = 650.0,
) -> Tensor:
    system = System(problem, upto)
    R, y = system.R, system.y

    def gaps(x: Tensor) -> Tensor:
        return torch.from_numpy(intervals.gap(R.cpu().numpy(), y.cpu().numpy(), weight, x.cpu().numpy()))

    if solver == "exact":
        u = torch.from_numpy(intervals.solve(R.cpu().numpy(), y.cpu().numpy(), weight)).to(ctx.device)
        ctx.keep("gap", gaps(u))
        return system.whole(u)
    start, inverse = y @ R @ learnt["inverse"], penalty * learnt["inverse"]
    u = torch.zeros_like(start)
    z = u[:, 1:].clone()
    a, b = torch.zeros_like(z), torch.zeros_like(u)
    for step in until_converged(ctx, steps, lambda: bool((gaps(u) <= gap).all())):
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
    ctx.keep("gap", gaps(u))
    return system.whole(u)
