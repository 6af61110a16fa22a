"""A small network that learns to denoise, and generates: what training finds without being told that there are subspaces.

    F: (c_in x, sines and cosines of ln(sigma) / 4) -> width -> width -> width -> n, SiLU;    D, loss and sampler: EDM

One network for each draw, all trained at once by products of stacks of matrices. It stands in for the U-Net of the paper where
there is no GPU. Adam, 200 steps of warm-up, over the last 30 % the rate falls to 2 %.
Source: arXiv:2409.02426 (its code, a fork of EDM's); this network and its schedule are ours
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark import Context, Count, Distribution, Positive, method
from methods.subspaces._diffusion import train

_FREQUENCIES = 16
_WARM, _LAST, _END = 200, 0.3, 0.02


@method(
    "mlp_diffusion",
    solves="Distribution",
    kind="diffusion network",
    paper="arXiv:2409.02426",
    settings={
        "subspace_clustering/tiny": {"steps": 60, "width": 32},
        # Ten networks for each of 32 cells: steps for seconds and not for the 90 of 20,000
        "subspace_clustering/small": {"steps": 400, "width": 128, "batch": 64},
        "subspace_clustering/small_single": {"steps": 400, "width": 128, "batch": 64},
        "subspace_clustering/small_noise": {"steps": 400, "width": 128, "batch": 64},
        "subspace_clustering/small_digits": {"steps": 1000, "width": 128},
    },
)
def mlp_diffusion(
    problem: Distribution,
    ctx: Context,
    *,
    steps: Count = 20000,
    width: Count = 256,
    batch: Count = 128,
    lr: Positive = 1e-3,
) -> Tensor:
    B, _, n = problem.samples.shape
    network = Stack(B, [n + 2 * _FREQUENCIES, width, width, width, n], ctx.generator).to(ctx.device)

    def rate(step: int) -> float:
        left = (steps - step) / (_LAST * steps)
        return lr * min(1.0, (step + 1) / _WARM, _END + (1 - _END) * left)

    return train(problem, ctx, network, steps=steps, batch=batch, rate=rate)


class Stack(nn.Module):
    """B networks of one shape: x (B, P, n), c (B, P) -> (B, P, n)."""

    def __init__(self, B: int, sides: list[int], generator: torch.Generator) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for number, (inner, out) in enumerate(pairwise(sides)):
            last = number == len(sides) - 2
            bound = 0.0 if last else math.sqrt(3 / inner)  # begins with F = 0
            self.weights.append(nn.Parameter(bound * (2 * torch.rand(B, inner, out, generator=generator) - 1)))
            self.biases.append(nn.Parameter(torch.zeros(B, 1, out)))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        angles = c[..., None] * 2 ** (torch.arange(_FREQUENCIES, device=x.device) / 4 - 2)
        x = torch.cat([x, angles.sin(), angles.cos()], -1)
        for number, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(b, x, W)
            if number < len(self.weights) - 1:
                x = F.silu(x)
        return x
