"""Multi-coil Cartesian MRI.

    A x = (M F S_c x)_c,  A^H y = sum_c conj(S_c) F^-1 (M y_c)      x (H, W), y (C, H, W), both complex

F is the centred orthonormal 2-D Fourier transform, M keeps the same columns (phase encodes, last axis) for all coils, and
sum_c |S_c|^2 = 1 on the support of the coils, so ||A|| <= 1.
"""

import torch
from torch import Tensor

from benchmark.operators.linear import LinearOperator

_AXES = (-2, -1)


def fft2c(x: Tensor) -> Tensor:
    """Centred orthonormal 2-D Fourier transform of the last two axes: the zero frequency sits at index n // 2."""
    k: Tensor = torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(x, dim=_AXES), norm="ortho"), dim=_AXES)
    return k


def ifft2c(k: Tensor) -> Tensor:
    """Inverse, and adjoint, of `fft2c`."""
    x: Tensor = torch.fft.fftshift(torch.fft.ifft2(torch.fft.ifftshift(k, dim=_AXES), norm="ortho"), dim=_AXES)
    return x


class MultiCoilMRI(LinearOperator):
    """A = M F S.

    maps   complex (C, H, W), sum_c |S_c|^2 = 1 on the support
    mask   bool (W,), true where a column of k-space is measured
    """

    def __init__(self, maps: Tensor, mask: Tensor) -> None:
        self.maps, self.mask = maps, mask
        self.shape = tuple(maps.shape[1:])
        self.data_shape = tuple(maps.shape)
        self.dtype = maps.dtype

    def forward(self, x: Tensor) -> Tensor:  # (..., H, W) -> (..., C, H, W)
        return fft2c(self.maps * x.unsqueeze(-3)) * self.mask

    def adjoint(self, y: Tensor) -> Tensor:  # (..., C, H, W) -> (..., H, W)
        return (self.maps.conj() * ifft2c(y * self.mask)).sum(-3)

    def noise(self, generator: torch.Generator) -> Tensor:
        return super().noise(generator) * self.mask

    def to(self, device: torch.device | str) -> "MultiCoilMRI":
        return MultiCoilMRI(self.maps.to(device), self.mask.to(device))


def column_mask(width: int, acceleration: int, generator: torch.Generator) -> Tensor:
    """bool (W,): int(W / acceleration) columns, of which int(0.32 W / acceleration) fill the centre.

    The rest is drawn uniformly without replacement, half of it on each side of the centre; an odd one is left out.
    Source: the mask of arXiv:2402.04097 (8 % centre at 4x, 4 % at 8x).
    """
    total, centre = int(width / acceleration), max(1, int(0.32 * width / acceleration))
    first = (width - centre) // 2
    left, right = torch.arange(first), torch.arange(first + centre, width)
    mask = torch.zeros(width, dtype=torch.bool)
    mask[first : first + centre] = True
    for side in (left, right):
        mask[side[torch.randperm(len(side), generator=generator)[: (total - centre) // 2]]] = True
    return mask


def ring_of_coils(coils: int, size: int, generator: torch.Generator) -> Tensor:
    """complex64 (C, H, W): receive coils on a ring around the field of view, sum_c |S_c|^2 = 1 everywhere.

    Each coil is a small loop facing the centre: its magnitude falls with the square of the distance, its phase turns with the
    direction in which it is seen. The ring is turned by a random angle. A simulation, not a measurement.
    """
    turn = torch.rand((), generator=generator, dtype=torch.float64)
    angles = 2 * torch.pi * (torch.arange(coils, dtype=torch.float64) + turn) / coils
    axis = torch.linspace(-1, 1, size, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    dx = x - 1.5 * torch.cos(angles)[:, None, None]  # (C, H, W)
    dy = y - 1.5 * torch.sin(angles)[:, None, None]
    seen_from = torch.atan2(dy, dx) - angles[:, None, None]
    maps = torch.polar(1 / (dx**2 + dy**2), seen_from)
    return (maps / maps.abs().square().sum(0).sqrt()).to(torch.complex64)
