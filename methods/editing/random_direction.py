"""Random directions, within all that LOCO Edit leaves or freely: what any direction does. Source: arXiv:2409.02374, its code"""

from torch import Tensor

from benchmark import Context, Count, Editing, Fraction, method
from methods.editing._edit import edited, elsewhere, without
from methods.editing._flow import Flow
from methods.editing._power import leading


@method(
    "random_direction",
    solves="Editing",
    kind="control",
    paper="arXiv:2409.02374",
    needs=("prior",),
    # tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"t": 0.2, "steps": 30, "rounds": 4, "sketch": 96},
        "*/tiny": {"t": 0.2, "steps": 6, "count": 2},
    },
    # Fewer pixels tell less at the same time. On four faces for tuning success was 0 at all of them.
    search={"image_editing/small*": {"t": [0.1, 0.2, 0.3, 0.4]}},
)
def random_direction(
    problem: Editing,
    ctx: Context,
    *,
    t: Fraction = 0.6,
    steps: Count = 50,
    count: Count = 5,
    projected: bool = False,
    outside: Count = 5,
    rounds: Count = 50,
    sketch: int = 0,
) -> Tensor:
    """Random directions; of each region the one of `count` that suits it best is taken.

    projected: off the `outside` leading directions outside of the region, as LOCO Edit does.
    """
    flow = Flow(problem, t, steps)
    V = ctx.randn(problem.count, count, *flow.z.shape[1:])
    if projected:
        f, z, masks = flow.at(), flow.z[0], elsewhere(problem)
        V = without(V, leading(f, z, masks, outside, ctx, most=rounds, sketch=sketch, batch=flow.batch)[0])
    return edited(problem, ctx, flow, V)
