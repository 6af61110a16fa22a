"""Which triangle is seen where: a z-buffer in plain torch, for a batch of meshes that share their triangles."""

import torch
from torch import Tensor

_BITS = 20  # of a triangle's number in the key that the z-buffer keeps
_NEAR = 1 << 40  # steps of depth


def raster(screen: Tensor, triangles: Tensor, both_sides: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """The nearest triangle at each of side x side samples, whose centres are at 0.5, 1.5, ...

    screen      float (N, V, 3): x to the right and y down in samples, and depth in [0, 1], less is nearer
    triangles   int64 (T, 3), T < 2^20; both_sides bool (T,): seen from behind as well. Else the corners of a triangle that faces
                the viewer go round counterclockwise on the screen

    Returns where (P,), the places in N * side * side at which something is seen, ascending; which (P,), the triangle; and
    (P, 3), the weights of its corners.
    """
    corners = screen[:, triangles]  # (N, T, 3, 3)
    flat = corners[..., :2]
    low, high = (flat.amin(2) - 0.5).ceil().clamp(min=0), (flat.amax(2) - 0.5).floor().clamp(max=side - 1)
    area = _cross(flat[..., 1, :] - flat[..., 0, :], flat[..., 2, :] - flat[..., 0, :])
    seen = (low <= high).all(-1) & ((area < -1e-9) | (both_sides & (area > 1e-9)))
    of, which = seen.nonzero(as_tuple=True)
    first, span = low[of, which].long(), (high - low)[of, which].long() + 1
    count = span[:, 0] * span[:, 1]
    pair = torch.repeat_interleave(torch.arange(len(of), device=of.device), count)
    step = torch.arange(len(pair), device=of.device) - (count.cumsum(0) - count)[pair]
    wide = span[:, 0][pair]
    down = torch.div(step, wide, rounding_mode="floor")
    x, y = first[:, 0][pair] + (step - down * wide), first[:, 1][pair] + down
    planes, depth = _planes(corners[of, which], area[of, which])
    weights = _weights(planes[pair], x, y)
    inside = (weights.amin(-1) >= 0).nonzero()[:, 0]
    pair, x, y = pair[inside], x[inside], y[inside]
    far = ((weights[inside] * depth[pair]).sum(-1).clamp(0, 1) * _NEAR).long()
    place = (of[pair] * side + y) * side + x
    buffer = torch.full((len(screen) * side * side,), torch.iinfo(torch.int64).max, device=of.device)
    key = (far << _BITS) | which[pair]
    buffer.scatter_reduce_(0, place, key, "amin")
    won = (buffer[place] == key).nonzero()[:, 0]  # of equal triangles at equal depth there is one
    order = place[won].argsort()
    won = won[order]
    return place[won], which[pair[won]], weights[inside[won]]


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _planes(corners: Tensor, area: Tensor) -> tuple[Tensor, Tensor]:
    """Of each triangle (M, 3, 3) what gives the corners' weights at (x, y): (M, 3, 3); and the corners' depth (M, 3)."""
    at = corners[..., :2]
    after, last = at.roll(-1, 1), at.roll(-2, 1)
    edge = (last - after) / area[:, None, None]
    slope = torch.stack([-edge[..., 1], edge[..., 0]], -1)
    return torch.cat([slope, -(slope * after).sum(-1, keepdim=True)], -1), corners[..., 2]


def _weights(planes: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """(M, 3): the weights of the corners at the centres of samples x, y."""
    return planes[..., 0] * (x + 0.5)[:, None] + planes[..., 1] * (y + 0.5)[:, None] + planes[..., 2]
