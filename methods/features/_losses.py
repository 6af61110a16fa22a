"""Losses of labelled features (N, d) that are no coding rates."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def nuclear_gap(Z: Tensor, sizes: Sequence[int], least: float = 1.0) -> Tensor:
    """OLE, 0-d:  (sum_k max(least, ||Z_k||_*) - ||Z||_*) / N;  rows sorted by class, `sizes` of each.

    Source: arXiv:1712.01727, with the authors' code
    """
    classes = torch.stack([torch.linalg.svdvals(block).sum() for block in torch.split(Z, list(sizes))])
    gap: Tensor = (classes.clamp_min(least).sum() - torch.linalg.svdvals(Z).sum()) / len(Z)
    return gap


def supervised_contrast(Z: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """SupCon, 0-d:  mean_i -1/|P(i)| sum_{p in P(i)} log softmax_{a != i}(<z_i, z_a> / temperature)_p,  z rows of norm 1.

    P(i): the others of i's class; a row without one is left out. Source: arXiv:2004.11362, equation 2
    """
    n = F.normalize(Z, dim=1)
    own = torch.eye(len(n), dtype=torch.bool, device=n.device)
    logits = (n @ n.T / temperature).masked_fill(own, -torch.inf)
    same = (labels[:, None] == labels) & ~own
    shares = logits.log_softmax(1).masked_fill(~same, 0).sum(1)
    count = same.sum(1)
    return -(shares / count.clamp_min(1))[count > 0].mean()
