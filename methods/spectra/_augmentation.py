"""Pairs of photocurrents and spectra for learning: the augmentation in two levels, and what a network sees of photocurrents.

    level 1, matrix: R_m = R * (1 + 0.05 G_m), m = 1..M, shared by all spectra of a batch        y = R_m x
    level 2, signal: y + 1e-5 max(0, n), N copies                                                G, n standard normal
Source: arXiv:2403.12354
"""

from typing import Literal

import torch
from torch import Tensor

from benchmark import Context
from benchmark.datasets.line_spectra import SimulatedSpectra

Augmentation = Literal["none", "matrix", "signal", "both"]
Input = Literal["log", "maximum"]
_ENTRIES, _NOISE = 0.05, 1e-5
_FLOOR = 1e-15


def pairs(training: SimulatedSpectra, ctx: Context, count: int, level: Augmentation, M: int, N: int) -> tuple[Tensor, Tensor]:
    """Photocurrents (rows, d) and spectra (rows, n) float32 of `count` new spectra, M and N times each where they are used."""
    x = training.draw(count)
    R = training.matrix.float()
    if level in ("matrix", "both"):
        Rs = R * (1 + _ENTRIES * ctx.randn(M, *R.shape))
        y = torch.cat([x @ R_m.T for R_m in Rs])
        x = x.repeat(M, 1)
    else:
        y = x @ R.T
    if level in ("signal", "both"):
        y, x = y.repeat(N, 1), x.repeat(N, 1)
        y = y + _NOISE * ctx.randn(*y.shape).clamp_min(0)
    return y, x


def normalised(y: Tensor, how: Input) -> Tensor:
    """(..., d) from 0 to 1: logarithms between their smallest and largest, or shares of the largest; never NaN."""
    if how == "maximum":
        return y / y.amax(-1, keepdim=True).clamp_min(_FLOOR)
    log = y.clamp_min(_FLOOR).log()
    low, high = log.aminmax(dim=-1, keepdim=True)
    return (log - low) / (high - low + _FLOOR)
