"""Linear operators with an adjoint:  A: X -> Y,  <A x, y> = <x, A^H y>."""

from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor

from benchmark.operators.spectral import SVD, normal_equations, per_picture


class LinearOperator(ABC):
    """A: X -> Y. Subclasses set the four attributes and write `forward` and `adjoint`.

    shape, dtype     of an element of X (the image)
    data_shape       of an element of Y (the measurements); its dtype is `dtype` too
    norm             the largest singular value, or a bound on it

    Both directions accept leading batch dimensions: (..., *shape) -> (..., *data_shape).
    """

    shape: tuple[int, ...]
    data_shape: tuple[int, ...]
    dtype: torch.dtype
    norm: float = 1.0

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """A x for x (..., *shape)."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """A^H y for y (..., *data_shape)."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """The same operator with its tensors on `device`."""

    def noise(self, generator: torch.Generator) -> Tensor:
        """White noise of unit variance where A measures, zero elsewhere; complex noise has E|n|^2 = 1."""
        return torch.randn(self.data_shape, dtype=self.dtype, generator=generator)

    def svd(self) -> SVD | None:
        """The singular value decomposition, made when it is first asked for; None where it is not known."""
        return None

    def prox(self, v: Tensor, y: Tensor, rho: float | Tensor) -> Tensor:
        """argmin_x ||A x - y||^2 + rho ||x - v||^2 for v (..., *shape) and y (..., *data_shape); rho > 0, a number or a tensor
        that broadcasts against x.

        Exact where `svd` is known and rho is one number for each element of the batch. Else by conjugate gradients from v, to
        a relative residual of 1e-5. Raises ValueError for a number rho that is not positive.
        """
        known, rhos = self.svd(), per_picture(rho, self)
        if known is not None and rhos is not None:
            return known.prox(v, y, rhos)
        return normal_equations(self, self.adjoint(y) + rho * v, rho, v)

    def pinv(self, y: Tensor, threshold: float = 0.0) -> Tensor:
        """A^+ y, the smallest x among those of least ||A x - y||, for y (..., *data_shape). Singular values <= threshold count
        as 0.

        Exact where `svd` is known. Else by conjugate gradients from 0, to a relative residual of 1e-5, with s / (s^2 +
        threshold^2) in place of 1 / s: damped, and not cut. Without a threshold, what is nearly lost is found as noise.
        """
        if (known := self.svd()) is not None:
            return known.pinv(y, threshold)
        right = self.adjoint(y)
        return normal_equations(self, right, threshold**2, torch.zeros_like(right))

    def __call__(self, x: Tensor) -> Tensor:
        return self.forward(x)

    @property
    def H(self) -> "Adjoint":
        """A^H as an operator of its own."""
        return Adjoint(self)


class Adjoint(LinearOperator):
    """A^H: Y -> X, the adjoint seen as an operator."""

    def __init__(self, operator: LinearOperator) -> None:
        self.operator = operator
        self.shape, self.data_shape = operator.data_shape, operator.shape
        self.dtype, self.norm = operator.dtype, operator.norm

    def forward(self, x: Tensor) -> Tensor:
        return self.operator.adjoint(x)

    def adjoint(self, y: Tensor) -> Tensor:
        return self.operator.forward(y)

    def to(self, device: torch.device | str) -> "Adjoint":
        return Adjoint(self.operator.to(device))
