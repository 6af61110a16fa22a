"""A denoiser whose weights are the bases, trained as diffusion models are: it learns subspaces by denoising alone.

    min over U of  E lambda(sigma) |D(x_0 + sigma eps) - x_0|^2,    ln sigma ~ N(-1.2, 1.2^2),  lambda as in EDM
    soft   D(x) = c sum_k w_k U_k U_k^T x,   w = softmax_k(phi |U_k^T x|^2)            (c, phi: benchmark/models/mixtures.py)
    hard   w = 1 at the k with the largest |U_k^T x_0|, of the clean sample: it cannot generate, and is what the theorem is on

U_k is orthonormalised from free parameters at every step, so that |D - x_0|^2 needs only U^T x and U^T x_0. Adam, `repeats`
draws of noise for each sample a step; `starts` random starts (K = 1: one) or one start from K-subspaces; the start with the
lowest loss over the last tenth of the steps answers. Bases in single precision.
Source: arXiv:2409.02426; optimiser, rate and starts are ours: the paper's are not published
"""

from typing import Literal

import torch
from torch import Tensor

from benchmark import Context, Count, Distribution, Positive, method, mixtures
from methods.subspaces._diffusion import noise_levels
from methods.subspaces._diffusion import weight as importance


@method(
    "low_rank_dae",
    solves="Distribution",
    kind="low-rank denoiser",
    paper="arXiv:2409.02426",
    search={"*": {"lr": (0.002, 0.05, "log")}},
    # On tuning draws of `small` (d 3, N_k 5; ten draws) the error is 0.59 at rate 0.02 and 0.31 at 0.05
    settings={"subspace_clustering/tiny": {"steps": 60, "starts": 4}, "subspace_clustering/small_digits": {"starts": 5}},
)
def low_rank_dae(
    problem: Distribution,
    ctx: Context,
    *,
    mode: Literal["soft", "hard"] = "hard",
    start: Literal["random", "k_subspaces"] = "random",
    starts: Count = 20,
    steps: Count = 400,
    lr: Positive = 5e-2,
    repeats: Count = 4,
) -> Tensor:
    X = problem.samples.float()
    (B, N, n), K, d = X.shape, problem.K, problem.d
    if start == "k_subspaces":
        first = mixtures.k_subspaces(problem.samples, K, d, 150, 30, ctx.generator).float()[:, None]
    else:
        R = starts if K > 1 else 1
        first = mixtures.orthonormal(torch.randn(B, R, K, n, d, generator=ctx.generator)).to(ctx.device)
    theta = first.clone().requires_grad_()
    optimiser = torch.optim.Adam([theta], lr=lr)
    total, size = torch.zeros(first.shape[:2], device=ctx.device), X.square().sum(-1).repeat(1, repeats)

    def best() -> Tensor:
        chosen = theta.detach()[torch.arange(B, device=ctx.device), total.argmin(-1)]
        return mixtures.orthonormal(chosen).double()

    for step in ctx.steps(steps):
        optimiser.param_groups[0]["lr"] = lr * (1 - step / steps)
        sigma = noise_levels(ctx, B, repeats * N)
        xt = X.repeat(1, repeats, 1) + sigma[..., None] * ctx.randn(B, repeats * N, n)
        losses = loss(theta, X, xt, sigma, size, mode == "hard")  # (B, R)
        optimiser.zero_grad()
        losses.sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        keep = 0.9 if step < 0.9 * steps else 0.98
        total = keep * total + (1 - keep) * losses.detach() if step else losses.detach()
        ctx.record(step, best)
    return best()


def loss(theta: Tensor, X: Tensor, xt: Tensor, sigma: Tensor, size: Tensor, hard: bool) -> Tensor:
    """Weighted loss of each start, (B, R): theta (B, R, K, n, d), X (B, N, n), xt (B, M N, n), sigma and size (B, M N)."""
    B, R, K, n, d = theta.shape
    lower = torch.linalg.cholesky(theta.mT @ theta)
    U = torch.linalg.solve_triangular(lower, theta.mT, upper=False)  # (B, R, K, d, n): the transposed bases
    flat = U.reshape(B, R * K * d, n).mT
    a0 = (X @ flat).view(B, -1, R, K, d)
    at = (xt @ flat).view(B, -1, R, K, d)
    again = at.shape[1] // a0.shape[1]
    c = (1 / (1 + sigma**2))[..., None]  # (B, M N, 1)
    if hard:
        k = a0.detach().square().sum(-1).argmax(-1)  # (B, N, R)
        pick = torch.nn.functional.one_hot(k, K)[..., None].to(a0.dtype)
        mine, clean = (at * pick.repeat(1, again, 1, 1, 1)).sum(-2), (a0 * pick).sum(-2)  # (B, ., R, d)
        norm, inner = mine.square().sum(-1), (mine * clean.repeat(1, again, 1, 1)).sum(-1)
    else:
        phi = c[..., None] / (2 * sigma[..., None, None] ** 2)
        w = (phi * at.square().sum(-1)).softmax(-1)  # (B, M N, R, K)
        mixed = (w[..., None] * at).flatten(-2)  # (B, M N, R, K d)
        gram = U.reshape(B, R, K * d, n) @ U.reshape(B, R, K * d, n).mT
        norm = (torch.einsum("bprk,brkl->bprl", mixed, gram) * mixed).sum(-1)
        inner = (mixed * a0.flatten(-2).repeat(1, again, 1, 1)).sum(-1)
    square = c**2 * norm - 2 * c * inner + size[..., None]
    found: Tensor = (importance(sigma)[..., None] * square).mean(1) / n
    return found
