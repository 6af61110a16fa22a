"""Leading directions of the whole Jacobian of the posterior mean: nothing of them knows the region. Source: arXiv:2409.02374"""

import torch
from torch import Tensor

from benchmark import Context, Editing, method
from methods.editing._edit import edited, inside
from methods.editing._flow import Flow
from methods.editing._leading import Leading
from methods.editing._power import leading


@method(
    "unmasked",
    solves="Editing",
    kind="diffusion prior, control",
    paper="arXiv:2409.02374",
    needs=("prior",),
    # tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"t": 0.1, "steps": 30, "rounds": 12},
        "*/tiny": {"t": 0.2, "steps": 6, "count": 2, "rounds": 3},
    },
    # Fewer pixels tell less at the same time. On four faces for tuning success was 0.31, 0.19, 0.13, 0.06.
    search={"image_editing/small*": {"t": [0.1, 0.2, 0.3, 0.4]}},
    parameters=Leading,
)
def unmasked(problem: Editing, ctx: Context, given: Leading) -> Tensor:
    """Leading directions of the whole picture; of each region the one of them that suits it best is taken."""
    flow = Flow(problem, given.t, given.steps)
    f, z, whole = flow.at(), flow.z[0], torch.ones_like(inside(problem)[:1])
    V, _ = leading(f, z, whole, given.count, ctx, most=given.rounds, sketch=given.sketch, batch=flow.batch)
    return edited(problem, ctx, flow, V.expand(problem.count, *V.shape[1:]))
