"""The claims of arXiv:2403.12354, numbered as in the README, computed from stored runs.

    for preset in small small_shifts small_lines; do
        run="python -m runners.run --task spectral --preset $preset --seeds 3 --no-baseline --db FILE"
        $run --method all
        $run --method nnls_tv --set solver=exact --set weight=1e-6
        for level in none matrix signal; do $run --method sim2real --set augmentation=$level; done
        $run --method sim2real --set input=maximum
    done
    python tests/performance/spectral_claims.py --db FILE

Ratios and differences are paired by (seed, instance); intervals are 95 %, bootstrap over instances, seeds averaged.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from sqlalchemy.orm import Session

from benchmark.registry import get_task
from benchmark.statistics import mean
from benchmark.store.database import open_database
from benchmark.store.queries import Entry, entries

SPEC = get_task("spectral").spec
Cells = dict[str, dict[int, float]]  # group -> instance -> mean over seeds


def by_group(entry: Entry, preset: str, metric: str = "rmse") -> Cells:
    groups = SPEC.presets[preset].group
    found: dict[str, dict[int, list[float]]] = {group: defaultdict(list) for group in groups}
    for (_, instance), value in entry.scores[metric].items():
        found[groups[instance % len(groups)]][instance].append(value)
    return {group: {i: float(np.mean(v)) for i, v in sorted(cells.items())} for group, cells in found.items()}


def spread(values: list[float]) -> str:
    interval = mean({(0, i): value for i, value in enumerate(values)})
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def ratio(over: dict[int, float], under: dict[int, float]) -> str:
    """Ratio of the means with its interval, by bootstrap over the instances of both."""
    a, b = np.array(list(over.values())), np.array(list(under.values()))
    draws = np.random.default_rng(0).integers(0, len(a), (10000, len(a)))
    low, high = np.quantile(a[draws].mean(1) / b[draws].mean(1), [0.025, 0.975])
    return f"{a.mean() / b.mean():.2f} [{low:.2f}, {high:.2f}]"


def difference(first: dict[int, float], second: dict[int, float]) -> str:
    return spread([first[i] - second[i] for i in first])


def table(session: Session, preset: str) -> dict[str, Entry]:
    rows = {entry.label: entry for entry in entries(session, "spectral", SPEC.version, preset)}
    metrics = [metric.name for metric in SPEC.at(preset).metrics]
    for metric in metrics:
        print(f"\n{preset}: {metric} by group")
        print(" " * 52 + " ".join(f"{group:>12}" for group in SPEC.presets[preset].group))
        for label, entry in rows.items():
            found = by_group(entry, preset, metric)
            print(f"  {label:50}" + " ".join(f"{np.mean(list(cells.values())):12.3f}" for cells in found.values()))
    return rows


def claims(rows: dict[str, Entry], preset: str) -> None:
    found = {label: by_group(entry, preset) for label, entry in rows.items()}
    net = found.get("sim2real")
    level = {name: found.get(f"sim2real [augmentation={name}]") for name in ("none", "matrix", "signal")}
    if net is None:
        return
    print(f"\n{preset}: claims, by group")
    for group, cells in net.items():
        print(f"  {group}")
        if level["none"]:
            print(f"    1 both levels - none: {difference(cells, level['none'][group])}")
        if level["signal"] and level["matrix"]:
            print(f"    2 signal - matrix: {difference(level['signal'][group], level['matrix'][group])}")
            print(f"      both - signal: {difference(cells, level['signal'][group])}")
        for label in ("nnls_tv", "nnls_tv [solver=exact, weight=1e-06]", "nnls_tikhonov", "lorentzian_fit"):
            if label in found:
                print(f"    3 RMSE of sim2real over {label}: {ratio(cells, found[label][group])}")
        if "sim2real [input=maximum]" in found:
            print(f"    6 log - maximum input: {difference(cells, found['sim2real [input=maximum]'][group])}")
    if "nnls" in rows:
        spikes = by_group(rows["nnls"], preset, "cosine")
        print("  5 nnls, cosine: " + ", ".join(f"{group} {np.mean(list(c.values())):.3f}" for group, c in spikes.items()))


def shapes(rows: dict[str, Entry]) -> None:
    """How much more RMSE a shift of the data brings, method by method."""
    groups = ("gaussian", "asymmetric", "drift_10", "drift_30", "beyond_604")
    print("\n7, 8 RMSE over that of the simulated group")
    print(" " * 52 + " ".join(f"{group:>18}" for group in groups))
    for label, entry in rows.items():
        found = by_group(entry, "small_shifts")
        base = np.array(list(found["simulated"].values()))
        print(f"  {label:50}" + " ".join(f"{np.mean(list(found[g].values())) / base.mean():18.2f}" for g in groups))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, required=True)
    with Session(open_database(str(parser.parse_args().db), create=False)) as session:
        for preset in ("small", "small_shifts", "small_lines"):
            rows = table(session, preset)
            claims(rows, preset)
            if preset == "small_shifts":
                shapes(rows)
