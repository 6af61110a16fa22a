"""SITCOM: at each noise level the network's input is moved until its output explains the data; then fresh noise.

    v <- `inner` steps of Adam on ||A D(v) - y||^2, D clipped, from v = x_t      to ||A D(v) - y||^2 < (sigma_y + 0.001)^2 N_y
    x_{t'} = sqrt(a') D(v) + sqrt(1 - a') n                                    t: `steps` times, evenly spaced; a: alpha-bar

On [-1, 1]; without noise in y the norm is taken and not its square. Each picture ends alone, and its v stays where it is. The
answer is D(v) of the last time. The original demonstration keeps, over all times, the picture nearest to the truth; nothing
here sees the truth. Its extra projection for inpainting is left out too. Each Adam step costs a call forward and one back.
Source: arXiv:2410.04479 and its code: 20 times, 30 steps, lr 0.02; `pull` on ||v - x_t||^2 is the paper's and 0 in the code
"""

import math

import torch
from torch import Tensor

from benchmark import Context, Count, LinearInverse, NonlinearInverse, NonNegative, Positive, method
from methods.images._centred import Centred, centred, each
from methods.images._levels import strided

_SLACK = 1e-3  # of the discrepancy


@method(
    "sitcom",
    solves="NonlinearInverse",
    kind="diffusion prior",
    paper="arXiv:2410.04479",
    needs=("image", "range", "prior"),
    settings={
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"steps": 4, "inner": 4},
    },
    search={
        "*": {"steps": (10, 30), "inner": (5, 30, "log"), "lr": (5e-3, 0.1, "log")},
        "*/tiny": {"steps": (4, 8), "inner": (2, 8)},
    },
)
def sitcom(
    problem: LinearInverse | NonlinearInverse,
    ctx: Context,
    *,
    steps: Count = 20,
    inner: Count = 30,
    lr: Positive = 0.02,
    pull: NonNegative = 0.0,
) -> Tensor:
    p = centred(problem)
    indices = strided(len(p.alphas), steps)
    clean = p.start()
    z = p.noisy(ctx)  # x_t
    for k in ctx.steps(steps):
        i = indices[k]
        clean = explained(p, z, p.alphas[i], p.sigmas[i], inner, lr, pull)
        if k + 1 < steps:
            a = p.alphas[indices[k + 1]]
            z = math.sqrt(a) * clean + math.sqrt(1 - a) * p.noisy(ctx)
        ctx.record(k, p.back(clean))
    return p.back(clean)


def explained(p: Centred, z: Tensor, a: float, sigma: float, inner: int, lr: float, pull: float) -> Tensor:
    """D at the last v, (B, ...), on the scale of clean pictures; z and v are on that of x_t."""
    goal = (p.noise + _SLACK) ** 2 * p.A(z)[0].numel()
    v = z.clone().requires_grad_()
    optimiser = torch.optim.Adam([v], lr=lr)
    for n in range(inner):
        clean = p.D(v / math.sqrt(a), sigma).clamp(-1, 1)
        left = p.misfit(clean)
        open_ = left.detach() >= goal
        if n == inner - 1 or not bool(open_.any()):
            break
        loss = (left if p.noise else left.sqrt())[open_].sum() + pull * (v - z).square().sum()
        [v.grad] = torch.autograd.grad(loss, [v])
        before = v.detach().clone()
        optimiser.step()
        with torch.no_grad():
            v.copy_(torch.where(each(open_, v), v, before))
    return clean.detach()
