"""Encoders of video: convolutions over time and space, then the mean over both.

    x (B, 3, T, H, W)  ->  h (B, width)          fully convolutional: any T, H, W

conv4        8, 16, 32, 64 channels, each conv 3 x 3 x 3 (the first 3 x 5 x 5), BN, ReLU; strides (t, y, x) 122, 122, 222, 211
r3d_18       stem 3 x 7 x 7 to 64 channels, stride 122; 4 stages of two residual blocks of two 3 x 3 x 3 convs, 64, 128, 256 and
             512 channels, stages 2 to 4 with stride 222 and a projected shortcut
r2plus1d_18  the same with every 3 x 3 x 3 conv split into 1 x 3 x 3 (to m channels), BN, ReLU, 3 x 1 x 1, where
             m = 27 a b / (9 a + 3 b) for a -> b channels keeps the number of weights (of
             both convs of a block, a and b those of the block); stem 1 x 7 x 7 to 45, then 3 x 1 x 1 to 64
Source  r3d_18 and r2plus1d_18: arXiv:1711.11248, in the widths and strides that torchvision made usual
"""

from collections.abc import Callable
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from benchmark import Context

Encoder = Literal["conv4", "r3d_18", "r2plus1d_18"]
M = TypeVar("M", bound=nn.Module)
Stride = tuple[int, int, int]
Conv = Callable[[int, int, int, int], nn.Module]  # channels before, in the middle and after, stride


class Pooled(nn.Module):
    """Layers, then the mean over time and space. `width`: numbers of a feature."""

    def __init__(self, width: int, *layers: nn.Module) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:  # (B, 3, T, H, W) -> (B, width)
        return self.layers(x).mean((2, 3, 4))  # type: ignore[no-any-return]


def _conv(before: int, after: int, kernel: Stride, stride: Stride) -> nn.Conv3d:
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Conv3d(before, after, kernel, stride, padding, bias=False)


def _unit(before: int, after: int, kernel: Stride, stride: Stride) -> list[nn.Module]:
    return [_conv(before, after, kernel, stride), nn.BatchNorm3d(after), nn.ReLU(inplace=True)]


def conv4() -> Pooled:
    """Four convolutions, 0.07 M weights."""
    return Pooled(
        64,
        *_unit(3, 8, (3, 5, 5), (1, 2, 2)),
        *_unit(8, 16, (3, 3, 3), (1, 2, 2)),
        *_unit(16, 32, (3, 3, 3), (2, 2, 2)),
        *_unit(32, 64, (3, 3, 3), (2, 1, 1)),
    )


def _whole(before: int, middle: int, after: int, stride: int) -> nn.Module:
    return _conv(before, after, (3, 3, 3), (stride, stride, stride))


def _split(before: int, middle: int, after: int, stride: int) -> nn.Module:
    """The 3 x 3 x 3 convolution as one over space and one over time."""
    space = _unit(before, middle, (1, 3, 3), (1, stride, stride))
    return nn.Sequential(*space, _conv(middle, after, (3, 1, 1), (stride, 1, 1)))


class Residual(nn.Module):
    """relu(shortcut(x) + BN(conv(relu(BN(conv(x))))))."""

    def __init__(self, conv: Conv, before: int, after: int, stride: int) -> None:
        super().__init__()
        middle = 27 * before * after // (9 * before + 3 * after)
        self.path = nn.Sequential(
            conv(before, middle, after, stride),
            nn.BatchNorm3d(after),
            nn.ReLU(inplace=True),
            conv(after, middle, after, 1),
            nn.BatchNorm3d(after),
        )
        same = before == after and stride == 1
        shortcut = [] if same else [_conv(before, after, (1, 1, 1), (stride, stride, stride)), nn.BatchNorm3d(after)]
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        return (self.shortcut(x) + self.path(x)).relu()  # type: ignore[no-any-return]


def _residual(stem: list[nn.Module], conv: Conv) -> Pooled:
    blocks = []
    for number, width in enumerate((64, 128, 256, 512)):
        before = width if number == 0 else width // 2
        blocks += [Residual(conv, before, width, 1 if number == 0 else 2), Residual(conv, width, width, 1)]
    found = Pooled(512, *stem, *blocks)
    for module in found.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return found


def r3d_18() -> Pooled:
    """33.2 M weights."""
    return _residual(_unit(3, 64, (3, 7, 7), (1, 2, 2)), _whole)


def r2plus1d_18() -> Pooled:
    """31.3 M weights."""
    stem = [*_unit(3, 45, (1, 7, 7), (1, 2, 2)), *_unit(45, 64, (3, 1, 1), (1, 1, 1))]
    return _residual(stem, _split)


_BUILD: dict[Encoder, Callable[[], Pooled]] = {"conv4": conv4, "r3d_18": r3d_18, "r2plus1d_18": r2plus1d_18}


def seeded(ctx: Context, build: Callable[[], M]) -> M:
    """A module on the context's device whose first weights come from its generator, and from no global one."""
    seed = int(torch.randint(2**31, (), generator=ctx.generator))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        module = build()
    return module.to(ctx.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload, no-any-return]


def encoder_named(name: Encoder, ctx: Context) -> Pooled:
    """An encoder with random weights on the context's device."""
    return seeded(ctx, _BUILD[name])
