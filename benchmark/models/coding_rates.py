"""Coding rates of labelled features, their gradient, and the maximisers in closed form. Knows no task and no method.

    R(Z)   = 1/2 logdet(I + alpha Z^T Z),                            alpha   = d / (N eps^2)
    R_c(Z) = sum_k (N_k / 2N) logdet(I + alpha_k Z_k^T Z_k),         alpha_k = d / (N_k eps^2)
    F(Z)   = R(Z) - R_c(Z) - (lambda / 2) ||Z||_F^2

Z (N, d): rows are features, sorted by class; Z_k (N_k, d) the rows of class k. Every maximiser of F has Z_k = sigma_k V_k U_k^T
with r_k equal singular values, and U_k^T U_l = 0; x = sigma_k^2 is the larger root of

    lambda alpha_k x^2 - eta_k x + lambda / alpha = 0,     eta_k = (alpha_k - alpha) - lambda (N / N_k + 1)

for lambda in (0, lambda_max], lambda_max = alpha (q - 1) / (q + 1), q = sqrt(N / max N_k).
Source  arXiv:2406.01909; the gradient and the smaller root are derived here
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log1p, sqrt

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rates:
    """R and R_c, 0-d."""

    whole: Tensor
    classes: Tensor

    @property
    def reduction(self) -> Tensor:
        """R - R_c."""
        return self.whole - self.classes


def rates(Z: Tensor, sizes: Sequence[int], eps2: float, dim: int | None = None) -> Rates:
    """R and R_c of rows sorted by class, `sizes` of each. dim: d in alpha and alpha_k, where that is not the width of Z."""
    return _solve(Z, sizes, eps2, dim or Z.shape[1], slope=False)[0]


def objective(Z: Tensor, sizes: Sequence[int], eps2: float, weight: float, dim: int | None = None) -> Tensor:
    """F(Z), 0-d, lambda = weight; its derivative by autograd is the exact one, found with it at the price of one product."""
    found: Tensor = _Objective.apply(Z, tuple(sizes), eps2, weight, dim or Z.shape[1])  # type: ignore[no-untyped-call]
    return found


def value_and_gradient(Z: Tensor, sizes: Sequence[int], eps2: float, weight: float) -> tuple[Tensor, Tensor]:
    """F(Z), 0-d, and its gradient (N, d):  alpha Z_k [(I + alpha Z^T Z)^-1 - (I + alpha_k Z_k^T Z_k)^-1] - lambda Z_k."""
    found, slope = _solve(Z, sizes, eps2, Z.shape[1], slope=True)
    return found.reduction - weight / 2 * Z.square().sum(), slope.sub_(Z, alpha=weight)


class _Objective(torch.autograd.Function):
    @staticmethod
    def forward(ctx, Z, sizes, eps2, weight, dim):  # type: ignore[no-untyped-def]  # as torch calls it
        found, slope = _solve(Z, sizes, eps2, dim, slope=True)
        ctx.save_for_backward(slope.sub_(Z, alpha=weight))
        return found.reduction - weight / 2 * Z.square().sum()

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        return grad * ctx.saved_tensors[0], None, None, None, None


def _solve(Z: Tensor, sizes: Sequence[int], eps2: float, dim: int, slope: bool) -> tuple[Rates, Tensor]:
    """Rates, and the gradient of R - R_c. Of the two Gram matrices of a class, and of all, the smaller; Cholesky.

    Classes of one size are one batch; others are padded with zero rows, which change no Gram matrix.
    """
    N, d, K = *Z.shape, len(sizes)
    alpha = dim / (N * eps2)
    count = Z.new_tensor(sizes)
    alphas = dim / (count * eps2)  # (K,)
    equal = len(set(sizes)) == 1
    B = (
        Z.view(K, -1, d) if equal else torch.nn.utils.rnn.pad_sequence(list(torch.split(Z, list(sizes))), batch_first=True)
    )  # (K, M, d)
    tall = B.shape[1] >= d
    grams = B.mT @ B if tall else B @ B.mT
    whole = grams.sum(0) if tall else Z.mT @ Z if d <= N else Z @ Z.mT
    factor, factors = _cholesky(whole, alpha), _cholesky(grams, alphas[:, None, None])
    found = Rates(_logdet(factor) / 2, (count / (2 * N) * _logdet(factors)).sum())
    if not slope:
        return found, Z
    A, inverse = torch.cholesky_inverse(factor), torch.cholesky_inverse(factors)
    if tall:
        part = B @ (A - inverse)
        return found, alpha * (part.view(N, d) if equal else _unpadded(part, sizes))
    own = inverse @ B
    pull = Z @ A if d <= N else A @ Z
    return found, alpha * (pull - (own.view(N, d) if equal else _unpadded(own, sizes)))


def _cholesky(gram: Tensor, alpha: Tensor | float) -> Tensor:
    M = alpha * gram
    M.diagonal(dim1=-2, dim2=-1).add_(1)
    factor: Tensor = torch.linalg.cholesky(M)
    return factor


def _logdet(factor: Tensor) -> Tensor:
    return 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def _unpadded(B: Tensor, sizes: Sequence[int]) -> Tensor:
    return torch.cat([block[:size] for block, size in zip(B, sizes, strict=True)])


@dataclass(frozen=True)
class ClosedForm:
    """Known properties of the maximisers of F; lists by class.

    x, below   larger and smaller root: sigma_k^2 at a maximiser, and what a singular value squared must exceed to grow to it
    gain       what one more dimension of class k adds to F; not positive where zero is as good
    ranks      of a global maximiser: smaller classes first, equal classes alike, min(N, d) in all while the gain is positive
    """

    x: tuple[float, ...]
    below: tuple[float, ...]
    gain: tuple[float, ...]
    ranks: tuple[int, ...]

    @property
    def value(self) -> float:
        """F of a global maximiser."""
        return self.reached(self.ranks)

    def reached(self, ranks: Sequence[int]) -> float:
        """F of a local maximiser with these ranks."""
        return sum(r * g for r, g in zip(ranks, self.gain, strict=True))


def largest_weight(sizes: Sequence[int], dim: int, eps2: float) -> float:
    """lambda_max."""
    N, q = sum(sizes), sqrt(sum(sizes) / max(sizes))
    return dim / (N * eps2) * (q - 1) / (q + 1)


def closed_form(sizes: Sequence[int], dim: int, eps2: float, weight: float) -> ClosedForm:
    """The maximisers for classes of these sizes.

    Raises ValueError, with the range, for fewer than two classes, a class without samples, dim < 1, eps2 that is not
    positive, lambda outside (0, lambda_max].
    """
    check(sizes, dim, eps2, weight)
    N = sum(sizes)
    alpha = dim / (N * eps2)
    x, below, gain = [], [], []
    for n in sizes:
        own = dim / (n * eps2)
        eta = (own - alpha) - weight * (N / n + 1)
        root = sqrt(max(0.0, eta * eta - 4 * weight * weight * N / n))
        x.append((eta + root) / (2 * weight * own))
        below.append(1 / (x[-1] * alpha * own))  # the product of the roots, without cancellation
        gain.append(log1p(alpha * x[-1]) / 2 - n / (2 * N) * log1p(own * x[-1]) - weight * x[-1] / 2)
    return ClosedForm(tuple(x), tuple(below), tuple(gain), _allocated(sizes, dim, gain))


def _allocated(sizes: Sequence[int], dim: int, gain: Sequence[float]) -> tuple[int, ...]:
    ranks, left = [0] * len(sizes), min(sum(sizes), dim)
    for n in sorted(set(sizes)):
        alike = [k for k, size in enumerate(sizes) if size == n]
        if gain[alike[0]] <= 0:
            continue
        each, more = divmod(min(left, n * len(alike)), len(alike))
        for place, k in enumerate(alike):
            ranks[k] = each + (place < more)
        left -= sum(ranks[k] for k in alike)
    return tuple(ranks)


def check(sizes: Sequence[int], dim: int, eps2: float, weight: float) -> None:
    """Raises ValueError, as `closed_form` says."""
    if len(sizes) < 2:
        raise ValueError(f"classes: {len(sizes)}, but coding rates compare 2 or more")
    if min(sizes) < 1:
        raise ValueError(f"labels: class {min(range(len(sizes)), key=sizes.__getitem__)} of {len(sizes)} has no sample")
    if dim < 1:
        raise ValueError(f"dim = {dim} is not 1 or more")
    if not (isfinite(eps2) and eps2 > 0):
        raise ValueError(f"eps2 = {eps2:g} is not positive and finite")
    most = largest_weight(sizes, dim, eps2)
    if not 0 < weight <= most * (1 + 1e-12):
        raise ValueError(f"lambda = {weight:g} is not in (0, lambda_max = {most:.6g}]")
