"""Total variation: few edges, by the primal-dual hybrid gradient method.

    x_hat = argmin_x  1/2 ||A x - y||^2 + weight sum |D_h x| + |D_v x|       D: differences of neighbours, each channel alone

The solver (PDHG) and the differences are sigpy's, on the host; A is this suite's. `weight` is in units of max |x| = 1;
`balance`, the root of the ratio of dual to primal step, changes how fast the solver gets there.
Source: Rudin, Osher, Fatemi, Physica D 60 (1992), here anisotropic;
        Chambolle, Pock, Journal of Mathematical Imaging and Vision 40 (2011)
"""

from sigpy import linop
from torch import Tensor

from benchmark import Context, Count, LinearInverse, Positive, method
from benchmark.operators.as_sigpy import Shrinkage
from methods.images._proximal import solved


@method(
    "tv",
    solves="LinearInverse",
    kind="classical",
    paper="doi:10.1016/0167-2789(92)90242-F",
    needs=("image",),
    # Best mean PSNR over the tuning instances among three or four weights each and two to four balances.
    settings={
        "mri": {"weight": 1e-3, "balance": 0.03},
        "mri/small_noisy": {"weight": 3e-3, "balance": 0.1},
        "inpainting": {"weight": 3e-3, "balance": 0.03},
        "denoising": {"weight": 0.06, "balance": 0.3},
        "deblurring": {"weight": 1e-3, "balance": 0.3},
        "super_resolution": {"weight": 3e-4, "balance": 0.1},
    },
    search={"*": {"weight": (1e-4, 0.3, "log"), "balance": (0.01, 1.0, "log")}},
)
def tv(problem: LinearInverse, ctx: Context, *, weight: Positive = 1e-2, steps: Count = 200, balance: Positive = 0.1) -> Tensor:
    A = problem.A
    D = linop.FiniteDifference(A.shape, axes=(-2, -1))  # periodic at the edges
    bound = (A.norm**2 + 8) ** 0.5  # on the norm of (A, D)
    shrink = Shrinkage(D.oshape, weight)
    return solved(problem, ctx, steps, proxg=shrink, G=D, tau=1 / (balance * bound), sigma=balance / bound)
