"""The claims of arXiv:2409.02426, numbered as in the README, computed from stored runs.

    run="python -m runners.run --task subspace_clustering --seeds 3 --db FILE"
    $run --method all
    $run --method all --preset small_single
    $run --method all --preset small_noise
    $run --method all --preset small_generalisation
    $run --method all --preset small_digits
    $run --method low_rank_dae --set start=k_subspaces --no-baseline
    $run --method low_rank_dae --set start=k_subspaces --set lr=0.02 --no-baseline
    $run --method low_rank_dae --set start=k_subspaces --set mode=soft --no-baseline
    for starts in 1 10; do $run --method k_subspaces --set starts=$starts --no-baseline; done
    python tests/performance/molrg_claims.py --db FILE

Success: the share of draws, over the stack and over seeds, with an error below 0.5. Search effort is that of each row; its
label says what differs from the recommended: k_subspaces 150 starts and at most 30 rounds, em_molrg 150 and 60, low_rank_dae 20
starts and 400 steps.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from benchmark.registry import get_task
from benchmark.store.database import open_database
from benchmark.store.queries import Entry, entries

SPEC = get_task("subspace_clustering").spec
Cell = tuple[float, ...]


def by_cell(entry: Entry, metric: str, preset: str, *fields: str) -> dict[Cell, tuple[float, float]]:
    """Mean over seeds and draws, and standard deviation over seeds, by the values of these fields of the grid."""
    size = SPEC.presets[preset]
    cells, places = size.cells(), [size.grid.index(field) for field in fields]
    found: dict[Cell, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (seed, instance), value in entry.scores[metric].items():
        cell = cells[instance % len(cells)]
        found[tuple(cell[place] for place in places)][seed].append(value)
    means = {cell: [float(np.mean(values)) for values in seeds.values()] for cell, seeds in found.items()}
    return {cell: (float(np.mean(m)), float(np.std(m, ddof=1)) if len(m) > 1 else np.nan) for cell, m in means.items()}


def table(rows: list[Entry], metric: str, preset: str, across: str, up: str) -> None:
    """A line for each method and value of `up`, with a number for each value of `across`."""
    size = SPEC.presets[preset]
    print(f"{preset}: {metric}; columns {across} = {', '.join(f'{value:g}' for value in getattr(size, across))}")
    for row in rows:
        found = by_cell(row, metric, preset, up, across)
        seeds = len({seed for seed, _ in row.scores[metric]})
        for value in getattr(size, up):
            numbers = " ".join(f"{found[value, other][0]:6.3f}" for other in getattr(size, across) if (value, other) in found)
            print(f"  {row.label[:44]:44} {up} {value:<3g} {numbers}   ({seeds} seeds)")


def onset(found: dict[Cell, tuple[float, float]], d: float, points: tuple[int, ...]) -> str:
    """The first N_k from which on all draws succeed."""
    if any((d, n) not in found for n in points):
        return "not all run"
    good = [n for n in points if all(found[d, more][0] >= 0.95 for more in points if more >= n)]
    return f"d + {min(good) - d:g}" if good else "never"


def transition(session: Session) -> None:
    single = list(entries(session, "subspace_clustering", SPEC.version, "small_single"))
    if single:
        print("1, 2: K = 1, d = 4")
        table(single, "success", "small_single", "points", "n")
        table(single, "subspace_error", "small_single", "points", "n")
    rows = list(entries(session, "subspace_clustering", SPEC.version, "small"))
    if rows:
        size = SPEC.presets["small"]
        print("\n3: K = 2; the first N_k from which on 95 % of the draws succeed")
        for row in rows:
            found = by_cell(row, "success", "small", "d", "points")
            print(f"  {row.label[:44]:44} " + ", ".join(f"d {d}: {onset(found, d, size.points)}" for d in size.d))
        table(rows, "success", "small", "points", "d")
    noisy = list(entries(session, "subspace_clustering", SPEC.version, "small_noise"))
    if noisy:
        print("\n8: noise and angles")
        table(noisy, "subspace_error", "small_noise", "noise", "angle")


def networks(session: Session) -> None:
    rows = list(entries(session, "subspace_clustering", SPEC.version, "small_generalisation"))
    if not rows:
        return
    print("\n4, 6, 7: GL against N_k / d, with the quality beside it")
    for metric in ("gl", "new_and_on", "off_energy"):
        table(rows, metric, "small_generalisation", "ratio", "d")
    size = SPEC.presets["small_generalisation"]
    for row in rows:
        if "diffusion" in row.method:
            gl = by_cell(row, "gl", "small_generalisation", "d", "ratio")
            if len(gl) < len(size.cells()):
                continue  # not all run
            gaps = [abs(gl[size.d[0], ratio][0] - gl[size.d[1], ratio][0]) for ratio in size.ratio]
            print(
                f"4 {row.label}: |GL(d = {size.d[0]}) - GL(d = {size.d[1]})| by N_k / d: {' '.join(f'{g:.2f}' for g in gaps)}"
            )
            shared = [(a, b) for a in size.ratio for b in size.ratio if a * size.d[0] == b * size.d[1]]
            for a, b in shared:
                gap = abs(gl[size.d[0], a][0] - gl[size.d[1], b][0])
                print(f"  at one N_k = {a * size.d[0]}: {gap:.2f}")
    print("\n5: rank of the Jacobian at sigma = 0.01, 0.32, 10; exact: d, d, K d")
    for row in rows:
        ranks = [by_cell(row, f"rank_{name}", "small_generalisation", "d", "ratio") for name in ("small", "middle", "large")]
        for d in size.d:
            run = [ratio for ratio in size.ratio if (d, ratio) in ranks[0]]
            told = "   ".join(" ".join(f"{found[d, ratio][0]:5.1f}" for found in ranks) for ratio in run)
            print(f"  {row.label[:44]:44} d {d}: {told}")


def digits(session: Session) -> None:
    rows = list(entries(session, "subspace_clustering", SPEC.version, "small_digits"))
    if rows:
        print("\nreal data")
        table(rows, "accuracy", "small_digits", "K", "d")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, required=True)
    with Session(open_database(str(parser.parse_args().db), create=False)) as session:
        transition(session)
        networks(session)
        digits(session)
