"""Geometry of labelled features (n, d), rows are samples: how far classes are from orthogonal, how many directions each uses.

Sources  arXiv:2406.01909 (coherence, spectra, ranks); nearest subspace: arXiv:2006.08558, without centring
"""

from collections.abc import Sequence

import torch
from torch import Tensor

_COMPONENTS = 30  # of a class's subspace at most, the default of the authors' code
_AT_ONCE = 2048  # rows


def unit(Z: Tensor) -> Tensor:
    """Rows of norm 1; a row of zeros stays."""
    found: Tensor = Z / Z.norm(dim=1, keepdim=True).clamp_min(torch.finfo(Z.dtype).tiny)
    return found


def coherence(Z: Tensor, labels: Tensor) -> float:
    """Mean |cos| over all pairs of rows of different classes. A row of zeros counts as 1 with all: collapse is no merit."""
    n = unit(Z)
    zero = n.norm(dim=1) < 0.5
    total, pairs = 0.0, 0
    for rows, own, none in zip(*(torch.split(x, _AT_ONCE) for x in (n, labels, zero)), strict=True):
        cosines = (rows @ n.T).abs()
        cosines[none] = 1.0
        cosines[:, zero] = 1.0
        other = own[:, None] != labels
        total += torch.where(other, cosines, 0).sum(dtype=torch.float64).item()
        pairs += int(other.sum())
    return total / max(1, pairs)


def block_coherence(blocks: Sequence[Tensor]) -> float:
    """Largest ||Z_k Z_l^T||_F / (||Z_k||_F ||Z_l||_F) over two classes; 1 where one of them is zero."""
    norms = [block.norm().item() for block in blocks]
    largest = 0.0
    for k, block in enumerate(blocks):
        for other, norm in zip(blocks[k + 1 :], norms[k + 1 :], strict=True):
            both = norms[k] * norm
            largest = max(largest, (block @ other.T).norm().item() / both if both else 1.0)
    return min(1.0, largest)


def spectra(blocks: Sequence[Tensor]) -> list[Tensor]:
    """Singular values of each class, not centred, float64."""
    return [torch.linalg.svdvals(block.double()) for block in blocks]


def rank95(sigma: Tensor) -> int:
    """How many of the largest singular values hold 95 % of the sum of squares; 0 where all are zero."""
    energy = sigma.square()
    if not float(energy.sum()):
        return 0
    return int((energy.cumsum(0) < 0.95 * energy.sum()).sum()) + 1


def kept(sigma: Tensor, x: float) -> Tensor:
    """The singular values above half of sqrt(x), which the closed form has: the numerical rank is their number."""
    return sigma[sigma > 0.5 * x**0.5]


def subspace_accuracy(blocks: Sequence[Tensor], test: Tensor, labels: Tensor, most: int = _COMPONENTS) -> float:
    """Share of the rows of `test` that are nearest to the subspace of their own class: its leading right singular vectors, as
    many as hold 95 % of its energy and `most` at most.
    """
    energy = []
    for block in blocks:
        _, sigma, V = torch.linalg.svd(block, full_matrices=False)
        energy.append((test @ V[: max(1, min(most, rank95(sigma)))].T).square().sum(1))  # the more, the smaller the residual
    return (torch.stack(energy, 1).argmax(1) == labels).double().mean().item()
