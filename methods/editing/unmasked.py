"""Leading directions of the whole Jacobian of the posterior mean: nothing of them knows the region. Source: arXiv:2409.02374"""

import torch
from torch import Tensor

from benchmark import Context, Count, Editing, Fraction, method
from methods.editing._edit import edited
from methods.editing._flow import Flow
from methods.editing._power import leading


@method(
    "unmasked",
    solves="Editing",
    kind="diffusion prior, control",
    paper="arXiv:2409.02374",
    needs=("prior",),
    # Fewer pixels tell less at the same time: at 64, edits at 0.3 spill; 0.6 is for 256. tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"t": 0.2, "steps": 30, "rounds": 12},
        "*/tiny": {"t": 0.2, "steps": 6, "count": 2, "rounds": 3},
    },
)
def unmasked(
    problem: Editing, ctx: Context, *, t: Fraction = 0.6, steps: Count = 50, count: Count = 5, rounds: Count = 50
) -> Tensor:
    """Leading directions of the whole picture; of each region the one of them that suits it best is taken."""
    flow = Flow(problem, t, steps)
    whole = torch.ones_like(problem.regions[0, :1])
    V, _ = leading(flow.at(), flow.z[0], whole, count, ctx, most=rounds)
    return edited(problem, ctx, flow, V.expand(problem.count, *V.shape[1:]))
