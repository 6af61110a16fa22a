"""DAPS: at each noise level a clean picture, Langevin steps on its posterior, and fresh noise of the next level.

    x_0 = probability flow from x at level s to 0, `flow_steps` Euler steps
    z <- z - h (A^T (A z - y) / tau^2 + (z - x_0) / s^2) + sqrt(2 h) n       `inner` times from z = x_0;  x' = z + s' n
    h = lr (1 - 0.99 k / K) in round k of K                                  levels s: powers of 7 from `high` to `low`, then 0

On [-1, 1]. The likelihood is a true Gaussian of deviation tau, so its gradient has 1 / tau^2 before half the square's. The
current original code has twice that (1 / tau^2 before the whole square's): tau = 0.01 / sqrt(2) gives it. tau is no noise
level: it is far below that of y, and what keeps the noise from being fitted is that lr times `inner` is small.
Source: arXiv:2407.01521 and its code: lr 1e-4, 200 levels, 5 flow steps, 100 Langevin steps; levels and tau as in
InverseBench
"""

import math

from torch import Tensor

from benchmark import Context, Count, LinearInverse, NonlinearInverse, Positive, method
from methods.images._annealed import annealed
from methods.images._centred import centred
from methods.images._ddim import descend
from methods.images._levels import powers

_CLEAN = 0.01  # last level of the flow before 0
_LAST_RATE = 0.01  # of the rate, at the last level


@method(
    "daps",
    solves="NonlinearInverse",
    kind="diffusion prior",
    paper="arXiv:2407.01521",
    needs=("image", "range", "prior"),
    settings={
        "phase_retrieval": {"lr": 5e-5},
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"rounds": 5, "flow_steps": 3, "inner": 10},
    },
    search={"*": {"lr": (1e-5, 1.5e-4, "log"), "tau": (0.01, 0.1, "log"), "low": (0.02, 0.2, "log")}},  # lr / tau^2 is below 2
)
def daps(
    problem: LinearInverse | NonlinearInverse,
    ctx: Context,
    *,
    rounds: Count = 200,
    flow_steps: Count = 5,
    inner: Count = 100,
    lr: Positive = 1e-4,
    tau: Positive = 0.01,
    high: Positive = 100.0,
    low: Positive = 0.1,
) -> Tensor:
    """DAPS: clean pictures and Langevin steps, annealed; the levels are no higher than the prior's schedule."""
    p = centred(problem)
    sigmas = [*powers(min(high, p.sigmas[-1]), low, rounds), 0.0]

    def data(clean: Tensor, k: int) -> Tensor:
        rate = lr * (1 - (1 - _LAST_RATE) * k / rounds)
        z = clean
        for _ in range(inner):
            slope = p.gradient(z) / tau**2 + (z - clean) / sigmas[k] ** 2
            z = z - rate * slope + math.sqrt(2 * rate) * p.noisy(ctx)
        return z

    def renoise(found: Tensor, clean: Tensor, x: Tensor, k: int) -> Tensor:
        return found + sigmas[k + 1] * p.noisy(ctx) if sigmas[k + 1] else found

    def purify(x: Tensor, k: int) -> Tensor:
        sigma = sigmas[k + 1]
        return descend(p, x, powers(sigma, min(_CLEAN, sigma), flow_steps), clip=False) if sigma else x

    x = sigmas[0] * p.noisy(ctx)
    answer = purify(x, -1)
    for one in annealed(ctx, rounds, x, answer, data, renoise, purify):
        answer = one.data
        ctx.record(one.step, p.back(answer))
    return p.back(answer)
