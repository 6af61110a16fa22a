"""Nuclear-norm minimisation: of all matrices that agree with what is seen, the one with the least sum of singular values.

    min_Z ||Z||_*  subject to  P(Z) = Y;     symmetric: Z positive semidefinite, ||Z||_* = trace Z

by the augmented Lagrangian method, E (B, m, n) zero on what is seen:
    Z <- S_{1/mu}(Y - E + D / mu),   E <- (Y - Z + D / mu) off Omega,   D <- D + mu (Y - Z - E),   mu <- growth mu
Under ReLU sampling the whole diagonal is seen, every feasible Z has the same trace, and the problem says nothing: a control.
Source  Candes, Recht, FoCM 9 (2009); solver: Lin, Chen, Ma, arXiv:1009.5055
"""

import torch
from torch import Tensor

from benchmark import Completion, Context, Count, method
from methods._convergence import until_converged
from methods.matrices.soft_impute import shrink

_GROWTH = 1.05


@method("nuclear_norm", solves="Completion", kind="classical", paper="arXiv:0805.4471")
def nuclear_norm(problem: Completion, ctx: Context, *, steps: Count = 300) -> Tensor:
    Y, mask = problem.dense()
    mu = 1 / torch.linalg.matrix_norm(Y, 2)[:, None, None]  # (B, 1, 1)
    size = Y.norm()
    Z, E, D = (torch.zeros_like(Y) for _ in range(3))
    gap = Y

    for step in until_converged(ctx, steps, lambda: bool(gap.norm() < 1e-10 * size)):
        Z = shrink(Y - E + D / mu, 1 / mu[..., 0], problem.symmetric)
        E = (1 - mask) * (Y - Z + D / mu)
        gap = Y - Z - E
        D = D + mu * gap
        mu = _GROWTH * mu
        ctx.record(step, Z)
    return Z
