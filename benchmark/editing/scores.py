"""How local an edit is, how it goes with its strength, and whether it moves what it should and nothing else.

    change(s) = x_0(s) - x_0(0)           of a region of a picture, as values of the prior's scale
    leak = |change outside| / |change inside|          effect^2 = mean inside of change(s) * -change(-s)
    linearity = cos(change(s), change(s / 2))          oddness = cos(change(s), -change(-s))

All at the largest strength s of which there is a half and an opposite, edits against the unedited picture of the same way, so
that what a way of editing loses without any edit counts for nothing. Effect is what turns with the sign of the strength: what
is only disturbed has none. The numbers that a face reader reads, in standard deviations over faces, say whether an edit
succeeds (`success`).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

MOVED = 1.0  # standard deviations by which a number of the region has to move
STILL = 0.5  # by which every other number may
SEEN = 0.03  # effect from which an edit is one, and
KEPT_IN = 0.5  # leak up to which it is local
MOST = 10.0  # leak that is counted; also that of an edit which changes nothing
_LEAST = 1e-9


def largest(strengths: Sequence[float]) -> float:
    """The largest strength s with s / 2, -s / 2 and -s among them. Raises ValueError where there is none."""
    known = set(strengths)
    if not (fit := [s for s in strengths if s > 0 and {s / 2, -s / 2, -s} <= known]):
        raise ValueError(f"strengths {tuple(strengths)} hold no s with s / 2, -s / 2 and -s beside it")
    return max(fit)


def changes(estimate: Tensor, strengths: Sequence[float]) -> dict[float, Tensor]:
    """By strength, (R, P, C, H, W): what each edit changes. estimate (R, P, S, C, H, W)."""
    none = estimate[:, :, list(strengths).index(0.0)]
    return {s: estimate[:, :, i] - none for i, s in enumerate(strengths) if s}


def local(estimate: Tensor, regions: Tensor, strengths: Sequence[float]) -> dict[str, float]:
    """local, leak, effect, linearity, doubling, oddness of the first picture, and transfer where there are more.

    estimate (R, P, S, C, H, W); regions (P, R, H, W). local: share of regions with effect SEEN or more and leak KEPT_IN or
    less; leak, of both signs: median over regions; the others are means over regions. doubling: |change(s)| / |change(s / 2)|;
    transfer: cosine of the change of the first picture and of another, mean over the others.
    """
    s, found = largest(strengths), changes(estimate, strengths)
    mask = regions[0][:, None]  # (R, 1, H, W)
    far, near, back = found[s][:, 0], found[s / 2][:, 0], found[-s][:, 0]
    both = torch.stack([far, back], 1)  # (R, 2, C, H, W)
    inside, outside = _size(both * mask[:, None]), _size(both * ~mask[:, None])
    leak = (outside / inside.clamp_min(_LEAST)).clamp(max=MOST)
    leak = torch.where(inside > _LEAST, leak, MOST)
    effect = ((far * -back * mask).flatten(1).sum(1) / (mask.flatten(1).sum(1) * far.shape[1])).clamp(min=0).sqrt()
    told = {
        "local": float(((effect >= SEEN) & (leak <= KEPT_IN)).float().mean()),
        "leak": float(leak.median()),
        "effect": float(effect.mean()),
        "linearity": float(_cosine(far, near).mean()),
        "doubling": float((_size(far) / _size(near).clamp_min(_LEAST)).clamp(max=MOST).mean()),
        "oddness": float(_cosine(far, -back).mean()),
    }
    if estimate.shape[1] > 1:
        others = found[s][:, 1:]
        alike = _cosine(far[:, None].expand_as(others).flatten(0, 1), others.flatten(0, 1))
        told["transfer"] = float(alike.mean())
    return told


def success(
    numbers: Tensor,
    own: Sequence[Sequence[int]],
    strengths: Sequence[float],
    errors: Tensor,
    named: Sequence[int] | None = None,
) -> Tensor:
    """bool (R, P): whether at some strength a number of the region moves by MOVED or more, and no other by more than STILL, or
    by twice the error of reading it where that is more.

    numbers (R, P, S, n) in standard deviations, of the edited pictures; own: for each region the places of its numbers, at
    least one. errors (n,): root mean square, of reading each number. named: of each region the place of the one number that has
    to move; then its others may move too.
    """
    enough, still = (2 * errors).clamp(min=MOVED), (2 * errors).clamp(min=STILL)
    none = numbers[:, :, list(strengths).index(0.0), None]
    moved = (numbers - none).abs()
    found = []
    for region, (one, mine) in enumerate(zip(moved, own, strict=True)):
        inside = torch.zeros(numbers.shape[-1], dtype=torch.bool)
        inside[list(mine)] = True
        far, near = one >= enough, one <= still  # (P, S, n)
        moves = far[..., inside].any(-1) if named is None else far[..., named[region]]
        found.append((moves & near[..., ~inside].all(-1)).any(1))
    return torch.stack(found)


def same_way(numbers: Tensor, own: Sequence[Sequence[int]], strengths: Sequence[float]) -> Tensor:
    """bool (R, P - 1): whether at the largest strength the number of the region that moves most in the first picture moves by
    half as much or more, the same way, in another.
    """
    values = list(strengths)
    moved = numbers[:, :, values.index(largest(strengths))] - numbers[:, :, values.index(0.0)]  # (R, P, n)
    found = []
    for one, mine in zip(moved, own, strict=True):
        which = list(mine)[int(one[0, list(mine)].abs().argmax())]
        found.append(one[1:, which] / one[0, which] >= 0.5)
    return torch.stack(found)


def outside_alone(estimate: Tensor, regions: Tensor, strengths: Sequence[float]) -> tuple[Tensor, Tensor]:
    """The first picture at plus and minus the largest strength, edited and unedited, (2 R, C, H, W) each. The region is taken
    from the unedited picture, so that the two differ outside it alone.
    """
    values, s = list(strengths), largest(strengths)
    none = estimate[:, 0, values.index(0.0)]
    mask = regions[0][:, None]
    edits = [torch.where(mask, none, estimate[:, 0, values.index(one)]) for one in (s, -s)]
    return torch.cat(edits), torch.cat([none, none])


def _size(x: Tensor) -> Tensor:
    found: Tensor = x.flatten(1).norm(dim=1)
    return found


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    return F.cosine_similarity(one.flatten(1), other.flatten(1), eps=_LEAST)
