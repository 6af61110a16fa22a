"""Linear operators with exact adjoints, one module for each kind of measurement."""

from benchmark.operators.linear import LinearOperator
from benchmark.operators.mri import MultiCoilMRI, column_mask, fft2c, ifft2c, ring_of_coils

__all__ = ["LinearOperator", "MultiCoilMRI", "column_mask", "fft2c", "ifft2c", "ring_of_coils"]
