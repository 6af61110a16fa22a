"""An edit: directions found at x_t of the first picture, one chosen for each region, the same step taken on every picture.

    x_t + s v,  then DDIM without noise to a clean picture         s: every strength

Which of a region's k candidates is taken, and with which sign, is one rule for all methods, by f alone: with
d = f(x_t + s v) - f(x_t - s v) at the largest strength s, the candidate whose |d inside|^2 / |d outside|, effect over leak, is
the largest; its sign is that which makes the region brighter. Nobody looks.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark import Context, Editing
from methods.editing._flow import Flow

Find = Callable[[Flow, Tensor], Tensor]


def edited(problem: Editing, ctx: Context, flow: Flow, directions: Tensor, turned: bool = True) -> Tensor:
    """The answer for candidates (R, k, C, H, W) in x_t, of any norm but 0. Keeps the directions that were taken.

    turned: by the rule; a direction with an aim of its own, k = 1, keeps its sign.
    """
    v = chosen(problem, flow, unit(directions)) if turned else unit(directions[:, 0])
    ctx.keep("directions", v)
    return shaped(problem, flow, added(problem, flow, v))


def added(problem: Editing, flow: Flow, v: Tensor) -> Tensor:
    """(R, P, S, C, H, W): every picture's x_t + s v, in z, for directions v (R, C, H, W)."""
    steps = torch.tensor(problem.strengths, dtype=v.dtype, device=v.device)[:, None, None, None]
    found: Tensor = flow.z[None, :, None] + steps * v[:, None, None] / flow.root
    return found


def shaped(problem: Editing, flow: Flow, z: Tensor) -> Tensor:
    """Clean pictures (R, P, S, 3, H, W), on the problem's scale, of z at t (R, P, S, C, H, W). Strength 0 is drawn once for all
    regions.
    """
    (R, P, S), none = z.shape[:3], problem.strengths.index(0)
    others = [i for i in range(S) if i != none]
    told = None if flow.told is None else torch.cat([flow.told, flow.told[None, :, None].expand(R, P, S - 1, -1).flatten(0, 2)])
    every = flow.back(flow.down(torch.cat([flow.z, z[:, :, others].flatten(0, 2)]), told))
    found = every.new_empty(R, P, S, *every.shape[1:])
    found[:, :, none] = every[:P]
    found[:, :, others] = every[P:].reshape(R, P, S - 1, *every.shape[1:])
    return found


def unit(v: Tensor) -> Tensor:
    """Each (C, H, W) with norm 1. Raises ValueError where one is 0: nothing is left of a direction."""
    norms: Tensor = v.flatten(-3).norm(dim=-1)
    if not bool((norms > 0).all()):
        raise ValueError("nothing is left of a direction: it lies within what is projected away")
    return v / norms[..., None, None, None]


@torch.no_grad()
def chosen(problem: Editing, flow: Flow, candidates: Tensor) -> Tensor:
    """(R, C, H, W): one of k unit vectors (R, k, C, H, W) for each region, with its sign."""
    s = max(map(abs, problem.strengths)) / flow.root
    f, z = flow.at(), flow.z[0]
    every = candidates.flatten(0, 1)
    change = torch.cat([f(z + s * v) - f(z - s * v) for v in torch.split(every, min(32, flow.batch))])
    place, sign = best(problem, change.reshape(*candidates.shape[:2], *change.shape[1:]))
    return candidates[torch.arange(len(place), device=place.device), place] * sign[:, None, None, None]


def best(problem: Editing, change: Tensor) -> tuple[Tensor, Tensor]:
    """The rule: (R,) which of k candidates, and (R,) its sign, by what they change, (R, k, C, H, W), of the first picture."""
    region = problem.regions[0][:, None, None]
    inside = (change * region).flatten(2)
    outside = (change * ~region).flatten(2)
    place = (inside.square().sum(2) / outside.norm(dim=2).clamp_min(1e-12)).argmax(1)
    rows = torch.arange(len(place), device=place.device)
    return place, torch.where(inside.sum(2)[rows, place] < 0, -1.0, 1.0)


def without(v: Tensor, span: Tensor) -> Tensor:
    """Candidates v (R, k, C, H, W) without their part in the span of orthonormal vectors (R, m, C, H, W)."""
    flat, basis = v.flatten(2), span.flatten(2)
    return (flat - (flat @ basis.mT) @ basis).reshape(v.shape)


def inside(problem: Editing) -> Tensor:
    """(R, C, H, W): the regions of the first picture, the same in every channel of a picture."""
    return problem.regions[0][:, None].expand(-1, problem.picture_shape[0], -1, -1)


def elsewhere(problem: Editing) -> Tensor:
    """(R, C, H, W): all of the first picture but the region."""
    return ~inside(problem)
