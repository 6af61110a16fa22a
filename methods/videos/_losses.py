"""What makes two clips of a video alike: InfoNCE, VICReg, BYOL, each the sum of both directions.

    InfoNCE   -mean_i log  exp(cos(x_i, y_i) / tau) / sum_j exp(cos(x_i, y_j) / tau)     j over the batch: B - 1 negatives
    VICReg    mean (x - y)^2 + mu (V(x) + V(y)) + nu (C(x) + C(y))      V(x) = mean_j relu(1 - sqrt(var_j(x) + 1e-4)) / 2
                                                                        C(x) = sum_{i != j} cov_ij(x)^2 / D
    BYOL      2 - 2 cos(q(x), y')        y' of a network whose weights follow, theta' <- m theta' + (1 - m) theta

Source: arXiv:2002.05709, arXiv:2105.04906, arXiv:2006.07733; variants and weights as arXiv:2409.02371 uses them (InfoNCE with
cross-view negatives alone; VICReg's 25, 25, 1 divided by 25; BYOL's m constant, its second network in training mode)
"""

from collections.abc import Callable
from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from methods.videos._encoders import Pooled

Loss = Callable[[Tensor, Tensor], Tensor]


def info_nce(x: Tensor, y: Tensor, temperature: float) -> Tensor:
    """One direction. x, y (B, D)."""
    logits = F.normalize(x, dim=1) @ F.normalize(y, dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(x), device=x.device))


def vicreg(x: Tensor, y: Tensor, variance: float, covariance: float) -> Tensor:
    """One direction (it is the same in both). x, y (B, D)."""
    found = F.mse_loss(x, y)
    for z in (x, y):
        B, D = z.shape
        centred = z - z.mean(0)
        found = found + variance * F.relu(1 - (centred.square().sum(0) / (B - 1) + 1e-4).sqrt()).mean() / 2
        cov = centred.T @ centred / (B - 1)
        found = found + covariance * (cov.square().sum() - cov.diagonal().square().sum()) / D
    return found


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers with BN and ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-2])


class Joint(nn.Module):
    """Encoder and projector, and a loss between the projections of both clips, which pass in one forward."""

    def __init__(self, encoder: Pooled, width: int, loss: Loss) -> None:
        super().__init__()
        self.encoder, self.loss = encoder, loss
        self.projector = mlp(encoder.width, width, width, width)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        x, y = self.projector(self.encoder(torch.cat([a, b]))).float().chunk(2)
        return self.loss(x, y) + self.loss(y, x)

    def follow(self) -> None:
        """After a step: nothing."""


class Byol(nn.Module):
    """A network whose predictor guesses what its own running average makes of the other clip.

    The clips pass apart, as in the authors' code, so that each has batch statistics of its own: in one pass those of mixed
    orders would leave little but the order to guess.
    """

    def __init__(self, encoder: Pooled, hidden: int, width: int, decay: float) -> None:
        super().__init__()
        self.encoder, self.decay = encoder, decay
        self.projector, self.predictor = mlp(encoder.width, hidden, width), mlp(width, hidden, width)
        self.target = deepcopy(nn.Sequential(self.encoder, self.projector)).requires_grad_(False)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        guessed = [self.predictor(self.projector(self.encoder(clip))).float() for clip in (a, b)]
        with torch.no_grad():
            sought = [self.target(clip).float() for clip in (b, a)]
        found = [2 - 2 * F.cosine_similarity(x, y, dim=1).mean() for x, y in zip(guessed, sought, strict=True)]
        return found[0] + found[1]

    @torch.no_grad()
    def follow(self) -> None:
        """After a step: the second network's weights (not its BN buffers) go a little towards the first's."""
        mine: list[Tensor] = [*self.encoder.parameters(), *self.projector.parameters()]
        torch._foreach_lerp_(list[Tensor](self.target.parameters()), mine, 1 - self.decay)
