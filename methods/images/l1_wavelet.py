"""l1-wavelet: sparsity of the wavelet coefficients, by accelerated proximal gradients.

    x_hat = argmin_x  1/2 ||A x - y||^2 + weight ||W x||_1        W orthogonal wavelet transform (Daubechies)

The solver (FISTA) and the transform are sigpy's, on the host; A is this suite's. `weight` is in units of max |x| = 1.
Source: Lustig, Donoho, Pauly, Magnetic Resonance in Medicine 58 (2007)
"""

from typing import Literal

from sigpy import linop, prox
from torch import Tensor

from benchmark import Context, Count, LinearInverse, Positive, method
from benchmark.operators.as_sigpy import Shrinkage
from methods.images._proximal import solved


@method(
    "l1_wavelet",
    solves="LinearInverse",
    kind="classical",
    paper="doi:10.1002/mrm.21391",
    needs=("image",),
    # Best mean PSNR over the tuning instances among haar, db2, db4, sym4 and weights near the best; 50 and 300 steps (db4) were
    # no better. small_noisy: weights 2e-3, 4e-3, 8e-3 with db4 only.
    settings={
        "mri": {"wavelet": "db2", "weight": 1e-3},
        "mri/small_noisy": {"wavelet": "db4", "weight": 8e-3},
        # Best of haar, db2, sym4, as above, with weights within 0.1 dB of the best that was tried.
        "inpainting": {"wavelet": "haar", "weight": 3e-3, "steps": 200},
        "denoising": {"wavelet": "haar", "weight": 0.12},
        "deblurring": {"wavelet": "haar", "weight": 3e-3, "steps": 200},
        "super_resolution": {"wavelet": "haar", "weight": 3e-3, "steps": 200},
    },
    search={"*": {"weight": (1e-4, 0.3, "log"), "wavelet": ["haar", "db2", "db4", "sym4"], "levels": (2, 4)}},
)
def l1_wavelet(
    problem: LinearInverse,
    ctx: Context,
    *,
    weight: Positive = 1e-3,
    steps: Count = 100,
    wavelet: Literal["haar", "db2", "db4", "sym4"] = "db4",
    levels: Count = 3,
) -> Tensor:
    A = problem.A
    W = linop.Wavelet(A.shape, axes=(-2, -1), wave_name=wavelet, level=levels)
    shrink = prox.UnitaryTransform(Shrinkage(W.oshape, weight), W)
    return solved(problem, ctx, steps, proxg=shrink, alpha=1 / A.norm**2)
