"""Wiener deconvolution: the best linear estimate for a picture whose Laplacian is white.

    X = conj(K) Y / (|K|^2 + balance |L|^2)        capitals: Fourier transforms; L the Laplacian

The picture is continued by reflection, so that the periodic transform meets no jump. scikit-image's, on the host.
Source: Hunt, IEEE Transactions on Computers 22 (1973); Orieux et al., Journal of the Optical Society of America A 27 (2010)
"""

import numpy as np
import torch
from skimage.restoration import wiener as deconvolve
from torch import Tensor

from benchmark import Context, LinearInverse, Positive, method
from benchmark.operators import Blur


@method(
    "wiener",
    solves="LinearInverse",
    kind="classical",
    paper="doi:10.1109/TC.1973.5009169",
    needs=("image", "kernel"),
    # Best mean PSNR over the tuning instances among 1e-3, 3e-3, 1e-2, 3e-2, 1e-1.
    settings={"deblurring": {"balance": 1e-2}},
)
def wiener(problem: LinearInverse, ctx: Context, *, balance: Positive = 1e-2) -> Tensor:
    A = problem.A
    assert isinstance(A, Blur)
    kernel, border = A.kernel.cpu().numpy(), 2 * A.kernel.shape[-1]
    wide = np.pad(problem.y.cpu().numpy(), ((0, 0), (border, border), (border, border)), mode="symmetric")
    found = np.stack(
        [
            deconvolve(channel, kernel, balance, clip=False)  # type: ignore[no-untyped-call]  # scikit-image has no types
            for channel in wide
        ]
    )
    inside = found[:, border:-border, border:-border]
    return torch.from_numpy(np.ascontiguousarray(inside, np.float32)).to(ctx.device)
