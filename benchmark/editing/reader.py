"""The numbers of a face, read off the statistics of the regions that the parser finds in its picture.

    picture (3, H, W), shares of regions (8, H, W) -> statistics (112,) -> the 37 numbers of benchmark/datasets/face_law.py

Of each region: its size, middle, spread and colour, and how colour goes with place. Lines already read most numbers from these,
a hidden layer some more. It gives numbers in standard deviations over faces, from their mean. Not all can be seen in a picture
of 64 x 64: the card (shipped.py) says which are read.
"""

import torch
from torch import Tensor, nn

from benchmark.datasets.face_colour import REGIONS
from benchmark.datasets.face_law import NAMES

SIDE = 64  # of the pictures it reads
_STATISTICS = 14  # of a region


def statistics(pictures: Tensor, shares: Tensor) -> Tensor:
    """float32 (B, 8 * 14), of each region of shares (B, 8, H, W): the root of its share of the picture; its middle and its
    covariance; its mean distance from the middle line of the face and how that goes with height; its mean colour, and how its
    brightness goes with place. Places are right and down, in halves of a picture from the centre; the middle line is where the
    nose is.
    """
    shares, pictures = shares.float().flatten(2), pictures.float()
    height, width = pictures.shape[2:]
    down = torch.linspace(-1, 1, height, device=shares.device)[:, None].expand(height, width).flatten()
    right = torch.linspace(-1, 1, width, device=shares.device).expand(height, width).flatten()
    nose = shares[:, REGIONS.index("nose")] + 1e-3
    middle = (nose * right).sum(1, keepdim=True) / nose.sum(1, keepdim=True)
    wide, one = (right - middle).abs(), torch.ones_like(nose)  # (B, P)
    x, y, light = right * one, down * one, pictures.mean(1).flatten(1)
    moments = [one, x, y, wide, light, x * x, x * y, y * y, wide * y, light * x, light * y, light * wide]
    total = torch.einsum("brp,bkp->brk", shares, torch.cat([torch.stack(moments, 1), pictures.flatten(2)], 1))
    size = total[..., :1] + 1.0  # a pixel more, so that a region of nothing has no wild middle
    x, y, wide, light, xx, xy, yy, wy, lx, ly, lw, *colour = (total[..., 1:] / size).unbind(2)
    own = [xx - x * x, xy - x * y, yy - y * y, wy - wide * y, lx - light * x, ly - light * y, lw - light * wide]
    share = (total[..., 0].clamp(min=0) / (height * width)).sqrt()
    return torch.stack([share, x, y, wide, *own, *colour], 2).flatten(1)


class Reader(nn.Module):
    """forward: pictures float32 (B, 3, H, W) in [0, 1] and shares (B, 8, H, W) -> (B, 37), of mean 0 and deviation 1."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        numbers = len(REGIONS) * _STATISTICS
        self.even = nn.BatchNorm1d(numbers, affine=False)
        self.straight = nn.Linear(numbers, len(NAMES))
        self.bent = nn.Sequential(nn.Linear(numbers, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, len(NAMES)))

    def forward(self, pictures: Tensor, shares: Tensor) -> Tensor:
        return self.told(statistics(pictures, shares))

    def told(self, known: Tensor) -> Tensor:
        """(B, 37) of statistics (B, 112)."""
        even = self.even(known)
        found: Tensor = self.straight(even) + self.bent(even)
        return found
