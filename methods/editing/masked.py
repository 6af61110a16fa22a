"""Leading directions within a region, as LOCO Edit before its projection, which shows what that is worth.

Source: arXiv:2409.02374
"""

from torch import Tensor

from benchmark import Context, Editing, method
from methods.editing._edit import edited, inside
from methods.editing._flow import Flow
from methods.editing._leading import Leading
from methods.editing._power import leading


@method(
    "masked",
    solves="Editing",
    kind="diffusion prior, control",
    paper="arXiv:2409.02374",
    needs=("prior",),
    # tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"t": 0.1, "steps": 30, "rounds": 4, "sketch": 96},
        "*/tiny": {"t": 0.2, "steps": 6, "count": 2, "rounds": 3},
    },
    # Fewer pixels tell less at the same time. On faces for tuning success was 0.56, 0.31 (four faces), 0.38, 0.25 (two).
    search={"image_editing/small*": {"t": [0.1, 0.2, 0.3, 0.4]}},
    parameters=Leading,
)
def masked(problem: Editing, ctx: Context, given: Leading) -> Tensor:
    """Leading directions within a region, without LOCO Edit's projection."""
    flow = Flow(problem, given.t, given.steps)
    f, z = flow.at(), flow.z[0]
    V, _ = leading(f, z, inside(problem), given.count, ctx, most=given.rounds, sketch=given.sketch, batch=flow.batch)
    return edited(problem, ctx, flow, V)
