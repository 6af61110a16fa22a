"""Milliseconds of one step of `dip` and of both phases of `oes`, beside the original's network and loops, in one process.

    python tests/performance/hourglass_step.py [--original FOLDER] [--size 64] [--threads 1]

FOLDER is a checkout of Avra98/Optimal-Eye-Surgeon; without it only ours is timed, beside a literal network of PyTorch's layers.
The variants alternate, round by round, so that a busy machine slows all of them; the median round is printed.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

from benchmark import LinearInverse, operators
from methods.images._fitting import Fitting
from methods.images._hourglass import hourglass
from methods.images.oes import divergence_gradient

WIDTHS = {64: (8, 32, 4), 128: (16, 64, 5), 256: (16, 128, 6)}


def literal(widths: list[int]) -> nn.Module:
    before, layers = 32, nn.Sequential()
    for width in widths:
        layers += nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(before, width, 5), nn.AvgPool2d(2), nn.BatchNorm2d(width))
        layers += nn.Sequential(nn.LeakyReLU(0.2), nn.ReflectionPad2d(2), nn.Conv2d(width, width, 5), nn.BatchNorm2d(width))
        layers += nn.Sequential(nn.LeakyReLU(0.2))
        before = width
    for width in reversed(widths):
        layers += nn.Sequential(nn.Upsample(scale_factor=2), nn.BatchNorm2d(before), nn.ReflectionPad2d(1))
        layers += nn.Sequential(nn.Conv2d(before, width, 3), nn.BatchNorm2d(width), nn.LeakyReLU(0.2))
        before = width
    return nn.Sequential(layers, nn.Conv2d(before, 3, 1), nn.Sigmoid())


def original(folder: str, widths: list[int]) -> nn.Module:
    sys.path.insert(0, folder)
    from src.models.skip import skip

    options = {"filter_size_down": 5, "filter_size_up": 3, "pad": "reflection", "downsample_mode": "avg", "need1x1_up": False}
    return skip(32, 3, widths, widths, [0] * len(widths), upsample_mode="nearest", **options)


def training(net: nn.Module, z: torch.Tensor, y: torch.Tensor, mask: torch.Tensor | None) -> Callable[[], None]:
    """As the original does it: plain Adam, and gradients multiplied by the mask, tensor by tensor."""
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2)
    masks = [] if mask is None else [torch.rand_like(p) < 0.05 for p in net.parameters()]

    def once() -> None:
        optimiser.zero_grad()
        (net(z)[0] - y).square().mean().backward()
        for part, kept in zip(net.parameters(), masks, strict=False):
            part.grad *= kept
        optimiser.step()

    return once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--original", help="a checkout of the paper's repository")
    parser.add_argument("--size", type=int, choices=list(WIDTHS), default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    width, widest, scales = WIDTHS[given.size]
    f = hourglass((3, given.size, given.size), width=width, widest=widest, scales=scales)
    generator = torch.Generator().manual_seed(0)
    z, y = (torch.rand(shape, generator=generator) for shape in ((1, 32, given.size, given.size), (3, given.size, given.size)))
    theta = f.weights.initial(generator, torch.device("cpu"))
    mask = (torch.rand(len(theta), generator=generator) < 0.05).float()
    problem = LinearInverse(A=operators.Identity(tuple(y.shape)), y=y, noise=0.1, value_range=(0.0, 1.0))
    logits = torch.zeros_like(theta, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.1, fused=True)

    def mask_step() -> None:
        noise = torch.rand(len(theta), generator=generator).logit(1e-6)
        relaxed = torch.sigmoid((logits + noise) / 0.2)
        optimiser.zero_grad()
        (f(relaxed * theta, z)[0] - y).square().mean().backward()
        with torch.no_grad():
            logits.grad.add_(divergence_gradient(logits, 0.05), alpha=3e-3)
        optimiser.step()

    plain = literal(f.widths)
    variants: dict[str, Callable[[], object]] = {
        "dip, literal layers, plain Adam": training(plain, z, y, None),
        "dip (ours)": Fitting(problem, lambda t: f(t, z), theta, 1e-2).step,
        "oes, training under a mask (ours)": Fitting(problem, lambda t: f(t, z), theta, 1e-2, mask).step,
        "oes, learning the mask (ours)": mask_step,
    }
    if given.original:
        variants["dip, the original's network"] = training(original(given.original, f.widths), z, y, None)
        variants["oes, training under a mask, the original's network and loop"] = training(
            original(given.original, f.widths), z, y, mask
        )
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(given.rounds + 1):
        for name, once in variants.items():
            start = time.perf_counter()
            for _ in range(20):
                once()
            seconds[name].append((time.perf_counter() - start) / 20)
    print(f"{given.size} x {given.size}, widths {f.widths}, {f.weights.count} weights, {given.threads} threads")
    for name, found in seconds.items():
        print(f"{1e3 * statistics.median(found[1:]):8.2f} ms  {name}")


if __name__ == "__main__":
    main()
