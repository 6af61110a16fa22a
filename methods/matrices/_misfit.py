"""The misfit of factors on the observed entries, and what its gradient is made of.

    R = P(L N^T) - Y;   ||R||_F^2,   R N,   R^T L        L (B, m, k), N (B, n, k); P sets what is not observed to zero

Dense or sparse, whichever costs less. Dense, on the CPU: by blocks of rows that fit the cache, so that a step costs its
products of matrices and hardly more; on the GPU, or where a matrix fits the cache whole, all matrices of the stack at once.
Sparse: products on the observed entries alone.
"""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark import Completion

# With fewer observed entries than this share, products on the entries are faster than on whole matrices
# (tests/performance/completion_step.py: the crossover at n = 1000 and 2000, k = 10).
SPARSE_BELOW = 0.13
_SMALL = 300 * 300  # numbers that a stack's matrix may have to be worked on whole
_BLOCK = 1 << 17  # numbers of a block: 1 MB


@dataclass(frozen=True)
class Products:
    """square: ||R||_F^2 (B,), left: R N (B, m, k), right: R^T L (B, n, k); those not asked for are empty."""

    square: Tensor
    left: Tensor
    right: Tensor


def sparse_is_faster(problem: Completion) -> bool:
    """Whether products on the observed entries cost less than on whole matrices."""
    return problem.fraction < SPARSE_BELOW and problem.shape[1] * problem.shape[2] > _SMALL


class Misfit:
    """The misfit of one problem. `scale` divides y. `sparse`: None to choose."""

    def __init__(self, problem: Completion, scale: float = 1.0, sparse: bool | None = None) -> None:
        B, m, n = problem.shape
        self.shape = problem.shape
        self.sparse = sparse_is_faster(problem) if sparse is None else sparse
        self.size = torch.zeros(B, dtype=torch.float64, device=problem.y.device)
        self.size.index_add_(0, problem.where[0], (problem.y / scale).square())  # ||Y||_F^2
        if self.sparse:
            self._parts = [_Sparse(problem, b, scale) for b in range(B)]
            return
        self.Y, self.mask = problem.dense()
        self.Y /= scale
        at_once = self.Y.device.type == "cuda" or m * n <= _SMALL
        self._rows = m if at_once else max(1, _BLOCK // n)
        self._buffer = torch.empty(B if at_once else 1, min(m, self._rows), n, dtype=torch.float64, device=self.Y.device)

    def __call__(self, L: Tensor, N: Tensor, *, square: bool = False, right: bool = True) -> Products:
        """R's products with the factors; `right` asks for R^T L, `square` for ||R||^2."""
        if self.sparse:
            found = [part(L[b], N[b], square=square, right=right) for b, part in enumerate(self._parts)]
            return Products(*(torch.stack([getattr(one, name) for one in found]) for name in ("square", "left", "right")))
        if self._rows < min(self.shape[1], 2 * N.shape[-1]):  # wide factors: blocks would slow their products down
            return self._whole(L, N, torch.empty_like(self.Y), square, right)
        return (
            self._whole(L, N, self._buffer, square, right)
            if len(self._buffer) == len(L) and self._rows >= self.shape[1]
            else (self._blocked(L, N, square, right))
        )

    def residual(self, L: Tensor, N: Tensor) -> Tensor:
        """R itself, (B, m, n), for dense problems."""
        return torch.baddbmm(self.Y, L, N.mT, beta=-1).mul_(self.mask)

    def _whole(self, L: Tensor, N: Tensor, R: Tensor, square: bool, right: bool) -> Products:
        torch.baddbmm(self.Y, L, N.mT, beta=-1, out=R).mul_(self.mask)
        nothing = R.new_empty(len(R), 0)
        return Products(R.square().sum((-2, -1)) if square else nothing, R @ N, R.mT @ L if right else nothing)

    def _blocked(self, L: Tensor, N: Tensor, square: bool, right: bool) -> Products:
        B, m, _ = self.shape
        left, other = torch.empty_like(L), torch.zeros_like(N) if right else L.new_empty(B, 0)
        squares = L.new_zeros(B) if square else L.new_empty(B, 0)
        for b in range(B):
            turned = N[b].T
            for start in range(0, m, self._rows):
                rows = slice(start, min(m, start + self._rows))
                R = self._buffer[0, : rows.stop - start]
                torch.addmm(self.Y[b, rows], L[b, rows], turned, beta=-1, out=R).mul_(self.mask[b, rows])
                torch.mm(R, N[b], out=left[b, rows])
                if right:
                    other[b].addmm_(R.T, L[b, rows])
                if square:
                    squares[b] += torch.dot(R.view(-1), R.view(-1))
        return Products(squares, left, other)


class _Sparse:
    """One matrix of a stack, its observed entries in rows (CSR) and, for the transpose, in columns."""

    def __init__(self, problem: Completion, b: int, scale: float) -> None:
        B, m, n = problem.shape
        mine = slice(None) if B == 1 else problem.where[0] == b
        row, column, y = problem.where[1][mine], problem.where[2][mine], problem.y[mine] / scale
        self.rows = csr(row, column, y, m, n)
        self.order = (column * m + row).argsort()
        self.columns = csr(column[self.order], row[self.order], y[self.order], n, m)

    def __call__(self, L: Tensor, N: Tensor, *, square: bool, right: bool) -> Products:
        R = torch.sparse.sampled_addmm(self.rows, L, N.T, beta=-1)
        values, nothing = R.values(), L.new_empty(0)
        turned = nothing
        if right:
            self.columns.values().copy_(values[self.order])
            turned = self.columns @ L
        return Products(torch.dot(values, values) if square else nothing, R @ N, turned)


def csr(row: Tensor, column: Tensor, values: Tensor, m: int, n: int) -> Tensor:
    """Entries sorted by row, then column, as a sparse matrix."""
    start = torch.zeros(m + 1, dtype=torch.int64, device=row.device)
    start[1:] = torch.bincount(row, minlength=m).cumsum(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sparse tensors are in beta
        return torch.sparse_csr_tensor(start, column, values, (m, n), check_invariants=False)
