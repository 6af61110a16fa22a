"""Principal component analysis, uncentred: the K d directions in which the samples have most energy.

    max over U^T U = I of  sum_i ||U^T x_i||^2

For K = 1 this is the answer, and what a low-rank denoiser learns (arXiv:2409.02426). For K > 1 it is what one linear model
knows: the span of all subspaces, cut into K blocks by energy, which is arbitrary inside it. It cannot tell subspaces apart.
"""

import torch
from torch import Tensor

from benchmark import Context, Distribution, method, mixtures


@method("pca", solves="Distribution", kind="baseline", paper="arXiv:2409.02426")
def pca(problem: Distribution, ctx: Context) -> Tensor:
    X, K, d = problem.samples, problem.K, problem.d
    n = X.shape[-1]
    whole = mixtures.leading(X.mT @ X, min(n, K * d))  # (B, n, K d)
    starts = [min(k * d, n - d) for k in range(K)]  # the last blocks overlap where K d is above n
    return torch.stack([whole[..., s : s + d] for s in starts], 1)
