"""Sparse and elastic-net subspace clustering: each sample is a combination of few others, those of its own subspace.

    min over c, c_i = 0, of  1/2 |x_i - X c|^2 + g (m |c|_1 + (1 - m) / 2 |c|^2),    g = share max_j |x_j^T x_i|
    labels: spectral clustering of |C| + |C|^T;   U_k: d leading directions of cluster k

`ssc`: m = 1; `ensc`: m < 1, which connects the samples of a subspace better. Samples are scaled to unit norm first.
Source: arXiv:1203.1005 (SSC), arXiv:1605.02633 (EnSC); scikit-learn's solvers and spectral clustering
"""

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import SpectralClustering
from sklearn.linear_model import ElasticNet
from torch import Tensor

from benchmark import Context, Distribution, Fraction, Positive, method, mixtures

_ITERATIONS = 500
_ISOLATED = 1e-8  # joins what would fall apart, so that the spectrum is defined


@method("ssc", solves="Distribution", kind="subspace clustering", paper="arXiv:1203.1005")
def ssc(problem: Distribution, ctx: Context, *, share: Positive = 0.02) -> Tensor:
    """Sparse subspace clustering: each sample as a sparse combination of the others, then spectral clustering"""
    return clustered(problem, ctx, share, 1.0)


@method("ensc", solves="Distribution", kind="subspace clustering", paper="arXiv:1605.02633")
def ensc(problem: Distribution, ctx: Context, *, share: Positive = 0.02, mix: Fraction = 0.9) -> Tensor:
    """Elastic-net subspace clustering: as SSC, with a squared penalty that connects samples of a subspace"""
    return clustered(problem, ctx, share, mix)


def clustered(problem: Distribution, ctx: Context, share: float, mix: float) -> Tensor:
    """Bases of the clusters of every draw."""
    labels = [split(expressed(X.cpu().numpy(), share, mix), problem.K, ctx) for X in problem.samples]
    return mixtures.of_classes(problem.samples, torch.stack(labels).to(ctx.device), problem.K, problem.d)


def expressed(X: NDArray[np.float64], share: float, mix: float) -> NDArray[np.float64]:
    """C (N, N) of samples X (N, n), row i the combination for sample i."""
    X = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12)
    N, n = X.shape
    C = np.zeros((N, N))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rounds that end before the tolerance: the support is what counts
        for i in range(N if N > 1 else 0):
            others = np.arange(N) != i
            A = X[others].T
            weight = share * np.abs(A.T @ X[i]).max() / n  # scikit-learn divides the squares by n
            if weight > 0:
                solver = ElasticNet(alpha=weight, l1_ratio=mix, fit_intercept=False, max_iter=_ITERATIONS, random_state=0)
                C[i, others] = solver.fit(A, X[i]).coef_
    return C


def split(C: NDArray[np.float64], K: int, ctx: Context) -> Tensor:
    """Labels (N,) of spectral clustering of the graph |C| + |C|^T."""
    if K == 1:
        return torch.zeros(len(C), dtype=torch.int64)
    C = np.abs(C) / np.maximum(np.abs(C).max(1, keepdims=True), 1e-12)
    seed = int(torch.randint(2**31, (), generator=ctx.generator))
    spectral = SpectralClustering(K, affinity="precomputed", random_state=seed, assign_labels="kmeans")
    return torch.from_numpy(spectral.fit_predict(C + C.T + _ISOLATED).astype(np.int64))
