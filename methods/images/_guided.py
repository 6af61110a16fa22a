"""The loop of solvers that push each step of the reverse diffusion towards the data: DPS, PiGDM, ReSample.

x' = step(x, D(x)) + push,     push from a gradient through the network      x = x_0 + sigma n, that is x_t / sqrt(alpha-bar_t)
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark import Context
from methods.images._centred import Centred


class Guided(NamedTuple):
    """A step's number, the next x, and what is an answer by now: D(x) as it was used, after the last step x itself."""

    step: int
    x: Tensor
    answer: Tensor


def guided(
    problem: Centred,
    ctx: Context,
    sigmas: list[float],
    step: Callable[[Tensor, Tensor, int], Tensor],
    push: Callable[[Tensor, Tensor, int], Tensor],
    *,
    clip: bool = False,
    after: Callable[[Tensor, int], Tensor] = lambda x, k: x,
) -> Iterator[Guided]:
    """From pure noise at the first level, one call of the network forward and one back a level.

    step(x, clean, k) from level k to k + 1, the last to 0; push(x, clean, k) with the graph of clean in x; after(x, k): what
    becomes of the next x. clip: D to [-1, 1]; the gradient goes through the clipping.
    """
    x = pure_noise(problem, ctx, sigmas[0])
    for k in ctx.steps(len(sigmas)):
        x.requires_grad_()
        found = problem.D(x, sigmas[k])
        clean = found.clamp(-1, 1) if clip else found
        moved = push(x, clean, k)
        x, clean = x.detach(), clean.detach()
        x = after(step(x, clean, k) + moved, k)
        yield Guided(k, x, x if k == len(sigmas) - 1 else clean)


def pure_noise(problem: Centred, ctx: Context, sigma: float) -> Tensor:
    """N(0, 1) on the scale of x_t, which is N(0, 1 + sigma^2) on that of x_t / sqrt(alpha-bar_t)."""
    return math.sqrt(1 + sigma**2) * problem.noisy(ctx)


def ancestral(x: Tensor, clean: Tensor, sigma: float, after: float, noise: Tensor) -> Tensor:
    """A draw of x' at level `after` given x at sigma and x_0 = clean: DDPM's step with its posterior variance."""
    share = (after / sigma) ** 2
    return clean + share * (x - clean) + after * math.sqrt(1 - share) * noise


def pull_of_norm(problem: Centred, x: Tensor, clean: Tensor) -> Tensor:
    """Gradient in x of ||A clean(x) - y||, of each picture alone; not of the square, and 0 where nothing is left."""
    norms = torch.linalg.vector_norm((problem.A(clean) - problem.y).flatten(1), dim=1)
    return torch.autograd.grad(norms.sum(), x)[0]
