"""Measurements that are no linear function of the picture:  A: X -> Y, differentiable almost everywhere, without an adjoint.

FourierMagnitude   A x = |F P x|      P: zeros around the picture; F: orthonormal 2-D Fourier transform, each channel alone
"""

from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F


class NonlinearOperator(ABC):
    """A: X -> Y, with gradients by autograd. Subclasses set the attributes and write `forward` and `to`.

    shape, dtype     of an element of X (the image)
    data_shape       of an element of Y (the measurements); its dtype is `dtype` too
    norm             a bound on ||A(x) - A(z)|| / ||x - z||

    Accepts leading batch dimensions: (..., *shape) -> (..., *data_shape).
    """

    shape: tuple[int, ...]
    data_shape: tuple[int, ...]
    dtype: torch.dtype
    norm: float = 1.0

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """A(x) for x (..., *shape)."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """The same operator with its tensors on `device`."""

    def noise(self, generator: torch.Generator) -> Tensor:
        """White noise of unit variance, of the measurements' shape."""
        return torch.randn(self.data_shape, dtype=self.dtype, generator=generator)

    def __call__(self, x: Tensor) -> Tensor:
        return self.forward(x)


class FourierMagnitude(NonlinearOperator):
    """|F P x| for a real picture of `shape` (C, H, W) with `pad` zeros on each of its sides; y (C, H + 2 pad, W + 2 pad), the
    zero frequency at [0, 0]. A picture turned by 180 degrees, and one shifted within its zeros, measure alike.

    The gradient of |z| at z = 0 is taken as 0. Raises ValueError for a pad below 0.
    """

    def __init__(self, shape: tuple[int, int, int], pad: int, dtype: torch.dtype = torch.float32) -> None:
        if pad < 0:
            raise ValueError(f"pad is {pad}; it is 0 or more")
        self.shape, self.pad, self.dtype = shape, pad, dtype
        self.data_shape = (shape[0], shape[1] + 2 * pad, shape[2] + 2 * pad)

    def forward(self, x: Tensor) -> Tensor:
        measured: Tensor = torch.fft.fft2(self.wide(x), norm="ortho").abs()
        return measured

    def wide(self, x: Tensor) -> Tensor:
        """P x: (..., H, W) -> (..., H + 2 pad, W + 2 pad)."""
        return F.pad(x, (self.pad,) * 4)

    def narrow(self, z: Tensor) -> Tensor:
        """P^T z, the part of a padded field that is the picture."""
        rows, columns = (slice(self.pad, self.pad + side) for side in self.shape[1:])
        return z[..., rows, columns]

    def to(self, device: torch.device | str) -> Self:
        return self
