"""How large the updates of a network are: the singular values of what was added to each weight."""

from collections.abc import Iterable

import torch
from torch import Tensor


@torch.no_grad()
def singular_values(sides: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """The singular values of products left (out, r) @ right (r, in), one product a layer: (layers, k), descending, padded with
    zeros.
    """
    found = []
    for left, right in sides:
        first, second = torch.linalg.qr(left.double()).R, torch.linalg.qr(right.double().T).R
        found.append(torch.linalg.svdvals(first @ second.T))
    return _stacked(found)


@torch.no_grad()
def singular_values_of(deltas: Iterable[Tensor]) -> Tensor:
    """The singular values of matrices (out, in). They come from the eigenvalues of the smaller square, so values below 1e-7 of
    the largest are lost; such values count for nothing.
    """
    found = []
    for delta in deltas:
        delta = delta.double()
        square = delta @ delta.T if len(delta) <= delta.shape[1] else delta.T @ delta
        found.append(torch.linalg.eigvalsh(square).flip(0).clamp_min(0).sqrt())
    return _stacked(found)


def _stacked(found: list[Tensor]) -> Tensor:
    longest = max(map(len, found))
    return torch.stack([torch.nn.functional.pad(values, (0, longest - len(values))) for values in found]).float()
