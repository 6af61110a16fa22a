"""The direction along which a reader of faces sees a number of the region rise most: what supervision is worth.

    v = J^T grad a(f(x_t)),  J = d f / d x_t,  f(x_t) = E[x_0 | x_t]       a: each number of the region that can be read
    then off the leading directions of f outside, norm 1; x_t + s v, then DDIM

Source: ours; the projection of arXiv:2409.02374. The reader is the one by which success is measured: an upper bound
"""

from torch import Tensor

from benchmark import Context, Count, Editing, Fraction, method
from methods.editing._attributes import Attributes
from methods.editing._edit import edited, elsewhere, without
from methods.editing._flow import Flow
from methods.editing._power import leading


@method(
    "attribute_gradient",
    solves="Editing",
    kind="diffusion prior, supervised",
    needs=("prior",),
    presets=("tiny", "small*"),  # of faces, whose numbers the reader knows
    # tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"t": 0.1, "steps": 30, "rounds": 4, "sketch": 96},
        "*/tiny": {"t": 0.2, "steps": 6, "outside": 2, "rounds": 3},
    },
    # Fewer pixels tell less at the same time. On four faces for tuning success was 0.44, 0.38, 0.44, 0.31.
    search={"image_editing/small*": {"t": [0.1, 0.2, 0.3, 0.4]}},
)
def attribute_gradient(
    problem: Editing,
    ctx: Context,
    *,
    t: Fraction = 0.6,
    steps: Count = 50,
    projected: bool = True,
    outside: Count = 5,
    rounds: Count = 50,
    sketch: int = 0,
) -> Tensor:
    """Gradients of the numbers that are to change, read off the posterior mean; of each region the one that suits it best.

    projected: off the `outside` leading directions outside of the region, as LOCO Edit does.
    """
    known, flow = Attributes(problem), Flow(problem, t, steps)
    V = known.candidates(flow)
    if projected:
        V = without(V, leading(flow.at(), flow.z[0], elsewhere(problem), outside, ctx, most=rounds, sketch=sketch)[0])
    return edited(problem, ctx, flow, V)
