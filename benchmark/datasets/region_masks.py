"""Regions of a user's photographs: masks in files PHOTOGRAPH_REGION.png, white where the region is, as in CelebAMask-HQ.

00012_l_eye.png is the region l_eye of 12.jpg: zeros at the beginning of a number say nothing.
"""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.datasets import pictures
from benchmark.errors import UserError


def regions(photograph: Path, files: list[Path], size: int) -> dict[str, Tensor]:
    """By name, bool (size, size): the regions of a photograph, cut to its central square as the photograph is.

    Raises UserError where it has none, and for a mask of another shape than the photograph, or that is empty or all of the
    square.
    """
    found = {}
    for file in files:
        name, _, region = file.stem.partition("_")
        if region and _plain(name) == _plain(photograph.stem):
            found[region] = _mask(file, photograph, size)
    if not found:
        raise UserError(f"{photograph.name} has no mask: put the region mouth of it into masks/{photograph.stem}_mouth.png")
    return found


def _plain(name: str) -> str:
    return name.lstrip("0") or "0"


def _mask(file: Path, photograph: Path, size: int) -> Tensor:
    mask = torch.from_numpy(pictures.read(file)).mean(2)  # (H, W)
    height, width, _ = pictures.read(photograph).shape
    if abs(mask.shape[1] * height / (mask.shape[0] * width) - 1) > 0.02:
        raise UserError(f"{file.name} has {mask.shape[1]} x {mask.shape[0]} pixels, {photograph.name} {width} x {height}")
    side = min(mask.shape)
    top, left = (mask.shape[0] - side) // 2, (mask.shape[1] - side) // 2
    square = mask[None, None, top : top + side, left : left + side]
    found: Tensor = F.interpolate(square, (size, size), mode="bilinear", antialias=True)[0, 0] > 0.5
    if not bool(found.any()) or bool(found.all()):
        raise UserError(f"{file.name} marks {'all' if bool(found.any()) else 'nothing'} of the central square")
    return found
