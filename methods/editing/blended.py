"""Blended: at every step a push towards a number of the region, and outside of it what the unedited picture has there.

    v = J^T grad a(f(z)), norm 1               a: a number of the region, read off f(z) = E[x_0 | x_t];  J = d f / d z
    z' = f(z) + sigma'/sigma (z - f(z)) + s/n v / sqrt(a')        n steps
    z' <- that within the region, the unedited one outside

It cannot leak and it is told what is measured: the bound of both. It has no direction that others could get, so they are left
as they are.
Source: ours, after arXiv:2111.14818 (guided by a text there), as a rival of arXiv:2409.02374
"""

from itertools import pairwise

import torch
from torch import Tensor

from benchmark import Context, Count, Editing, Fraction, method
from methods.editing._attributes import Attributes
from methods.editing._edit import best, unit
from methods.editing._flow import Flow


@method(
    "blended",
    solves="Editing",
    kind="diffusion prior, supervised",
    paper="arXiv:2111.14818",
    needs=("prior",),
    presets=("tiny", "small*"),  # of faces, whose numbers the reader knows
    # tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"t": 0.2, "steps": 30},
        "*/tiny": {"t": 0.2, "steps": 6},
    },
    # Fewer pixels tell less at the same time. On four faces for tuning success was 0.44, 0.44, 0.44, 0.38.
    search={"image_editing/small*": {"t": [0.1, 0.2, 0.3, 0.4]}},
)
def blended(problem: Editing, ctx: Context, *, t: Fraction = 0.6, steps: Count = 50) -> Tensor:
    """Guidance by the number that is to change, and the unedited picture outside of the region at every step."""
    known, flow = Attributes(problem), Flow(problem, t, steps)
    V = unit(known.candidates(flow))
    place, sign = best(problem, torch.stack([tried(problem, flow, v) for v in V]))
    found = flow.z.new_empty(problem.count, len(flow.z), len(problem.strengths), *flow.z.shape[1:])
    found[:] = flow.down(flow.z, flow.told)[None, :, None]
    for r, mine in enumerate(known.own):
        found[r, 0] = pushed(problem, known, flow, r, mine[int(place[r])], float(sign[r]))
    return flow.back(found)


@torch.no_grad()
def tried(problem: Editing, flow: Flow, v: Tensor) -> Tensor:
    """(k, C, H, W): what the largest strength, both ways, changes of f along v (k, C, H, W)."""
    f, z = flow.at(), flow.z[0]
    s = max(map(abs, problem.strengths)) / flow.root
    return f(z + s * v) - f(z - s * v)


def pushed(problem: Editing, known: Attributes, flow: Flow, r: int, place: int, sign: float) -> Tensor:
    """(S, C, H, W), on the network's scale: the first picture, its region r pushed by every strength; the last that is
    unedited comes along, so that what is outside is the same to the last digit.
    """
    levels, strengths = flow.sigmas[::-1], torch.tensor([*problem.strengths, 0.0], device=flow.z.device)
    share = (sign * strengths / (len(levels) - 1))[:, None, None, None]
    places = torch.full((len(share),), place, device=flow.z.device)
    z = flow.z[:1].expand(len(share), -1, -1, -1)
    told = None if flow.told is None else flow.told[:1].expand(len(share), -1)
    for now, then in pairwise(levels):
        clean, v = known.towards(flow, z, now, places, told)
        z = clean + then / now * (z - clean) + share * unit(v) * (1 + then**2) ** 0.5
        z = torch.where(problem.regions[0, r], z, z[-1:])
    return z[:-1]
