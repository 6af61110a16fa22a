"""RED-diff: one picture is fitted to the data while the network says, at one noise level after the other, where it is unlikely.

    min_mu  1/2 ||A mu - y||^2 + weight E w_s <(x - D(x)) / s - n, mu>       x = mu + s n, no gradient through the network
    gradient:  A^T (A mu - y) + weight (mu - D(x))        for w_s = s ("linear"),  (mu - D(x)) / s for w_s = 1 ("constant")
    mu <- Adam(lr, betas 0.9 and 0.99)                        mu_0 = A^+ y; s falls over the steps

On [-1, 1]. Both terms are sums over one picture. The original code has means, over y and over x: where y has fewer entries,
as for super-resolution, its weight is this one times N_x / N_y. Only their ratio matters, since Adam takes the scale away.
Source: arXiv:2305.04391 and its code: weight 0.25, linear, lr 0.1, all 1000 steps
"""

from typing import Literal

import torch
from torch import Tensor

from benchmark import Context, Count, LinearInverse, NonNegative, Positive, method
from methods.images._centred import centred
from methods.images._levels import strided


@method(
    "red_diff",
    solves="LinearInverse",
    kind="diffusion prior",
    paper="arXiv:2305.04391",
    needs=("image", "range", "prior"),
    settings={
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"steps": 20},
    },
    search={"*": {"weight": (0.01, 3.0, "log"), "lr": (0.01, 0.5, "log"), "weighting": ["linear", "constant"]}},
)
def red_diff(
    problem: LinearInverse,
    ctx: Context,
    *,
    steps: Count = 1000,
    weight: NonNegative = 0.25,
    weighting: Literal["linear", "constant"] = "linear",
    lr: Positive = 0.1,
    threshold: NonNegative = 3e-2,
) -> Tensor:
    """RED-diff: one picture fitted to the data and to a denoiser at falling noise levels.

    threshold: of the singular values in A^+.
    """
    p = centred(problem)
    mu = p.A.pinv(p.y, threshold).clone()  # Adam works in place
    indices = strided(len(p.sigmas), steps)
    optimiser = torch.optim.Adam([mu], lr=lr, betas=(0.9, 0.99))
    for k in ctx.steps(steps):
        sigma = p.sigmas[indices[k]]
        away = mu - p.D(mu + sigma * p.noisy(ctx), sigma)
        mu.grad = p.gradient(mu) + weight * (away if weighting == "linear" else away / sigma)
        optimiser.step()
        ctx.record(k, lambda: p.back(mu))
    return p.back(mu)
