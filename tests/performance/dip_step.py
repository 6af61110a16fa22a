"""Milliseconds of one self-guided DIP step, ours beside the original implementation's network, in one process.

    python tests/performance/dip_step.py [--original FOLDER] [--size 96] [--threads 2]

Without FOLDER (a checkout of the paper's repository) only ours is timed. Both do the same step: three draws, mean, data misfit
of 4-coil MRI, penalty, backward, Adam for the weights and for the input. The original's widths are fixed at 64, depth 3.
The variants alternate, round by round, so that a busy machine slows all of them; the median round is printed.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

from benchmark import operators
from methods.images._unet import UNet, unet


class SharedNorm(nn.BatchNorm2d):
    """Batch norm where ours has a norm for each image: only right for a batch of one."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, track_running_stats=False)


def ours(width: int, depth: int) -> UNet:
    return unet(2, 2, width=width, depth=depth, generator=torch.Generator().manual_seed(0), device=torch.device("cpu"))


def with_batch_norm(net: nn.Module) -> nn.Module:
    for part in net.modules():
        for name, child in part.named_children():
            if isinstance(child, nn.GroupNorm):
                setattr(part, name, SharedNorm(child.num_channels))
    return net


def step(net: nn.Module, size: int, *, stacked: bool, fused: bool) -> Callable[[], None]:
    generator = torch.Generator().manual_seed(1)
    A = operators.MultiCoilMRI(operators.ring_of_coils(4, size, generator), operators.column_mask(size, 4, generator))
    y = A(torch.randn(size, size, dtype=torch.complex64, generator=generator))
    z = torch.rand(1, 2, size, size, generator=generator, requires_grad=True)
    how = {"fused": True} if fused else {}
    optimisers = [torch.optim.Adam(net.parameters(), lr=3e-4, **how), torch.optim.Adam([z], lr=0.1, **how)]

    def once() -> None:
        noisy = z + z.detach().max() / 2 * torch.rand(3, 2, size, size, generator=generator)
        output = net(noisy).mean(0, True) if stacked else sum(net(one[None]) for one in noisy) / 3
        loss = torch.linalg.vector_norm(A(torch.complex(output[0, 0], output[0, 1])) - y)
        loss = loss + 2 / size * torch.linalg.vector_norm(z - output)
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()

    return once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--original", help="a checkout of the paper's repository")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)

    variants: dict[str, Callable[[], None]] = {}
    for width in (16, 64):
        plain = with_batch_norm(ours(width, 3))
        variants[f"width {width}: one draw after the other, batch norm, plain Adam"] = step(
            plain, given.size, stacked=False, fused=False
        )
        last = with_batch_norm(ours(width, 3)).to(memory_format=torch.channels_last)
        variants[f"width {width}: the same, channels-last"] = step(last, given.size, stacked=False, fused=False)
        variants[f"width {width}: draws stacked, norm per image, fused Adam (ours)"] = step(
            ours(width, 3), given.size, stacked=True, fused=True
        )
    if given.original:
        sys.path.insert(0, given.original)
        from unet.medium_unet import MediumUNet

        net = MediumUNet(2, 2)
        variants["width 64: the original's network and loop"] = step(net, given.size, stacked=False, fused=False)

    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(given.rounds):
        for name, once in variants.items():
            began = time.perf_counter()
            once()
            times[name].append(1e3 * (time.perf_counter() - began))
    print(f"{given.size} x {given.size}, depth 3, {given.threads} threads, median of {given.rounds} rounds [fastest, slowest]")
    for name, found in times.items():
        print(f"{statistics.median(found[2:]):8.1f} ms  [{min(found):.1f}, {max(found):.1f}]  {name}")


if __name__ == "__main__":
    main()
