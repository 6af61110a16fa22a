"""Leading directions within a region, as LOCO Edit before its projection, which shows what that is worth.

Source: arXiv:2409.02374
"""

from torch import Tensor

from benchmark import Context, Count, Editing, Fraction, method
from methods.editing._edit import edited
from methods.editing._flow import Flow
from methods.editing._power import leading


@method(
    "masked",
    solves="Editing",
    kind="diffusion prior, control",
    paper="arXiv:2409.02374",
    needs=("prior",),
    # Fewer pixels tell less at the same time: at 64, edits at 0.3 spill; 0.6 is for 256. tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"t": 0.2, "steps": 30, "rounds": 12},
        "*/tiny": {"t": 0.2, "steps": 6, "inside": 2, "rounds": 3},
    },
)
def masked(
    problem: Editing, ctx: Context, *, t: Fraction = 0.6, steps: Count = 50, inside: Count = 5, rounds: Count = 50
) -> Tensor:
    """Leading directions within a region, without LOCO Edit's projection."""
    flow = Flow(problem, t, steps)
    V, _ = leading(flow.at(), flow.z[0], problem.regions[0], inside, ctx, most=rounds)
    return edited(problem, ctx, flow, V)
