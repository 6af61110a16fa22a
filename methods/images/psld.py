"""PSLD: DPS through a decoder, held to latents that the encoder gives back once the picture agrees with the data.

    z_0 = D(z_t);   x = Dec(z_0);   x+ = A^+ y + x - A^+ A x
    z'  = DDIM from z_t, eta 0, - grad_{z_t} (fit ||A x - y|| + glue ||Enc(x+) - z_0||)                       on [-1, 1]

Norms are those of one picture, as in dps, and their gradients go through encoder, decoder and network. x+ is the picture
nearest to x that agrees with y, for which A^+ A has to project: the original takes A^T, which does for a mask, and what is no
adjoint for the others; here A^+ without singular values up to `threshold`, as in red_diff. It also adds fresh noise to A x;
not here. `space`, pixel: encoder and decoder are the identity, a control.
Source: arXiv:2307.00619 and its code, its settings for latent diffusion at 256 pixels; a norm grows with the pixels
"""

import math
from typing import Literal

import torch
from torch import Tensor

from benchmark import Context, Count, LinearInverse, NonNegative, Rate, method
from methods.images._guided import guided
from methods.images._latents import Latents, within
from methods.images._levels import strided


@method(
    "psld",
    solves="LinearInverse",
    kind="diffusion prior",
    paper="arXiv:2307.00619",
    needs=("image", "range", "prior|latents", "svd"),
    settings={
        "super_resolution": {"fit": 0.9},
        "*/small*": {"space": "pixel"},
        "*/*_latent": {"space": "latent"},
        # Small enough for a test; shows nothing about quality. The prior there is of pictures.
        "*/tiny": {"steps": 20, "space": "pixel"},
    },
    search={"*": {"fit": (0.01, 10.0, "log"), "glue": (0.01, 10.0, "log")}},
)
def psld(
    problem: LinearInverse,
    ctx: Context,
    *,
    steps: Count = 1000,
    fit: NonNegative = 0.1,
    glue: NonNegative = 0.1,
    threshold: Rate = 3e-2,
    space: Literal["pixel", "latent"] = "latent",
) -> Tensor:
    p = within(problem, space)
    pixels = p.pixels if isinstance(p, Latents) else p
    pixels.svd()  # raises ValueError where A^+ is not known
    indices = strided(len(p.alphas), steps)
    sigmas, alphas = [*(p.sigmas[i] for i in indices), 0.0], [*(p.alphas[i] for i in indices), 1.0]

    def step(x: Tensor, clean: Tensor, k: int) -> Tensor:
        return clean + sigmas[k + 1] / sigmas[k] * (x - clean)

    def push(x: Tensor, clean: Tensor, k: int) -> Tensor:  # see dps
        picture = p.decode(clean) if isinstance(p, Latents) else clean
        left = pixels.A(picture) - pixels.y
        agreeing = picture - pixels.A.pinv(left, threshold)
        apart = (p.encode(agreeing) if isinstance(p, Latents) else agreeing) - clean
        norms = fit * _norms(left) + glue * _norms(apart)
        return -torch.autograd.grad(norms.sum(), x)[0] / math.sqrt(alphas[k] * alphas[k + 1])

    answer = p.start()
    for one in guided(p, ctx, sigmas[:-1], step, push):
        answer = one.answer
        ctx.record(one.step, p.back(answer))
    return p.back(answer)


def _norms(x: Tensor) -> Tensor:
    found: Tensor = torch.linalg.vector_norm(x.flatten(1), dim=1)
    return found
