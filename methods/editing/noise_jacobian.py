"""Leading directions of the Jacobian of the predicted noise, d eps / d x_t, with neither region nor projection.

    eps = (z - f(z)) / sigma        z = x_t / sqrt(a_t)

Source: a rival of arXiv:2409.02374, appendix G.2: nearly all directions are amplified alike, so the leading ones say little
"""

import torch
from torch import Tensor

from benchmark import Context, Editing, method
from methods.editing._edit import edited
from methods.editing._flow import Flow
from methods.editing._leading import Leading
from methods.editing._power import leading


@method(
    "noise_jacobian",
    solves="Editing",
    kind="diffusion prior, control",
    paper="arXiv:2409.02374",
    needs=("prior",),
    # tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"t": 0.4, "steps": 30, "rounds": 12},
        "*/tiny": {"t": 0.2, "steps": 6, "count": 2, "rounds": 3},
    },
    # Fewer pixels tell less at the same time. On four faces for tuning success was 0.06, 0.13, 0.06, 0.19.
    search={"image_editing/small*": {"t": [0.1, 0.2, 0.3, 0.4]}},
    parameters=Leading,
)
def noise_jacobian(problem: Editing, ctx: Context, given: Leading) -> Tensor:
    """Leading directions of the predicted noise; of each region the one that suits it best is taken."""
    flow = Flow(problem, given.t, given.steps)
    f = flow.clean()

    def noise(z: Tensor) -> Tensor:
        return (z - f(z)) / flow.sigma

    whole = torch.ones_like(flow.z[:1], dtype=torch.bool)
    V, _ = leading(noise, flow.z[0], whole, given.count, ctx, most=given.rounds, sketch=given.sketch, batch=flow.batch)
    return edited(problem, ctx, flow, V.expand(problem.count, *V.shape[1:]))
