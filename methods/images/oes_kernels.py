"""Optimal Eye Surgeon with its norms whole: the mask is learnt over kernels alone, and its learning rate decays.

    p* = argmin_p  E_{m ~ Ber(p)} mean (A f(m theta_0, z) - y)^2  +  pull / n sum_i KL(Ber(p_i) || Ber(keep))   theta_0 fixed
    m* = 1 on the keep n largest p* and outside of the pool;  x_hat = f(m* theta, z) after training as in `oes`

A variant of this suite, and not the paper's. The pool are the n weights of convolutions' kernels: biases, gains and shifts of
norms are always kept and trained. In the paper's pool, all weights, the gains have the largest gradients: with few steps of the
mask, learning it switches channels off, at worst all, and the picture is constant. `mask_decay` lets mask_lr fall to zero along
half a cosine, so that the logits settle. With pool=all and mask_decay=false it is `oes`, bit for bit.
Source: arXiv:2406.05288, changed as said
"""

from dataclasses import dataclass
from math import cos, pi

import torch
from torch import Tensor

from benchmark import Context, LinearInverse, method
from methods.images._hourglass import Hourglass, draw_input, hourglass
from methods.images._pruned import Pool, kept_shares, largest_within, places, train
from methods.images.oes import Surgeon, divergence_gradient, elsewhere, recalled

_SMALLEST = 1e-6  # in logarithms


@dataclass(frozen=True)
class SurgeonOfKernels(Surgeon):
    """As the paper's, what the mask may cut, and whether its learning rate decays."""

    pool: Pool = "kernels"
    mask_decay: bool = True


@method(
    "oes_kernels",
    solves="LinearInverse",
    kind="pruned untrained network",
    paper="arXiv:2406.05288",
    needs=("image", "range", "direct"),
    settings={
        # mask_lr and pull: the best of three trials on two tuning photographs of denoising/small, 25.1 dB; 0.1 and 0.03 have
        # 24.8, 0.0959 and 0.0366 have 24.6. One seed, so that a difference of 0.4 dB may be chance.
        "*/small*": {
            "width": 8,
            "widest": 32,
            "scales": 4,
            "mask_steps": 2000,
            "mask_lr": 0.0305,
            "pull": 0.00301,
            "steps": 1000,
        },
        # As `oes` there, with the pull of `small`. Not tuned.
        "*/small_128": {
            "width": 16,
            "widest": 64,
            "scales": 5,
            "keep": 0.03,
            "mask_steps": 10000,
            "mask_lr": 0.05,
            "steps": 3000,
        },
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"width": 8, "widest": 16, "scales": 3, "mask_steps": 60, "mask_lr": 0.1, "steps": 60, "keep": 0.8},
    },
    search={"*/small*": {"pull": (3e-3, 0.1, "log"), "mask_lr": (0.03, 0.3, "log")}},
    parameters=SurgeonOfKernels,
    traits=kept_shares,
)
def oes_kernels(problem: LinearInverse, ctx: Context, given: SurgeonOfKernels) -> Tensor:
    f = hourglass(problem.A.shape, width=given.width, widest=given.widest, scales=given.scales)
    z, theta = draw_input(ctx, problem.A.shape), f.weights.initial(ctx.generator, ctx.device)
    order = torch.randperm(f.weights.count, generator=ctx.generator).to(ctx.device)
    if len(given.mask_from) == 64:
        mask = recalled(ctx, given.mask_from, f.weights.count)
    else:
        there, start = problem, theta
        if given.mask_from:
            there, start = elsewhere(problem, ctx, given.mask_from), f.weights.initial(ctx.generator, ctx.device)
        mask = learnt(there, ctx, given, f, z, theta, start, order)
    ctx.keep("mask", mask.bool())
    return train(problem, ctx, f, z, theta, mask, given.lr, given.steps)


def learnt(
    there: LinearInverse,
    ctx: Context,
    given: SurgeonOfKernels,
    f: Hourglass,
    z: Tensor,
    theta: Tensor,
    start: Tensor,
    order: Tensor,
) -> Tensor:
    """The mask m* (d,), learnt from what `there` shows on weights `start`; the curve is that of theta under it, untrained."""
    inside = places(f.weights, given.pool).to(ctx.device)
    logits = torch.zeros(len(inside), device=ctx.device, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=given.mask_lr, fused=True)

    def mask() -> Tensor:
        scores = torch.zeros_like(theta).index_copy(0, inside, logits.detach())
        return largest_within(scores, given.keep, order, inside)

    def untrained() -> Tensor:
        with torch.no_grad():
            return f(mask() * theta, z)[0]

    for step in ctx.steps(given.mask_steps):
        if given.mask_decay:
            optimiser.param_groups[0]["lr"] = given.mask_lr * (1 + cos(pi * step / given.mask_steps)) / 2
        noise = ctx.rand(len(inside)).logit(_SMALLEST)
        relaxed = torch.ones_like(start).index_copy(0, inside, torch.sigmoid((logits + noise) / given.temperature))
        misfit = (there.A(f(relaxed * start, z)[0]) - there.y).square().mean()
        (slope,) = torch.autograd.grad(misfit, logits)
        logits.grad = slope + given.pull * divergence_gradient(logits.detach(), given.keep)
        optimiser.step()
        ctx.record(step, untrained)
    return mask()
