"""What a step of matrix completion costs, against the machine's own rate for products of the same shapes.

    python tests/performance/completion_step.py            # all but the wide network to the end (a minute or two)
    python tests/performance/completion_step.py --wide     # and deep_mf and its compressed form at n = 1000 to the same error

1. Gradient descent under ReLU sampling: R U with R = P(U U^T) - X, the products U U^T and R U alone, and the share.
2. Products on the entries against products on whole matrices: from which share of observed entries on.
3. A stack of small matrices at once against one after the other.
4. A step of the wide network and of the compressed one, on whole matrices and on the entries.
Times are the least of several repetitions, because other work on the machine only ever adds to them.
"""

import argparse
import time
from contextlib import suppress

import torch

from benchmark import Completion, solving
from benchmark.context import Context
from benchmark.metrics import matrix
from benchmark.registry import get_method, get_task
from methods.matrices import _misfit as misfit
from methods.matrices._chain import Chain
from methods.matrices._misfit import Misfit
from methods.matrices.deep_mf import orthogonal
from tasks.deep_mc import sample


class Enough(Exception):  # noqa: N818  # no error: the level is reached
    """Ends a run."""


def least(work, repeats: int = 7) -> float:
    """Seconds of the fastest of several calls, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def symmetric(n: int, r: int, trials: int = 1) -> Completion:
    U = torch.randn(trials, n, r, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    M = U @ U.mT
    where = (M > 0).nonzero().T.contiguous()
    return Completion(y=M[tuple(where)], where=where, shape=(trials, n, n), rank=r, symmetric=True, above=0.0)


def uniform(n: int, r: int, share: float) -> Completion:
    draw = torch.Generator().manual_seed(0)
    where = sample(n, n, round(share * n * n), draw)
    y = torch.randn(where.shape[1], dtype=torch.float64, generator=draw)
    return Completion(y=y, where=where, shape=(1, n, n), rank=r)


def descent_step() -> None:
    print("1. gradient descent, a step (ms); flops: 4 n^2 r; bytes at least: X and the mask, 16 n^2")
    for n, r in ((200, 5), (1000, 10), (2000, 10), (2000, 20)):
        problem = symmetric(n, r)
        fit = Misfit(problem)
        U = torch.randn(1, n, r, dtype=torch.float64)
        R = torch.empty(1, n, n, dtype=torch.float64)
        products = least(lambda: torch.bmm(U, U.mT, out=R)) + least(lambda: R @ U)
        step = least(lambda: fit(U, U, right=False))
        naive = least(lambda: torch.baddbmm(fit.Y, U, U.mT, beta=-1).mul_(fit.mask) @ U)
        rate = 4 * n * n * r / step / 1e9
        print(
            f"   n {n:5} r {r:3}: step {1e3 * step:8.3f}, products alone {1e3 * products:8.3f}, share {products / step:5.0%}; "
            f"{rate:.1f} GFLOP/s, {16 * n * n / step / 1e9:.1f} GB/s; whole matrices {1e3 * naive:8.3f}"
        )


def crossover() -> None:
    print("2. R N and R^T L, k = 10 (ms): whole matrices, entries")
    for n in (1000, 2000):
        for share in (0.5, 0.3, 0.2, 0.15, 0.1, 0.05, 0.02, 0.01):
            problem = uniform(n, 10, share)
            L, N = (torch.randn(1, n, 10, dtype=torch.float64) for _ in range(2))
            dense, sparse = (Misfit(problem, sparse=choice) for choice in (False, True))
            times = [1e3 * least(lambda one=one: one(L, N, square=True)) for one in (dense, sparse)]
            print(f"   n {n:5} seen {share:4.0%}: {times[0]:8.2f} {times[1]:8.2f}  ratio {times[0] / times[1]:.2f}")


def stacks() -> None:
    print("3. 8 matrices, a step (ms): one after the other, at once")
    for n, r in ((50, 3), (100, 3), (200, 5), (400, 5)):
        problem = symmetric(n, r, 8)
        singles = [Misfit(symmetric(n, r)) for _ in range(8)]
        together, U = Misfit(problem), torch.randn(8, n, r, dtype=torch.float64)
        one = least(lambda: [single(U[:1], U[:1], right=False) for single in singles])
        all_of_them = least(lambda: together(U, U, right=False))
        print(f"   n {n:4}: {1e3 * one:7.3f} {1e3 * all_of_them:7.3f}  ratio {one / all_of_them:.2f}")


def wide_and_narrow() -> None:
    print("4. n = 1000, rank 5, 20 % seen, a step (ms)")
    problem = uniform(1000, 5, 0.2)
    ctx = Context(torch.device("cpu"), 0)
    wide = [1e-3 * orthogonal(1000, 1000, ctx)[None] for _ in range(3)]
    outer = [1e-3 * orthogonal(1000, 10, ctx)[None], 1e-3 * orthogonal(10, 1000, ctx)[None]]
    narrow = [outer[1], *[1e-3 * torch.eye(10, dtype=torch.float64)[None] for _ in range(3)], outer[0]]
    times = {}
    for name, factors, sparse in (("wide", wide, False), ("compressed", narrow, False), ("compressed, entries", narrow, True)):
        chain = Chain(problem, [factor.clone() for factor in factors], [1.0] * len(factors), 1.0)
        chain.misfit = Misfit(problem, sparse=sparse)
        times[name] = 1e3 * least(chain.step, 4 if name == "wide" else 15)
    for name, value in times.items():
        print(f"   {name:22} {value:8.2f}  1/{times['wide'] / value:.1f} of the wide one")


def to_an_error(level: float, eps: float) -> None:
    print(f"5. n = 1000, rank 5, 20 % seen, eps {eps:g}: until the error is {10**level:.0e}")
    task = get_task("deep_mc")
    preset = task.spec.presets["full"]
    instance = task.load().make(preset, "tuning", 0, torch.Generator().manual_seed(1))
    problem = instance.problem
    for name, sparse, given in (
        ("deep_mf_compressed", True, {}),
        ("deep_mf_compressed", False, {}),
        ("narrow_mf", False, {}),
        ("compressed_mf_surrogate", False, {}),
        ("deep_mf", False, {}),
    ):
        method = get_method(name)
        found: list[tuple[int, float]] = []

        def watch(step: int, seconds: float, estimates: dict, found: list = found) -> None:
            value = matrix.log10(matrix.relative_error(problem, estimates["estimate"], instance.truth))
            if value <= level:
                found.append((step + 1, seconds))
                raise Enough

        misfit.SPARSE_BELOW = 1.1 if sparse else 0.0
        ctx = Context(torch.device("cpu"), 0, on_record=watch)
        own = {} if name == "compressed_mf_surrogate" else {"eps": eps}
        with suppress(Enough):
            parameters = method.spec.resolve("deep_mc", "full", {**own, **given, "steps": 12000})
            solving.timed(method.load(), problem, ctx, parameters)
        label = f"{name}{', entries' if sparse else ''}"
        print(f"   {label:34} " + (f"{found[0][0]:6} steps, {found[0][1]:8.1f} s" if found else "not reached"), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--wide", action="store_true", help="also run the wide network at n = 1000 to the end")
    parser.add_argument("--level", type=float, default=-4.0, help="log10 of the error to reach")
    parser.add_argument("--eps", type=float, default=3e-3)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(f"{given.threads} threads")
    descent_step()
    crossover()
    stacks()
    wide_and_narrow()
    if given.wide:
        to_an_error(given.level, given.eps)


if __name__ == "__main__":
    main()
