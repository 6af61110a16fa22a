"""Wiener deconvolution: the best linear estimate for a picture whose Laplacian is white.

    x_hat = argmin_x ||A x - y||^2 + balance ||L x||^2        L: Laplacian, edge pixels repeated, each channel alone

For periodic pictures that is X = conj(K) Y / (|K|^2 + balance |L|^2) in Fourier transforms. A's border is not periodic, and for
a long kernel the formula's border spoils the whole picture; so the same minimum is found with A itself, by SciPy's conjugate
gradients on the normal equations, from 0 to a relative residual of 1e-4.
Source: Hunt, IEEE Transactions on Computers 22 (1973)
"""

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator as ScipyOperator
from scipy.sparse.linalg import cg
from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, LinearInverse, Positive, method

_MOST = 200  # iterations; 20 to 60 are usual


@method(
    "wiener",
    solves="LinearInverse",
    kind="classical",
    paper="doi:10.1109/TC.1973.5009169",
    needs=("image", "kernel"),
    # Best mean PSNR over the tuning instances of small and of small_motion among 3e-3, 1e-2, 3e-2.
    settings={"deblurring": {"balance": 1e-2}},
    search={"*": {"balance": (1e-4, 0.3, "log")}},
)
def wiener(problem: LinearInverse, ctx: Context, *, balance: Positive = 1e-2) -> Tensor:
    A, device = problem.A, problem.y.device

    def image(flat: np.ndarray) -> Tensor:
        return torch.from_numpy(flat).reshape(A.shape).to(device, A.dtype)

    def normal(flat: np.ndarray) -> np.ndarray:
        x = image(flat)
        return (A.H(A(x)) + balance * laplacian(laplacian(x))).flatten().cpu().numpy()

    right = A.H(problem.y).flatten().cpu().numpy()
    system = ScipyOperator((right.size, right.size), matvec=normal, dtype=right.dtype)
    return image(cg(system, right, rtol=1e-4, maxiter=_MOST)[0])


def laplacian(x: Tensor) -> Tensor:
    """Four times a pixel less its four neighbours, (C, H, W); its own adjoint."""
    wide = F.pad(x[None], (1, 1, 1, 1), mode="replicate")[0]
    across, down = wide[:, 1:-1], wide[..., 1:-1]
    return 4 * x - across[..., :-2] - across[..., 2:] - down[:, :-2] - down[:, 2:]
