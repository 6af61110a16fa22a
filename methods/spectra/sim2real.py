"""Sim2Real: a network that learns on simulated spectra, seen through the device's matrix, to invert it in one pass.

    theta = argmin E || f_theta(u(y)) - x ||^2 / n       u = (log y - min log y) / (max log y - min log y)
    x_hat = f(u(y)) / max f(u(y)),  clipped to [0, 1]

(y, x) are pairs of augmented photocurrents and simulated spectra (methods/spectra/_augmentation.py), new ones at each step.
The paper's: the input, the loss, the augmentation, 256 spectra with 2 x 4 copies a step, Adam at 3e-4, 20,000 steps, the last
iterate, the sigmoid at the end (read off a file's name). Its layers are not published: `mlp` (16-256-512-512-301, ReLU) and
`conv` (16-256-301 x 4, then convolutions over wavelength) are this suite's, as are the shorter training of small* (32 spectra
a step and a cosine schedule) and the input `maximum`.
Source: arXiv:2403.12354
"""

from itertools import pairwise
from math import cos, pi, prod
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, Count, LinearInverse, Positive, method
from benchmark.datasets.line_spectra import SimulatedSpectra
from methods.spectra._augmentation import normalised, pairs

Network = Literal["mlp", "conv"]
_HIDDEN = {"mlp": (256, 512, 512), "conv": (256,)}
_MAPS, _CHANNELS, _SIDE = 4, (32, 32, 32, 1), 9  # of `conv`: what its linear layers give, its convolutions


def initial(network: Network, d: int, n: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Weights by layer, PyTorch's usual start: U(-b, b) with b = 1 / sqrt(fan in)."""
    sizes = (d, *_HIDDEN[network], n if network == "mlp" else _MAPS * n)
    shapes: list[tuple[int, ...]] = [(after, before) for before, after in pairwise(sizes)]
    if network == "conv":
        shapes += [(after, before, _SIDE) for before, after in pairwise((_MAPS, *_CHANNELS))]
    found = {}
    for number, shape in enumerate(shapes):
        bound = prod(shape[1:]) ** -0.5
        for name, part in (("weight", shape), ("bias", shape[:1])):
            found[f"{number}.{name}"] = torch.empty(part).uniform_(-bound, bound, generator=generator)
    return found


def forward(network: Network, weights: dict[str, Tensor], u: Tensor) -> Tensor:
    """Spectra (rows, n) in (0, 1) from inputs (rows, d)."""
    x, last, linear = u, len(weights) // 2 - 1, len(_HIDDEN[network]) + 1
    for number in range(last + 1):
        weight, bias = weights[f"{number}.weight"], weights[f"{number}.bias"]
        if number < linear:
            x = F.linear(x, weight, bias)
        else:
            x = F.conv1d(x.view(len(u), weight.shape[1], -1), weight, bias, padding=_SIDE // 2)
        if number < last and (network == "mlp" or number != linear - 1):  # the maps themselves may be negative
            x = x.relu()
    return x.view(len(u), -1).sigmoid()


def train(
    training: SimulatedSpectra,
    ctx: Context,
    *,
    augmentation: Literal["none", "matrix", "signal", "both"] = "both",
    input: Literal["log", "maximum"] = "log",
    network: Literal["mlp", "conv"] = "mlp",
    batch: Count = 256,
    matrices: Count = 2,
    signals: Count = 4,
    lr: Positive = 3e-4,
    schedule: Literal["constant", "cosine"] = "constant",
    steps: Count = 20000,
) -> dict[str, Tensor]:
    d, n = training.matrix.shape
    weights = {name: x.to(ctx.device).requires_grad_() for name, x in initial(network, d, n, ctx.generator).items()}
    optimiser = torch.optim.Adam(weights.values(), lr=lr, fused=True)
    for step in ctx.steps(steps):
        if schedule == "cosine":
            optimiser.param_groups[0]["lr"] = lr * (1 + cos(pi * step / steps)) / 2
        y, x = pairs(training, ctx, batch, augmentation, matrices, signals)
        loss = (forward(network, weights, normalised(y, input)) - x).square().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        ctx.record(step, loss)
    return weights


@method(
    "sim2real",
    solves="LinearInverse",
    kind="learned from simulation",
    paper="arXiv:2403.12354",
    needs=("spectrum",),
    fit=train,
    search={"*": {"lr": (3e-4, 1e-2, "log"), "input": ["log", "maximum"]}},
    settings={
        "spectral/tiny": {"batch": 16, "lr": 2e-3, "schedule": "cosine", "steps": 60},
        "spectral/small*": {"batch": 32, "lr": 2e-3, "schedule": "cosine", "steps": 4000},
    },
)
def sim2real(
    problem: LinearInverse,
    ctx: Context,
    weights: dict[str, Tensor],
    *,
    input: Literal["log", "maximum"] = "log",
    network: Literal["mlp", "conv"] = "mlp",
) -> Tensor:
    x = forward(network, weights, normalised(problem.y, input).float())
    return (x / x.amax(-1, keepdim=True)).clamp(0, 1).to(problem.A.dtype)
