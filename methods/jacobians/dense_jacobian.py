"""Every row of the Jacobian by a gradient, and eigenvalues of its Gram matrices: n gradients, n x n numbers.

    rows e_i^T J,   squared singular values: eigenvalues of J^T J and of (I - J)^T (I - J)

Source: arXiv:2409.02374, which takes dense Jacobians too
"""

import torch
from torch import Tensor

from benchmark import Context, Jacobian, method
from methods.jacobians._products import gradients


@method(
    "dense_jacobian",
    solves="Jacobian",
    kind="dense",
    paper="arXiv:2409.02374",
    needs=("prior",),
    presets=("tiny", "small_photographs", "small_exact"),  # at 64 pixels it takes ten minutes a point
)
def dense_jacobian(problem: Jacobian, ctx: Context) -> Tensor:
    """All singular values, from all rows."""
    one = torch.eye(problem.count, dtype=problem.x.dtype, device=ctx.device)
    J = gradients(problem, one)
    found = [torch.linalg.eigvalsh(A.mT @ A) for A in (J, one - J)]
    return torch.stack(found).flip(1).clamp(min=0).double()
