"""The claims of arXiv:2406.05822 (ReLU sampling) and of arXiv:2406.04112, part (a), computed from stored runs.

    python -m runners.run --task mc --task deep_mc --method all --seeds 3 --db FILE
    python -m runners.run --task mc --method all --preset small_noise --seeds 3 --db FILE
    python -m runners.run --task mc --method riemannian --method scaled_gd --set start=tailored --seeds 3 --db FILE
    python -m runners.run --task deep_mc --method deep_mf_compressed --set outer=0 --seeds 3 --db FILE
    python -m runners.run --task deep_mc --method deep_mf_compressed --set outer=0.15 --seeds 3 --db FILE
    python tests/performance/completion_claims.py --db FILE

Success: the share of matrices, over trials and seeds, with a relative error below 1e-4. Claims are numbered as in the README.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.registry import get_task
from benchmark.statistics import first_reached, mean
from benchmark.store.database import open_database
from benchmark.store.models import Curve
from benchmark.store.queries import Entry, entries

Points = dict[tuple[int, int], np.ndarray]


def curves(session: Session, entry: Entry) -> Points:
    """(p, 3) step, seconds and value of the estimate, by (seed, instance)."""
    seed = {run.id: run.seed for run in entry.runs}
    rows = select(Curve.run_id, Curve.instance, Curve.step, Curve.seconds, Curve.value).order_by(Curve.step)
    found = defaultdict(list)
    for run, instance, *point in session.execute(rows.where(Curve.run_id.in_(seed), Curve.series == "estimate")):
        found[seed[run], instance].append(point)
    return {key: np.array(points) for key, points in found.items()}


def reached(points: Points, level: float) -> tuple[float, float, int, int]:
    """Medians of step and seconds to a level, and how many reach it."""
    both = np.array([first_reached(*one.T, level, "lower") for one in points.values()])
    return *np.median(both, axis=0), int(np.isfinite(both[:, 0]).sum()), len(both)


def by_cell(entry: Entry, metric: str, cells: list[tuple]) -> dict[tuple, float]:
    found = defaultdict(list)
    for (_, instance), value in entry.scores[metric].items():
        found[cells[instance % len(cells)]].append(value)
    return {cell: float(np.mean(values)) for cell, values in found.items()}


def relu(session: Session) -> None:
    spec = get_task("mc").spec
    rows = {entry.label: entry for entry in entries(session, "mc", spec.version, "small")}
    cells = spec.presets["small"].cells()
    print("mc/small: success by (n, rank)")
    sizes, ranks = spec.presets["small"].n, spec.presets["small"].rank
    print(" " * 34 + "  ".join(f"n={n}: r=" + "/".join(map(str, ranks)) for n in sizes))
    for label, entry in rows.items():
        found = by_cell(entry, "success", cells)
        print(f"  {label:32}" + "   ".join(" ".join(f"{found[n, r, 0.0, 0.0]:4.2f}" for r in ranks) for n in sizes))
    print("1, 2, 6-8 are read off this table at n = 200")
    if "relu_gd" in rows:
        slopes = defaultdict(list)
        for (_, instance), one in curves(session, rows["relu_gd"]).items():
            n, r, *_ = cells[instance % len(cells)]
            inside = (one[:, 2] < -2) & (one[:, 2] > -8)
            if inside.sum() > 2:
                slopes[n, r].append(100 * np.polyfit(one[inside, 0], one[inside, 2], 1)[0])
        print("3 relu_gd: log10 error per 100 steps between 1e-2 and 1e-8:")
        print("   " + ", ".join(f"n {n} r {r}: {np.mean(found):.2f}" for (n, r), found in sorted(slopes.items())))
    noise = {entry.label: entry for entry in entries(session, "mc", spec.version, "small_noise")}
    if noise:
        cells = spec.presets["small_noise"].cells()
        print("5 mc/small_noise, n = 200, rank 5: relative error / noise, noise " + ", ".join(f"{cell[2]:g}" for cell in cells))
        for label, entry in noise.items():
            found = by_cell(entry, "relative_error", cells)
            print(f"  {label:32}" + " ".join(f"{found[cell] / cell[2]:9.4f}" for cell in cells))


def deep(session: Session) -> None:
    spec = get_task("deep_mc").spec
    rows = {entry.label: entry for entry in entries(session, "deep_mc", spec.version, "small")}
    print("deep_mc/small: medians over instances and seeds of steps and seconds until log10 of the error is at most ...")
    found = {label: curves(session, entry) for label, entry in rows.items()}
    for label, points in found.items():
        if not points:
            continue
        cells = []
        for level in (-1.0, -2.5, -4.0):
            step, second, count, total = reached(points, level)
            cells.append(f"{level:g}: {step:6.0f} steps {second:7.3g} s ({count}/{total})")
        final = mean(rows[label].scores["log10_unseen_error"])
        print(
            f"  {label:40}" + "   ".join(cells) + f"   unseen in the end {final.mean:.2f} [{final.low:.2f}, {final.high:.2f}]"
        )
    wide = found.get("deep_mf")
    for label, points in found.items():
        if wide and points and ("compressed" in label or "narrow" in label):
            pairs = [
                [first_reached(*one[key].T, -2.5, "lower") for one in (wide, points)]
                for key in sorted(wide.keys() & points.keys())
            ]
            ratio = np.array([[a[0], a[1], b[0], b[1]] for a, b in pairs])
            steps, seconds = ratio[:, 2] / ratio[:, 0], ratio[:, 1] / ratio[:, 3]
            if np.isfinite(steps).all():
                print(
                    f"2, 4 {label}: {np.median(steps):.2f} [{steps.min():.2f}, {steps.max():.2f}] times the steps of deep_mf, "
                    f"{np.median(seconds):.1f} [{seconds.min():.1f}, {seconds.max():.1f}] times as fast"
                )
            else:
                print(f"3 {label}: an error of 3e-3 is not reached on {(~np.isfinite(steps)).sum()} of {len(steps)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True, type=Path)
    with Session(open_database(str(parser.parse_args().db))) as session:
        relu(session)
        deep(session)


if __name__ == "__main__":
    main()
