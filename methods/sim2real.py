"""Sim2Real: a network that learns on simulated spectra, seen through the device's matrix, to invert it in one pass.

    theta = argmin E || f_theta(u(y)) - x ||^2 / n       u = (log y - min log y) / (max log y - min log y)
    x_hat = f(u(y)) / max f(u(y)),  clipped to [0, 1]

(y, x) are pairs of augmented photocurrents and simulated spectra (methods/spectral/augmentation.py), new ones at each step.
The paper's: the input, the loss, the augmentation, 256 spectra with 2 x 4 copies a step, Adam at 3e-4, 20,000 steps, the last
iterate, the sigmoid at the end (read off a file's name). Its layers are not published: `mlp` (16-256-512-512-301, ReLU) and
`conv` (16-256-301 x 4, then convolutions over wavelength) are this suite's, as are the shorter training of small* (32 spectra
a step and a cosine schedule) and the input `maximum`.
Source: arXiv:2403.12354
"""

from itertools import pairwise
from math import cos, pi
from typing import Literal

import torch
from torch import Tensor, nn

from benchmark import Context, Count, LinearInverse, Positive, method
from benchmark.datasets.line_spectra import SimulatedSpectra
from methods.spectral.augmentation import normalised, pairs

Network = Literal["mlp", "conv"]


class Conv(nn.Module):
    """(rows, d) to (rows, n): two linear layers to 4 channels over wavelength, then convolutions of 9 points."""

    def __init__(self, inputs: int, outputs: int, channels: int = 32) -> None:
        super().__init__()
        self.start = nn.Sequential(nn.Linear(inputs, 256), nn.ReLU(), nn.Linear(256, 4 * outputs))
        sizes = [4, channels, channels, channels]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Conv1d(before, after, 9, padding=4), nn.ReLU()]
        self.over = nn.Sequential(*layers, nn.Conv1d(channels, 1, 9, padding=4), nn.Sigmoid())
        self.outputs = outputs

    def forward(self, u: Tensor) -> Tensor:
        found: Tensor = self.over(self.start(u).view(-1, 4, self.outputs))[:, 0]
        return found


def build(network: Network, inputs: int, outputs: int) -> nn.Module:
    """A network (rows, inputs) to (rows, outputs) in (0, 1), without memory for its weights."""
    with torch.device("meta"):
        if network == "conv":
            return Conv(inputs, outputs)
        sizes = [inputs, 256, 512, 512, outputs]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        return nn.Sequential(*layers[:-1], nn.Sigmoid())


def draw(network: nn.Module, generator: torch.Generator) -> None:
    """PyTorch's usual start, U(-b, b) with b = 1 / sqrt(fan in), from a generator."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d):
            bound = layer.weight[0].numel() ** -0.5
            for part in (layer.weight, layer.bias):
                assert part is not None
                nn.init.uniform_(part, -bound, bound, generator=generator)


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
    f = build(network, d, n).to_empty(device="cpu")
    draw(f, ctx.generator)
    f = f.to(ctx.device)
    optimiser = torch.optim.Adam(f.parameters(), lr=lr, fused=True)
    for step in ctx.steps(steps):
        if schedule == "cosine":
            optimiser.param_groups[0]["lr"] = lr * (1 + cos(pi * step / steps)) / 2
        y, x = pairs(training, ctx, batch, augmentation, matrices, signals)
        loss = (f(normalised(y, input)) - x).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        ctx.record(step, loss)
    return f.state_dict()


@method(
    "sim2real",
    solves="LinearInverse",
    kind="learned from simulation",
    paper="arXiv:2403.12354",
    needs=("spectrum",),
    fit=train,
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
    A = problem.A
    f = build(network, A.data_shape[-1], A.shape[-1])
    f.load_state_dict(weights, assign=True)
    with torch.no_grad():
        x: Tensor = f(normalised(problem.y, input).float())
        return (x / x.amax(-1, keepdim=True)).clamp(0, 1).to(A.dtype)
