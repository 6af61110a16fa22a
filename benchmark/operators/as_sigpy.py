"""Operators as sigpy's solvers see them. Apart from its package, which need not import sigpy."""

import numpy as np
import torch
from sigpy import linop

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
