"""DDRM: the reverse diffusion in the coordinates of A's singular vectors, where each is either seen, partly seen, or not.

    A = U diag(s) V^T    yb = U^T y / s    xb = V^T x, at level s_t    xt = V^T D(x)    e = (xb - xt) / s_t    next level s'
    s_i = 0               xb' = xt + sqrt(1 - eta^2) s' e + eta s' n
    s' <  sigma_y / s_i   xb' = xt + sqrt(1 - eta^2) s' (yb - xt) / (sigma_y / s_i) + eta s' n
    s' >= sigma_y / s_i   xb' = (1 - eta_b) xt + eta_b yb + sqrt(s'^2 - eta_b^2 sigma_y^2 / s_i^2) n
    start                 xb ~ N(yb, s_T^2 - sigma_y^2 / s_i^2) where s_i s_T > sigma_y, else N(0, s_T^2)

On [-1, 1], x = x_t / sqrt(alpha-bar_t). Singular values below `threshold` count as 0: that is a regulariser, without which
deblurring of noiseless pictures explodes. The answer is the state at level 0. Needs A's singular values.
Source: arXiv:2201.11793 and its code (20 evenly spaced steps, threshold 3e-2 for blurs); its blurs are black beyond the
picture
"""

import math

import torch
from torch import Tensor

from benchmark import Context, Count, Fraction, LinearInverse, NonNegative, method
from methods.images._centred import centred
from methods.images._levels import strided


@method(
    "ddrm",
    solves="LinearInverse",
    kind="diffusion prior",
    paper="arXiv:2201.11793",
    needs=("image", "range", "prior", "svd"),
    settings={
        "super_resolution/small_faces": {"steps": 31, "eta": 0.833, "threshold": 0.00861},  # of 12 trials
        "inpainting/small_faces": {"steps": 53, "eta": 0.979, "threshold": 0.00347},  # of 12 trials
        "denoising/small_faces": {"steps": 25, "eta": 0.195, "threshold": 0.0729},  # of 12 trials
    },
    search={"*": {"steps": (10, 100, "log"), "eta": (0.0, 1.0), "threshold": (1e-3, 0.3, "log")}},
)
def ddrm(
    problem: LinearInverse,
    ctx: Context,
    *,
    steps: Count = 20,
    eta: Fraction = 0.85,
    eta_b: Fraction = 1.0,
    threshold: NonNegative = 3e-2,
) -> Tensor:
    p = centred(problem)
    svd = p.svd()
    s = svd.values.to(p.y)  # (n,)
    seen = s > threshold
    inverse = torch.where(seen, 1 / s, 0)
    yb, deviation = inverse * svd.Ut(p.y), p.noise * inverse  # (B, n), (n,): of the noise in yb
    sigmas = [*(p.sigmas[i] for i in strided(len(p.sigmas), steps)), 0.0]

    def noise() -> Tensor:
        return svd.Vt(p.noisy(ctx))  # drawn as a picture: the basis of a null space may differ between machines

    known = seen & (deviation < sigmas[0])
    xb = torch.where(known, yb, 0) + (sigmas[0] ** 2 - torch.where(known, deviation, 0) ** 2).sqrt() * noise()
    answer = p.start()
    for k in ctx.steps(steps):
        sigma, after = sigmas[k], sigmas[k + 1]
        answer = p.D(svd.V(xb), sigma)
        xt, n = svd.Vt(answer), noise()
        keep = math.sqrt(1 - eta**2) * after
        unseen = xt + keep * (xb - xt) / sigma + eta * after * n
        partly = xt + keep * (yb - xt) / torch.where(deviation > 0, deviation, 1) + eta * after * n
        spread = (after**2 - (eta_b * deviation) ** 2).clamp_min(0).sqrt()
        fully = (1 - eta_b) * xt + eta_b * yb + spread * n
        xb = torch.where(seen, torch.where(deviation > after, partly, fully), unseen)
        if not after:
            answer = svd.V(xb)
        ctx.record(k, p.back(answer))
    return p.back(answer)
