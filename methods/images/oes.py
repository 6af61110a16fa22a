"""Optimal Eye Surgeon: find a sub-network at initialisation, then train it alone (Sparse-DIP).

    p* = argmin_p  E_{m ~ Ber(p)} mean (A f(m theta_0, z) - y)^2  +  pull / d sum_i KL(Ber(p_i) || Ber(keep))   theta_0 fixed
    m* = 1 on the keep d largest p*;  x_hat = f(m* theta, z) after training theta from theta_0 on mean (A f(m* theta, z) - y)^2

f is the hourglass, theta all its d weights, z fixed. p = sigmoid(logits), all 1/2 at first; m is relaxed to
sigmoid((logits + logistic noise) / temperature), one draw a step. The network that is left has too few weights to fit the
noise: its last iterate is the answer. `mask_from` names another photograph, measured alike, or a mask that another run kept:
the mask was then learned there, with another theta_0, and is used here (transfer).
The curve's first part, `mask_steps` long, is the output of the masked, untrained network.
Source: arXiv:2406.05288; its code weighs the sum of KL by 1e-9, a pull of 3e-3 for its 3.0 M weights, and clips y; here y is
        as the task gives it
"""

from dataclasses import dataclass, replace
from math import log
from typing import Literal

import torch
from torch import Tensor

from benchmark import Context, Count, Fraction, Kept, LinearInverse, NonNegative, Positive, method
from benchmark.datasets import photographs
from methods.images._fitting import Fitting
from methods.images._hourglass import Recipe, draw_input, hourglass
from methods.images._pruned import kept_shares, largest

_SMALLEST = 1e-6  # in logarithms


@dataclass(frozen=True)
class Surgeon(Recipe):
    """The training of the sub-network, the hourglass, the share of weights that stays, and how its mask is found."""

    keep: Fraction = 0.05
    mask_steps: Count = 60000
    mask_lr: Positive = 1e-2
    pull: NonNegative = 3e-3
    temperature: Positive = 0.2
    mask_from: Literal["", "camera", "coins", "brick", "gravel", "moon", "cell"] | Kept = ""


@method(
    "oes",
    solves="LinearInverse",
    kind="pruned untrained network",
    paper="arXiv:2406.05288",
    needs=("image", "range"),
    settings={
        # 132,435 weights; 5 % of them are 0.54 for each number of the picture. 2000 steps of the mask keep the run under 5
        # minutes; they need mask_lr 0.1 to get anywhere. pull: best of 3e-3 and 1e-2 over the tuning instances, in 2500.
        "*/small*": {"width": 8, "widest": 32, "scales": 4, "mask_steps": 2000, "mask_lr": 0.1, "pull": 3e-3, "steps": 1000},
        # 757,219 weights; 3 % of them are 0.46 for each number of the picture, where the paper's 5 % are 0.19. mask_lr lies
        # between that of `small` and the paper's, as mask_steps does. Not tuned.
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
    parameters=Surgeon,
    traits=kept_shares,
)
def oes(problem: LinearInverse, ctx: Context, given: Surgeon) -> Tensor:
    keep, pull, temperature, lr, mask_from = given.keep, given.pull, given.temperature, given.lr, given.mask_from
    f = hourglass(problem.A.shape, width=given.width, widest=given.widest, scales=given.scales)
    z, theta = draw_input(ctx, problem.A.shape), f.weights.initial(ctx.generator, ctx.device)
    order = torch.randperm(f.weights.count, generator=ctx.generator).to(ctx.device)
    mask = recalled(ctx, mask_from, f.weights.count) if len(mask_from) == 64 else None
    there, start = problem, theta
    if mask_from and mask is None:
        there, start = elsewhere(problem, ctx, mask_from), f.weights.initial(ctx.generator, ctx.device)
    logits = torch.zeros_like(theta, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=given.mask_lr, fused=True)
    fit: Fitting | None = None

    def untrained() -> Tensor:
        with torch.no_grad():
            return f((largest(logits, keep, order) if mask is None else mask) * theta, z)[0]

    x = untrained()
    before = given.mask_steps if mask is None else 0
    for step in ctx.steps(before + given.steps):
        if step < before:
            noise = ctx.rand(f.weights.count).logit(_SMALLEST)
            relaxed = torch.sigmoid((logits + noise) / temperature)
            misfit = (there.A(f(relaxed * start, z)[0]) - there.y).square().mean()
            (slope,) = torch.autograd.grad(misfit, logits)
            logits.grad = slope + pull * divergence_gradient(logits.detach(), keep)
            optimiser.step()
            ctx.record(step, untrained)
            continue
        if fit is None:
            mask = largest(logits, keep, order) if mask is None else mask
            fit = Fitting(problem, lambda theta: f(theta, z), theta, lr, mask)
        x = fit.step()
        ctx.record(step, x)
    ctx.keep("mask", (largest(logits, keep, order) if mask is None else mask).bool())
    return x if fit else untrained()


def divergence_gradient(logits: Tensor, keep: float) -> Tensor:
    """The gradient of the mean over the weights of KL(Ber(p) || Ber(keep)), in nats, with p = sigmoid(logits): p (1 - p) (l -
    l_0) / d.
    """
    p, prior = logits.sigmoid(), log(max(keep, _SMALLEST)) - log(max(1 - keep, _SMALLEST))
    return p * (1 - p) * (logits - prior) / len(logits)


def elsewhere(problem: LinearInverse, ctx: Context, name: str) -> LinearInverse:
    """Another photograph, none of the tests', as A and noise of the same strength show it."""
    x = photographs.square(photographs.named(name), problem.A.shape[-1])
    A = problem.A.to("cpu")
    y = A(x) + problem.noise * A.noise(ctx.generator)
    return replace(problem, y=y.to(ctx.device))


def recalled(ctx: Context, digest: str, count: int) -> Tensor:
    """A mask that another run kept. Raises ValueError where it is of another network."""
    mask = ctx.recall(digest).float()
    if mask.shape != (count,):
        raise ValueError(f"mask_from: that mask is of {mask.numel()} weights, and this network has {count}")
    return mask
