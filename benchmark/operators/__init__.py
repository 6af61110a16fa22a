"""Linear operators with exact adjoints, one module for each kind of measurement, and differentiable ones in `nonlinear`."""

from benchmark.operators.image import Blur, Downsample, Identity, Mask, gaussian_kernel, motion_kernel
from benchmark.operators.linear import LinearOperator
from benchmark.operators.mri import MultiCoilMRI, column_mask, fft2c, ifft2c, ring_of_coils
from benchmark.operators.nonlinear import FourierMagnitude, NonlinearOperator
from benchmark.operators.spectral import SVD

__all__ = [
    "SVD",
    "Blur",
    "Downsample",
    "FourierMagnitude",
    "Identity",
    "LinearOperator",
    "Mask",
    "MultiCoilMRI",
    "NonlinearOperator",
    "column_mask",
    "fft2c",
    "gaussian_kernel",
    "ifft2c",
    "motion_kernel",
    "ring_of_coils",
]
