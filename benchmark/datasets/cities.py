"""The 800 most populous cities as points on the unit sphere. Every second one, the largest first, is for tuning."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from benchmark.datasets.sources import SOURCES, Asset
from benchmark.seeds import Split


@cache
def _directions() -> Tensor:
    source = SOURCES["cities"]
    assert isinstance(source, Asset)
    with np.load(source.path()) as file:
        latitude, longitude = np.deg2rad(file["degrees"]).T
    return torch.from_numpy(
        np.stack([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], -1)
    )


def draw(count: int, split: Split, generator: torch.Generator) -> Tensor:
    """float64 (count, 3): different cities as unit vectors from the Earth's centre. Raises ValueError for more than 400."""
    chosen = _directions()[0 if split == "test" else 1 :: 2]
    if count > len(chosen):
        raise ValueError(f"n = {count}, but there are {len(chosen)} cities for each of tests and tuning")
    return chosen[torch.randperm(len(chosen), generator=generator)[:count]]
