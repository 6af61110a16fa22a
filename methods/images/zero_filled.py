"""Zero-filled: the adjoint applied to the measurements, the baseline that does nothing clever.

    x_hat = A^H y

What was not measured counts as zero. For MRI it is the coil-combined inverse Fourier transform.
"""

from torch import Tensor

from benchmark import Context, LinearInverse, method


@method("zero_filled", solves="LinearInverse", kind="baseline", paper="")
def zero_filled(problem: LinearInverse, ctx: Context) -> Tensor:
    return problem.A.H(problem.y)
