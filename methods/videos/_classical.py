"""What descriptors of motion that learn nothing share."""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmark import Context

_LUMA = (0.299, 0.587, 0.114)
_PIXELS = 2**24  # at once


def luma(clips: Tensor, ctx: Context) -> Iterator[Tensor]:
    """Brightness in [0, 1] on the device, some videos at once: uint8 (n, T, H, W, 3) -> float32 (some, T, H, W)."""
    weights = torch.tensor(_LUMA, device=ctx.device) / 255
    for some in torch.split(clips, max(1, _PIXELS // clips[0].numel())):
        yield some.to(ctx.device).float() @ weights
