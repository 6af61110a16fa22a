"""Pictures as a generator may spoil them: noise, blur, shifted colours, checkerboards, and the blocks of a coarse code."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_BLOCK = 8


def worsened(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, W) in [0, 1], H and W multiples of 8: a third are left as they are, of the others each is spoilt in
    every way, by a strength that is mostly small.
    """
    count, _, height, width = pictures.shape

    def strength(most: float) -> Tensor:
        return most * torch.rand(count, 1, 1, 1, generator=generator) ** 2

    x = torch.lerp(pictures, _blurred(pictures), strength(1.0))
    x = torch.lerp(x, _blurred(_blurred(x)), strength(0.7))
    x = torch.lerp(x, _coded(x, 0.02 + strength(0.2)), (torch.rand(count, 1, 1, 1, generator=generator) < 0.3).float())
    gain, offset = (torch.randn(2, count, 3, 1, 1, generator=generator) * 0.02).unbind()
    x = x * (1 + gain) + offset
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    period = torch.where(torch.rand(count, 1, 1, 1, generator=generator) < 0.5, 1, 2)
    x = x + strength(0.05) * (1 - 2 * ((rows // period + columns // period) % 2))
    x = x + strength(0.08) * torch.randn(x.shape, generator=generator)
    kept = torch.rand(count, 1, 1, 1, generator=generator) < 1 / 3
    return torch.where(kept, pictures, x).clamp(0, 1)


def _blurred(x: Tensor) -> Tensor:
    kernel = x.new_tensor([1.0, 2.0, 1.0]) / 4
    weights = (kernel[:, None] * kernel).expand(3, 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weights, groups=3)


def _coded(x: Tensor, step: Tensor) -> Tensor:
    """Cosine coefficients of blocks of 8 x 8, rounded to multiples of a step (B, 1, 1, 1) that grows with the frequency."""
    k = torch.arange(_BLOCK, dtype=x.dtype)
    basis = torch.cos(math.pi / _BLOCK * (k + 0.5) * k[:, None]) * math.sqrt(2 / _BLOCK)
    basis[0] /= math.sqrt(2)
    count, channels, height, width = x.shape
    blocks = x.reshape(count, channels, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).transpose(3, 4)
    steps = step[..., None, None] * (1 + k[:, None] + k) / 4
    found = ((basis @ blocks @ basis.T) / steps).round() * steps
    return (basis.T @ found @ basis).transpose(3, 4).reshape(x.shape)
