"""Leading eigenpairs and singular vectors of the zero-filled observations."""

import numpy as np
import scipy.sparse
import torch
from scipy.sparse.linalg import eigsh, svds
from torch import Tensor

from benchmark import Completion, Context

_WHOLE = 1200  # up to this side a full decomposition takes seconds at most


def top_eigenpairs(X: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest eigenvalues (B, count), by value, and their eigenvectors (B, n, count), of symmetric X (B, n, n)."""
    n = X.shape[-1]
    if n <= _WHOLE or X.device.type == "cuda":
        values, vectors = torch.linalg.eigh(X)
        return values.flip(-1)[..., :count], vectors.flip(-1)[..., :count]
    found = []
    for matrix in X.numpy():
        values, vectors = eigsh(matrix, k=count, which="LA", v0=np.ones(n))
        found.append((torch.from_numpy(values[::-1].copy()), torch.from_numpy(vectors[:, ::-1].copy())))
    values, vectors = (torch.stack(parts) for parts in zip(*found, strict=True))
    return values, vectors


def top_singular(problem: Completion, ctx: Context, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """U (B, m, k), s (B, k), V (B, n, k), largest first, of the observations filled with zeros: P(Y) = U diag(s) V^T + ..."""
    B, m, n = problem.shape
    if max(m, n) <= _WHOLE:
        U, s, Vh = torch.linalg.svd(problem.dense()[0], full_matrices=False)
        return U[..., :count], s[..., :count], Vh.mT[..., :count].contiguous()
    found = []
    b, i, j = problem.where.cpu().numpy()
    y = problem.y.cpu().numpy()
    for number in range(B):
        mine = b == number
        matrix = scipy.sparse.csr_matrix((y[mine], (i[mine], j[mine])), shape=(m, n))
        start = torch.randn(min(m, n), dtype=torch.float64, generator=ctx.generator).numpy()
        U, s, Vh = svds(matrix, k=count, v0=start)
        order = np.argsort(-s)
        found.append([torch.from_numpy(part.copy()).to(ctx.device) for part in (U[:, order], s[order], Vh[order].T)])
    U, s, V = (torch.stack(parts) for parts in zip(*found, strict=True))
    return U, s, V
