"""Alternating least squares: each row of one factor is the best for the other factor, in turn.

    l_i = (sum_{j in Omega_i} n_j n_j^T + ridge I)^{-1} sum_{j in Omega_i} y_ij n_j,   then the rows of N likewise

L (m, r), N (n, r); the start is the r leading singular pairs of Y / p. `ridge` is in units of the mean diagonal entry of a
row's normal matrix. The normal matrices of all rows are one product of the mask with the outer products n_j n_j^T.
Source  Jain, Netrapalli, Sanghavi, STOC 2013; for ratings Koren, Bell, Volinsky, Computer 42 (2009)
"""

import torch
from torch import Tensor

from benchmark import Completion, Context, Count, Positive, method
from methods._convergence import until_converged
from methods.matrices._misfit import csr, sparse_is_faster
from methods.matrices._spectral import top_singular


@method(
    "alternating_ls",
    solves="Completion",
    kind="classical",
    paper="doi:10.1145/2488608.2488693",
    # best of 0.1, 0.3, 1 and 3 on the tuning splits
    settings={"deep_mc/small_films": {"ridge": 0.1}, "deep_mc/small_lecturers": {"ridge": 0.3}},
)
def alternating_ls(problem: Completion, ctx: Context, *, ridge: Positive = 1e-9, steps: Count = 100) -> Tensor:
    p = problem.fraction
    U, s, V = top_singular(problem, ctx, problem.rank)
    weight = (s / p).sqrt()[:, None]
    L, N = U * weight, V * weight
    rows, columns = _Rows(problem), _Rows(problem, turned=True)
    change = torch.inf

    for number in until_converged(ctx, steps, lambda: change < 1e-12):
        before = L
        L = rows.solve(N, ridge)
        N = columns.solve(L, ridge)
        change = ((L - before).norm() / L.norm()).item()
        ctx.record(number, lambda: problem.pack(L, N))
    return problem.pack(L, N)


class _Rows:
    """The least-squares problems of the rows of a stack of matrices, or, `turned`, of their columns."""

    def __init__(self, problem: Completion, turned: bool = False) -> None:
        B, m, n = problem.shape
        self.sparse = sparse_is_faster(problem)
        if self.sparse:
            b, i, j = problem.where
            parts = []
            for number in range(B):
                mine = b == number
                row, column, y = (j[mine], i[mine], problem.y[mine]) if turned else (i[mine], j[mine], problem.y[mine])
                order = (row * (m if turned else n) + column).argsort()
                size = (n, m) if turned else (m, n)
                parts.append(tuple(csr(row[order], column[order], v[order], *size) for v in (y, torch.ones_like(y))))
            self.parts = parts
            return
        Y, mask = problem.dense()
        self.Y, self.mask = (Y.mT, mask.mT) if turned else (Y, mask)

    def solve(self, N: Tensor, ridge: float) -> Tensor:
        """The rows of L (B, m, r) that fit best with N (B, n, r)."""
        B, n, r = N.shape
        outer = (N[..., :, None] * N[..., None, :]).reshape(B, n, r * r)
        if self.sparse:
            right = torch.stack([Y @ N[b] for b, (Y, _) in enumerate(self.parts)])
            gram = torch.stack([mask @ outer[b] for b, (_, mask) in enumerate(self.parts)])
        else:
            right, gram = self.Y @ N, self.mask @ outer
        gram = gram.reshape(B, -1, r, r)
        scale = gram.diagonal(dim1=-2, dim2=-1).mean((-2, -1))[:, None, None, None]
        gram = gram + ridge * scale * torch.eye(r, dtype=N.dtype, device=N.device)
        rows: Tensor = torch.linalg.solve(gram, right)
        return rows
