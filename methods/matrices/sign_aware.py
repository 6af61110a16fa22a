"""Completion that uses what the mask tells: an entry that is not seen lies below the threshold.

    min_{W, H}  ||Z - W H||_F^2,   Z = X where seen, Z <= above elsewhere           W (n, r), H (r, n)

`bcd_nmd` minimises over Z, W and H in turn, each exactly. `sign_gd` keeps one symmetric factor and descends the gradient:
U <- U - eta R U, R = U U^T - X where seen, max(U U^T - above, 0) elsewhere. Both begin at random, and use more than matrix
completion may: they rank apart from it by their kind.
Source  Gillis, Porcelli, Seraghiti, arXiv:2503.23832, for the first; the second is this suite's counterpart of it
"""

import torch
from torch import Tensor

from benchmark import Completion, Context, Count, Positive, method
from methods._convergence import until_converged
from methods.matrices._spectral import top_eigenpairs
from methods.matrices.relu_gd import random_start


@method("bcd_nmd", solves="Completion", kind="sign-aware", paper="arXiv:2503.23832", needs=("above",))
def bcd_nmd(problem: Completion, ctx: Context, *, steps: Count = 2000) -> Tensor:
    """Block coordinate descent that also fits the entries known only to be below the threshold"""
    X, mask = problem.dense()
    B, m, n = problem.shape
    W = ctx.randn(B, m, problem.rank, dtype=torch.float64)
    H = ctx.randn(B, problem.rank, n, dtype=torch.float64)
    size = torch.linalg.matrix_norm(X)
    W, H = (F * (size.sqrt() / torch.linalg.matrix_norm(F, 2))[:, None, None] for F in (W, H))
    gap = size

    for step in until_converged(ctx, steps, lambda: bool((gap < 1e-10 * size).all())):
        product = W @ H
        Z = torch.where(mask > 0, X, product.clamp_max(above(problem)))
        gap = torch.linalg.matrix_norm(Z - product)
        W = torch.linalg.solve(H @ H.mT, Z @ H.mT, left=False)
        H = torch.linalg.solve(W.mT @ W, W.mT @ Z)
        ctx.record(step, lambda: problem.pack(W, H.mT))
    return problem.pack(W, H.mT)


@method("sign_gd", solves="Completion", kind="sign-aware", paper="arXiv:2406.05822", needs=("symmetric", "above"))
def sign_gd(problem: Completion, ctx: Context, *, steps: Count = 3000, step: Positive = 0.25) -> Tensor:
    """Gradient descent from a random start that also keeps what is not seen below the threshold"""
    X, mask = problem.dense()
    U = random_start(problem, ctx)
    eta = step / top_eigenpairs(X, 1)[0][..., None]
    size, gap = torch.linalg.matrix_norm(X), torch.linalg.matrix_norm(X)

    for number in until_converged(ctx, steps, lambda: bool((gap < 1e-12 * size).all())):
        product = U @ U.mT
        R = torch.where(mask > 0, product - X, (product - above(problem)).clamp_min(0))
        gap = torch.linalg.matrix_norm(R)
        U = U - eta * (R @ U)
        ctx.record(number, lambda: problem.pack(U, U))
    return problem.pack(U, U)


def above(problem: Completion) -> float:
    """The bound on what is not seen. Raises ValueError for a problem that has none."""
    if problem.above is None:
        raise ValueError("this problem does not bound what is not seen")
    return problem.above
