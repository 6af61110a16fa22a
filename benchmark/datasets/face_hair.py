"""The hair of a face: where it grows, how it stands off the scalp, how long hair hangs. Lengths are decimetres.

Short hair is the scalp itself, pushed out and painted. Long hair is a curtain, columns from one temple round the back to the
other, whose rows are cut to the length; it grows out at the back first.
"""

from itertools import pairwise

import torch
from torch import Tensor

COLUMNS, ROWS = 56, 26  # of the curtain's points, which come last in the mesh
_LINE = (  # how high the hairline is, at each depth
    (-1.6, -0.75),
    (-0.9, -0.62),
    (-0.5, -0.45),
    (-0.3, -0.3),
    (-0.1, -0.1),
    (0.05, 0.0),
    (0.2, 0.2),
    (0.4, 0.47),
    (0.6, 0.71),
    (0.8, 0.87),
    (0.95, 0.93),
)


def smooth(x: Tensor) -> Tensor:
    """From 0 at 0 to 1 at 1, level at both and beyond."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def hairline(at: Tensor, bald: Tensor) -> Tensor:
    """How far points at rest (3, ...) are inside the hair; below 0 there is none. bald broadcasts against (...)."""
    x, y, z = at
    line = torch.full_like(z, _LINE[0][1])
    for (a, low), (b, high) in pairwise(_LINE):
        line = line + ((z - a) / (b - a)).clamp(0, 1) * (high - low)
    temples = 0.1 * torch.exp(-(((x.abs() - 0.42) / 0.16).square())) * (z > 0.3)
    uneven = 0.008 * torch.sin(47 * x + 20 * z) + 0.008 * torch.sin(83 * x)
    crown = ((y - 0.2) / 1.1).clamp(0, 1) * (z + 0.9).clamp(0.2, 1.6)
    found: Tensor = y - line - temples - uneven - bald.square() * (0.35 + 1.6 * crown) - 1.5 * bald.pow(8)
    return found


def grown(local: Tensor, rest: Tensor, scalp: Tensor, length: Tensor, bald: Tensor) -> Tensor:
    """The points (N, V, 3) of the mesh with hair of a length and baldness (N,). rest (V, 3): at rest; scalp (V,) as in Head."""
    length, bald = length[:, None], bald[:, None]
    out = rest - rest.new_tensor([0.0, 0.2, 0.0])
    out = out / out.norm(dim=1, keepdim=True)
    thick = (0.06 + 0.13 * (length / 0.4).clamp(max=1)) * smooth(hairline(rest.t(), bald) / 0.28) * scalp
    local = local + thick[..., None] * out
    count = COLUMNS * ROWS
    return torch.cat([local[:, :-count], _hung(local[:, -count:], rest[-count:], length, bald)], 1)


def _hung(hair: Tensor, rest: Tensor, length: Tensor, bald: Tensor) -> Tensor:
    """(N, COLUMNS * ROWS, 3): the curtain cut to its length; inside the skull where it has not grown, a point if none has."""
    step = torch.linspace(0, 1, ROWS, device=hair.device)
    around = torch.atan2(rest[::ROWS, 0], rest[::ROWS, 2])
    longest = ((length - 0.25) / 0.75).clamp(min=0).pow(0.8)
    end = (0.38 + 0.62 * longest + 0.02 * torch.sin(9 * around) + 0.006 * torch.sin(23 * around)).clamp(max=1)
    fall = end[..., None] * step  # (N, COLUMNS, ROWS): share of the whole curtain's height
    row = fall * (ROWS - 1)
    low = row.floor().clamp(max=ROWS - 2).long()
    columns = hair.reshape(len(hair), COLUMNS, ROWS, 3)
    above, below = (columns.gather(2, (low + k)[..., None].expand(-1, -1, -1, 3)) for k in (0, 1))
    cut = above + (row - low)[..., None] * (below - above)
    outward = rest.reshape(COLUMNS, ROWS, 3) * rest.new_tensor([1.0, 0.0, 1.0])
    outward = outward / outward.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    front = ((1.9 - around.abs()) / 0.9).clamp(0, 1)
    shown = (smooth((length - 0.25 - 0.15 * front) / 0.15) * smooth((0.75 - bald) / 0.15))[:, :, None]
    off = shown * (0.08 + 0.1 * smooth(fall / 0.6) - 0.16 * smooth((step - 0.6) / 0.4)) - 0.3 * (1 - shown)
    any_shown = shown.amax((1, 2), keepdim=True)[..., None] > 0
    found: Tensor = (cut + off[..., None] * outward) * any_shown
    return found.reshape(len(hair), -1, 3)
