"""U-Net of the deep-image-prior papers, with configurable width and depth.

    u (B, in, H, W)  ->  f(u) (B, out, H, W)

Block: [3x3 conv, norm, ReLU] twice.  Down: 2x2 max pooling, block.  Up: bilinear x2, concatenate with the skip,
block whose middle width is half its input.  Head: 1x1 conv, linear.  Widths double down to the last level, which keeps the
width of the one above it.  The papers' batch norm, always in training mode on a batch of one, is written as a group norm with
one channel a group: the same numbers for one image, and images stacked along B keep statistics of their own.
Source: the architecture of arXiv:2402.04097 (width 64, depth 5 is the 69.2 M network of its demonstration).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Block(nn.Sequential):
    """(B, a, H, W) -> (B, c, H, W) through b channels."""

    def __init__(self, a: int, b: int, c: int) -> None:
        layers: list[nn.Module] = []
        for before, after in ((a, b), (b, c)):
            layers += [
                nn.Conv2d(before, after, 3, padding=1),
                nn.GroupNorm(after, after),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class UNet(nn.Module):
    """U-Net with `depth` poolings and `width` channels at full size.

    Sizes that `2**depth` does not divide are allowed: what pooling cut off is padded with zeros on the way up.
    """

    def __init__(self, channels_in: int, channels_out: int, width: int, depth: int) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth)]
        widths.append(widths[-1])
        self.inlet = Block(channels_in, width, width)
        self.down = nn.ModuleList(Block(a, b, b) for a, b in pairwise(widths))
        self.up = nn.ModuleList(
            Block(2 * a, a, widths[max(level - 1, 0)]) for level, a in reversed(list(enumerate(widths[:-1])))
        )
        self.head = nn.Conv2d(width, channels_out, 1)

    def forward(self, u: Tensor) -> Tensor:  # (B, in, H, W) -> (B, out, H, W)
        skips = [self.inlet(u)]
        for block in self.down:
            skips.append(block(F.max_pool2d(skips[-1], 2)))
        u = skips.pop()
        for block in self.up:
            skip = skips.pop()
            u = F.interpolate(u, scale_factor=2, mode="bilinear", align_corners=True)
            short_h, short_w = skip.shape[-2] - u.shape[-2], skip.shape[-1] - u.shape[-1]
            if short_h or short_w:
                u = F.pad(u, (short_w // 2, short_w - short_w // 2, short_h // 2, short_h - short_h // 2))
            u = block(torch.cat([skip, u], dim=1))
        out: Tensor = self.head(u)
        return out


def unet(
    channels_in: int, channels_out: int, *, width: int, depth: int, generator: torch.Generator, device: torch.device
) -> UNet:
    """A U-Net initialised from `generator` alone: conv weights ~ N(0, 0.02^2), norm gains ~ N(1, 0.02^2), biases 0.

    Drawn on the CPU, so that the weights are the same on every device. Layout: contiguous on the CPU, where it was measured
    faster for these widths (tests/performance/dip_step.py); channels-last elsewhere, as tensor cores want it.
    """
    with torch.device("meta"):  # PyTorch's own initialisation would draw from the global generator
        net = UNet(channels_in, channels_out, width, depth)
    net = net.to_empty(device="cpu")
    for part in net.modules():
        if isinstance(part, nn.Conv2d | nn.GroupNorm):
            centre = 0.0 if isinstance(part, nn.Conv2d) else 1.0
            nn.init.normal_(part.weight, centre, 0.02, generator=generator)
            assert part.bias is not None
            nn.init.zeros_(part.bias)
    if device.type != "cpu":
        net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's stub lacks it
    return net
