"""Random views of video clips, whole batches at once on the device where they are.

    clip uint8 (B, T, H, W, 3)  ->  float32 (B, 3, T, s, s), as ImageNet's mean and deviation normalise

One crop, one flip, one set of photometric factors a clip: what a scene's frames share stays shared, so that differences hold
only what moves (jitter="frame" draws blur, colours and grey for each frame, as the authors' code does).
Crop: area `least` to 1, aspect 3/4 to 4/3, sides swapped or not, bilinear. Then, each with its probability: flip 0.5; blur
3 x 3, sigma 0.1 to 2, 0.5; brightness, contrast, saturation 0.8 to 1.2 and hue +- 0.05 of a turn, 0.8; one channel for all
three, 0.2. Colours are linear maps of RGB, one after the other and one clipping at the end; the hue turns around the grey axis.
Source: arXiv:2409.02371, as its authors' code has it
"""

from math import log, pi
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark import Context

Jitter = Literal["clip", "frame"]
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's
_LUMA = (0.299, 0.587, 0.114)


def plain(clips: Tensor, size: int) -> Tensor:
    """Clips as they are, at `size` pixels a side: uint8 (B, T, H, W, 3) -> (B, 3, T, size, size)."""
    B, T, H, W, _ = clips.shape
    x = clips.permute(0, 4, 1, 2, 3).float() / 255
    if (size, size) != (H, W):
        x = F.interpolate(x.reshape(B, 3 * T, H, W), (size, size), mode="bilinear", antialias=True).view(B, 3, T, size, size)
    return _normalised(x)


def augmented(clips: Tensor, size: int, least: float, jitter: Jitter, ctx: Context) -> Tensor:
    """A random view of each clip: uint8 (B, T, H, W, 3) -> (B, 3, T, size, size)."""
    B, T, H, W, _ = clips.shape
    x = clips.permute(0, 4, 1, 2, 3).reshape(B, 3 * T, H, W).float() / 255
    x = F.grid_sample(x, _crops(B, H, W, size, least, ctx), mode="bilinear", padding_mode="border", align_corners=False)
    x = x.view(B, 3, T, size, size)
    rows = B if jitter == "clip" else B * T
    x = _blurred(x, ctx.rand(rows, 2))
    return _normalised(_coloured(x, ctx.rand(rows, 7)))


def _normalised(x: Tensor) -> Tensor:
    mean, std = (torch.tensor(values, device=x.device).view(3, 1, 1, 1) for values in (_MEAN, _STD))
    return (x - mean) / std


def _crops(B: int, H: int, W: int, size: int, least: float, ctx: Context) -> Tensor:
    """Where each pixel of each crop lies, (B, size, size, 2) in [-1, 1]."""
    area, aspect, swap, down, across, flip = ctx.rand(B, 6).unbind(1)
    area = least + (1 - least) * area
    aspect = (log(3 / 4) + (log(4 / 3) - log(3 / 4)) * aspect).exp()
    aspect = torch.where(swap < 0.5, aspect, 1 / aspect)
    wide = (area * aspect * H / W).sqrt().clamp(max=1)  # shares of the frame
    high = (area / aspect * W / H).sqrt().clamp(max=1)
    theta = torch.zeros(B, 2, 3, device=ctx.device)
    theta[:, 0, 0] = torch.where(flip < 0.5, wide, -wide)
    theta[:, 0, 2] = (1 - wide) * (2 * across - 1)
    theta[:, 1, 1] = high
    theta[:, 1, 2] = (1 - high) * (2 * down - 1)
    return F.affine_grid(theta, [B, 1, size, size], align_corners=False)


def _blurred(x: Tensor, draws: Tensor) -> Tensor:
    """Half of the rows blurred: x (B, 3, T, s, s); draws (B, 2), or (B T, 2) for a blur of each frame's own."""
    B, _, T, s, _ = x.shape
    gate = draws[:, 0] < 0.5
    side = torch.where(gate, (-0.5 / (0.1 + 1.9 * draws[:, 1]).square()).exp(), 0.0)  # weight of a neighbour, the middle's 1
    a = (side / (1 + 2 * side)).view(B, 1, -1, 1, 1)
    y = F.pad(x.reshape(B, 3 * T, s, s), (1, 1, 1, 1), mode="replicate").view(B, 3, T, s + 2, s + 2)
    y = torch.lerp(y[..., 1:-1, :], y[..., :-2, :] + y[..., 2:, :], a) - a * y[..., 1:-1, :]
    return torch.lerp(y[..., 1:-1], y[..., :-2] + y[..., 2:], a) - a * y[..., 1:-1]


def _coloured(x: Tensor, draws: Tensor) -> Tensor:
    """Photometric jitter: x (B, 3, T, s, s) in [0, 1]; draws (B, 7), or (B T, 7) for each frame's own."""
    B, _, T, s, _ = x.shape
    rows, device = len(draws), x.device
    gate, bright, contrast, saturation, turn, grey, channel = draws.unbind(1)
    on = (gate < 0.8).float()
    bright, contrast, saturation = (1 + on * 0.4 * (u - 0.5) for u in (bright, contrast, saturation))
    luma, eye = torch.tensor(_LUMA, device=device), torch.eye(3, device=device)
    grey_of = luma.expand(3, 3)  # RGB -> its luma in each channel
    map_ = bright.view(-1, 1, 1) * eye  # (rows, 3, 3)
    frames = x.movedim(1, 2).reshape(rows, B * T // rows, 3, -1)
    middle = bright * (frames.mean((1, 3)) @ luma)  # the clip's mean luma, which contrast pulls towards
    map_, offset = contrast.view(-1, 1, 1) * map_, ((1 - contrast) * middle).view(-1, 1).expand(-1, 3)
    blend = saturation.view(-1, 1, 1)
    map_ = (blend * eye + (1 - blend) * grey_of) @ map_  # saturation leaves the grey offset as it is
    map_ = _turned(2 * pi * 0.1 * on * (turn - 0.5)) @ map_
    one = F.one_hot((3 * channel).long().clamp(max=2), 3).float()[:, None].expand(-1, 3, -1)
    gated = (grey < 0.2).view(-1, 1, 1)
    map_ = torch.where(gated, one @ map_, map_)  # the offset is the same in each channel
    y = torch.einsum("rij,rtjp->ritp", map_, frames) + offset[..., None, None]
    y = y.clamp(0, 1).view(rows, 3, B * T // rows, s, s)
    return y if rows == B else y.view(B, T, 3, s, s).movedim(2, 1)


def _turned(angle: Tensor) -> Tensor:
    """Rotations (rows, 3, 3) of RGB around the grey axis (1, 1, 1)."""
    cos, sin = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    third = torch.full((3, 3), 1 / 3, device=angle.device)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=angle.device) / 3**0.5
    return cos * torch.eye(3, device=angle.device) + (1 - cos) * third + sin * cross
