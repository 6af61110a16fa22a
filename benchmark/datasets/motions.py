"""Videos of human actions: bodies that move as motion capture says, rendered, over photographs that stand still.

15 classes, each one take by one performer; 24 frames of 64 x 64, 10 a second. Four parts share no view and no photograph:

    part          views of each class  photographs behind them
    train                          40  astronaut coffee hubble_deep_field ihc china (colour)
    test                           20  chelsea rocket retina motorcycle_left flower (colour)
    tuning train                   16  camera brick moon (grey)
    tuning test                     8  coins gravel cell (grey)

What tells a class is how the body is held and moves: yaw, distance, colours, phase, speed and side are drawn in one way for
all, and the root stays in its place, wherever that is in the picture (scripts/make_motions.py).
"""

import lzma
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from benchmark.datasets import photographs, pictures
from benchmark.datasets.motion_takes import CLASSES, FRAMES, RATE, SIZE, VIEW
from benchmark.datasets.sources import SOURCES, Asset
from benchmark.errors import unknown

__all__ = ["CLASSES", "FRAMES", "RATE", "SIZE", "VIEW", "Motions", "assign", "backgrounds", "compose", "framed", "load"]

PHOTOGRAPHS = {
    "train": photographs.TEST[0::2],
    "test": photographs.TEST[1::2],
    "tuning train": photographs.TUNING[0::2],
    "tuning test": photographs.TUNING[1::2],
}
AGREE = {"gallery": 0.9, "queries": 0.0}  # the biased layout: share of videos whose background is the one of their class
_SIDES = 0.3, 0.6  # of a crop, as a share of the photograph's shorter side: two crops of one photograph rarely look alike


@dataclass(frozen=True)
class Motions:
    """N videos of a body without a background.

    frames   uint8 (N, T, H, W): 0 where the body is not, else the place of the pixel's colour in `palette`
    palette  uint8 (N, colours, 3): RGB of skin, shirt and trousers from dark to bright; 0 is unused
    labels   int64 (N,): places in CLASSES
    views    float32 (N, 8): what VIEW names; degrees, degrees, metres that the picture spans, times the recorded speed, seconds
             from the take's beginning, metres from the middle (before mirroring), metres, 0 or 1
    """

    frames: Tensor
    palette: Tensor
    labels: Tensor
    views: Tensor

    @property
    def masks(self) -> Tensor:
        """bool (N, T, H, W): where the body is."""
        return self.frames > 0


@cache
def load(part: str) -> Motions:
    """All videos of a part, class by class. Raises UserError for a part that does not exist."""
    _known(part)
    asset = SOURCES["motions"]
    assert isinstance(asset, Asset)
    key = part.replace(" ", "_")
    with np.load(asset.path()) as file:
        packed, views, colours, labels = (file[f"{key}_{name}"] for name in ("frames", "views", "colours", "labels"))
        brightness = file["brightness"]
    frames = np.frombuffer(bytearray(lzma.decompress(packed.tobytes())), np.uint8).reshape(-1, FRAMES, SIZE, SIZE)
    shades = (colours[:, :, None] * brightness[:, None]).round().astype(np.uint8).reshape(len(colours), -1, 3)
    palette = np.concatenate([np.zeros_like(shades[:, :1]), shades], 1)
    return Motions(*map(torch.from_numpy, (frames, palette, labels, views)))


def compose(motions: Motions, indices: Tensor, backgrounds: Tensor) -> Tensor:
    """uint8 RGB (n, T, H, W, 3): the videos `indices` (n,), each before a background of its own, (n, H, W, 3) uint8.

    Raises ValueError for backgrounds of another number, size or type.
    """
    frames = motions.frames[indices]
    n, T, H, W = frames.shape
    if backgrounds.shape != (n, H, W, 3) or backgrounds.dtype != torch.uint8:
        raise ValueError(f"backgrounds are {backgrounds.dtype} {tuple(backgrounds.shape)}, not torch.uint8 {(n, H, W, 3)}")
    found = backgrounds[:, None].repeat(1, T, 1, 1, 1)
    codes = frames.flatten()
    body = codes.nonzero()[:, 0]
    video = indices[body // (T * H * W)]
    found.view(-1, 3)[body] = motions.palette[video, codes[body].long()]
    return found


def framed(motions: Motions, side: int, generator: torch.Generator) -> Motions:
    """The same videos cut to side x side pixels around the body, wherever a window that shows all of its moves has room; of one
    that is larger the middle is shown.

    Raises ValueError for a side that is not from 1 to that of the videos.
    """
    n, _, H, W = motions.frames.shape
    if not 1 <= side <= min(H, W):
        raise ValueError(f"a side of {side} pixels, of videos of {H} x {W}")
    ever = motions.masks.any(1)  # (N, H, W)
    down, across = (_window(ever.any(axis), side, torch.rand(n, generator=generator)) for axis in (2, 1))
    rows, columns = down[:, None] + torch.arange(side), across[:, None] + torch.arange(side)
    video = torch.arange(n)[:, None, None]
    frames = motions.frames.movedim(1, -1)[video, rows[:, :, None], columns[:, None]].movedim(-1, 1)  # (N, T, side, side)
    return replace(motions, frames=frames.contiguous())


def _window(seen: Tensor, side: int, draw: Tensor) -> Tensor:
    """First places (N,) of windows of `side` that hold all that is true of `seen` (N, L); `draw` (N,) in [0, 1) chooses one."""
    L = seen.shape[1]
    first, end = seen.int().argmax(1), L - seen.flip(1).int().argmax(1)
    low, high = (end - side).clamp(min=0), first.clamp(max=L - side)
    room = (high - low + 1).clamp(min=0)
    middle = ((first + end - side) // 2).clamp(0, L - side)
    return torch.where(room > 0, low + (draw * room).long(), middle)


def backgrounds(
    part: str, count: int, generator: torch.Generator, side: int = SIZE, blur: float = 0.0, contrast: float = 1.0
) -> Tensor:
    """uint8 (count, side, side, 3): square crops of the part's photographs, each of them equally often as far as it goes;
    place, side (30 to 60 % of the shorter side) and mirroring at random. A background's identity is its place here.

    blur: standard deviation in pixels, as of what is out of focus; contrast: share of each value's distance from middle grey
    that is left, as in haze. Raises UserError for a part that does not exist.
    """
    _known(part)
    names = PHOTOGRAPHS[part]
    found = torch.empty(count, side, side, 3, dtype=torch.uint8)
    which = torch.randperm(count, generator=generator) % len(names)
    draws = torch.rand(count, 4, generator=generator)
    for place, name in enumerate(names):
        mine = (which == place).nonzero()[:, 0].tolist()
        photograph = torch.from_numpy(pictures.read(photographs.named(Path(name).stem))).permute(2, 0, 1) if mine else None
        for i in mine:
            assert photograph is not None
            found[i] = _crop(photograph, side, blur, contrast, *draws[i].tolist())
    return found


def assign(labels: Tensor, count: int, generator: torch.Generator, agree: float | None = None) -> Tensor:
    """int64 (N,): the identity, from 0 to count - 1, of the background of each video with labels (N,).

    agree=None: the clean layout, whatever the class, each identity equally often as far as it goes. Else the biased one:
    background c is the one of class c, and of each class the share `agree` (rounded) has its own, the others one of another
    class.

    Raises ValueError for a share outside [0, 1], or fewer backgrounds than classes where each has its own.
    """
    n = len(labels)
    if agree is None:
        return torch.randperm(n, generator=generator) % count
    classes = int(labels.max()) + 1
    if not 0 <= agree <= 1 or not 2 <= classes <= count:
        raise ValueError(f"share {agree} of {classes} classes on {count} backgrounds: 0 to 1, and one for each of 2 or more")
    found = (labels + torch.randint(1, classes, (n,), generator=generator)) % classes  # another class
    for label in range(classes):
        mine = (labels == label).nonzero()[:, 0]
        own = torch.randperm(len(mine), generator=generator)[: round(agree * len(mine))]
        found[mine[own]] = label
    return found


def _known(part: str) -> None:
    if part not in PHOTOGRAPHS:
        raise unknown("part of the motions", part, PHOTOGRAPHS)


def _crop(
    photograph: Tensor, pixels: int, blur: float, contrast: float, size: float, down: float, across: float, mirrored: float
) -> Tensor:
    """uint8 (pixels, pixels, 3) of (3, H, W) in [0, 1]; the last four, from 0 to 1, say which."""
    height, width = photograph.shape[1:]
    least, most = _SIDES
    side = round(min(height, width) * (least + (most - least) * size))
    top, left = round((height - side) * down), round((width - side) * across)
    crop = photograph[:, top : top + side, left : left + side]
    small = F.interpolate(crop[None], (pixels, pixels), mode="bicubic", antialias=True)[0].clamp(0, 1)
    if blur:
        small = torch.from_numpy(ndimage.gaussian_filter(small.numpy(), (0, blur, blur), mode="mirror"))
    small = 0.5 + contrast * (small - 0.5)
    return (255 * (small.flip(-1) if mirrored < 0.5 else small)).round().to(torch.uint8).permute(1, 2, 0)
