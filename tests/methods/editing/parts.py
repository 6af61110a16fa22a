"""Pictures made of parts, with their exact prior: two boxes with a mode of their own each, and one mode that all shares."""

import torch
from torch import Tensor

from benchmark.priors.exact import Mixture
from benchmark.problems import Editing

SIDE = 8


def boxes() -> Tensor:
    """(2, SIDE, SIDE) bool."""
    found = torch.zeros(2, SIDE, SIDE, dtype=torch.bool)
    found[0, 1:4, 1:4] = True
    found[1, 5:7, 2:6] = True
    return found


def prior() -> Mixture:
    modes = torch.stack([0.5 * box.double().expand(3, SIDE, SIDE) for box in boxes()] + [torch.full((3, SIDE, SIDE), 0.3)])
    U, s, _ = torch.linalg.svd(modes.double().flatten(1).T, full_matrices=False)
    means = torch.zeros(2, 3, SIDE, SIDE, dtype=torch.float64)
    means[0, :, :, :4], means[1, :, :, 4:] = 0.3, 0.3
    both = torch.tensor([0.5, 0.5], dtype=torch.float64)
    return Mixture((3, SIDE, SIDE), means.flatten(1), U.expand(2, *U.shape), s.expand(2, 3), both, 0.02)


def problem(pictures: int = 1, strengths: tuple[float, ...] = (-2.0, -1.0, 0.0, 1.0, 2.0)) -> Editing:
    known = prior()
    drawn = known.draw(pictures, torch.Generator().manual_seed(3)).float()
    regions = boxes().expand(pictures, 2, SIDE, SIDE)
    return Editing(prior=known, pictures=drawn, regions=regions, strengths=strengths)
