"""Expectation maximisation for a mixture of Gaussians on subspaces, with noise.

    x ~ (1/K) sum_k N(0, v U_k U_k^T + s I)
    E   r_ik = softmax_k(v / (2 s (v + s)) ||U_k^T x_i||^2)
    M   U_k = d leading eigenvectors of sum_i r_ik x_i x_i^T,   v + s and s the mean energy of a sample on and off its subspace

A soft K-subspaces that starts undecided, with as much noise as signal, and decides as s falls; from many starts, for all draws
at once; the start of the highest likelihood answers. s is not let below `floor` of the energy of a sample for one dimension,
where the likelihood of noiseless samples would be infinite.
Source: Tipping and Bishop, Mixtures of Probabilistic Principal Component Analysers, 1999, with one spectrum for all
"""

import torch
from torch import Tensor

from benchmark import Context, Count, Distribution, Positive, method, mixtures


@method(
    "em_molrg",
    solves="Distribution",
    kind="subspace clustering",
    paper="arXiv:2409.02426",
    settings={"subspace_clustering/small_digits": {"starts": 10}},
)
def em_molrg(problem: Distribution, ctx: Context, *, starts: Count = 150, rounds: Count = 60, floor: Positive = 1e-4) -> Tensor:
    K, d = problem.K, problem.d
    n = problem.samples.shape[-1]
    space = mixtures.compressed(problem.samples, d)
    B, N, r = space.Z.shape
    Z, scatter = space.Z[:, None], mixtures.Scatter(space.Z)
    U = mixtures.orthonormal(torch.randn(B, starts, K, r, d, dtype=Z.dtype, generator=ctx.generator).to(ctx.device))
    energy = Z.square().sum(-1)  # (B, 1, N)
    mean = energy.mean(-1, keepdim=True) / n  # (B, 1, 1): of a sample in one dimension
    v, s = (mean * n / (2 * d)).expand(B, starts, 1), (mean / 2).expand(B, starts, 1)
    likelihood = torch.zeros(B, starts, dtype=Z.dtype, device=ctx.device)

    def best() -> Tensor:
        at = likelihood.argmax(-1)
        return space.lift(U[torch.arange(B, device=ctx.device), at])

    for number in ctx.steps(rounds):
        on = mixtures.energies(Z, U)  # (B, R, K, N)
        logits = (v / (2 * s * (v + s)))[..., None] * on
        found = logits.logsumexp(-2) - energy / (2 * s) - d / 2 * (v + s).log() - (n - d) / 2 * s.log()
        before, likelihood = likelihood, found.sum(-1)
        weight = logits.softmax(-2)
        U = mixtures.leading(scatter(weight.flatten(1, 2)), d).view(U.shape)
        kept = (weight * mixtures.energies(Z, U)).sum((-2, -1))[..., None] / N
        s = ((energy.mean(-1, keepdim=True) - kept) / max(1, n - d)).maximum(floor * mean)
        v = (kept / d - s).maximum(floor * mean)
        ctx.record(number, best)
        if bool(((likelihood - before).abs() <= 1e-9 * likelihood.abs()).all()):
            break
    return best()
