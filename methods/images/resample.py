"""ReSample: DDIM pushed as in DPS, and now and then a picture that fits the data, put back to its noise level.

    every step     x' = DDIM from x_t, eta 0, - (a_t / 2) grad_{x_t} ||A D(x_t) - y||          a: alpha-bar, a' of the next step
    every tenth of the last two thirds          five more DDIM steps to x_0;   x_0* = least squares from x_0
                   x' ~ N((s^2 sqrt(a') x_0* + (1 - a') x') / (s^2 + 1 - a'),  s^2 (1 - a') / (s^2 + 1 - a'))
                   s^2 = gamma (1 - a') / (1 - a_t) (1 - a_t / a')
    at the end     least squares once more

Least squares: AdamW on mean (A x - y)^2 until it is below sigma_y^2 (1e-3^2 without noise); in the middle third
`middle_steps` at rate 1e-2, later `late_steps` at 5e-3, which end too if nothing is gained in 200. On [-1, 1].
space   latent      the original: x is an autoencoder's latent z, A is A Dec; only in the middle third the picture is fitted,
                    from Dec(z_0), and encoded
        pixel       encoder and decoder are the identity, so that the two fits differ in their rates alone: a natural ancestor
                    of DCDP
The original takes 1 - alpha-bar for its root in x_0 and mixes two indices in its time travel; not here.
Source: arXiv:2307.08123 and its code
"""

import math
from typing import Literal

import torch
from torch import Tensor

from benchmark import Context, Count, LinearInverse, Positive, method
from methods.images._centred import Centred, each
from methods.images._ddim import descend
from methods.images._guided import guided, pull_of_norm
from methods.images._latents import Latents, within
from methods.images._levels import strided

_EVERY = 10
_AHEAD = 5  # steps of time travel
_PATIENCE = 200
_LEAST = 1e-3  # deviation at which a fit without noise ends


@method(
    "resample",
    solves="LinearInverse",
    kind="diffusion prior",
    paper="arXiv:2307.08123",
    needs=("image", "range", "prior|latents"),
    settings={
        "*/*_latent": {"space": "latent"},
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"steps": 20, "middle_steps": 10, "late_steps": 10},
    },
    search={"*": {"gamma": (1.0, 200.0, "log"), "middle_steps": (50, 2000, "log"), "late_steps": (20, 500, "log")}},
)
def resample(
    problem: LinearInverse,
    ctx: Context,
    *,
    steps: Count = 500,
    gamma: Positive = 40.0,
    middle_steps: Count = 2000,
    late_steps: Count = 500,
    space: Literal["pixel", "latent"] = "pixel",
) -> Tensor:
    p = within(problem, space)
    indices = strided(len(p.alphas), steps)
    sigmas, alphas = [*(p.sigmas[i] for i in indices), 0.0], [*(p.alphas[i] for i in indices), 1.0]

    def step(x: Tensor, clean: Tensor, k: int) -> Tensor:
        return clean + sigmas[k + 1] / sigmas[k] * (x - clean)

    def push(x: Tensor, clean: Tensor, k: int) -> Tensor:  # see dps
        return -alphas[k] / 2 / math.sqrt(alphas[k] * alphas[k + 1]) * pull_of_norm(p, x, clean)

    def after(x: Tensor, k: int) -> Tensor:
        index = steps - 1 - k  # counted from the clean end, as in the original
        if index == 0:
            return fitted(p, x, late_steps, 5e-3, _PATIENCE)
        if index % _EVERY or index > steps - steps // 3:
            return x
        clean = descend(p, x, sigmas[k + 1 : k + 1 + min(_AHEAD, index)], clip=False)
        middle = index >= steps // 3
        if middle and isinstance(p, Latents):
            found = p.encode(fitted(p.pixels, p.decode(clean), middle_steps, 1e-2, middle_steps))
        elif middle:
            found = fitted(p, clean, middle_steps, 1e-2, middle_steps)
        else:
            found = fitted(p, clean, late_steps, 5e-3, _PATIENCE)
        now, then = alphas[k], alphas[k + 1]
        spread = gamma * (1 - then) / (1 - now) * (1 - now / then)
        total = spread + 1 - then  # the formulas of the header, divided by sqrt(a')
        mean = (spread * found + (1 - then) * x) / total
        return mean + math.sqrt(spread * (1 - then) / total / then) * p.noisy(ctx)

    answer = p.start()
    for one in guided(p, ctx, sigmas[:-1], step, push, after=after):
        answer = one.answer
        ctx.record(one.step, p.back(answer))
    return p.back(answer)


def fitted(p: Centred, x: Tensor, steps: int, lr: float, patience: int) -> Tensor:
    """x (B, ...) moved until each picture's mean (A x - y)^2 is that of the noise, or has not fallen in `patience` steps."""
    goal, count = max(p.noise, _LEAST) ** 2, p.y[0].numel()
    x = x.clone()
    open_ = torch.ones(len(x), dtype=torch.bool, device=x.device)
    optimiser = torch.optim.AdamW([x], lr=lr)
    seen: list[Tensor] = []
    for n in range(steps):
        left, gradient = p.left(x)
        seen.append(left.square().flatten(1).mean(1))
        x.grad = 2 / count * gradient
        before = x.clone()
        optimiser.step()
        x.copy_(torch.where(each(open_, x), x, before))
        open_ = open_ & (seen[-1] >= goal)
        if n >= patience:
            open_ = open_ & (seen[-1] <= seen[n - patience])
        if not bool(open_.any()):
            break
    return x
