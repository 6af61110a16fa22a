"""DPS: each step of the reverse diffusion, then a step down the gradient of what the clean picture leaves unexplained.

    x_0 = D(x_t), clipped;   x_{t-1} = DDPM's step from x_t and x_0 with its posterior variance - scale grad_{x_t} ||A x_0 - y||

On [-1, 1]. The norm is that of one picture, not of a batch, and not squared; its gradient goes through the network and the
clipping, so that a step costs one call forward and one back. A norm grows with the square root of the pixels, and fewer steps
push less often: `scale` is for 256 pixels and 1000 steps, and has to be chosen anew for others.
Source: arXiv:2209.14687 and its code, which takes the variance from the network where it gives one; here it never does
"""

import math

from torch import Tensor

from benchmark import Context, Count, LinearInverse, NonlinearInverse, NonNegative, method
from methods.images._centred import centred
from methods.images._guided import ancestral, guided, pull_of_norm
from methods.images._levels import even


@method(
    "dps",
    solves="NonlinearInverse",
    kind="diffusion prior",
    paper="arXiv:2209.14687",
    needs=("image", "range", "prior"),
    settings={
        "inpainting": {"scale": 0.5},
        "phase_retrieval": {"scale": 1.0},
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"steps": 20},
    },  # the code's; 0.3 elsewhere
    search={"*": {"scale": (0.03, 10.0, "log")}},
)
def dps(problem: LinearInverse | NonlinearInverse, ctx: Context, *, steps: Count = 1000, scale: NonNegative = 0.3) -> Tensor:
    p = centred(problem)
    indices = even(len(p.alphas), steps)
    sigmas, alphas = [*(p.sigmas[i] for i in indices), 0.0], [*(p.alphas[i] for i in indices), 1.0]

    def step(x: Tensor, clean: Tensor, k: int) -> Tensor:
        noise = p.noisy(ctx) if sigmas[k + 1] else 0 * x
        return ancestral(x, clean, sigmas[k], sigmas[k + 1], noise)

    def push(x: Tensor, clean: Tensor, k: int) -> Tensor:
        # x is x_t / sqrt(alpha-bar), so the gradient in x_t is this one / sqrt(alpha-bar)
        return -scale / math.sqrt(alphas[k] * alphas[k + 1]) * pull_of_norm(p, x, clean)

    answer = p.start()
    for one in guided(p, ctx, sigmas[:-1], step, push, clip=True):
        answer = one.answer
        ctx.record(one.step, p.back(answer))
    return p.back(answer)
