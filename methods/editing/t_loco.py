"""T-LOCO: LOCO Edit for a prior that is told what to show, with or without saying what is to come.

    f_o = f_free + guidance (f_told - f_free)           f_told: told what the picture shows; f_free: told nothing
    f_e = f_free + guidance (f_wanted - f_free)         swap: told what is wanted in its place
    f_e = f_o + pull (f_wanted - f_free)                sum: told it besides, as Stable Diffusion takes a second text
    wanted    d = M (f_e(x_t) - f_o(x_t)),  v = grad <d, M f_e(x_t)> = J_e^T M d       one gradient
    not       v: leading right singular vectors of M J_o
    then off the leading directions of f_o outside, norm 1; DDIM from x_t + s v is told what the picture showed

A condition is what the prior takes: a prompt, or numbers. Numbers that describe all of a picture say in f_wanted all that
f_told says, so `sum` would tell it twice; they want version=swap. With a prior of latents the sums are of latents, f is what
the decoder makes of them, M is of pixels and v of latents.

A latent consistency model jumps: f is its clean picture, and guidance is told to its network and is no sum, so it takes `swap`
alone: --set version=swap --set steps=4 --set t=0.5, the third of its four times, as in the paper's code. x_t is the picture's
latents with one noise, which the later levels get too, of the edited and of the unedited picture.

Source: arXiv:2409.02374, appendix E.2, E.3 and G.3, and its code: `sum` with t 0.7, 100 steps, guidance 7.5 and pull 4 for
Stable Diffusion, `swap` with guidance 7.5 for LCM. There x_t is a sample on its way; here a picture's, as in LOCO Edit, so the
way up is guided too. There LCM draws fresh noise at every level and for every picture
"""

from typing import Literal

import torch
from torch import Tensor

from benchmark import Context, Count, Editing, Fraction, NonNegative, method
from methods.editing._edit import edited, elsewhere, inside, without
from methods.editing._flow import Flow
from methods.editing._power import leading


@method(
    "t_loco",
    solves="Editing",
    kind="diffusion prior",
    paper="arXiv:2409.02374",
    needs=("prior", "told"),
    # tiny shows nothing about quality. full_text: the paper's of Stable Diffusion.
    settings={
        "image_editing/small*": {"t": 0.2, "steps": 30, "rounds": 4, "sketch": 96},
        "image_editing/full_text": {"t": 0.7, "steps": 100, "guidance": 7.5, "version": "sum", "pull": 4.0},
        "*/tiny": {"t": 0.2, "steps": 6, "count": 2, "outside": 2, "rounds": 3},
    },
    # Fewer pixels tell less at the same time. The same four for every method; not tried yet for this one.
    search={"image_editing/small*": {"t": [0.1, 0.2, 0.3, 0.4]}},
)
def t_loco(
    problem: Editing,
    ctx: Context,
    *,
    t: Fraction = 0.6,
    steps: Count = 50,
    count: Count = 5,
    outside: Count = 5,
    guidance: NonNegative = 1.0,
    supervised: bool = True,
    version: Literal["swap", "sum"] = "swap",
    pull: NonNegative = 4.0,
    rounds: Count = 50,
    sketch: int = 0,
) -> Tensor:
    """T-LOCO: LOCO Edit with a prior that is told what to show, towards what is wanted or without a wish.

    guidance: weight of what is told, 1 for none beyond it; supervised: towards problem.wanted, as `version` says; pull: of sum.
    """
    if problem.told is None:
        raise ValueError("it needs a prior that can be told what to show, and numbers that tell it; this problem holds none")
    flow = Flow(problem, t, steps, guidance, ctx)
    f, z = flow.at(), flow.z[0]
    if not supervised:
        V, _ = leading(f, z, inside(problem), count, ctx, most=rounds, sketch=sketch, batch=flow.batch)
    elif problem.wanted is None:
        raise ValueError("it needs to know what is wanted, and this problem does not say; supervised=False goes without")
    elif flow.jumps and version == "sum":
        raise ValueError("version=sum adds up means, and this prior, a consistency model, jumps: take version=swap")
    else:
        V = torch.stack(
            [
                towards(flow, region, wanted, pull if version == "sum" else None)
                for region, wanted in zip(problem.regions[0], problem.wanted, strict=True)
            ]
        )
    others, _ = leading(f, z, elsewhere(problem), outside, ctx, most=rounds, sketch=sketch, batch=flow.batch)
    return edited(problem, ctx, flow, without(V, others), turned=not supervised)


def towards(flow: Flow, region: Tensor, wanted: Tensor, pull: float | None) -> Tensor:
    """J_e^T M (f_e - f_o) at z of the first picture, (1, C, H, W); pull: of `sum`, None for `swap`."""
    z = flow.z[:1].detach().requires_grad_()
    f = flow.at()
    with torch.enable_grad():
        if pull is None:
            theirs = flow.at(wanted)(z)
        else:
            clean = flow.clean()(z) + pull * (flow.f(z, flow.sigma, wanted[None], guidance=1.0) - flow.f(z, flow.sigma))
            theirs = flow.seen(clean)
    with torch.no_grad():
        d = region * (theirs - f(z))
    return torch.autograd.grad(theirs, z, d)[0]
