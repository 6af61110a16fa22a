"""The hourglass of deep image priors: an encoder and a decoder without skips between them, as a function of one weight vector.

    f(theta, z)        theta (d,), z (1, in, H, W)  ->  (1, out, H, W) in (0, 1)

Encoder scale: [5x5 conv, 2x2 average pooling, norm, leaky ReLU, 5x5 conv, norm, leaky ReLU].  Decoder scale: [nearest x2, norm,
3x3 conv, norm, leaky ReLU].  Head: 1x1 conv, sigmoid.  Borders are reflected, slope 0.2, norm = batch norm on a batch of one.
All weights lie in one vector, so that a mask over all of them is a vector too and the optimiser has one tensor to update.

Two rewritings, exact but for rounding, save 40 % of a step (tests/performance/hourglass_step.py): a 5x5 convolution followed by
the pooling is one 6x6 convolution of stride 2, and a norm commutes with the enlargement, which only repeats pixels.
Source: the generator of arXiv:2406.05288; width 16, widest 128 and 6 scales are its 3,008,867 weights for three channels
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, Count, Positive
from methods.images._weights import Weights

SLOPE = 0.2
INPUTS = 32  # channels of z
LEAST = 4  # pixels a side that the coarsest scale must have, for the reflection


@dataclass(frozen=True)
class Recipe:
    """The size of an hourglass and the settings of its fit: the hyperparameters of every method that fits one alone."""

    steps: Count = 40000
    lr: Positive = 1e-2
    width: Count = 16
    widest: Count = 128
    scales: Count = 6


class Hourglass:
    """Its shapes; the weights are an argument. `widths` from fine to coarse."""

    def __init__(self, channels_in: int, channels_out: int, widths: list[int]) -> None:
        self.widths, self.weights = widths, Weights()
        before = channels_in
        for scale, width in enumerate(widths):
            for name, channels, side in ((f"down{scale}.first", before, 5), (f"down{scale}.second", width, 5)):
                self.weights.conv(name, width, channels, side)
                self.weights.norm(name, width)
            before = width
        for scale, width in reversed(list(enumerate(widths))):
            self.weights.norm(f"up{scale}.before", before)
            self.weights.conv(f"up{scale}", width, before, 3)
            self.weights.norm(f"up{scale}", width)
            before = width
        self.weights.conv("head", channels_out, before, 1)

    def __call__(self, theta: Tensor, z: Tensor) -> Tensor:
        return self._run(self.weights.split(theta), z, normed=True).sigmoid()

    def unbounded(self, theta: Tensor, z: Tensor) -> Tensor:
        """f without its sigmoid, for pictures whose values have no known range."""
        return self._run(self.weights.split(theta), z, normed=True)

    def linear(self, theta: Tensor, z: Tensor) -> Tensor:
        """f without its norms' statistics and without the sigmoid: with weights >= 0 and z >= 0 a product of matrices."""
        return self._run(self.weights.split(theta), z, normed=False)

    def _run(self, w: dict[str, Tensor], x: Tensor, normed: bool) -> Tensor:
        def norm(x: Tensor, name: str) -> Tensor:
            gain, shift = w[f"{name}.gain"], w[f"{name}.shift"]
            if normed:
                return F.batch_norm(x, None, None, gain, shift, training=True)
            return x * gain.view(-1, 1, 1) + shift.view(-1, 1, 1)

        def conv(x: Tensor, name: str, border: int, stride: int = 1) -> Tensor:
            kernel = w[f"{name}.weight"]
            if stride == 2:
                kernel = F.avg_pool2d(F.pad(kernel, (1, 1, 1, 1)), 2, 1)
            x = F.conv2d(F.pad(x, (border,) * 4, mode="reflect"), kernel, w[f"{name}.bias"], stride)
            return F.leaky_relu(norm(x, name), SLOPE)

        x = x.contiguous(memory_format=torch.channels_last)  # 1.2 times as fast, on CPU as on GPU
        for scale in range(len(self.widths)):
            x = conv(x, f"down{scale}.first", 2, stride=2)
            x = conv(x, f"down{scale}.second", 2)
        for scale in reversed(range(len(self.widths))):
            x = F.interpolate(norm(x, f"up{scale}.before"), scale_factor=2, mode="nearest")
            x = conv(x, f"up{scale}", 1)
        return F.conv2d(x, w["head.weight"], w["head.bias"])


def draw_input(ctx: Context, shape: tuple[int, ...]) -> Tensor:
    """z ~ 0.1 U[0, 1), (1, 32, H, W)."""
    return 0.1 * ctx.rand(1, INPUTS, *shape[-2:])


def hourglass(shape: tuple[int, ...], *, width: int, widest: int, scales: int) -> Hourglass:
    """An hourglass for pictures of `shape` (C, H, W): width, 2 width, 4 width, ... up to `widest`.

    Raises ValueError where 2^scales does not divide H and W into at least 4.
    """
    for side in shape[-2:]:
        if side % 2**scales or side < LEAST * 2**scales:
            raise ValueError(f"{scales} scales need sides of {LEAST}, {LEAST + 1}, ... times {2**scales} pixels, not {side}")
    return Hourglass(INPUTS, shape[0], [min(width * 2**scale, widest) for scale in range(scales)])
