"""Ridge map: the best linear map from photocurrents to spectra, learnt from the pairs that the network learns from.

    W, b = argmin E || u(y) W + b - x ||^2 + weight ||W||^2        x_hat = u(y) W + b,  then >= 0

u(y) is what the network sees (logarithms between their smallest and largest), or y over its maximum.
Source: Hoerl, Kennard, Technometrics 12 (1970); pairs as in arXiv:2403.12354
"""

from typing import Literal

import torch
from torch import Tensor

from benchmark import Context, Count, LinearInverse, Positive, method
from benchmark.datasets.line_spectra import SimulatedSpectra
from methods.spectra._augmentation import normalised, pairs

_AT_ONCE = 250  # spectra


def regress(
    training: SimulatedSpectra,
    ctx: Context,
    *,
    augmentation: Literal["none", "matrix", "signal", "both"] = "both",
    input: Literal["log", "maximum"] = "log",
    weight: Positive = 1e-4,
    spectra: Count = 20000,
) -> dict[str, Tensor]:
    d, n = training.matrix.shape
    gram = torch.zeros(d + 1, d + 1, dtype=torch.float64, device=ctx.device)
    right = torch.zeros(d + 1, n, dtype=torch.float64, device=ctx.device)
    rows = 0
    for _ in ctx.steps(-(-spectra // _AT_ONCE)):
        y, x = pairs(training, ctx, _AT_ONCE, augmentation, 2, 4)
        u = torch.nn.functional.pad(normalised(y, input), (0, 1), value=1.0).double()
        gram += u.T @ u
        right += u.T @ x.double()
        rows += len(u)
    if rows:
        gram, right = gram / rows, right / rows
    penalty = weight * torch.ones(d + 1, dtype=torch.float64, device=ctx.device)
    penalty[-1] = 1e-12  # the offset is free
    return {"map": torch.linalg.solve(gram + penalty.diag(), right)}


@method(
    "ridge_map",
    solves="LinearInverse",
    kind="learned from simulation",
    paper="doi:10.1080/00401706.1970.10488634",
    needs=("spectrum",),
    fit=regress,
    search={"*": {"input": ["log", "maximum"], "weight": (1e-9, 1e-2, "log")}},
    # Lowest mean RMSE over the tuning instances of small among both inputs and weights 1e-9 to 1e-2; below 1e-7 all are equal.
    settings={"spectral": {"weight": 1e-8}, "spectral/tiny": {"spectra": 1000}},
)
def ridge_map(
    problem: LinearInverse, ctx: Context, learnt: dict[str, Tensor], *, input: Literal["log", "maximum"] = "log"
) -> Tensor:
    u = torch.nn.functional.pad(normalised(problem.y, input), (0, 1), value=1.0)
    found: Tensor = (u @ learnt["map"]).clamp_min(0)
    return found
