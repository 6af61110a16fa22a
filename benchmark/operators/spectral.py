"""Singular values, and the systems with A^H A that are solved with them or, where they are not known, by conjugate gradients.

    A = U diag(s) V^H                       coordinates c of x: one for each entry of x, flat, s >= 0
    A^+ y  = V diag(1 / s) U^H y            1 / s read as 0 where s = 0
    prox   = V (s U^H y + rho V^H v) / (s^2 + rho)

The coordinates are not sorted. Bases are unique up to turns among equal singular values, so two machines may give two bases of
a null space: who needs noise in these coordinates draws it as a picture and takes `Vt` of it.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from benchmark.operators.linear import LinearOperator

TOLERANCE = 1e-5  # relative residual at which conjugate gradients stop
_MOST = 1000  # iterations


class SVD(ABC):
    """A = U diag(values) V^H for x of `shape` and y of `data_shape`; all directions take leading batch dimensions.

    values   (n,) one for each entry of x, at least 0; 0 on the null space, and for what rounding cannot tell from 0. n: of x
    """

    values: Tensor

    @abstractmethod
    def Vt(self, x: Tensor) -> Tensor:
        """V^H x: (..., *shape) -> (..., n). V is unitary."""

    @abstractmethod
    def V(self, c: Tensor) -> Tensor:
        """V c: (..., n) -> (..., *shape)."""

    @abstractmethod
    def Ut(self, y: Tensor) -> Tensor:
        """U^H y: (..., *data_shape) -> (..., n); 0 in coordinates that y has no direction for."""

    @abstractmethod
    def U(self, c: Tensor) -> Tensor:
        """U c: (..., n) -> (..., *data_shape). U^H U c = c wherever values > 0."""

    def prox(self, v: Tensor, y: Tensor, rho: Tensor) -> Tensor:
        """argmin_x ||A x - y||^2 + rho ||x - v||^2; rho > 0, (...), one for each element of the batch."""
        rho = rho[..., None].to(v) if rho.ndim else rho.to(v.dtype)  # one number stays where it is: a GPU is not waited for
        values = self.values.to(v)
        return self.V((values * self.Ut(y) + rho * self.Vt(v)) / (values.square() + rho))

    def pinv(self, y: Tensor, threshold: float = 0.0) -> Tensor:
        """A^+ y, with 0 in place of 1 / s where s <= threshold."""
        values = self.values.to(y)
        kept = values > threshold
        return self.V(torch.where(kept, 1 / torch.where(kept, values, 1), 0) * self.Ut(y))


class Diagonal(SVD):
    """A = diag(s) over an x of `shape`: both bases are the entries themselves."""

    def __init__(self, entries: Tensor) -> None:
        self.shape, self.values = entries.shape, entries.flatten()

    def Vt(self, x: Tensor) -> Tensor:
        return x.flatten(-len(self.shape))

    def V(self, c: Tensor) -> Tensor:
        return c.reshape(*c.shape[:-1], *self.shape)

    def Ut(self, y: Tensor) -> Tensor:
        return self.Vt(y)

    def U(self, c: Tensor) -> Tensor:
        return self.V(c)


class Separable(SVD):
    """A x = R x C^T for each of `channels` pictures, R (h, H) and C (w, W) with h <= H, w <= W. Its values are those of R
    times those of C.

    The two decompositions are made on the CPU in float64, whatever the device and type of R.
    """

    def __init__(self, R: Tensor, C: Tensor, channels: int) -> None:
        self.channels = channels
        (self._Ur, sr, self._Vr), (self._Uc, sc, self._Vc) = (_factors(M) for M in (R, C))
        values = sr[:, None] * sc  # (H, W)
        values = torch.where(values > torch.finfo(R.dtype).eps * values.max(), values, 0)
        self.values = values.to(R).expand(channels, -1, -1).flatten()

    def Vt(self, x: Tensor) -> Tensor:
        return (self._Vr.T @ x @ self._Vc).flatten(-3)

    def V(self, c: Tensor) -> Tensor:
        return self._Vr @ self._grid(c) @ self._Vc.T

    def Ut(self, y: Tensor) -> Tensor:
        return (self._Ur.T @ y @ self._Uc).flatten(-3)

    def U(self, c: Tensor) -> Tensor:
        return self._Ur @ self._grid(c) @ self._Uc.T

    def _grid(self, c: Tensor) -> Tensor:
        return c.reshape(*c.shape[:-1], self.channels, len(self._Vr), len(self._Vc))


def _factors(M: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U (m, n), s (n,) and V (n, n) of M (m, n), m <= n; the last n - m columns of U and entries of s are 0."""
    m, n = M.shape
    U, s, Vt = torch.linalg.svd(M.double().cpu())
    return torch.nn.functional.pad(U, (0, n - m)).to(M), torch.nn.functional.pad(s, (0, n - m)), Vt.T.to(M)


def per_picture(rho: float | Tensor, A: "LinearOperator") -> Tensor | None:
    """rho as (...), one for each element of a batch; None where it differs within an element. Raises ValueError for a number
    that is not positive.
    """
    if not isinstance(rho, Tensor):
        if not rho > 0:
            raise ValueError(f"rho is {rho}; it has to be positive")
        return torch.tensor(rho, dtype=torch.float64)
    inside = len(A.shape)
    if rho.ndim and any(size > 1 for size in rho.shape[-inside:]):
        return None
    return rho.reshape(rho.shape[:-inside])


def normal_equations(A: "LinearOperator", right: Tensor, damping: float | Tensor, start: Tensor) -> Tensor:
    """x of (A^H A + damping) x = right, (..., *A.shape), by conjugate gradients from `start`.

    Each element of the batch stops on its own, at a residual of TOLERANCE ||right||, and after 1000 iterations at the latest.
    damping: a number or a tensor that broadcasts against x, at least 0.
    """
    inside = tuple(range(-len(A.shape), 0))

    def power(z: Tensor) -> Tensor:
        size: Tensor = torch.linalg.vector_norm(z, dim=inside, keepdim=True)
        return size.square()

    def normal(z: Tensor) -> Tensor:
        return A.adjoint(A(z)) + damping * z

    x = start.expand(right.shape)
    residual = right - normal(x)
    direction, size, goal = residual, power(residual), TOLERANCE**2 * power(right)
    for _ in range(_MOST):
        open_ = size > goal
        if not bool(open_.any()):
            break
        image = normal(direction)
        curvature = (direction.conj() * image).real.sum(inside, keepdim=True)
        moves = open_ & (curvature > 0)
        step = torch.where(moves, size / torch.where(moves, curvature, 1), 0)
        x, residual = x + step * direction, residual - step * image
        found = torch.where(moves, power(residual), 0)
        direction = residual + found / torch.where(moves, size, 1) * direction
        size = found
    return x
