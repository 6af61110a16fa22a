"""DPIR: plug-and-play half-quadratic splitting with the prior as its denoiser; no noise is added.

    z = argmin_z ||A z - y||^2 + rho ||z - x||^2,  rho = weight sigma_y^2 / s^2;   x = D(z, s)   s of equal ratios, high to low

On [-1, 1], where `high` is 2 x 49 / 255 and the last s is sigma_y, at least 2 x 2.55 / 255; in rho sigma_y is at least 2 x
0.255 / 255. The first x is mid-grey, so that no operator needs a starting picture of its own; the original's are y, or y at
full size. A and the denoiser see one scale, so weight is what it is there. Source: arXiv:2008.13751 and its code: 8 steps,
weight 0.23
"""

from torch import Tensor

from benchmark import Context, Count, LinearInverse, Positive, method
from methods.images._centred import centred
from methods.images._levels import geometric

_LEAST = 2 * 2.55 / 255  # level of the denoiser
_LEAST_NOISE = 2 * 0.255 / 255  # of y


@method(
    "dpir",
    solves="LinearInverse",
    kind="diffusion prior",
    paper="arXiv:2008.13751",
    needs=("image", "range", "prior"),
    settings={
        "deblurring/small_faces": {"steps": 5, "weight": 0.619, "high": 1.46},  # of 12 trials
        "inpainting/small_faces": {"steps": 14, "weight": 0.0863, "high": 0.793},  # of 12 trials
        "denoising/small_faces": {"steps": 4, "weight": 0.0348, "high": 0.102},  # of 12 trials
    },
    search={"*": {"steps": (4, 40, "log"), "weight": (0.02, 2.0, "log"), "high": (0.1, 2.0, "log")}},
)
def dpir(
    problem: LinearInverse,
    ctx: Context,
    *,
    steps: Count = 8,
    weight: Positive = 0.23,
    high: Positive = 2 * 49 / 255,
) -> Tensor:
    p = centred(problem)
    low, sigma_y = max(p.noise, _LEAST), max(p.noise, _LEAST_NOISE)
    sigmas = geometric(max(high, low), low, steps)
    x = p.start()
    for k in ctx.steps(steps):
        z = p.A.prox(x, p.y, weight * sigma_y**2 / sigmas[k] ** 2)
        x = p.D(z, sigmas[k])
        ctx.record(k, p.back(x))
    return p.back(x)
