"""CG-SENSE: regularised least squares by conjugate gradients.

    x_hat = argmin_x ||A x - y||^2 + damping ||x||^2,   solved as  (A^H A + damping I) x = A^H y  from x = 0

Stopping early regularises too. The solver is SciPy's, on the host; `damping` is in units of ||A||^2, which is 1 for MRI.
Source: Pruessmann et al., Magnetic Resonance in Medicine 46 (2001); SENSE without regularisation is damping = 0.
"""

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator as ScipyOperator
from scipy.sparse.linalg import cg
from torch import Tensor

from benchmark import Context, Count, LinearInverse, NonNegative, method


@method(
    "cg_sense",
    solves="LinearInverse",
    kind="classical",
    paper="doi:10.1002/mrm.1241",
    needs=("coils",),
    # Best mean PSNR over the tuning instances of 10, 20, 30 steps and damping 0 ... 1e-1; small_noisy: 20 steps, 1e-2 ... 3e-1.
    settings={"mri": {"steps": 10, "damping": 1e-3}, "mri/small_noisy": {"steps": 20, "damping": 3e-2}},
)
def cg_sense(problem: LinearInverse, ctx: Context, *, steps: Count = 20, damping: NonNegative = 1e-2) -> Tensor:
    A, device = problem.A, problem.y.device
    size = int(np.prod(A.shape))
    scale = damping * A.norm**2

    def image(flat: np.ndarray) -> Tensor:
        return torch.from_numpy(flat).reshape(A.shape).to(device, A.dtype)

    def normal(flat: np.ndarray) -> np.ndarray:
        x = image(flat)
        return (A.H(A(x)) + scale * x).flatten().cpu().numpy()

    right = A.H(problem.y).flatten().cpu().numpy()
    system = ScipyOperator((size, size), matvec=normal, dtype=right.dtype)
    loop = iter(ctx.steps(steps))

    def after(flat: np.ndarray) -> None:
        step = next(loop, None)
        if step is None:
            raise _BudgetSpentError(flat)
        ctx.record(step, image(flat))

    try:
        solution, _ = cg(system, right, rtol=1e-6, maxiter=steps, callback=after)
    except _BudgetSpentError as stopped:
        solution = stopped.args[0]
    return image(solution)


class _BudgetSpentError(Exception):
    """SciPy's solver ends early in no other way. Holds the iterate."""
