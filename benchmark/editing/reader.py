"""The numbers of a face, read off its picture: a small network on the picture and on what the parser says is where.

    picture (3, 64, 64), shares of regions (8, 64, 64) -> the 37 numbers of benchmark/datasets/face_law.py

It gives numbers in standard deviations over faces, from their mean. Not all of them can be seen in so small a picture: the card
(shipped.py) says of each how much of its variance is read, and which count.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.datasets.face_colour import REGIONS
from benchmark.datasets.face_law import NAMES
from benchmark.editing.parser import convolved

SIDE = 64  # of the pictures it reads
_WIDTHS = (32, 48, 64, 64)


class Reader(nn.Module):
    """forward: pictures float32 (B, 3, 64, 64) in [0, 1] and shares (B, 8, 64, 64) -> (B, 37), of mean 0 and deviation 1."""

    def __init__(self, widths: tuple[int, int, int, int] = _WIDTHS) -> None:
        super().__init__()
        before = (4 * (3 + len(REGIONS)), *widths)
        self.seen = nn.Sequential(*(convolved(a, b, 1 if i == 0 else 2) for i, (a, b) in enumerate(zip(before, widths))))
        self.told = nn.Sequential(nn.Linear(widths[-1] * 16, 128), nn.ReLU(), nn.Linear(128, len(NAMES)))

    def forward(self, pictures: Tensor, shares: Tensor) -> Tensor:
        folded = F.pixel_unshuffle(torch.cat([pictures - 0.5, shares], 1), 2)
        found: Tensor = self.told(self.seen(folded).flatten(1))  # of (B, 64, 4, 4)
        return found
