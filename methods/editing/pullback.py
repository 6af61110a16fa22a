"""Pullback: the directions that move the middle of the U-Net, h, most, and a walk along them by the predicted noise.

    J = d h / d x_t                    V: `count` leading right singular vectors of J, which knows no region
    16 times   x <- x + 0.1 (eps(x + s v) - eps(x)),    eps = (z - f(z)) / sigma,  z = x / sqrt(a_t)       then DDIM

masked: V of M_h J, M_h the region on the grid of h, and x_t + s v as LOCO Edit steps; a control of ours.
Source: arXiv:2307.12868 and its code (there s = 1, fresh noise in the last fifth of the steps), as a rival of arXiv:2409.02374
"""

import torch
from torch import Tensor

from benchmark import Context, Count, Editing, Fraction, Positive, method
from methods.editing._edit import added, chosen, shaped
from methods.editing._flow import Flow
from methods.editing._middle import Middle, at, coarse
from methods.editing._power import leading


@method(
    "pullback",
    solves="Editing",
    kind="diffusion prior",
    paper="arXiv:2307.12868",
    needs=("prior",),
    # tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"t": 0.2, "steps": 30, "rounds": 12},
        "*/tiny": {"t": 0.2, "steps": 6, "count": 2, "rounds": 3, "walk": 2},
    },
    # Fewer pixels tell less at the same time. On four faces for tuning success was 0.13, 0.19, 0.13, 0.
    search={"image_editing/small*": {"t": [0.1, 0.2, 0.3, 0.4]}},
)
def pullback(
    problem: Editing,
    ctx: Context,
    *,
    t: Fraction = 0.6,
    steps: Count = 50,
    count: Count = 5,
    masked: bool = False,
    walk: Count = 16,
    pace: Positive = 0.1,
    rounds: Count = 50,
) -> Tensor:
    """Pullback: leading directions of the middle of the U-Net; of each region the one of them that suits it best is taken.

    masked: of the middle within each region, x_t + s v; walk: steps of the noise's difference, each times `pace`.
    """
    flow = Flow(problem, t, steps)
    h, z = at(Middle(flow)), flow.z[0]
    with torch.no_grad():
        like = h(z[None])[0]
    where = coarse(problem.regions[0], like) if masked else torch.ones_like(like)[None]
    V, _ = leading(h, z, where, count, ctx, most=rounds, batch=flow.batch)
    v = chosen(problem, flow, V.expand(problem.count, *V.shape[1:]))
    ctx.keep("directions", v)
    moved = added(problem, flow, v)
    return shaped(problem, flow, moved if masked else walked(flow, moved, walk, pace))


@torch.no_grad()
def walked(flow: Flow, moved: Tensor, walk: int, pace: float) -> Tensor:
    """Where x_t arrives, (R, P, S, C, H, W) in z, by eps(x + s v) - eps(x); moved: x_t + s v in z, of the same shape."""
    start = flow.z[None, :, None].expand_as(moved).flatten(0, 2)
    told = None if flow.told is None else flow.told[None, :, None].expand(*moved.shape[:3], -1).flatten(0, 2)
    found = []
    for first in range(0, len(start), flow.batch):
        part = slice(first, first + flow.batch)
        z, mine = start[part], None if told is None else told[part]
        step = moved.flatten(0, 2)[part] - z
        for _ in range(walk):
            more = step - flow.f(z + step, flow.sigma, mine) + flow.f(z, flow.sigma, mine)
            z = z + pace * more / flow.sigma / flow.root
        found.append(z)
    return torch.cat(found).reshape(moved.shape)
