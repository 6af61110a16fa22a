"""What a step of coding rate reduction costs, against the matrix products that it cannot do without.

    python tests/performance/mcr2_step.py [--threads 2]

A step: value and gradient of F at Z (N, d) with K classes. Products: the Gram matrices of the classes and one product for
the gradient, 4 N min(d, N_k) d flops, batched. Both are timed in turn, many times; the ratio is the median over pairs, as
other work on the machine slows both alike. Also a training step of the network.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from benchmark.context import Context
from benchmark.models.coding_rates import objective, value_and_gradient
from methods.features._training import network

SHAPES = ((10_000, 128, 10), (1_000, 64, 10), (300, 64, 3), (960, 64, 32), (200, 40, 4))


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def products(Z: torch.Tensor, K: int) -> Callable[[], object]:
    B = Z.view(K, -1, Z.shape[1])
    A = torch.eye(min(B.shape[1:]), dtype=Z.dtype).expand(K, -1, -1).contiguous()
    if B.shape[1] >= B.shape[2]:
        return lambda: (B.mT @ B, B @ A)
    return lambda: (B @ B.mT, A @ B)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=31)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(f"{given.threads} threads; medians of {given.pairs} pairs, middle half in brackets")
    draw = torch.Generator().manual_seed(0)
    for N, d, K in SHAPES:
        for kind in (torch.float32, torch.float64):
            Z = torch.randn(N, d, dtype=kind, generator=draw)
            sizes = (N // K,) * K
            bare = products(Z, K)

            def step(Z: torch.Tensor = Z, sizes: tuple[int, ...] = sizes) -> object:
                return value_and_gradient(Z, sizes, 0.5, 0.01)

            step(), bare()
            found = [(seconds(step), seconds(bare)) for _ in range(given.pairs)]
            ratios = sorted(a / b for a, b in found)
            low, middle, high = (ratios[int(q * (len(ratios) - 1))] for q in (0.25, 0.5, 0.75))
            own, least = (1e3 * statistics.median(x) for x in zip(*found, strict=True))
            print(
                f"  N {N:6} d {d:4} K {K:3} {str(kind).removeprefix('torch.')}: step {own:8.2f} ms, products {least:8.2f} ms, "
                f"ratio {middle:.2f} [{low:.2f}, {high:.2f}]",
                flush=True,
            )
    N, d, K = SHAPES[1]
    f, x = network(Context(torch.device("cpu"), 0), 64, 512, d), torch.randn(N, 64, generator=draw)
    whole = [seconds(lambda: objective(f(x), (N // K,) * K, 0.5, 0.01).backward()) for _ in range(given.pairs)]
    print(f"  network 64-512-{d}, N {N}: forward and backward with the objective {1e3 * statistics.median(whole):.1f} ms")


if __name__ == "__main__":
    main()
