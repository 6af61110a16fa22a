"""Two networks that share no sample: each learns one half of what is given, and the same latents are generated from by both.

    agreement = mean over latents z of the cosine between x_1(z) and x_2(z), samples of the two networks from one z

Networks that repeat their own samples disagree, networks that have learnt the distribution agree: the reproducibility of the
paper's real images, here without a perceptual distance. The first network answers; the trait `agreement` tells of both.
Networks, loss and schedule are those of mlp_diffusion, the halves random; each network has first weights and noise of its own.
Source: arXiv:2409.02426 for reproducibility; halves and cosine are ours
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchmark import Context, Count, Distribution, Positive, UserError, method
from methods.subspaces._diffusion import _POINTS, Edm, answer, generate, noise_levels, weight
from methods.subspaces.mlp_diffusion import _END, _FREQUENCIES, _LAST, _WARM, Stack


def agreement(problem: Distribution, given: Mapping[str, Any], kept: Mapping[str, Tensor]) -> dict[str, float]:
    """The trait of a run that kept `cosines` (B,)."""
    return {"agreement": kept["cosines"].mean().item()}


@method(
    "mlp_halves",
    solves="Distribution",
    kind="diffusion network",
    paper="arXiv:2409.02426",
    presets=("tiny", "small_generalisation", "full"),
    settings={"subspace_clustering/tiny": {"steps": 60, "width": 32}},
    traits=agreement,
)
def mlp_halves(
    problem: Distribution,
    ctx: Context,
    *,
    steps: Count = 20000,
    width: Count = 256,
    batch: Count = 128,
    lr: Positive = 1e-3,
) -> Tensor:
    """Two denoising networks that learn from disjoint halves: whether they generate the same"""
    X = problem.samples.float()
    B, N, n = X.shape
    if N < 2:
        raise UserError("mlp_halves needs two samples or more, one for each half")
    order = torch.stack([torch.randperm(N, generator=ctx.generator) for _ in range(B)]).to(X.device)
    X = X.gather(1, order[..., None].expand(-1, -1, n))
    halves = torch.cat([X[:, : N // 2], X[:, N // 2 : 2 * (N // 2)]])  # (2B, N/2, n)
    denoiser = Edm(Stack(2 * B, [n + 2 * _FREQUENCIES, width, width, width, n], ctx.generator).to(ctx.device))
    optimiser = torch.optim.Adam(denoiser.parameters(), lr=1.0)
    latents = ctx.randn(B, problem.generate, n)

    def first(x: Tensor, sigma: Tensor) -> Tensor:
        """The denoisers of the first halves: the others see zeros and are left out."""
        both: Tensor = denoiser(torch.cat([x, torch.zeros_like(x)]), sigma.repeat(2, 1))
        return both[: len(x)]

    for step in ctx.steps(steps, points=_POINTS):
        left = (steps - step) / (_LAST * steps)
        optimiser.param_groups[0]["lr"] = lr * min(1.0, (step + 1) / _WARM, _END + (1 - _END) * left)
        which = (ctx.rand(2 * B, batch) * halves.shape[1]).long()
        x0 = halves.gather(1, which[..., None].expand(-1, -1, n))
        sigma = noise_levels(ctx, 2 * B, batch)
        found = denoiser(x0 + sigma[..., None] * ctx.randn(2 * B, batch, n), sigma)
        loss = (weight(sigma) * (found - x0).square().mean(-1)).mean(-1).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        ctx.record(step, lambda: answer(problem, first, latents))
    with torch.no_grad():
        one, other = generate(denoiser, latents.repeat(2, 1, 1)).chunk(2)
    ctx.keep("cosines", torch.nn.functional.cosine_similarity(one, other, dim=-1).mean(-1))
    return answer(problem, first, latents)
