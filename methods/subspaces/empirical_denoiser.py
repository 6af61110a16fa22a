"""The denoiser that is optimal for the training samples alone: what a network that remembers everything would generate.

    D(x) = sum_i w_i x_i,   w = softmax_i(-|x - x_i|^2 / (2 sigma^2)),   dD/dx = (sum_i w_i x_i x_i^T - D D^T) / sigma^2

Nothing is learnt; its samples, by the sampler of the networks, are training samples again, so that its GL is 0.
Source: arXiv:2206.00364, equation 57; the memorising end of arXiv:2409.02426
"""

import torch
from torch import Tensor

from benchmark import Context, Distribution, method
from methods.subspaces._diffusion import generate


@method("empirical_denoiser", solves="Distribution", kind="memoriser", paper="arXiv:2206.00364")
def empirical_denoiser(problem: Distribution, ctx: Context) -> Tensor:
    B, _, n = problem.samples.shape
    latents = ctx.randn(B, problem.generate, n, dtype=torch.float64)
    made = generate(lambda x, sigma: denoise(x, sigma, problem.samples), latents)
    return problem.pack(made, jacobian(problem.probes, problem.sigmas, problem.samples))


def weights(x: Tensor, sigma: Tensor, X: Tensor) -> Tensor:
    """w (B, P, N) at x (B, P, n) with noise sigma (B, P), for samples X (B, N, n)."""
    square = x.square().sum(-1)[..., None] - 2 * x @ X.mT + X.square().sum(-1)[:, None]
    return torch.softmax(-square / (2 * sigma[..., None] ** 2), -1)


def denoise(x: Tensor, sigma: Tensor, X: Tensor) -> Tensor:
    """D(x), (B, P, n)."""
    return weights(x, sigma, X) @ X


def jacobian(x: Tensor, sigma: Tensor, X: Tensor) -> Tensor:
    """dD/dx (B, Q, n, n) at probes (B, Q, n) with noise (Q,)."""
    w = weights(x, sigma.expand(x.shape[:2]), X)
    centred = X[:, None] - (w @ X)[:, :, None]  # (B, Q, N, n)
    return (w[..., None] * centred).mT @ centred / sigma[:, None, None] ** 2
