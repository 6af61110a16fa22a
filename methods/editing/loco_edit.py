"""LOCO Edit: the directions that the posterior mean amplifies most within a region, without those that it amplifies outside.

    J = d f / d x_t,  f(x_t) = E[x_0 | x_t]      V: `inside` leading right singular vectors of M J, M the region
    V': `outside` of those of (1 - M) J          v = (I - V' V'^T) v_k, norm 1
    x_t + s v, then DDIM

Source: arXiv:2409.02374, algorithm 1 (5 of both, t 0.6 for faces of 256 pixels) and its code. Left out: the last fifth of the
steps with fresh noise, which changes a picture where nobody edits it
"""

from torch import Tensor

from benchmark import Context, Count, Editing, Fraction, method
from methods.editing._edit import edited, elsewhere, without
from methods.editing._flow import Flow
from methods.editing._power import leading


@method(
    "loco_edit",
    solves="Editing",
    kind="diffusion prior",
    paper="arXiv:2409.02374",
    needs=("prior",),
    # Fewer pixels tell less at the same time: at 64, edits at 0.3 spill; 0.6 is for 256. tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"t": 0.2, "steps": 30, "rounds": 12},
        "*/tiny": {"t": 0.2, "steps": 6, "inside": 2, "outside": 2, "rounds": 3},
    },
)
def loco_edit(
    problem: Editing,
    ctx: Context,
    *,
    t: Fraction = 0.6,
    steps: Count = 50,
    inside: Count = 5,
    outside: Count = 5,
    rounds: Count = 50,
) -> Tensor:
    """LOCO Edit: leading directions within a region, projected off those outside of it.

    steps: of DDIM for all of t; rounds: of the power method at most.
    """
    flow = Flow(problem, t, steps)
    f, z = flow.at(), flow.z[0]
    V, _ = leading(f, z, problem.regions[0], inside, ctx, most=rounds)
    others, _ = leading(f, z, elsewhere(problem), outside, ctx, most=rounds)
    return edited(problem, ctx, flow, without(V, others))
