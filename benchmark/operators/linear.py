"""Linear operators with an adjoint:  A: X -> Y,  <A x, y> = <x, A^H y>."""

from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor


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
