"""Mixtures of Gaussians on subspaces: how they are drawn, denoised in closed form, and clustered.

    x_0 ~ (1/K) sum_k N(0, U_k U_k^T),    x = x_0 + sigma eps                                         U_k (n, d), orthonormal
    D(x) = E[x_0 | x] = c sum_k w_k P_k x,    c = 1 / (1 + sigma^2),  P_k = U_k U_k^T
    w = softmax_k(phi ||U_k^T x||^2),         phi = 1 / (2 sigma^2 (1 + sigma^2))
    dD/dx = c (sum_k w_k P_k + 2 phi (sum_k w_k m_k m_k^T - m m^T)),      m_k = P_k x,  m = sum_k w_k m_k

K-subspaces (Lloyd): k(i) = argmax_k ||U_k^T x_i||, U_k = d leading directions of {x_i : k(i) = k}, uncentred, in turn.
Leading dimensions "..." are batches. Source: arXiv:2409.02426; the weights are compared in logarithms, since phi grows as
1 / sigma^2
"""

from math import acos, cos, pi, sin
from typing import NamedTuple

import torch
from torch import Tensor

_OUTER = 1 << 24  # numbers that all products x_i x_i^T of a stack may have to be kept


def orthonormal(U: Tensor) -> Tensor:
    """Orthonormal bases of the spans of columns (..., n, d)."""
    Q: Tensor = torch.linalg.qr(U).Q
    return Q


def leading(C: Tensor, d: int) -> Tensor:
    """The d leading eigenvectors (..., n, d) of symmetric C (..., n, n); where C has a lower rank, any completion."""
    vectors: Tensor = torch.linalg.eigh(C).eigenvectors
    return vectors[..., -d:].flip(-1)


def of_classes(X: Tensor, labels: Tensor, K: int, d: int) -> Tensor:
    """Bases (B, K, n, d) of the d leading directions of each class of samples (B, N, n) with labels (B, N)."""
    weight = torch.nn.functional.one_hot(labels, K).mT.to(X.dtype)  # (B, K, N)
    return leading(Scatter(X)(weight), d)


def energies(X: Tensor, U: Tensor) -> Tensor:
    """||U_k^T x_i||^2, (..., K, N), of samples X (..., N, n)."""
    return (X.unsqueeze(-3) @ U).square().sum(-1)


def nearest(X: Tensor, U: Tensor) -> Tensor:
    """Which of the subspaces with orthonormal bases U (..., K, n, d) is nearest to each sample (..., N, n): int64 (..., N)."""
    return energies(X, U).argmax(-2)


class Scatter:
    """Weighted sums sum_i w_i x_i x_i^T of samples X (B, N, n): weights (B, M, N) -> (B, M, n, n)."""

    def __init__(self, X: Tensor) -> None:
        B, N, n = X.shape
        self.X = X
        self.outer = (X[..., :, None] * X[..., None, :]).view(B, N, n * n) if B * N * n * n <= _OUTER else None

    def __call__(self, weight: Tensor) -> Tensor:
        n = self.X.shape[-1]
        if self.outer is not None:
            return (weight @ self.outer).view(*weight.shape[:2], n, n)
        return torch.stack([(self.X * w[..., None]).mT @ self.X for w in weight.unbind(1)], 1)


class Compressed(NamedTuple):
    """Samples Z (B, N, r) in coordinates of orthonormal directions V (B, n, r): X = Z V^T."""

    Z: Tensor
    V: Tensor

    def lift(self, U: Tensor) -> Tensor:
        """Bases (B, ..., r, d) of the coordinates as bases (B, ..., n, d)."""
        return self.V.view(len(self.V), *[1] * (U.ndim - 3), *self.V.shape[1:]) @ U


def compressed(X: Tensor, least: int, most: int | None = None) -> Compressed:
    """The samples in their own span: all that is above rounding, not under `least` directions, nor above `most` of them."""
    values, vectors = torch.linalg.eigh(X.mT @ X)
    r = int((values > 1e-13 * values[:, -1:]).sum(-1).max())
    r = min(max(r, least), most or X.shape[-1], X.shape[-1])
    V = vectors[..., -r:].flip(-1)
    return Compressed(X @ V, V)


def subspaces(K: int, n: int, d: int, angle: float, generator: torch.Generator) -> Tensor:
    """Orthonormal bases (K, n, d), float64, any two of which meet at `angle` degrees in every direction:

    U_k = cos(b) W_0 + sin(b) W_k,   cos(b)^2 = cos(angle),   W orthonormal; for 90 degrees no W_0 is needed
    """
    W = orthonormal(torch.randn(n, (K + (angle < 90)) * d, dtype=torch.float64, generator=generator))
    W = W.view(n, -1, d).transpose(0, 1)
    if angle == 90:
        return W
    b = acos(cos(angle * pi / 180) ** 0.5)
    return cos(b) * W[:1] + sin(b) * W[1:]


def draw(U: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Samples (B, count, n) of mixtures with bases U (B, K, n, d), on the CPU: the components in turn."""
    B, K, _, d = U.shape
    a = torch.randn(B, count, d, dtype=U.dtype, generator=generator)
    k = torch.arange(count) % K
    return torch.einsum("bind,bid->bin", U[:, k], a)


def denoise(x: Tensor, sigma: Tensor, U: Tensor) -> Tensor:
    """D(x): x (..., Q, n), sigma (Q,), orthonormal bases U (..., K, n, d)."""
    w, m, c, _ = _parts(x, sigma, U)
    return c[:, None] * (w[..., None] * m).sum(-3)


def jacobian(x: Tensor, sigma: Tensor, U: Tensor) -> Tensor:
    """dD/dx, (..., Q, n, n)."""
    w, m, c, phi = _parts(x, sigma, U)
    mean = (w[..., None] * m).sum(-3)  # (..., Q, n)
    kept = torch.einsum("...kq,...knd,...kmd->...qnm", w, U, U)
    spread = torch.einsum("...kq,...kqn,...kqm->...qnm", w, m, m) - mean[..., :, None] * mean[..., None, :]
    return c[:, None, None] * (kept + 2 * phi[:, None, None] * spread)


def _parts(x: Tensor, sigma: Tensor, U: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    c = 1 / (1 + sigma**2)
    phi = c / (2 * sigma**2)
    a = x.unsqueeze(-3) @ U  # (..., K, Q, d)
    return torch.softmax(phi * a.square().sum(-1), -2), a @ U.mT, c, phi


class Search:
    """K-subspaces from R random starts for each of B draws at once: `step` is one round of Lloyd's.

    U (B, R, K, r, d) in the coordinates of `space`; captured (B, R): sum_i max_k ||U_k^T x_i||^2, what Lloyd's rounds raise
    """

    def __init__(self, space: Compressed, K: int, d: int, restarts: int, generator: torch.Generator) -> None:
        self.space, self.K, self.d = space, K, d
        B, _, r = space.Z.shape
        start = torch.randn(B, restarts, K, r, d, dtype=space.Z.dtype, generator=generator).to(space.Z.device)
        self.U = orthonormal(start)
        self.scatter = Scatter(space.Z)
        self.total = space.Z.square().sum((-2, -1))  # (B,)
        self.labels = torch.full((B, restarts, space.Z.shape[1]), -1, device=space.Z.device)
        self.captured = torch.zeros(B, restarts, dtype=space.Z.dtype, device=space.Z.device)
        self.stable = False

    def step(self) -> None:
        """Assign, then turn each subspace to its samples."""
        labels = nearest(self.space.Z[:, None], self.U)
        self.stable = torch.equal(labels, self.labels)
        if self.stable:
            return
        self.labels = labels
        weight = torch.nn.functional.one_hot(labels, self.K).mT.to(self.U.dtype)  # (B, R, K, N)
        self.U = leading(self.scatter(weight.flatten(1, 2)), self.d).view(self.U.shape)
        self.captured = energies(self.space.Z[:, None], self.U).amax(-2).sum(-1)

    def done(self) -> bool:
        """Whether no start moves any more, or every draw has one that leaves nothing of its samples."""
        return self.stable or bool((self.captured.amax(-1) >= (1 - 1e-12) * self.total).all())

    def best(self) -> Tensor:
        """Bases (B, K, n, d) of the start that captured most."""
        best = self.captured.argmax(-1)
        return self.space.lift(self.U[torch.arange(len(best), device=best.device), best])


def k_subspaces(X: Tensor, K: int, d: int, restarts: int, rounds: int, generator: torch.Generator) -> Tensor:
    """Bases (B, K, n, d) that the best of `restarts` searches finds in samples (B, N, n), in their K d leading directions."""
    search = Search(compressed(X, d, max(d, K * d)), K, d, restarts, generator)
    for _ in range(rounds):
        search.step()
        if search.done():
            break
    return search.best()
