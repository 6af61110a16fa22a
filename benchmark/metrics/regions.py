"""How well regions of pictures agree, and how much of numbers is read."""

import torch
from torch import Tensor


def region_iou(found: Tensor, true: Tensor, regions: int) -> Tensor:
    """Intersection over union of each region, over all pixels of all pictures; NaN for a region that is in neither.

    found, true: integer (N, H, W), places of regions in [0, regions). Returns float64 (regions,). Raises ValueError for
    another shape or a region out of range.
    """
    if found.shape != true.shape or found.ndim != 3 or not found.numel():
        raise ValueError(
            f"regions must be two tensors (N, H, W) of one shape, not {tuple(found.shape)} and {tuple(true.shape)}"
        )
    a, b = found.flatten().long(), true.flatten().long()
    if min(int(a.min()), int(b.min())) < 0 or max(int(a.max()), int(b.max())) >= regions:
        raise ValueError(f"regions must be in 0 to {regions - 1}")
    pairs = torch.bincount(regions * a + b, minlength=regions**2).reshape(regions, regions).double()
    both = pairs.diagonal()
    return both / (pairs.sum(0) + pairs.sum(1) - both)


def explained(found: Tensor, true: Tensor) -> Tensor:
    """R2 of each number: 1 - squared error / variance of the true ones. 1 is perfect, 0 what their mean scores.

    found, true: (N, n), N at least 2. Returns float64 (n,), NaN for a number that never changes. Raises ValueError for
    another shape.
    """
    if found.shape != true.shape or true.ndim != 2 or len(true) < 2:
        raise ValueError(f"numbers must be two tensors (N, n), N >= 2, not {tuple(found.shape)} and {tuple(true.shape)}")
    a, b = found.double(), true.double()
    variance = (b - b.mean(0)).square().mean(0)
    return torch.where(variance > 0, 1 - (a - b).square().mean(0) / variance, torch.nan)
