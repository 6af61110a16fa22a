"""DDNM+: the clean picture's part that A sees is replaced by the data's, as far as the noise of the next level allows.

    x_0 = D(x)      x_0' = x_0 - V diag(lambda) V^T A^+ (A x_0 - y)      e = (x - x_0) / s
    x' = x_0' + V diag(gamma) V^T (eta n + sqrt(1 - eta^2) e)             at the next level s'; d_i = sigma_y / s_i
    lambda_i = min(1, s' / d_i)      gamma_i^2 = s'^2 - (lambda_i d_i)^2      gamma_i = s' where s_i = 0

On [-1, 1], x = x_t / sqrt(alpha-bar_t). What comes of the noise in y, lambda_i d_i, and what is added, gamma_i, have the
variance s'^2 together; on the scale of x_t that is 1 - alpha-bar'. One lambda for each singular value is what blurs with
noise need: the code's short form has one for all. Without noise, lambda = 1, and A^+ is all that is needed. Singular values
below `threshold` count as 0. Time travel is left out, as in the defaults of the code. The code's other form, of singular
values, adds fresh noise alone where A sees, and eta s' n beside sqrt(1 - eta^2) lambda_i where lambda_i < 1.
Source: arXiv:2212.00490, appendix on noise; 100 evenly spaced steps, eta 0.85, threshold as in its code for blurs
"""

import math

import torch
from torch import Tensor

from benchmark import Context, Count, Fraction, LinearInverse, NonNegative, method
from methods.images._annealed import annealed
from methods.images._centred import centred
from methods.images._guided import pure_noise
from methods.images._levels import strided


@method(
    "ddnm",
    solves="LinearInverse",
    kind="diffusion prior",
    paper="arXiv:2212.00490",
    needs=("image", "range", "prior", "svd"),
    settings={
        "super_resolution/small_faces": {"steps": 53, "eta": 0.979, "threshold": 0.00347},  # of 12 trials
        "deblurring/small_faces": {"steps": 53, "eta": 0.979, "threshold": 0.00347},  # of 12 trials
        "denoising/small_faces": {"steps": 22, "eta": 0.483, "threshold": 0.0404},  # of 12 trials
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"steps": 10},
    },
    search={"*": {"steps": (10, 100, "log"), "eta": (0.0, 1.0), "threshold": (1e-3, 0.3, "log")}},
)
def ddnm(
    problem: LinearInverse,
    ctx: Context,
    *,
    steps: Count = 100,
    eta: Fraction = 0.85,
    threshold: NonNegative = 3e-2,
) -> Tensor:
    p = centred(problem)
    sigmas = [*(p.sigmas[i] for i in strided(len(p.sigmas), steps)), 0.0]
    svd = p.svd() if p.noise else None  # without noise the pseudo-inverse is enough
    values = torch.zeros(0) if svd is None else svd.values.to(p.y)  # (n,)
    inverse = torch.where(values > threshold, 1 / values, 0)
    deviation = p.noise * inverse  # of the noise in A^+ y, (n,)

    def data(clean: Tensor, k: int) -> Tensor:
        left = p.A(clean) - p.y
        if svd is None:
            return clean - p.A.pinv(left, threshold)
        return clean - svd.V(share(deviation, sigmas[k + 1]) * inverse * svd.Ut(left))

    def renoise(found: Tensor, clean: Tensor, x: Tensor, k: int) -> Tensor:
        after = sigmas[k + 1]
        if not after:
            return found
        mixed = eta * p.noisy(ctx) + math.sqrt(1 - eta**2) * (x - clean) / sigmas[k]
        if svd is None:
            return found + after * mixed
        gamma = torch.where(deviation < after, after**2 - deviation**2, 0).sqrt()  # 0 exactly where lambda < 1
        return found + svd.V(gamma * svd.Vt(mixed))

    def purify(x: Tensor, k: int) -> Tensor:
        return p.D(x, sigmas[k + 1]) if sigmas[k + 1] else x

    x = pure_noise(p, ctx, sigmas[0])
    answer = p.D(x, sigmas[0])
    for one in annealed(ctx, steps, x, answer, data, renoise, purify):
        answer = one.data
        ctx.record(one.step, p.back(answer))
    return p.back(answer)


def share(deviation: Tensor, after: float) -> Tensor:
    """lambda, (n,): of the data in each coordinate, so that its noise does not exceed that of the next level."""
    return torch.where(deviation > after, after / deviation, 1)
