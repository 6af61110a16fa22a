"""Which number of a face belongs to which region that can be edited.

    region  its pixels    its attributes
    mouth   lips, mouth   what moves, shapes or paints the lips
    eyes    eye           lids, size and colour of the eye, where it looks
    brows   brow          where they are, how they slope, how dark they are
    nose    nose          its width and length
    hair    hair          colour, length, how far it recedes
    skin    skin          its tone, lines of age, and the outline of the face, which is the border of the skin

Sex, shares of races, yaw, pitch, light and background belong to no region: they are seen all over a picture, so an edit of one
region must leave them as they are.
"""

import torch
from torch import Tensor

from benchmark.datasets.face_colour import REGIONS
from benchmark.datasets.face_law import NAMES, RACES, RANGES
from benchmark.errors import unknown

PIXELS: dict[str, tuple[str, ...]] = {
    "mouth": ("lips", "mouth"),
    "eyes": ("eye",),
    "brows": ("brow",),
    "nose": ("nose",),
    "hair": ("hair",),
    "skin": ("skin",),
}
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "mouth": ("smile", "frown", "jaw", "mouth width", "mouth height", "lip colour", "lip hue"),
    "eyes": ("blink", "eye size", "iris", "gaze"),
    "brows": ("brow height", "brow angle", "brow darkness", "brows up"),
    "nose": ("nose width", "nose length"),
    "hair": ("hair colour", "hair length", "bald"),
    "skin": ("skin", "age", "weight", "chin width", "chin height", "head width", "cheeks"),
}


def places(names: tuple[str, ...]) -> list[int]:
    """Where attributes are among the 37 numbers."""
    return [NAMES.index(name) for name in names]


def mask(labels: Tensor, region: str) -> Tensor:
    """bool (N, H, W): the pixels of a region of PIXELS, of labels (N, H, W). Raises UserError for one that does not exist."""
    if region not in PIXELS:
        raise unknown("region of a face", region, PIXELS)
    return torch.isin(labels, labels.new_tensor([REGIONS.index(name) for name in PIXELS[region]]))


def valid(numbers: Tensor) -> Tensor:
    """(N, 37): the nearest numbers within RANGES, with shares of races that sum to one, as `faces.render` takes them."""
    low, high = (numbers.new_tensor([RANGES[name][end] for name in NAMES]) for end in (0, 1))
    found = numbers.clamp(low, high)
    shares = found[:, places(RACES)].clamp(min=1e-6)
    found[:, places(RACES)] = shares / shares.sum(1, keepdim=True)
    return found
