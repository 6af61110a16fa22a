"""The U-Net of DDPM++ as EDM has it, for small pictures, without what it does not use on them.

    block(x, e)   h = conv(silu(norm(x))) + W e;  h = conv(dropout(silu(norm(h))));  (skip(x) + h) / sqrt(2)
    encoder       conv, then per level: [block that halves], `depth` blocks
    decoder       deepest level: block with attention, block; then per level: [block that doubles], `depth` + 1 blocks, each
                  with what the encoder had

x (P, C, R, R); e (P, 4 m) from sines and cosines of ln(sigma) / 4; m channels times 2 at every level, levels R, R / 2, ... at
most 3. Source: arXiv:2011.13456, arXiv:2206.00364 (its code's SongUNet)
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LEVELS = 3


class Block(nn.Module):
    """x (P, a, R, R), e (P, k) -> (P, b, R', R'), R' the same, half (`scale` 0.5) or twice (2) as large."""

    def __init__(self, a: int, b: int, k: int, dropout: float, scale: float = 1.0, attention: bool = False) -> None:
        super().__init__()
        self.scale, self.dropout = scale, dropout
        self.norm0, self.conv0 = _norm(a), nn.Conv2d(a, b, 3, padding=1)
        self.affine = nn.Linear(k, b)
        self.norm1, self.conv1 = _norm(b), _zero(nn.Conv2d(b, b, 3, padding=1))
        self.skip = nn.Conv2d(a, b, 1) if a != b or scale != 1 else nn.Identity()
        self.attend = Attention(b) if attention else None

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        h = self.conv0(_resized(F.silu(self.norm0(x)), self.scale))
        h = F.silu(self.norm1(h + self.affine(e)[:, :, None, None]))
        h = self.conv1(F.dropout(h, self.dropout, self.training))
        x = (self.skip(_resized(x, self.scale)) + h) * math.sqrt(0.5)
        found: Tensor = x if self.attend is None else self.attend(x)
        return found


class Attention(nn.Module):
    """Self-attention of the pixels, one head."""

    def __init__(self, b: int) -> None:
        super().__init__()
        self.norm, self.qkv, self.out = _norm(b), nn.Conv2d(b, 3 * b, 1), _zero(nn.Conv2d(b, b, 1))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).flatten(2).mT.chunk(3, -1)
        found = F.scaled_dot_product_attention(q, k, v).mT.reshape(x.shape)
        mixed: Tensor = (x + self.out(found)) * math.sqrt(0.5)
        return mixed


class SongUNet(nn.Module):
    """x (P, C, side, side), c (P,) -> the same shape."""

    def __init__(self, channels: int, side: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.width, k, b = width, 4 * width, 2 * width
        self.embed = nn.Sequential(nn.Linear(width, k), nn.SiLU(), nn.Linear(k, k), nn.SiLU())
        levels = 1
        while levels < _LEVELS and side % 2**levels == 0:
            levels += 1
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        kept, a = [width], width
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level in range(levels):
            if level:
                self.down.append(Block(a, a, k, dropout, scale=0.5))
                kept.append(a)
            for _ in range(depth):
                self.down.append(Block(a, b, k, dropout))
                a = b
                kept.append(a)
        self.middle = nn.ModuleList([Block(a, a, k, dropout, attention=True), Block(a, a, k, dropout)])
        for level in reversed(range(levels)):
            if level < levels - 1:
                self.up.append(Block(a, a, k, dropout, scale=2))
            for _ in range(depth + 1):
                self.up.append(Block(a + kept.pop(), b, k, dropout))
                a = b
        self.last = nn.Sequential(_norm(a), nn.SiLU(), _zero(nn.Conv2d(a, channels, 3, padding=1)))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        half = self.width // 2
        angles = c[:, None] * 1e-4 ** (torch.arange(half, device=c.device) / half)
        e = self.embed(torch.cat([angles.cos(), angles.sin()], -1))
        x = self.first(x)
        kept = [x]
        for block in self.down:
            x = block(x, e)
            kept.append(x)
        for block in self.middle:
            x = block(x, e)
        for block in self.up:
            x = block(x if block.scale == 2 else torch.cat([x, kept.pop()], 1), e)
        found: Tensor = self.last(x)
        return found


def _norm(a: int) -> nn.GroupNorm:
    groups = next(g for g in range(max(1, min(32, a // 4)), 0, -1) if a % g == 0)
    return nn.GroupNorm(groups, a, eps=1e-6)


def _zero(conv: nn.Conv2d) -> nn.Conv2d:
    """Starts as nothing, or nearly: what it adds is small at first."""
    nn.init.normal_(conv.weight, std=1e-5)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


def _resized(x: Tensor, scale: float) -> Tensor:
    if scale == 1:
        return x
    return F.avg_pool2d(x, 2) if scale < 1 else F.interpolate(x, scale_factor=2)
