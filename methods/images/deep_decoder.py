"""Deep decoder: a network with too few weights to fit noise, whose output is smooth by construction.

    min_theta mean (A G(theta, z) - y)^2,   x_hat = G(theta, z) at the last step

G: `layers` times [1x1 conv, bilinear x2, ReLU, norm], once [1x1 conv, ReLU, norm], 1x1 conv to the channels, sigmoid; no
biases but the norms'. z is fixed, 0.1 U[0, 1), (width, H / 2^layers, W / 2^layers).
Source: Heckel, Hand, ICLR 2019 (arXiv:1810.03982), as the baseline of arXiv:2406.05288 (width 128, 5 layers: 100,224 weights)
"""

from torch import Tensor
from torch.nn import functional as F

from benchmark import Context, Count, LinearInverse, Positive, method
from methods.images._fitting import Fitting
from methods.images._weights import Weights


@method(
    "deep_decoder",
    solves="LinearInverse",
    kind="untrained network",
    paper="arXiv:1810.03982",
    needs=("image", "range"),
    settings={
        # 5,536 weights, fewer than the 12,288 numbers of the picture. Not tuned.
        "*/small*": {"layers": 4, "width": 32, "steps": 1500},
        # 25,536 weights, about as many as `oes` keeps there. Not tuned.
        "*/small_128": {"layers": 5, "width": 64, "steps": 3000},
        # Small enough for a test; shows nothing about quality.
        "*/tiny": {"layers": 3, "width": 16, "steps": 60},
    },
)
def deep_decoder(
    problem: LinearInverse,
    ctx: Context,
    *,
    steps: Count = 40000,
    lr: Positive = 1e-2,
    layers: Count = 5,
    width: Count = 128,
) -> Tensor:
    channels, height, breadth = problem.A.shape
    if height % 2**layers or breadth % 2**layers:
        raise ValueError(f"{layers} layers need sides that {2**layers} divides, not {height} x {breadth}")
    weights = decoder_weights(layers, width, channels)
    z = 0.1 * ctx.rand(1, width, height // 2**layers, breadth // 2**layers)
    fit = Fitting(problem, lambda theta: decoder(weights, theta, z), weights.initial(ctx.generator, ctx.device), lr)
    x = fit.output().detach()
    for step in ctx.steps(steps):
        x = fit.step()
        ctx.record(step, x)
    return x


def decoder_weights(layers: int, width: int, channels: int) -> Weights:
    """The shapes of G."""
    weights = Weights()
    for layer in range(layers + 1):
        weights.conv(f"{layer}", width, width, 1, bias=False)
        weights.norm(f"{layer}", width)
    weights.conv("head", channels, width, 1, bias=False)
    return weights


def decoder(weights: Weights, theta: Tensor, z: Tensor) -> Tensor:
    """G(theta, z), (1, channels, H, W) in (0, 1)."""
    w, x = weights.split(theta), z
    last = sum(name.endswith("gain") for name in w) - 1
    for layer in range(last + 1):
        x = F.conv2d(x, w[f"{layer}.weight"])
        if layer < last:
            x = F.interpolate(x, scale_factor=2, mode="bilinear")
        x = F.batch_norm(x.relu(), None, None, w[f"{layer}.gain"], w[f"{layer}.shift"], training=True)
    return F.conv2d(x, w["head.weight"]).sigmoid()
