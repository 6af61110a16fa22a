"""Pictures brought into the place of another, where what is measured does not tell their place."""

import torch
from torch import Tensor
from torch.nn import functional as F


def aligned(estimate: Tensor, truth: Tensor, pad: int) -> Tensor:
    """Of `estimate` (C, H, W) and itself turned by 180 degrees, each shifted circularly within a field of zeros, `pad` on each
    side: the one with the least squared error to `truth` (C, H, W) in that field, without its border. All channels move alike.

    Where two are as near, the one that is not turned, and the smallest shift down, then right.
    """
    field = [F.pad(one.double(), (pad,) * 4) for one in (truth, estimate, estimate.flip(-2, -1))]
    seen, *found = (torch.fft.rfft2(one) for one in field)
    size = field[0].shape[-2:]
    products = torch.stack([torch.fft.irfft2((seen * one.conj()).sum(0), s=size) for one in found])  # (2, H', W')
    turned, rest = divmod(int(products.argmax()), products[0].numel())
    shift = divmod(rest, size[1])
    best = F.pad(estimate.flip(-2, -1) if turned else estimate, (pad,) * 4).roll(shift, (-2, -1))
    return best[..., pad : pad + truth.shape[-2], pad : pad + truth.shape[-1]]
