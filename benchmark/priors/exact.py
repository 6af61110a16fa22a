"""A prior that is known exactly: a mixture of Gaussians, each on a few directions and a little around them.

    x_0 ~ sum_k w_k N(m_k, C_k),    C_k = U_k diag(s_k^2) U_k^T + r^2 I                 U_k (n, d) orthonormal
    D(x) = sum_k p_k(x) (m_k + C_k (C_k + sigma^2 I)^-1 (x - m_k)),    p_k(x) ~ w_k N(x; m_k, C_k + sigma^2 I)
    E[x_0 | y] = sum_k q_k(y) (m_k + C_k A^T S_k^-1 (y - A m_k)),    q_k(y) ~ w_k N(y; A m_k, S_k)
    y = A x_0 + n,    S_k = A C_k A^T + noise^2 I

So D and the posterior of a linear measurement are the truth, and what a solver does wrong is the solver's.
"""

import math
from copy import copy
from typing import Self

import torch
from torch import Tensor

from benchmark.operators.linear import LinearOperator
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
        return self._outside(x)

    def _outside(self, x: Tensor) -> Tensor:
        low, high = self.value_range
        return ((low + high) / 2 + self.half * x).view(-1, *self.shape)

    def _denoise(self, x: Tensor, sigma: Tensor, condition: Tensor | None) -> Tensor:
        """Woodbury on each component: of C_k + sigma^2 I only the d directions differ from r^2 + sigma^2."""
        flat = x.flatten(1).to(self.means.dtype)  # (B, n)
        level = sigma.to(self.means.dtype)[:, None] ** 2  # (B, 1)
        apart = flat[:, None] - self.means  # (B, K, n)
        inside = torch.einsum("bkn,knd->bkd", apart, self.bases)  # (B, K, d)
        wide = self.rest**2 + level  # (B, 1)
        along = self.scales**2 + wide[..., None]  # (B, K, d)
        outside = apart.square().sum(-1) - inside.square().sum(-1)
        n, d = self.bases.shape[1:]
        log_density = -0.5 * ((inside.square() / along).sum(-1) + outside / wide + along.log().sum(-1) + (n - d) * wide.log())
        share = (self.weights.log() + log_density).softmax(1)  # (B, K)
        gain = (self.scales**2 + self.rest**2) / along - self.rest**2 / wide[..., None]  # beyond that of the rest
        moved = torch.einsum("bkd,knd->bkn", gain * inside, self.bases) + (self.rest**2 / wide)[..., None] * apart
        return torch.einsum("bk,bkn->bn", share, self.means + moved).view(x.shape).to(x.dtype)

    def posterior_mean(self, A: LinearOperator, y: Tensor, noise: float) -> Tensor:
        """E[x_0 | y], *shape, on the task's scale, for y = A x_0 + n of that scale and a standard deviation `noise` above 0."""
        means, _, shares = self._posterior(A, y, noise)
        found = torch.einsum("k,kn->n", shares, means)
        return self._outside(found)[0]

    def posterior_draws(self, A: LinearOperator, y: Tensor, noise: float, count: int, generator: torch.Generator) -> Tensor:
        """Samples (count, *shape) of x_0 given y, on the task's scale."""
        means, roots, shares = self._posterior(A, y, noise)
        which = torch.multinomial(shares, count, replacement=True, generator=generator)
        noise_in = torch.randn(count, means.shape[1], generator=generator, dtype=means.dtype)
        x = means[which] + torch.stack([roots[k] @ one for k, one in zip(which.tolist(), noise_in, strict=True)])
        return self._outside(x)

    def _posterior(self, A: LinearOperator, y: Tensor, noise: float) -> tuple[Tensor, list[Tensor], Tensor]:
        """For each component its posterior mean (K, n), a root of its posterior covariance, and its weight (K,), on the
        network's scale.
        """
        if noise <= 0:
            raise ValueError("the exact posterior needs noise above 0")
        K, n = self.means.shape
        kind = torch.float64
        low, high = self.value_range
        matrix = A(torch.eye(n, dtype=A.dtype, device=y.device).view(n, *A.shape)).reshape(n, -1).T.to(kind)  # (m, n)
        target = y.flatten().to(kind) - (low + high) / 2 * matrix.sum(1)
        matrix = self.half * matrix
        means, roots, logs = [], [], []
        for k in range(K):
            basis, scale, mean = self.bases[k].to(kind), self.scales[k].to(kind), self.means[k].to(kind)
            covariance = (basis * scale**2) @ basis.T + self.rest**2 * torch.eye(n, dtype=kind, device=y.device)
            S = matrix @ covariance @ matrix.T + noise**2 * torch.eye(len(matrix), dtype=kind, device=y.device)
            L = torch.linalg.cholesky(S)
            residual = target - matrix @ mean
            half = torch.linalg.solve_triangular(L, torch.cat([residual[:, None], matrix @ covariance], 1), upper=False)
            means.append(mean + half[:, 1:].T @ half[:, 0])
            left = covariance - half[:, 1:].T @ half[:, 1:]
            values, vectors = torch.linalg.eigh((left + left.T) / 2)
            roots.append(vectors * values.clamp_min(0).sqrt())
            logs.append(self.weights[k].log().to(kind) - half[:, 0].square().sum() / 2 - L.diagonal().log().sum())
        return torch.stack(means), roots, torch.stack(logs).softmax(0)

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
