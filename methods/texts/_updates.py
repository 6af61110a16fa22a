"""How large the updates of a network are: the singular values of what was added to each weight."""

from collections.abc import Iterable

import torch
from torch import Tensor

_ROUNDS = 20  # of power iteration


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


@torch.no_grad()
def largest(*factors: Tensor) -> Tensor:
    """The largest singular value of a product of matrices (left to right), by power iteration: for curves, where a value that
    is a few percent low does no harm.
    """
    x = torch.randn(factors[-1].shape[1], generator=torch.Generator().manual_seed(0)).to(factors[-1])
    size = x.new_zeros(())
    for _ in range(_ROUNDS):
        x = x / x.norm().clamp_min(torch.finfo(x.dtype).tiny)
        for factor in reversed(factors):
            x = factor @ x
        size = x.norm()
        x = x / size.clamp_min(torch.finfo(x.dtype).tiny)
        for factor in factors:
            x = factor.T @ x
    return size


def _stacked(found: list[Tensor]) -> Tensor:
    longest = max(map(len, found))
    return torch.stack([torch.nn.functional.pad(values, (0, longest - len(values))) for values in found]).float()
