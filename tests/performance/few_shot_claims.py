"""The claims on fine-tuning of arXiv:2406.04112, numbered as in the README, computed from stored runs.

    run="python -m runners.run --task few_shot --db FILE --no-baseline"
    published="--set lr=1e-3 --set head=frozen"  # the paper's 1e-4 moves nothing in so few steps
    $run --preset small --seeds 5 --method all
    $run --preset small --method lora --set start=published $published
    $run --preset small --method deep_lora --set form=wide $published
    $run --preset small_pairs --seeds 2 --method all
    for rank in 1 8 64; do
        $run --preset small_ranks --method deep_lora --set rank=$rank
        $run --preset small_ranks --method lora --set rank=$rank
        $run --preset small_ranks --method lora --set rank=$rank --set start=published --set lr=1e-4
    done
    python tests/performance/few_shot_claims.py --db FILE

Differences are paired by (seed, instance); intervals are 95 %, bootstrap over instances, seeds averaged.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from benchmark.registry import get_task
from benchmark.statistics import mean
from benchmark.store.database import open_database
from benchmark.store.queries import Entry, entries

SPEC = get_task("few_shot").spec


def table(rows: list[Entry], preset: str) -> None:
    """Mean accuracy by cell, over draws and seeds; the rank of the updates; how many seeds."""
    cells = SPEC.presets[preset].cells()
    names = [f"{str(text).removeprefix('sentiment_')} {labels}" for text, labels in cells]
    print(f"\n{preset}: accuracy" + " " * 42 + " ".join(f"{name:>12}" for name in [*names, "all", "eff. rank", "seeds"]))
    for entry in rows:
        found = defaultdict(list)
        for (_, instance), value in entry.scores["accuracy"].items():
            found[instance % len(cells)].append(value)
        means = [float(np.mean(found[i])) for i in range(len(cells))]
        rank = float(np.mean(list(entry.scores["effective_rank"].values())))
        seeds = len({seed for seed, _ in entry.scores["accuracy"]})
        line = " ".join(f"{value:12.3f}" for value in [*means, float(np.mean(means)), rank])
        print(f"  {entry.label:56}{line} {seeds:12d}")


def difference(first: Entry, second: Entry) -> str:
    ours, theirs = first.scores["accuracy"], second.scores["accuracy"]
    gaps = {key: ours[key] - theirs[key] for key in ours.keys() & theirs.keys()}
    found = mean(gaps)
    won, lost = sum(gap > 0 for gap in gaps.values()), sum(gap < 0 for gap in gaps.values())
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}], {won} pairs won, {lost} lost of {len(gaps)}"


def pick(rows: list[Entry], method: str, **given: Any) -> Entry | None:
    """The row of a method with these hyperparameters, and for the others the fewest that differ from what it recommends."""
    found = [row for row in rows if row.method == method and all(row.parameters[n] == v for n, v in given.items())]
    return min(found, key=lambda row: len(row.label), default=None)


def gaps(rows: list[Entry]) -> None:
    frozen = {"head": "frozen"}
    pairs = (
        (
            "6, 8 fair: both rates tuned, the head learns",
            pick(rows, "deep_lora", head="trained"),
            pick(rows, "lora", head="trained"),
        ),
        (
            "6 published: wide, N(0, 1), one rate, frozen head",
            pick(rows, "deep_lora", form="wide", **frozen),
            pick(rows, "lora", start="published", **frozen),
        ),
    )
    for name, deep, lora in pairs:
        if deep and lora:
            print(f"  {name}: Deep LoRA - LoRA {difference(deep, lora)}")


def ranks(rows: list[Entry]) -> None:
    """Accuracy and effective rank against the rank that was given."""
    families: dict[str, dict[int, Entry]] = defaultdict(dict)
    for row in rows:
        if "rank" in row.parameters:
            form = row.parameters.get("start", row.parameters.get("form"))
            families[f"{row.method} {form}, lr {row.parameters['lr']:g}"][row.parameters["rank"]] = row
    print("\n6, 7 accuracy (effective rank) against the rank given")
    for name, family in families.items():
        line = []
        for rank, row in sorted(family.items()):
            accuracy, effective = (np.mean(list(row.scores[m].values())) for m in ("accuracy", "effective_rank"))
            line.append(f"{rank}: {accuracy:.3f} ({effective:.1f})")
        print(f"  {name:40}" + "  ".join(line))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, required=True)
    with Session(open_database(str(parser.parse_args().db), create=False)) as session:
        for preset in ("small", "small_pairs", "small_ranks"):
            if rows := entries(session, "few_shot", SPEC.version, preset):
                table(rows, preset)
                if preset == "small_ranks":
                    ranks(rows)
                else:
                    gaps(rows)
