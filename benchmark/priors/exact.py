"""A prior that is known exactly: a mixture of Gaussians, each on a few directions and a little around them.

    x_0 ~ sum_k w_k N(m_k, C_k),    C_k = U_k diag(s_k^2) U_k^T + r^2 I                 U_k (n, d) orthonormal
    D(x) = sum_k p_k(x) (m_k + C_k (C_k + sigma^2 I)^-1 (x - m_k)),    p_k(x) ~ w_k N(x; m_k, C_k + sigma^2 I)

So D and the posterior of a linear measurement (benchmark/priors/posterior.py) are the truth, and what a solver does wrong is
its own.
"""

import math
from copy import copy
from typing import Self

import torch
from torch import Tensor

from benchmark.operators.linear import LinearOperator
from benchmark.priors.posterior import Posterior
from benchmark.priors.prior import Calls, Prior
from benchmark.priors.schedule import Schedule, linear


class Mixture(Prior):
    """means (K, n), bases (K, n, d) orthonormal, scales (K, d), weights (K,), on the network's scale; rest: r, above 0."""

    exact = True

    def __init__(
        self,
        shape: tuple[int, ...],
        means: Tensor,
        bases: Tensor,
        scales: Tensor,
        weights: Tensor,
        rest: float,
        schedule: Schedule | None = None,
    ) -> None:
        if rest <= 0:
            raise ValueError(f"rest {rest}: it has to be above 0, so that every component has a density")
        self.shape, self.means, self.bases, self.scales, self.weights, self.rest = shape, means, bases, scales, weights, rest
        self.schedule = schedule or linear()
        self.calls = Calls()

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Pictures (count, *shape) on the task's scale, not clipped."""
        which = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        inside = torch.randn(count, self.scales.shape[1], generator=generator, dtype=self.means.dtype) * self.scales[which]
        around = self.rest * torch.randn(count, self.means.shape[1], generator=generator, dtype=self.means.dtype)
        x = self.means[which] + (self.bases[which] @ inside[..., None])[..., 0] + around
        return self.outside(x)

    def outside(self, flat: Tensor) -> Tensor:
        """Vectors (B, n) on the network's scale as pictures (B, *shape) on the task's."""
        low, high = self.value_range
        return ((low + high) / 2 + self.half * flat).view(-1, *self.shape)

    def inside(self, x: Tensor) -> Tensor:
        """Pictures (B, *shape) on the task's scale as vectors (B, n) on the network's."""
        low, high = self.value_range
        return (x.flatten(1) - (low + high) / 2) / self.half

    def membership(self, x: Tensor) -> Tensor:
        """(B, K): the probability of each component for clean pictures x (B, *shape) on the task's scale."""
        flat = self.inside(x).to(self.means.dtype)
        return self._membership(flat, torch.zeros_like(flat[:, :1]))[0]

    def _membership(self, flat: Tensor, level: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, K): the probability of each component given x_0 + sigma n = flat (B, n); what lies between flat and the means,
        (B, K, n), and its coordinates along the directions, (B, K, d). level (B, 1): sigma squared.
        """
        apart = flat[:, None] - self.means
        inside = torch.einsum("bkn,knd->bkd", apart, self.bases)
        wide = self.rest**2 + level
        along = self.scales**2 + wide[..., None]
        outside = apart.square().sum(-1) - inside.square().sum(-1)
        n, d = self.bases.shape[1:]
        log_density = -0.5 * ((inside.square() / along).sum(-1) + outside / wide + along.log().sum(-1) + (n - d) * wide.log())
        return (self.weights.log() + log_density).softmax(1), apart, inside

    def _denoise(self, x: Tensor, sigma: Tensor, condition: Tensor | None) -> Tensor:
        """Woodbury on each component: of C_k + sigma^2 I only the d directions differ from r^2 + sigma^2."""
        flat = x.flatten(1).to(self.means.dtype)  # (B, n)
        level = sigma.to(self.means.dtype)[:, None] ** 2  # (B, 1)
        share, apart, inside = self._membership(flat, level)
        wide = self.rest**2 + level
        along = self.scales**2 + wide[..., None]
        gain = (self.scales**2 + self.rest**2) / along - self.rest**2 / wide[..., None]  # beyond that of the rest
        moved = torch.einsum("bkd,knd->bkn", gain * inside, self.bases) + (self.rest**2 / wide)[..., None] * apart
        return torch.einsum("bk,bkn->bn", share, self.means + moved).view(x.shape).to(x.dtype)

    def posterior_mean(self, A: LinearOperator, y: Tensor, noise: float) -> Tensor:
        """E[x_0 | y], *shape, on the task's scale, for y = A x_0 + n of that scale and a standard deviation `noise` above 0."""
        return self.posterior(A, y, noise).mean

    def posterior(self, A: LinearOperator, y: Tensor, noise: float) -> Posterior:
        """All that is known of x_0 given y. Raises ValueError without noise, and where A does not know its singular values."""
        return Posterior(self, A, y, noise)

    def to(self, device: torch.device | str) -> Self:
        found = copy(self)
        found.means, found.bases = self.means.to(device), self.bases.to(device)
        found.scales, found.weights = self.scales.to(device), self.weights.to(device)
        return found


def scalar(mean: float = 0.0, spread: float = 1.0) -> Mixture:
    """Pictures of one number, x_0 ~ N(mean, spread^2) on the network's scale: every sampler's law on it is known."""
    one = torch.ones(1, 1, dtype=torch.float64)
    root = spread / math.sqrt(2)  # half of the variance along the one direction, half of it the rest
    return Mixture((1, 1, 1), mean * one, one[None], root * one, one[0], root)
