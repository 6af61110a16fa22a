"""Motion histograms: which way edges move, in parts of the picture.

    u = -v_t grad v / (|grad v|^2 + eps)        normal flow, pixels a frame, from frames smoothed by `blur` pixels
    z[i, j, b] = ( sum over times and pixels of cell (i, j) of |u| where the angle of u lies in bin b ) ^ power

The bins share a flow between the two that are nearest its angle. mirrored: the mean with the histogram of the video seen in a
mirror, so that left and right are one. Nothing is learnt.
Source: histograms of oriented flow, as in Dalal, Triggs and Schmid, ECCV 2006, of normal flow
"""

from math import pi

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, Count, Positive, Retrieval, method
from methods.videos._classical import luma

_EPS = 1e-3  # of the squared gradient: what is flat has no flow


# Best mean R@1 on tuning instances of an earlier form of `small` (a window of 40 pixels) among cells 1, 2, 3, mirrored or not.
@method("motion_histogram", solves="Retrieval", kind="classical", paper="doi:10.1007/11744047_33")
def motion_histogram(
    problem: Retrieval,
    ctx: Context,
    *,
    cells: Count = 3,
    directions: Count = 8,
    blur: Positive = 1.0,
    power: Positive = 0.5,
    mirrored: bool = True,
) -> Tensor:
    found = []
    for clips in problem.shown():
        for v in luma(clips, ctx):
            h = histogram(v, cells, directions, blur)
            if mirrored:
                h = (h + histogram(v.flip(-1), cells, directions, blur)) / 2
            found.append(h.flatten(1) ** power)
    return torch.cat(found)


def histogram(v: Tensor, cells: int, directions: int, blur: float) -> Tensor:
    """(n, directions, cells, cells) of videos (n, T, H, W)."""
    v = _smoothed(v, blur)
    y, x = torch.gradient((v[:, 1:] + v[:, :-1]) / 2, dim=(2, 3))
    scale = -v.diff(dim=1) / (x.square() + y.square() + _EPS)
    speed = scale.abs() * (x.square() + y.square()).sqrt()
    place = torch.atan2(scale * y, scale * x) / (2 * pi) * directions % directions
    found = []
    for b in range(directions):
        apart = (place - b).abs()
        share = (1 - torch.minimum(apart, directions - apart)).clamp(min=0)
        found.append(F.adaptive_avg_pool2d((share * speed).mean(1), cells))
    return torch.stack(found, 1)


def _smoothed(v: Tensor, blur: float) -> Tensor:
    """Gaussian over the picture, of standard deviation `blur` in pixels."""
    reach = max(1, round(3 * blur))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=v.device) / blur).square())
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    n, T, H, W = v.shape
    x = F.pad(v.reshape(n * T, 1, H, W), (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(x, kernel), kernel.mT).view(n, T, H, W)
