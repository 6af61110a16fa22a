"""The claims of arXiv:2409.02371, numbered as in the README, computed from stored runs.

    run="python -m runners.run --task video_retrieval --preset small --seeds 3 --db FILE --no-baseline"
    $run --method all
    for orders in same mixed random; do $run --method vididi_simclr --set orders=$orders; done
    $run --method vididi_simclr --set coin=false
    $run --method vididi_simclr --set share=0.25 --set cycles=48  # as many steps
    python tests/performance/video_claims.py --db FILE

Differences are paired by (seed, instance); intervals are 95 %, bootstrap over instances, seeds averaged.
"""

import argparse
from itertools import product
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from benchmark.registry import get_task
from benchmark.statistics import mean
from benchmark.store.database import open_database
from benchmark.store.queries import Entry, entries

SPEC = get_task("video_retrieval").spec
SHOWN = ("recall_1", "recall_5", "background_1", "probe", "consistency")
FRAMEWORKS = ("simclr", "vicreg", "byol")
CELLS = [layout for (layout,) in SPEC.presets["small"].cells()]
Values = dict[tuple[int, int], float]


def of(entry: Entry, metric: str, cell: str | None = None) -> Values:
    """A metric's values by (seed, instance), of one layout alone."""
    scores = entry.scores[metric]
    return {key: value for key, value in scores.items() if cell is None or CELLS[key[1] % len(CELLS)] == cell}


def gap(first: Values, second: Values) -> Values:
    return {key: first[key] - second[key] for key in first.keys() & second.keys()}


def told(values: Values) -> str:
    found = mean(values)
    interval = "[too few instances]" if isnan(found.low) else f"[{found.low:+.3f}, {found.high:+.3f}]"
    return f"{found.mean:+.3f} {interval}, {sum(v > 0 for v in values.values())} of {len(values)} up"


def table(rows: list[Entry]) -> None:
    print(f"{'':48}" + " ".join(f"{f'{m} {cell}':>22}" for m, cell in product(SHOWN, CELLS)))
    for row in rows:
        line = " ".join(f"{np.mean(list(of(row, m, cell).values())):22.3f}" for m, cell in product(SHOWN, CELLS))
        seeds = len({seed for seed, _ in row.scores["recall_1"]})
        print(f"{row.label:48}{line}   {seeds} seeds")


def pick(rows: list[Entry], method: str, **given: Any) -> Entry | None:
    """The row of a method with these hyperparameters, of several that with the fewest changes from what it recommends."""
    found = [row for row in rows if row.method == method and all(row.parameters[n] == v for n, v in given.items())]
    return min(found, key=lambda row: len(row.label), default=None)


def claims(rows: list[Entry]) -> None:
    gains, ours, theirs = {}, {}, {}
    for name in FRAMEWORKS:
        base, vididi = pick(rows, name), pick(rows, f"vididi_{name}")
        if base is None or vididi is None:
            continue
        print(f"\n{name}")
        for metric in SHOWN:
            print(f"  {'1' if metric == 'recall_1' else '4' if metric == 'background_1' else ' '} ", end="")
            print(f"{metric}: ViDiDi less base " + told(gap(of(vididi, metric), of(base, metric))))
        for cell in CELLS:
            print(f"    recall_1, {cell}: " + told(gap(of(vididi, "recall_1", cell), of(base, "recall_1", cell))))
        gains[name] = np.mean(list(gap(of(vididi, "recall_1"), of(base, "recall_1")).values()))
        ours[name], theirs[name] = (np.mean(list(of(row, "recall_1").values())) for row in (vididi, base))
    if len(gains) == len(FRAMEWORKS):
        print("\n2 gain by framework: " + ", ".join(f"{name} {value:+.3f}" for name, value in gains.items()))
        spread = [max(found.values()) - min(found.values()) for found in (theirs, ours)]
        print(f"3 spread of the frameworks' recall_1: base {spread[0]:.3f}, ViDiDi {spread[1]:.3f}")
    full = pick(rows, "vididi_simclr", orders="schedule", coin=True, share=1.0)
    if full is None:
        return
    for what, given in {
        "6 only same orders, (1,1) and (2,2)": {"orders": "same"},
        "  only mixed": {"orders": "mixed"},
        "  orders drawn for each batch": {"orders": "random"},
        "  no coin": {"coin": False},
    }.items():
        if other := pick(rows, "vididi_simclr", **given):
            print(f"{what}: the schedule less it, recall_1 " + told(gap(of(full, "recall_1"), of(other, "recall_1"))))
    quarter, base = pick(rows, "vididi_simclr", share=0.25), pick(rows, "simclr")
    if quarter and base:
        print(
            "8 ViDiDi on a quarter of the videos less SimCLR on all " + told(gap(of(quarter, "recall_1"), of(base, "recall_1")))
        )
    for reference in ("frame_difference", "motion_histogram", "first_frame", "random_encoder"):
        if other := pick(rows, reference):
            for name in FRAMEWORKS:
                if vididi := pick(rows, f"vididi_{name}"):
                    print(f"  vididi_{name} less {reference}: " + told(gap(of(vididi, "recall_1"), of(other, "recall_1"))))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, required=True)
    with Session(open_database(str(parser.parse_args().db), create=False)) as session:
        found = entries(session, "video_retrieval", SPEC.version, "small")
        table(found)
        claims(found)
