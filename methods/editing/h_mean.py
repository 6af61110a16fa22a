"""Asyrp without a text: a number of a face is changed in the middle of the U-Net, h, at every step down to a time `until`.

    dh_t = mean of h_t over samples whose number is among the highest quarter - the same of the lowest
    x' = sqrt(a') f(x_t; h + s scale dh_t) + sqrt(1 - a') eps(x_t),  eps without dh       t > until, then DDIM

The change enters the clean picture alone: in the noise as well it would all but cancel. Samples are drawn by the prior, and the
numbers of what they become are read off: supervision, by the reader with which success is measured.
Source: arXiv:2210.10960 (there dh is learnt from a text, and the last steps have fresh noise), as a rival of arXiv:2409.02374
"""

from itertools import pairwise

import torch
from torch import Tensor

from benchmark import Context, Count, Editing, Fraction, Positive, method
from methods.editing._attributes import Attributes
from methods.editing._edit import best
from methods.editing._flow import Flow
from methods.editing._middle import Middle

_BATCH = 64


@method(
    "h_mean",
    solves="Editing",
    kind="diffusion prior, supervised",
    paper="arXiv:2210.10960",
    needs=("prior",),
    presets=("tiny", "small*"),  # of faces, whose numbers the reader knows
    # tiny shows nothing about quality.
    settings={
        "image_editing/small*": {"steps": 30},
        "*/tiny": {"steps": 6, "samples": 8},
    },
    # As many tries as the others have, at the end of the change in place of its only time; not tried yet.
    search={"image_editing/small*": {"until": [0.2, 0.35, 0.5, 0.65]}},
)
def h_mean(
    problem: Editing,
    ctx: Context,
    *,
    t: Fraction = 0.9,
    until: Fraction = 0.5,
    steps: Count = 50,
    samples: Count = 64,
    scale: Positive = 0.25,
) -> Tensor:
    """Asyrp without a text: the mean difference of the middle of the U-Net between faces of high and low numbers.

    t: where it begins; samples: drawn to learn from; scale: of the difference at strength 1.
    """
    if samples < 4:
        raise ValueError(f"samples is {samples}: the highest and the lowest quarter need at least 4")
    known, flow = Attributes(problem), Flow(problem, t, steps)
    middle, levels = Middle(flow), flow.sigmas[::-1]
    last = float(flow.prior.schedule.sigmas[round(until * (len(flow.prior.schedule) - 1))])
    moves = scale * differences(middle, known, ctx.randn(samples, *flow.z.shape[1:]), last)  # (levels, R, k, c, h, w)
    if not len(moves):
        raise ValueError(f"t is {t}, not above until, {until}: nothing would be changed")
    place, sign = best(problem, first_change(problem, middle, moves[0]))
    rows = torch.arange(len(place), device=place.device)
    taken = moves[:, rows, place] * sign[:, None, None, None]  # (levels, R, c, h, w)
    s = torch.tensor(problem.strengths, device=taken.device)
    R, P, S = problem.count, len(flow.z), len(s)
    r, p, i = (x.flatten() for x in torch.meshgrid(torch.arange(R), torch.arange(P), torch.arange(S), indexing="ij"))
    found = []
    for part in range(0, len(r), _BATCH):
        rr, pp, ii = (x[part : part + _BATCH].to(taken.device) for x in (r, p, i))
        told = None if flow.told is None else flow.told[pp]
        z = flow.z[pp]
        for level, (now, then) in enumerate(pairwise(levels)):
            with torch.no_grad():
                free = flow.f(z, now, told)
                by = s[ii][:, None, None, None] * taken[level, rr] if level < len(taken) else None
                clean = free if by is None else middle.moved(z, now, told, by)
            z = clean + then / now * (z - free)
        found.append(z)
    return flow.back(torch.cat(found).reshape(R, P, S, *z.shape[1:]))


@torch.no_grad()
def differences(middle: Middle, known: Attributes, noise: Tensor, last: float) -> Tensor:
    """(levels, R, k, c, h, w): dh at each level above `last`, of each number of each region; from noise (N, C, H, W)."""
    flow = middle.flow
    z, seen = flow.sigma * noise, []
    for now, then in pairwise(flow.sigmas[::-1]):
        clean, h = middle.seen(z, now)
        z = clean + then / now * (z - clean)
        if now > last:
            seen.append(h)
    numbers, quarter = known.numbers(z), len(noise) // 4
    found = {}
    for place in known.places:
        order = numbers[:, place].argsort()
        found[place] = [h[order[-quarter:]].mean(0) - h[order[:quarter]].mean(0) for h in seen]
    every = [[torch.stack([found[place][level] for place in mine]) for mine in known.own] for level in range(len(seen))]
    return torch.stack([torch.stack(level) for level in every]) if every else noise.new_zeros(0)


@torch.no_grad()
def first_change(problem: Editing, middle: Middle, moves: Tensor) -> Tensor:
    """(R, k, C, H, W): what the largest strength, both ways, changes of f at t of the first picture; moves (R, k, c, h, w)."""
    flow = middle.flow
    by = max(map(abs, problem.strengths)) * moves.flatten(0, 1)
    z = flow.z[:1].expand(len(by), -1, -1, -1)
    told = None if flow.told is None else flow.told[:1].expand(len(by), -1)
    change = middle.moved(z, flow.sigma, told, by) - middle.moved(z, flow.sigma, told, -by)
    return change.reshape(*moves.shape[:2], *z.shape[1:])
