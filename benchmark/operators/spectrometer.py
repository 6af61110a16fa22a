"""A spectrometer of a few broad detectors:  y = R x  for each of a stack of spectra."""

from typing import Self

import torch
from torch import Tensor

from benchmark.operators.linear import LinearOperator


class Spectrometer(LinearOperator):
    """A x = x R^T for a stack x (B, n), float64; data (B, d).

    matrix       responsivity R (d, n), not negative
    wavelengths  (n,) nm, rising
    """

    def __init__(self, matrix: Tensor, wavelengths: Tensor, count: int) -> None:
        self.matrix, self.wavelengths = matrix, wavelengths
        self.shape, self.data_shape = (count, matrix.shape[1]), (count, matrix.shape[0])
        self.dtype = matrix.dtype
        self.norm = float(torch.linalg.matrix_norm(matrix, 2))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.matrix.T

    def adjoint(self, y: Tensor) -> Tensor:
        return y @ self.matrix

    def to(self, device: torch.device | str) -> Self:
        return type(self)(self.matrix.to(device), self.wavelengths.to(device), self.shape[0])
