"""T1 slices of the Colin27 head (one subject, average of 27 scans), 224 x 224 pixels of 1 mm. Magnitude only.

Orientations: axial for tests, coronal for tuning, sagittal for training, so that no test slice has a neighbour elsewhere.
Methods that learn also get the references: see `training_images`.
"""

from functools import cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.datasets.sources import SOURCES, Asset

Orientation = Literal["axial", "coronal", "sagittal"]
REFERENCE_DISTANCE = 6  # mm between a slice and its reference


@cache
def _arrays() -> dict[str, Tensor]:
    source = SOURCES["colin27"]
    assert isinstance(source, Asset)
    with np.load(source.path()) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def count(orientation: Orientation) -> int:
    """How many slices there are."""
    return len(_arrays()[orientation])


def position(orientation: Orientation, index: int) -> int:
    """Where the slice lies in the volume, in mm."""
    return int(_arrays()[f"{orientation}_position"][index])


def slice_image(orientation: Orientation, index: int, size: int, *, reference: bool = False) -> Tensor:
    """float32 (size, size), antialiased, maximum 1. With `reference`, the slice 6 mm further on (not for sagittal ones)."""
    image = _arrays()[f"{orientation}_reference" if reference else orientation][index]
    small = F.interpolate(image.float()[None, None], (size, size), mode="bilinear", antialias=True)[0, 0]
    return small / small.max()


def training_images(size: int) -> Tensor:
    """float32 (46, size, size), each as of `slice_image`: the sagittal slices, and the references of the axial and the coronal
    ones. So a slice that is parallel to one for tests or tuning is 6 mm from it or more; a sagittal one crosses it in a line.
    """
    sagittal = [slice_image("sagittal", number, size) for number in range(count("sagittal"))]
    crossing: tuple[Orientation, ...] = ("axial", "coronal")
    parallel = [slice_image(one, number, size, reference=True) for one in crossing for number in range(count(one))]
    return torch.stack(sagittal + parallel)
