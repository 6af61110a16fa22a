"""Handwritten digits: 1,797 pictures of 8 x 8, read from scikit-learn's file. SOURCES.md says what they are."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from benchmark.datasets.sources import SOURCES, Packaged
from benchmark.seeds import Split

CLASSES = 10


@cache
def load() -> tuple[Tensor, Tensor]:
    """Pictures (1797, 64) float64 in [0, 1], row by row, and the digits (1797,) int64 that they show."""
    source = SOURCES["digits"]
    assert isinstance(source, Packaged)
    table = torch.from_numpy(np.loadtxt(source.path("digits.csv.gz"), delimiter=","))
    return table[:, :64] / 16, table[:, 64].long()


def draw(K: int, count: int, split: Split, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """`count` pictures (K count, 64) of each of K digits chosen at random, mixed, and which of the K each shows. Every second
    picture of the file is for tests, the others for tuning. Raises ValueError where there are fewer.
    """
    pictures, digits = (part[split == "tuning" :: 2] for part in load())
    most = int(digits.bincount().min())
    if not (1 <= K <= CLASSES and 1 <= count <= most):
        raise ValueError(f"{count} pictures of {K} digits; there are {CLASSES} digits with {most} pictures or more")
    chosen = torch.randperm(CLASSES, generator=generator)[:K]
    places = [(digits == digit).nonzero()[:, 0] for digit in chosen]
    which = torch.cat([mine[torch.randperm(len(mine), generator=generator)[:count]] for mine in places])
    mixed = torch.randperm(len(which), generator=generator)
    return pictures[which[mixed]], torch.arange(K).repeat_interleave(count)[mixed]
