"""The measurements of a stack of spectra on one scale:  R / max R, each y over its largest value, the red end cut off.

Beyond some 645 nm no detector of the device sees anything, and solvers put there whatever explains a residual.
"""

import torch
from torch import Tensor

from benchmark import LinearInverse


def scaled(matrix: Tensor, wavelengths: Tensor, upto: float) -> Tensor:
    """R (d, k) float64, its largest entry 1, for the first k wavelengths, up to `upto` nm."""
    R = matrix.double()
    return R[:, : max(2, int((wavelengths <= upto).sum()))] / R.max()


def smoothing_inverse(matrix: Tensor, wavelengths: Tensor, penalty: float, upto: float) -> Tensor:
    """(R^T R + penalty (D^T D + I))^-1 (k, k), D of first differences, R as `scaled` gives it."""
    R = scaled(matrix, wavelengths, upto)
    eye = torch.eye(R.shape[1], dtype=R.dtype, device=R.device)
    D = eye.diff(dim=0)
    found: Tensor = torch.linalg.inv(R.T @ R + penalty * (D.T @ D + eye))
    return found


class System:
    """R (d, k) and y (B, d), float64 on the device of the problem, for the first k wavelengths, up to `upto` nm."""

    def __init__(self, problem: LinearInverse, upto: float) -> None:
        A = problem.A
        self.shape, self.dtype = A.shape, A.dtype
        self.R = scaled(A.matrix, A.wavelengths, upto)  # type: ignore[attr-defined]  # what "spectrum" offers
        self.width = self.R.shape[1]
        y = problem.y.double()
        self.y = y / y.abs().amax(-1, keepdim=True).clamp_min(1e-300)

    def whole(self, x: Tensor) -> Tensor:
        """x (B, k) with zeros for the wavelengths beyond, (B, n)."""
        found = torch.zeros(self.shape, dtype=self.dtype, device=self.y.device)
        found[:, : self.width] = x
        return found
