"""What a rendered face tells of its edits: the numbers that belong to a region and can be read, the ideal edit, and a wish.

The ideal edit renders the face again with one number of the region moved, at the largest strength by IDEAL standard deviations
over faces; no prior makes it.
"""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from benchmark.datasets import faces
from benchmark.editing import attributes
from benchmark.editing.shipped import card, face_reader

IDEAL = 2.0
# Of each region the number that the ideal edit moves, and that a wish names.
NAMED = {
    "mouth": "lip colour",
    "eyes": "blink",
    "brows": "brow darkness",
    "nose": "nose width",
    "hair": "hair colour",
    "skin": "skin",
}


@cache
def counted() -> tuple[str, ...]:
    """The numbers of a face that can be read off a picture."""
    return card().counts


def readable(names: Sequence[str]) -> dict[int, list[int]]:
    """By place of a region in `names`: the places of its numbers among those that can be read; none for a region without."""
    places = {i: [counted().index(x) for x in attributes.ATTRIBUTES[name] if x in counted()] for i, name in enumerate(names)}
    return {i: found for i, found in places.items() if found}


def errors() -> Tensor:
    """(n,): of reading each number that can be read, in standard deviations over faces: sqrt(1 - R2), the smaller R2."""
    found = card()
    return torch.tensor([1 - min(found.r2[name], found.r2_apart[name]) for name in counted()]).sqrt()


def named(names: Sequence[str]) -> dict[int, int]:
    """By place of a region in `names`: the place of the number that a wish names, where that can be read."""
    return {i: counted().index(NAMED[name]) for i, name in enumerate(names) if NAMED[name] in counted()}


def read(pictures: Tensor) -> Tensor:
    """(..., n): the numbers that can be read, in standard deviations over faces, of pictures (..., 3, H, W)."""
    reader = face_reader()
    found = reader.numbers(pictures.clamp(0, 1).flatten(0, -4)) / reader.spread
    places = attributes.places(counted())
    return found[:, places].reshape(*pictures.shape[:-3], len(places))


def ideal(parameters: Tensor, name: str, strengths: Sequence[float], size: int) -> Tensor:
    """(P, S, 3, H, W): faces (P, 37) rendered with the number that stands for a region moved, as far as its range goes."""
    [place] = attributes.places((NAMED[name],))
    step = IDEAL * face_reader().spread[place] / max(strengths)
    moved = parameters[:, None].repeat(1, len(strengths), 1)
    moved[..., place] += step * torch.tensor(strengths)
    made = faces.render(attributes.valid(moved.flatten(0, 1)), size).pictures
    return made.reshape(len(parameters), len(strengths), *made.shape[1:])


def wanted(parameters: Tensor, names: Sequence[str]) -> Tensor:
    """(R, 37): a face (37,) with the number that stands for a region at the farther end of its range."""
    places = attributes.places(tuple(NAMED[name] for name in names))
    found = parameters.repeat(len(places), 1)
    for row, place in zip(found, places, strict=True):
        low, high = faces.RANGES[faces.NAMES[place]]
        row[place] = high if row[place] < (low + high) / 2 else low
    return found
