"""Which triangle is seen where: a z-buffer in plain torch, for a batch of meshes that share their triangles.

Triangles are cut into rows of samples and rows into samples, all at once, so that no sample outside a triangle is looked at.
"""

import torch
from torch import Tensor

_BITS = 20  # of a triangle's number in the key that the z-buffer keeps
_DEPTHS = 1 << 40  # steps of depth


def raster(screen: Tensor, triangles: Tensor, both_sides: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """The nearest triangle at each of side x side samples, whose centres are at 0.5, 1.5, ...

    screen      float (N, V, 3): x to the right and y down in samples, and depth in [0, 1], less is nearer
    triangles   int64 (T, 3), T < 2^20; both_sides bool (T,): seen from behind as well. The corners of any other one go round
                counterclockwise on the screen where it is seen

    Returns where (P,), the places in N * side * side at which something is seen, ascending; which (P,), the triangle; and
    (P, 3), the weights of its corners, which sum to one.
    """
    x, y, depth = (screen[..., k][:, triangles] for k in range(3))  # (N, T, 3)
    area = (x[..., 1] - x[..., 0]) * (y[..., 2] - y[..., 0]) - (y[..., 1] - y[..., 0]) * (x[..., 2] - x[..., 0])
    top, bottom = (y.amin(2) - 0.5).ceil().clamp(min=0), (y.amax(2) - 0.5).floor().clamp(max=side - 1)
    seen = (top <= bottom) & ((area < -1e-9) | (both_sides & (area > 1e-9))) & (x.amax(2) > 0.5) & (x.amin(2) < side - 0.5)
    of, which = seen.nonzero(as_tuple=True)
    top, bottom = top[of, which].long(), bottom[of, which].long()
    planes = _planes(x[of, which], y[of, which], area[of, which])
    depth = depth[of, which]
    triangle, step = _repeated(bottom - top + 1)
    row = top[triangle] + step
    slope = planes[0].index_select(0, triangle)
    constant = planes[1].index_select(0, triangle) * (row + 0.5)[:, None] + planes[2].index_select(0, triangle)
    ends = -constant / slope - 0.5
    low = ends.masked_fill(slope <= 0, -1.0).amax(1).clamp(min=0).ceil()
    high = ends.masked_fill(slope >= 0, float(side)).amin(1).clamp(max=side - 1).floor()
    low = torch.where(((slope == 0) & (constant < 0)).any(1), torch.full_like(low, side), low)
    line, step = _repeated((high - low + 1).clamp(min=0).long())
    across = (depth[triangle] * slope).sum(1), (depth[triangle] * constant).sum(1)
    first = low.long()
    column = first[line] + step
    far = ((across[0][line] * (column + 0.5) + across[1][line]).clamp(0, 1).double() * _DEPTHS).long()
    start = (of[triangle] * side + row) * side
    key = (far << _BITS) | which[triangle][line]
    nothing = torch.iinfo(torch.int64).max
    buffer = torch.full((len(screen) * side * side,), nothing, device=screen.device)
    buffer.scatter_reduce_(0, start[line] + column, key, "amin")
    where = (buffer != nothing).nonzero()[:, 0]
    found = buffer[where] & ((1 << _BITS) - 1)
    return where, found, _weights(screen, triangles[found], where, side)


def _repeated(count: Tensor) -> tuple[Tensor, Tensor]:
    """Each place of (M,) as often as `count` says, and for each time how many came before it."""
    place = torch.repeat_interleave(torch.arange(len(count), device=count.device), count)
    return place, torch.arange(len(place), device=count.device) - (count.cumsum(0) - count)[place]


def _planes(x: Tensor, y: Tensor, area: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(M, 3) each: what times x, what times y, and what added, gives the weight of each corner at a point."""
    after, last = [1, 2, 0], [2, 0, 1]
    right = (y[:, after] - y[:, last]) / area[:, None]
    down = (x[:, last] - x[:, after]) / area[:, None]
    return right, down, -(right * x[:, after] + down * y[:, after])


def _weights(screen: Tensor, corners: Tensor, where: Tensor, side: int) -> Tensor:
    """(P, 3): the weights of corners (P, 3) at the places `where` of samples."""
    of = torch.div(where, side * side, rounding_mode="floor")
    rest = where - of * side * side
    row = torch.div(rest, side, rounding_mode="floor")
    places = (of * screen.shape[1])[:, None] + corners
    x, y = (screen[..., k].flatten()[places] for k in (0, 1))
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (y[:, 1] - y[:, 0]) * (x[:, 2] - x[:, 0])
    right, down, rest_of = _planes(x, y, area)
    return right * (rest - row * side + 0.5)[:, None] + down * (row + 0.5)[:, None] + rest_of
