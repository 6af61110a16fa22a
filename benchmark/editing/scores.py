"""How local an edit is, how it goes with its strength, and whether it moves what it should and nothing else.

    change(s) = x_0(s) - x_0(0)           of a region of a picture, as values of the prior's scale
    leak = |change outside| / |change inside|          effect: root mean square of the change inside
    linearity = cos(change(s), change(s / 2))          oddness = cos(change(s), -change(-s))

All at the largest strength s of which there is a half and an opposite, edits against the unedited picture of the same way, so
that what a way of editing loses without any edit counts for nothing. The numbers that a face reader reads, in standard
deviations over faces, say whether an edit succeeds (`success`).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

MOVED = 1.0  # standard deviations by which a number of the region has to move
STILL = 0.5  # by which every other number may
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
    """leak, effect, linearity, doubling, oddness of the first picture, and transfer where there are more.

    estimate (R, P, S, C, H, W); regions (P, R, H, W). leak: the median over regions, for a direction that does nothing inside
    may have any; the others are means over regions. doubling: |change(s)| / |change(s / 2)|; transfer: cosine of the change of
    the first picture and of another, mean over the others.
    """
    s, found = largest(strengths), changes(estimate, strengths)
    mask = regions[0][:, None]  # (R, 1, H, W)
    far, near, back = found[s][:, 0], found[s / 2][:, 0], found[-s][:, 0]
    both = torch.stack([far, back], 1)  # (R, 2, C, H, W)
    inside, outside = _size(both * mask[:, None]), _size(both * ~mask[:, None])
    entries = mask.flatten(1).sum(1) * estimate.shape[3] * 2
    told = {
        "leak": float((outside / inside.clamp_min(_LEAST)).median()),
        "effect": float((inside / entries.sqrt()).mean()),
        "linearity": float(_cosine(far, near).mean()),
        "doubling": float((_size(far) / _size(near).clamp_min(_LEAST)).mean()),
        "oddness": float(_cosine(far, -back).mean()),
    }
    if estimate.shape[1] > 1:
        others = found[s][:, 1:]
        alike = _cosine(far[:, None].expand_as(others).flatten(0, 1), others.flatten(0, 1))
        told["transfer"] = float(alike.mean())
    return told


def success(numbers: Tensor, own: Sequence[Sequence[int]], strengths: Sequence[float]) -> Tensor:
    """bool (R, P): whether at some strength a number of the region moves by MOVED or more, and no other by more than STILL.

    numbers (R, P, S, n) in standard deviations, of the edited pictures; own: for each region the places of its numbers.
    """
    none = numbers[:, :, list(strengths).index(0.0), None]
    moved = (numbers - none).abs()
    found = []
    for one, mine in zip(moved, own, strict=True):
        inside = torch.zeros(numbers.shape[-1], dtype=torch.bool)
        inside[list(mine)] = True
        most = one[..., inside].amax(-1) if inside.any() else one.new_zeros(one.shape[:-1])
        rest = one[..., ~inside].amax(-1) if (~inside).any() else one.new_zeros(one.shape[:-1])
        found.append(((most >= MOVED) & (rest <= STILL)).any(1))
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
    """Of the first picture at plus and minus the largest strength, (2 R, C, H, W) each: edited, and unedited, the region
    replaced by what it was without an edit, so that only what is outside can differ.
    """
    values, s = list(strengths), largest(strengths)
    none = estimate[:, 0, values.index(0.0)]
    mask = regions[0][:, None]
    edits = [torch.where(mask, none, estimate[:, 0, values.index(one)]) for one in (s, -s)]
    return torch.cat(edits), torch.cat([none, none])


def _size(x: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1)


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    return F.cosine_similarity(one.flatten(1), other.flatten(1), eps=_LEAST)
