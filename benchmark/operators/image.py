"""Operators on pictures: missing pixels, blur, lower resolution.     x (..., C, H, W) real

    Identity     A x = x
    Mask         A x = m * x                          m in {0, 1}^(H, W), the same for all channels
    Blur         A x = k * (x reflected at its edges)
    Downsample   A x = D_h x D_w^T                    D: antialiased cubic interpolation, as a matrix

All act on each channel alone. The adjoints are exact: a reflection is a 0/1 matrix P, its adjoint P^T folds the border back.
Singular values are known, and `prox` and `pinv` exact, for all but a blur whose kernel is no product of a column and a row.
"""

from functools import cached_property
from math import cos, radians, sin

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.operators.linear import LinearOperator
from benchmark.operators.spectral import SVD, Diagonal, Separable, per_picture


class Identity(LinearOperator):
    """A = I: y is the noisy picture itself."""

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> None:
        self.shape = self.data_shape = shape
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        return x

    def adjoint(self, y: Tensor) -> Tensor:
        return y

    def prox(self, v: Tensor, y: Tensor, rho: float | Tensor) -> Tensor:
        per_picture(rho, self)
        return (y + rho * v) / (1 + rho)

    def svd(self) -> SVD:
        """Ones. This operator is on no device: its values are on the CPU until they are moved."""
        return Diagonal(torch.ones(self.shape, dtype=self.dtype))

    def to(self, device: torch.device | str) -> "Identity":
        return self


class Mask(LinearOperator):
    """A = diag(m). mask: bool (H, W), true where a pixel is seen; what is not seen is 0 in y."""

    def __init__(self, mask: Tensor, channels: int = 3, dtype: torch.dtype = torch.float32) -> None:
        if not bool(mask.any()):
            raise ValueError("the mask hides every pixel")
        self.mask = mask
        self.shape = self.data_shape = (channels, *mask.shape)
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask

    def adjoint(self, y: Tensor) -> Tensor:
        return y * self.mask

    def noise(self, generator: torch.Generator) -> Tensor:
        return super().noise(generator) * self.mask

    def prox(self, v: Tensor, y: Tensor, rho: float | Tensor) -> Tensor:
        per_picture(rho, self)
        return (y * self.mask + rho * v) / (self.mask.to(v.dtype) + rho)

    def svd(self) -> SVD:
        return Diagonal(self.mask.to(self.dtype).expand(self.shape))

    def to(self, device: torch.device | str) -> "Mask":
        return Mask(self.mask.to(device), self.shape[0], self.dtype)


class Blur(LinearOperator):
    """Convolution with `kernel` (K, K), K odd, over a picture of `shape` (C, H, W) reflected at its edges (edge pixel not
    repeated). y has the size of x. norm: the bound sqrt(||A||_1 ||A||_inf), which takes in that reflection counts pixels twice.
    """

    def __init__(self, kernel: Tensor, shape: tuple[int, int, int]) -> None:
        side = kernel.shape[-1]
        if kernel.ndim != 2 or kernel.shape[0] != side or side % 2 == 0:
            raise ValueError(f"the kernel is {tuple(kernel.shape)}; it has to be square with an odd side")
        if side // 2 >= min(shape[1:]):
            raise ValueError(f"a kernel of {side} pixels is larger than a picture of {shape[1]} x {shape[2]} can be reflected")
        self.kernel = kernel
        self.shape = self.data_shape = shape
        self.dtype = kernel.dtype
        self._rows, self._columns = (_reflection(n, side // 2).to(kernel) for n in shape[1:])
        self.norm = float(kernel.abs().sum() * self._spread(torch.ones(1, *shape[1:]).to(kernel), kernel.abs()).max()) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        wide = self._rows @ x @ self._columns.T  # (..., C, H + K - 1, W + K - 1)
        flat = wide.reshape(-1, 1, *wide.shape[-2:])
        return F.conv2d(flat, self.kernel.flip(0, 1)[None, None]).reshape(*x.shape[:-2], *self.shape[1:])

    def adjoint(self, y: Tensor) -> Tensor:
        return self._spread(y, self.kernel)

    def _spread(self, y: Tensor, kernel: Tensor) -> Tensor:
        flat = y.reshape(-1, 1, *y.shape[-2:])
        wide = F.conv_transpose2d(flat, kernel.flip(0, 1)[None, None])
        return self._rows.T @ wide.reshape(*y.shape[:-2], *wide.shape[-2:]) @ self._columns

    def svd(self) -> SVD | None:
        """Known where the kernel is a product of a column and a row, a Gaussian one; None for others.

        A cosine transform is none: with edge pixels not repeated, A is diagonal in that of type I for a symmetric kernel, whose
        basis is not orthogonal, so that A^H A is not.
        """
        return self._svd

    @cached_property
    def _svd(self) -> SVD | None:
        U, s, Vt = torch.linalg.svd(self.kernel.double().cpu())
        if len(s) > 1 and s[1] > len(s) * torch.finfo(self.dtype).eps * s[0]:
            return None
        column, row = (s[0].sqrt() * taps for taps in (U[:, 0], Vt[0]))
        R, C = (
            reflected.unfold(0, len(taps), 1) @ taps.to(reflected).flip(0)
            for reflected, taps in ((self._rows, column), (self._columns, row))
        )
        return Separable(R, C, self.shape[0])

    def to(self, device: torch.device | str) -> "Blur":
        return Blur(self.kernel.to(device), (self.shape[0], self.shape[1], self.shape[2]))


class Downsample(LinearOperator):
    """A picture of `shape` (C, H, W) at 1 / factor of its size, by cubic interpolation widened by the factor (antialiased).

    The kernel is Keys' with a = -0.5, as in Pillow's BICUBIC and MATLAB's imresize; weights are renormalised at the edges.
    Raises ValueError where factor does not divide H and W.
    """

    def __init__(self, factor: int, shape: tuple[int, int, int], dtype: torch.dtype = torch.float32) -> None:
        if any(side % factor for side in shape[1:]):
            raise ValueError(f"{shape[1]} x {shape[2]} pixels cannot be divided by {factor}")
        self.factor, self.shape, self.dtype = factor, shape, dtype
        self.data_shape = (shape[0], shape[1] // factor, shape[2] // factor)
        self._rows, self._columns = (cubic_weights(side, factor).to(dtype) for side in shape[1:])
        self.norm = float(torch.linalg.matrix_norm(self._rows, 2) * torch.linalg.matrix_norm(self._columns, 2))

    def forward(self, x: Tensor) -> Tensor:
        return self._rows @ x @ self._columns.T

    def adjoint(self, y: Tensor) -> Tensor:
        return self._rows.T @ y @ self._columns

    def svd(self) -> SVD:
        return self._svd

    @cached_property
    def _svd(self) -> SVD:
        return Separable(self._rows, self._columns, self.shape[0])

    def to(self, device: torch.device | str) -> "Downsample":
        moved = Downsample(self.factor, (self.shape[0], self.shape[1], self.shape[2]), self.dtype)
        moved._rows, moved._columns = self._rows.to(device), self._columns.to(device)
        return moved


def gaussian_kernel(side: int, sigma: float) -> Tensor:
    """float32 (side, side): a Gaussian of `sigma` pixels with sum 1."""
    taps = torch.exp(-((torch.arange(side) - side // 2) ** 2) / (2 * sigma**2))
    kernel = taps[:, None] * taps
    return kernel / kernel.sum()


def motion_kernel(side: int, length: float, angle: float, bend: float) -> Tensor:
    """float32 (side, side), sum 1: the path of a shaken camera, a curve of `length` pixels in the direction `angle` (degrees,
    counter-clockwise) whose ends lie `bend` x length off the line. Each point of the path is shared by its four neighbours.
    """
    along = torch.linspace(-0.5, 0.5, 1001, dtype=torch.float64)
    off = bend * (4 * along.square() - 1 / 3)
    c, s = cos(radians(angle)), sin(radians(angle))
    x = (side // 2 + length * (c * along - s * off)).clamp(0, side - 1)
    y = (side // 2 - length * (s * along + c * off)).clamp(0, side - 1)
    kernel = torch.zeros(side, side, dtype=torch.float64)
    for i, wy in ((y.floor(), 1 - y.frac()), (y.floor() + 1, y.frac())):
        for j, wx in ((x.floor(), 1 - x.frac()), (x.floor() + 1, x.frac())):
            inside = (i.clamp_max(side - 1).long(), j.clamp_max(side - 1).long())
            kernel.index_put_(inside, wy * wx, accumulate=True)
    return (kernel / kernel.sum()).float()


def cubic_weights(size: int, factor: int) -> Tensor:
    """float64 (size / factor, size): each row holds the weights of one low-resolution pixel, sum 1."""
    centres = (torch.arange(size // factor, dtype=torch.float64) + 0.5) * factor - 0.5
    distance = (torch.arange(size, dtype=torch.float64) - centres[:, None]).abs() / factor
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = torch.where(distance < 1, near, torch.where(distance < 2, far, torch.zeros_like(distance)))
    return weights / weights.sum(1, keepdim=True)


def _reflection(size: int, border: int) -> Tensor:
    """0/1 matrix (size + 2 border, size): row i picks the pixel that a reflected picture shows at i - border."""
    at = torch.arange(-border, size + border).abs()
    at = torch.where(at >= size, 2 * (size - 1) - at, at)
    return F.one_hot(at, size)
