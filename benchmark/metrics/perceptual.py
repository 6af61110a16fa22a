"""A perceptual distance of colour pictures that works offline."""

from collections.abc import Iterator
from functools import cache

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from benchmark.datasets.sources import SOURCES, Asset

SMALLEST = 17  # pixels a side: with 16 the third pooling has no window left
_MEAN = (123.68, 116.779, 103.939)  # of ImageNet, red, green, blue; subtracted from 0 to 255
_STAGES = ((2, 3), (4, 5), (6,), (7,), (8,), (9,))  # fire modules; the features are those after each stage and after conv1
_POOLED = 3  # the first stages begin with a max-pooling


@cache
def _weights(device: torch.device) -> dict[str, Tensor]:
    source = SOURCES["lpips_squeeze_caffe"]
    assert isinstance(source, Asset)
    return load_file(source.path(), device=str(device))


def _features(x: Tensor, weights: dict[str, Tensor]) -> Iterator[Tensor]:
    """The seven feature maps of SqueezeNet 1.1 that LPIPS compares: (B, C, h, w), C = 64, 128, 256, 384, 384, 512, 512."""

    def conv(x: Tensor, layer: str, stride: int = 1, padding: int = 0) -> Tensor:
        return F.conv2d(x, weights[f"{layer}.weight"], weights[f"{layer}.bias"], stride, padding).relu()

    x = x * 255 - x.new_tensor(_MEAN).view(1, 3, 1, 1)
    x = conv(x.flip(1), "conv1", stride=2)
    yield x
    for number, stage in enumerate(_STAGES):
        if number < _POOLED:
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        for fire in stage:
            x = conv(x, f"fire{fire}.squeeze1x1")
            x = torch.cat([conv(x, f"fire{fire}.expand1x1"), conv(x, f"fire{fire}.expand3x3", padding=1)], 1)
        yield x


def _check(name: str, images: Tensor) -> None:
    if images.dtype != torch.float32:
        raise TypeError(f"{name} must be float32, not {images.dtype}")
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"{name} must be (B, 3, H, W), not {tuple(images.shape)}")
    if min(images.shape[2:]) < SMALLEST:
        raise ValueError(f"{name} must be at least {SMALLEST} x {SMALLEST} pixels, not {images.shape[2]} x {images.shape[3]}")
    if not ((images >= 0) & (images <= 1)).all():
        raise ValueError(f"{name} must lie in [0, 1] and hold no NaN")


@torch.no_grad()
def lpips_squeeze_caffe(x: Tensor, y: Tensor) -> Tensor:
    """Perceptual distance of LPIPS's form on SqueezeNet 1.1; 0 for equal images, larger is worse, symmetric.

    NOT the published LPIPS: the heads are those of LPIPS v0.1 (squeeze), but the backbone holds other weights (of Caffe's
    convention: BGR, mean subtracted) than torchvision's, for which they were trained. Do not compare its numbers with published
    LPIPS numbers.

    x, y: float32 (B, 3, H, W), RGB in [0, 1], on one device; H, W at least 17, from which the last features are one pixel.
    Returns float32 (B,) without gradient: sum over seven feature maps of the mean over pixels of
    sum_c w_c (f_c(x) / ||f(x)|| - f_c(y) / ||f(y)||)^2, norms over channels.
    Raises TypeError for another type than float32, ValueError for another shape, smaller images or values outside [0, 1],
    UserError if the file of the weights is missing or damaged.

    Source: Zhang et al. 2018 (LPIPS), Iandola et al. 2016 (SqueezeNet); weights: benchmark/datasets/SOURCES.md
    """
    _check("x", x)
    _check("y", y)
    if x.shape != y.shape:
        raise ValueError(f"x and y must have one shape, not {tuple(x.shape)} and {tuple(y.shape)}")
    weights = _weights(x.device)
    total = x.new_zeros(len(x))
    for number, features in enumerate(_features(torch.cat([x, y]), weights), 1):
        unit_x, unit_y = (features / (features.norm(dim=1, keepdim=True) + 1e-10)).chunk(2)
        total = total + torch.einsum("bchw,c->bhw", (unit_x - unit_y).square(), weights[f"head{number}"]).mean((1, 2))
    return total


@torch.no_grad()
def pooled_features(x: Tensor, stage: int = 4, batch: int = 64) -> Tensor:
    """SqueezeNet's features after a stage of `lpips_squeeze_caffe`, averaged over pixels: float32 (B, C), C = 384 of stage 4.

    x and what is raised: as there.
    """
    _check("x", x)
    weights = _weights(x.device)
    found = []
    for part in torch.split(x, batch):
        features = next(one for number, one in enumerate(_features(part, weights), 1) if number == stage)
        found.append(features.mean((2, 3)))
    return torch.cat(found)
