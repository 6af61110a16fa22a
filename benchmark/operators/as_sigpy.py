"""Operators and proximal maps as sigpy's solvers see them. Apart from its package, which need not import sigpy."""

import numpy as np
import torch
from sigpy import linop, prox

from benchmark.operators.linear import LinearOperator


class AsSigpy(linop.Linop):
    """A LinearOperator with its tensors on `device`, as one that takes and gives NumPy arrays."""

    def __init__(self, A: LinearOperator, device: torch.device) -> None:
        self.A, self.device = A, device
        super().__init__(A.data_shape, A.shape)

    def _apply(self, x: np.ndarray) -> np.ndarray:
        return self.A(torch.from_numpy(np.ascontiguousarray(x)).to(self.device, self.A.dtype)).cpu().numpy()

    def _adjoint_linop(self) -> linop.Linop:
        return AsSigpy(self.A.H, self.device)


class Shrinkage(prox.Prox):
    """argmin_u 1/2 |u - x|^2 + step weight |u|: magnitudes less step weight, at least 0. shape: of x, real or complex.

    sigpy's own is compiled for the first type it meets and then fails for another in the same process.
    """

    def __init__(self, shape: list[int], weight: float) -> None:
        self.weight = weight
        super().__init__(shape)

    def _prox(self, step: float, x: np.ndarray) -> np.ndarray:
        size = np.abs(x)
        kept = np.maximum(size - step * self.weight, 0)
        shrunk: np.ndarray = x * np.divide(kept, size, out=np.zeros_like(size), where=size > 0)
        return shrunk
