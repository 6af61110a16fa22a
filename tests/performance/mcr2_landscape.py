"""The landscape of rate reduction over free features: claims 5 and 6 of arXiv:2406.01909, which no run stores (a minute).

    python tests/performance/mcr2_landscape.py

5  the largest eigenvalue of the Hessian of F: rounding at limits of ascent and at the larger roots, positive at the smaller
   ones; classes 3 x 20 in 12 dimensions, lambda 0.3 of its largest value
6  sigma* against lambda as the formula says and as ascent finds it, F, and where zero beats every other maximiser; 4 x 50 in 40
Ascent is the method `mcr2`, with step 1 / (alpha + lambda), from `start` N(0, 1), seeds 0, 1, 2, ...
"""

import argparse

import torch
from torch import Tensor

from benchmark import Representation, registry, solving
from benchmark.context import Context
from benchmark.metrics import representation as geometry
from benchmark.models.coding_rates import closed_form, largest_weight, value_and_gradient

BALANCED, HESSIAN = ((50,) * 4, 40, 0.25), ((20,) * 3, 12, 0.25)  # class sizes, d, eps^2
RATIOS = (0.05, 0.1, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95)


def problem(sizes: tuple[int, ...], d: int, eps2: float, ratio: float) -> Representation:
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return Representation(labels=labels, dim=d, eps2=eps2, weight=ratio * largest_weight(sizes, d, eps2))


def ascend(posed: Representation, seed: int, start: float, steps: int) -> Tensor:
    """Features (N, d) sorted by class."""
    found, ctx = registry.get_method("mcr2"), Context(torch.device("cpu"), seed)
    return solving.answer(found.load(), posed, ctx, found.spec.parameters(start=start, steps=steps).model_dump())


def plain(posed: Representation, flat: Tensor) -> Tensor:
    """F as it is written, for second derivatives."""
    Z, N = flat.view(-1, posed.dim), len(posed.labels)
    eye = torch.eye(posed.dim, dtype=Z.dtype)
    found = torch.logdet(eye + posed.dim / (N * posed.eps2) * Z.T @ Z) / 2
    for block in torch.split(Z, list(posed.sizes)):
        n = len(block)
        found = found - n / (2 * N) * torch.logdet(eye + posed.dim / (n * posed.eps2) * block.T @ block)
    return found - posed.weight / 2 * Z.square().sum()


def largest_curvature(posed: Representation, Z: Tensor) -> float:
    H = torch.autograd.functional.hessian(lambda flat: plain(posed, flat), Z.flatten(), vectorize=True)
    return torch.linalg.eigvalsh((H + H.T) / 2)[-1].item()


def critical(posed: Representation, ranks: tuple[int, ...], roots: tuple[float, ...], seed: int) -> Tensor:
    """A critical point with these ranks, each sigma_k^2 one of the roots."""
    draw, blocks, start = torch.Generator().manual_seed(seed), [], 0
    Q = torch.linalg.qr(torch.randn(posed.dim, posed.dim, dtype=torch.float64, generator=draw)).Q
    for n, r, x in zip(posed.sizes, ranks, roots, strict=True):
        V = torch.linalg.qr(torch.randn(n, n, dtype=torch.float64, generator=draw)).Q[:, :r]
        blocks.append(x**0.5 * V @ Q[:, start : start + r].T)
        start += r
    return torch.cat(blocks)


def curvatures(seeds: int) -> None:
    print("5: largest eigenvalue of the Hessian, 3 x 20 in 12, lambda 0.3 of the largest")
    posed = problem(*HESSIAN, 0.3)
    ends = [largest_curvature(posed, ascend(posed, seed, 1.0, 3000)) for seed in range(seeds)]
    zero = torch.zeros(len(posed.labels), posed.dim, dtype=torch.float64)
    print(f"  limits of ascent: {max(ends):.1e} at most; zero {largest_curvature(posed, zero):.4f}, lambda {posed.weight:.4f}")
    closed = posed.closed_form
    for ranks in ((4, 4, 4), (2, 3, 0), (12, 0, 0)):
        tops = [largest_curvature(posed, critical(posed, ranks, closed.x, seed)) for seed in range(seeds)]
        lows = [largest_curvature(posed, critical(posed, ranks, closed.below, seed)) for seed in range(seeds)]
        print(f"  ranks {ranks}: larger root {max(tops):.1e} at most; smaller root {min(lows):.4f} at least")


def sweep(seeds: int) -> None:
    print("6: 4 x 50 in 40: sigma* as the formula says and as ascent finds it (start 3), F")
    for ratio in RATIOS:
        posed, off, values = problem(*BALANCED, ratio), [], []
        x = posed.closed_form.x[0]
        for seed in range(seeds):
            Z = ascend(posed, seed, 3.0, 10000)
            for s in geometry.spectra(list(torch.split(Z, list(posed.sizes)))):
                off += (geometry.kept(s, x).square() / x - 1).abs().tolist()
            values.append(value_and_gradient(Z, posed.sizes, posed.eps2, posed.weight)[0].item())
        largest = max(off, default=0.0)
        print(f"  {ratio:4g}: sigma* {x**0.5:8.4f}, off by {largest:.1e}; F {min(values):.4f} to {max(values):.4f}", flush=True)
    print("   zero beats every maximiser above lambda / lambda_max (balanced; the same whatever N, d, eps^2):")
    print("   " + ", ".join(f"K {K}: {crossing(K):.4f}" for K in (2, 3, 4, 10, 100)))


def crossing(K: int) -> float:
    """The ratio at which a dimension stops to gain."""
    low, high = 0.5, 1.0
    while high - low > 1e-7:
        ratio = (low + high) / 2
        gain = closed_form((50,) * K, 40, 0.25, ratio * largest_weight((50,) * K, 40, 0.25)).gain[0]
        low, high = (ratio, high) if gain > 0 else (low, ratio)
    return low


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    count = parser.parse_args().seeds
    curvatures(count)
    sweep(count)
