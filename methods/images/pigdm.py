"""PiGDM: DDIM guided by the data through the pseudo-inverse, damped as if p(x_0 | x) were N(D(x), r^2).

    r^2 = s^2 / (1 + s^2)        g = (dD / dx)^T A^T (A A^T + sigma_y^2 / r^2)^-1 (y - A D(x))        s: noise of x
    x' = D + sqrt(1 - eta^2) s' / s (x - D) + eta s' n + g

On [-1, 1], x = x_t / sqrt(alpha-bar_t), levels s of equal ratios from `high` to `low`, then 0. The vector before (dD / dx)^T
is prox(D, y, sigma_y^2 / r^2) - D, so that any A will do; sigma_y is at least 1e-4. One call forward and one back a step.
Source: Song et al., ICLR 2023; levels and eta as in InverseBench, which gives the formula in this form; the last step there
ends at `low`, here at 0
"""

import math

from torch import Tensor, autograd

from benchmark import Context, Count, Fraction, LinearInverse, Positive, method
from methods.images._centred import centred
from methods.images._guided import guided
from methods.images._levels import geometric

_LEAST = 1e-4  # of sigma_y


@method(
    "pigdm",
    solves="LinearInverse",
    kind="diffusion prior",
    paper="openreview:9_gsMA8MRKQ",
    needs=("image", "range", "prior"),
    settings={
        "super_resolution/small_faces": {"eta": 0.685, "high": 14.6, "low": 0.0581},  # of 12 trials
        "deblurring/small_faces": {"eta": 0.685, "high": 14.6, "low": 0.0581},  # of 12 trials
        "inpainting/small_faces": {"eta": 0.33, "high": 37.9, "low": 0.0818},  # of 12 trials
        "denoising/small_faces": {"eta": 0.685, "high": 14.6, "low": 0.0581},  # of 12 trials
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"steps": 10},
    },
    search={"*": {"eta": (0.0, 1.0), "high": (10.0, 100.0, "log"), "low": (3e-3, 0.1, "log")}},
)
def pigdm(
    problem: LinearInverse,
    ctx: Context,
    *,
    steps: Count = 100,
    eta: Fraction = 0.2,
    high: Positive = 100.0,
    low: Positive = 0.01,
) -> Tensor:
    """PiGDM: DDIM guided by the data through a damped pseudo-inverse.

    high, low: first and last level; no higher than the prior's schedule.
    """
    p = centred(problem)
    sigmas = [*geometric(min(high, p.sigmas[-1]), low, steps), 0.0]
    sigma_y = max(p.noise, _LEAST)

    def step(x: Tensor, clean: Tensor, k: int) -> Tensor:
        sigma, after = sigmas[k], sigmas[k + 1]
        moved = clean + math.sqrt(1 - eta**2) * after / sigma * (x - clean)
        return moved + eta * after * p.noisy(ctx) if after else moved

    def push(x: Tensor, clean: Tensor, k: int) -> Tensor:
        ratio = sigma_y**2 * (1 + sigmas[k] ** 2) / sigmas[k] ** 2
        found = clean.detach()
        return autograd.grad(clean, x, p.A.prox(found, p.y, ratio) - found)[0]

    answer = p.start()
    for one in guided(p, ctx, sigmas[:-1], step, push):
        answer = one.answer
        ctx.record(one.step, p.back(answer))
    return p.back(answer)
