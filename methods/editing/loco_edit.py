"""LOCO Edit: the directions that the posterior mean amplifies most within a region, without those that it amplifies outside.

    J = d f / d x_t,  f(x_t) = E[x_0 | x_t]      V: `count` leading right singular vectors of M J, M the region
    V': `outside` of those of (1 - M) J          v = (I - V' V'^T) v_k, norm 1
    x_t + s v, then DDIM

Source: arXiv:2409.02374, algorithm 1 (5 of both, t 0.6 for faces of 256 pixels) and its code. Left out: the last fifth of the
steps with fresh noise, which changes a picture where nobody edits it
"""

import torch
from torch import Tensor

from benchmark import Context, Editing, method
from methods.editing._edit import edited, elsewhere, inside, without
from methods.editing._flow import Flow
from methods.editing._leading import Projected
from methods.editing._power import leading


@method(
    "loco_edit",
    solves="Editing",
    kind="diffusion prior",
    paper="arXiv:2409.02374",
    needs=("prior",),
    # tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"t": 0.2, "steps": 30, "rounds": 4, "sketch": 96},
        "*/tiny": {"t": 0.2, "steps": 6, "count": 2, "outside": 2, "rounds": 3},
    },
    # Fewer pixels tell less at the same time. On four faces for tuning success was 0.38, 0.44, 0.44, 0.25.
    search={"image_editing/small*": {"t": [0.1, 0.2, 0.3, 0.4]}},
    parameters=Projected,
)
def loco_edit(problem: Editing, ctx: Context, given: Projected) -> Tensor:
    """LOCO Edit: leading directions within a region, projected off those outside of it."""
    flow = Flow(problem, given.t, given.steps)
    both, most = torch.cat([inside(problem), elsewhere(problem)]), max(given.count, given.outside)
    V, _ = leading(flow.at(), flow.z[0], both, most, ctx, most=given.rounds, sketch=given.sketch, batch=flow.batch)
    ours, others = V[: problem.count, : given.count], V[problem.count :, : given.outside]
    return edited(problem, ctx, flow, without(ours, others))
