"""DiffPIR: plug-and-play splitting along the reverse diffusion, the data by their proximal map.

    x_0 = D(x), clipped;   x_0' = argmin_z ||A z - y||^2 + rho ||z - x_0||^2,   rho = weight max(sigma_y, 0.001 range)^2 / s^2
    e = (x - x_0') / s;    x' = x_0' + s' (sqrt(1 - zeta) e + sqrt(zeta) n)                    at the next level s'

On [-1, 1], x = x_t / sqrt(alpha-bar_t), from A^T y with noise of the largest level. Everything is on one scale here, where
weight 1 is half-quadratic splitting itself. The original code has y and sigma_y on [0, 1] and s on [-1, 1]: its lambda of 1
is weight 1/4, the default. No data step at the last level: the answer is the state that enters it, as there.
Source: arXiv:2305.08995 and its code: 100 steps crowded at small noise ("quad"), lambda 1, zeta 0.1, for inpainting 20 steps
and 1. These are the settings at the head of its scripts; that for blurs multiplies them by 7 and 3 before it runs
"""

import math

from torch import Tensor

from benchmark import Context, Count, Fraction, LinearInverse, Positive, method
from methods.images._annealed import annealed
from methods.images._centred import centred
from methods.images._levels import crowded

_LEAST = 1e-3  # of sigma_y, in units of the range of values


@method(
    "diffpir",
    solves="LinearInverse",
    kind="diffusion prior",
    paper="arXiv:2305.08995",
    needs=("image", "range", "prior"),
    settings={
        "inpainting": {"steps": 20, "zeta": 1.0},
        "super_resolution": {"zeta": 0.25},
        "super_resolution/small_faces": {"steps": 21, "weight": 0.487, "zeta": 0.943},  # of 12 trials
        "deblurring/small_faces": {"steps": 21, "weight": 0.487, "zeta": 0.943},  # of 12 trials
        "inpainting/small_faces": {"steps": 48, "weight": 0.0492, "zeta": 0.845},  # of 12 trials
        "denoising/small_faces": {"steps": 32, "weight": 3.33, "zeta": 0.559},  # of 12 trials
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"steps": 10},
    },
    search={"*": {"steps": (10, 100, "log"), "weight": (0.02, 5.0, "log"), "zeta": (0.0, 1.0)}},
)
def diffpir(
    problem: LinearInverse,
    ctx: Context,
    *,
    steps: Count = 100,
    weight: Positive = 0.25,
    zeta: Fraction = 0.1,
) -> Tensor:
    """DiffPIR: plug-and-play splitting along the reverse diffusion.

    steps: levels; weight: of the prior in the proximal map; zeta: share of fresh noise.
    """
    p = centred(problem)
    sigmas = [p.sigmas[i] for i in crowded(len(p.sigmas), steps)]
    sigma_y = max(p.noise, 2 * _LEAST)  # the range is 2

    def data(clean: Tensor, k: int) -> Tensor:
        return p.A.prox(clean, p.y, weight * sigma_y**2 / sigmas[k] ** 2)

    def renoise(found: Tensor, clean: Tensor, x: Tensor, k: int) -> Tensor:
        old = (x - found) / sigmas[k]
        return found + sigmas[k + 1] * (math.sqrt(1 - zeta) * old + math.sqrt(zeta) * p.noisy(ctx))

    def purify(x: Tensor, k: int) -> Tensor:
        return p.D(x, sigmas[k + 1]).clamp(-1, 1)

    x = p.A.adjoint(p.y) + sigmas[0] * p.noisy(ctx)
    answer = p.D(x, sigmas[0]).clamp(-1, 1)
    for one in annealed(ctx, len(sigmas) - 1, x, answer, data, renoise, purify):
        answer = one.data if one.step < len(sigmas) - 2 else one.noisy
        ctx.record(one.step, p.back(answer))
    return p.back(answer)
