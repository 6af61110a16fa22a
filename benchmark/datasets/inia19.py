"""T1 slices of the INIA19 template, a macaque's brain without its skull (average of 19), 168 x 168 pixels of 0.5 mm.

Axial ones for tests, coronal ones for tuning. Magnitude only.
"""

from functools import cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.datasets.sources import SOURCES, Asset

Orientation = Literal["axial", "coronal"]


@cache
def _arrays() -> dict[str, Tensor]:
    source = SOURCES["inia19"]
    assert isinstance(source, Asset)
    with np.load(source.path()) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def count(orientation: Orientation) -> int:
    """How many slices there are."""
    return len(_arrays()[orientation])


def position(orientation: Orientation, index: int) -> float:
    """How far the slice lies from the lower or the back end of the brain, in mm."""
    return float(_arrays()[f"{orientation}_position"][index])


def slice_image(orientation: Orientation, index: int, size: int) -> Tensor:
    """float32 (size, size), antialiased, maximum 1."""
    image = _arrays()[orientation][index]
    small = F.interpolate(image.float()[None, None], (size, size), mode="bilinear", antialias=True)[0, 0]
    return small / small.max()
