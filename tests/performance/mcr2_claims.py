"""The claims of arXiv:2406.01909, numbered as in the README: 1-6 of free features computed here, 7 and 8 from stored runs.

    python tests/performance/mcr2_claims.py                                                                  # 1-6, a minute
    python -m runners.run --task representation --method all --preset small --seeds 3 --db FILE
    python tests/performance/mcr2_claims.py --db FILE                                                        # and 7, 8

Free features: the method `mcr2`, gradient ascent with step 1 / (alpha + lambda), from `start` N(0, 1), seeds 0, 1, 2, ...
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from sqlalchemy.orm import Session
from torch import Tensor

from benchmark import Representation, registry, solving
from benchmark.context import Context
from benchmark.metrics import representation as geometry
from benchmark.models.coding_rates import closed_form, largest_weight, value_and_gradient
from benchmark.statistics import mean
from benchmark.store.database import open_database
from benchmark.store.queries import Entry, entries

BALANCED, UNBALANCED = ((50,) * 4, 40, 0.25), ((50, 100, 150), 30, 0.25)  # class sizes, d, eps^2
SHORT, HESSIAN = ((30,) * 3, 120, 0.5), ((20,) * 3, 12, 0.25)
SPEC = registry.get_task("representation").spec


def problem(sizes: tuple[int, ...], d: int, eps2: float, ratio: float) -> Representation:
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return Representation(labels=labels, dim=d, eps2=eps2, weight=ratio * largest_weight(sizes, d, eps2))


def ascend(posed: Representation, seed: int, start: float = 1.0, steps: int = 1000) -> tuple[Tensor, int]:
    """Features (N, d) sorted by class, and steps."""
    found, ctx = registry.get_method("mcr2"), Context(torch.device("cpu"), seed)
    Z = solving.answer(found.load(), posed, ctx, found.spec.parameters(start=start, steps=steps).model_dump())
    return Z, ctx.steps_done


def measured(posed: Representation, Z: Tensor) -> dict[str, float]:
    """Of features: ranks, largest |sigma^2 / x - 1|, coherence, F, sum r_k g_k, norm of the gradient."""
    closed, blocks = posed.closed_form, list(torch.split(Z, list(posed.sizes)))
    kept = [geometry.kept(s, x) for s, x in zip(geometry.spectra(blocks), closed.x, strict=True)]
    value, slope = value_and_gradient(Z, posed.sizes, posed.eps2, posed.weight)
    off = [(s.square() / x - 1).abs().max().item() for s, x in zip(kept, closed.x, strict=True) if len(s)]
    return {
        "rank": sum(map(len, kept)),
        "off": max(off, default=0.0),
        "coherence": geometry.coherence(Z, posed.labels) if bool(Z.any()) else 0.0,
        "F": value.item(),
        "predicted": closed.reached([len(s) for s in kept]),
        "slope": slope.norm().item(),
    }


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


def free(seeds: int) -> None:
    print("1, 2: start 1, at most 1000 steps; largest over seeds")
    for name, case in (("4 x 50 in 40", BALANCED), ("50, 100, 150 in 30", UNBALANCED), ("3 x 30 in 120", SHORT)):
        for ratio in (0.1, 0.3, 0.5):
            posed = problem(*case, ratio)
            runs = [(steps, measured(posed, Z)) for Z, steps in (ascend(posed, seed) for seed in range(seeds))]
            worst = {key: max(one[key] for _, one in runs) for key in ("off", "coherence", "slope")}
            miss = max(abs(one["F"] / one["predicted"] - 1) for _, one in runs)
            full, ranks = min(sum(posed.sizes), posed.dim), {one["rank"] for _, one in runs}
            print(
                f"  {name:20} {ratio:4g}: steps {max(s for s, _ in runs):5}, |sigma^2/x - 1| {worst['off']:.1e}, coherence "
                f"{worst['coherence']:.1e}, ranks {ranks} of {full}, F off by {miss:.1e}, gradient {worst['slope']:.1e}"
            )
    print("3: F over starts 0.1, 1, 3 and seeds, least and largest; of the best closed form")
    for name, case, ratio in (
        ("4 x 50 in 40", BALANCED, 0.1),
        ("4 x 50 in 40", BALANCED, 0.5),
        ("50, 100, 150 in 30", UNBALANCED, 0.3),
    ):
        posed = problem(*case, ratio)
        values = [measured(posed, ascend(posed, s, start, 3000)[0])["F"] for start in (0.1, 1.0, 3.0) for s in range(seeds)]
        print(f"  {name:20} {ratio:4g}: {min(values):.6f} to {max(values):.6f}; {posed.closed_form.value:.6f}")
    print("4: start 0.01, at most 3000 steps: rank of all, and norm; the root that a singular value must exceed")
    for name, case, ratio in (
        ("4 x 50 in 40", BALANCED, 0.1),
        ("4 x 50 in 40", BALANCED, 0.5),
        ("3 x 30 in 120", SHORT, 0.1),
        ("50, 100, 150 in 30", UNBALANCED, 0.3),
    ):
        posed = problem(*case, ratio)
        ends = [ascend(posed, seed, 0.01, 3000)[0] for seed in range(seeds)]
        ranks, norms = [int(measured(posed, Z)["rank"]) for Z in ends], [Z.norm().item() for Z in ends]
        first = 0.01 * Context(torch.device("cpu"), 0).randn(posed.count, posed.dim, dtype=torch.float64)  # of seed 0
        tops = ", ".join(
            f"{torch.linalg.svdvals(Z)[0]:.3f} against {x**0.5:.3f}"
            for Z, x in zip(torch.split(first, list(posed.sizes)), posed.closed_form.below, strict=True)
        )
        full = min(sum(posed.sizes), posed.dim)
        print(f"  {name:20} {ratio:4g}: ranks {ranks} of {full}, norm {max(norms):.1e}; largest at the start {tops}")
    print("5: largest eigenvalue of the Hessian, 3 x 20 in 12, lambda 0.3 of the largest")
    posed = problem(*HESSIAN, 0.3)
    ends = [largest_curvature(posed, ascend(posed, seed, steps=3000)[0]) for seed in range(seeds)]
    zero = torch.zeros(len(posed.labels), posed.dim, dtype=torch.float64)
    print(f"  limits of ascent: {max(ends):.1e} at most; zero {largest_curvature(posed, zero):.4f}, lambda {posed.weight:.4f}")
    closed = posed.closed_form
    for ranks in ((4, 4, 4), (2, 3, 0), (12, 0, 0)):
        tops = [largest_curvature(posed, critical(posed, ranks, closed.x, seed)) for seed in range(seeds)]
        lows = [largest_curvature(posed, critical(posed, ranks, closed.below, seed)) for seed in range(seeds)]
        print(f"  ranks {ranks}: larger root {max(tops):.1e} at most; smaller root {min(lows):.4f} at least")
    print("6: 4 x 50 in 40: sigma* as the formula says and as ascent finds it (start 3), F")
    for ratio in (0.05, 0.1, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95):
        posed, off, values = problem(*BALANCED, ratio), [], []
        for seed in range(seeds):
            found = measured(posed, ascend(posed, seed, 3.0, 10000)[0])
            off.append(found["off"])
            values.append(found["F"])
        sigma = posed.closed_form.x[0] ** 0.5
        print(f"  {ratio:4g}: sigma* {sigma:8.4f}, off by {max(off):.1e}; F {min(values):.4f} to {max(values):.4f}", flush=True)
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


def learned(session: Session, preset: str, split: str) -> None:
    size = SPEC.presets[preset]
    cells = size.cells()
    rows = entries(session, SPEC.name, SPEC.version, preset, split)
    print(f"7, 8: {preset}, {split} data; mean and, of coherence, 95 % interval over instances")
    for position, cell in enumerate(cells):
        print("  " + ", ".join(f"{name} {value}" for name, value in zip(size.grid, cell, strict=True)))
        for row in sorted(rows, key=lambda one: float(np.mean(list(of(one, "coherence", position, len(cells)).values())))):
            told = [f"{name} {np.mean(list(of(row, name, position, len(cells)).values())):.4g}" for name in row.scores]
            print(f"    {row.label:26} " + ", ".join(told))
    print("  over all cells")
    for row in rows:
        found = mean(row.scores["coherence"])
        print(f"    {row.label:26} coherence {found.mean:.4f} [{found.low:.4f}, {found.high:.4f}], {len(row.runs)} seeds")


def of(row: Entry, metric: str, position: int, cells: int) -> dict[tuple[int, int], float]:
    """A metric's values of one cell by (seed, instance)."""
    return {key: value for key, value in row.scores[metric].items() if key[1] % cells == position}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--split", choices=("test", "tuning"), default="test")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    if given.db is None:
        free(given.seeds)
    else:
        with Session(open_database(str(given.db), create=False)) as session:
            learned(session, given.preset, given.split)
