"""The claims of arXiv:2406.05288 (pruning at initialisation) and of arXiv:2402.04097 on inpainting, computed from stored runs.

    python tests/performance/pruning_claims.py --db FILE

Needs the runs of `small`: all methods on denoising and inpainting; for the sweep `oes` with `--grid keep=0.02,0.2,0.5,0.8
--on-test`, for the transfer `oes` with `--set mask_from=camera`, for fair rivals the prunings with `--set scope=layer`. Every
number is a mean over instances (seeds averaged first) with its 95 % bootstrap-t interval; differences are paired by instance.
"End" is the mean of the last 5 % of a curve, because single iterates spike; "peak" needs the truth and is no method's answer.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.statistics.intervals import Estimate, Key, mean, paired_difference
from benchmark.store.database import open_database
from benchmark.store.models import Artifact, Curve
from benchmark.store.queries import Entry, entries
from methods.images._hourglass import hourglass

Values = dict[Key, float]


def show(found: Estimate) -> str:
    return f"{found.mean:+6.2f} [{found.low:+.2f}, {found.high:+.2f}] dB, n = {found.n}"


class Curves:
    """What the claims ask of a row's curves, by (seed, instance)."""

    def __init__(self, session: Session, entry: Entry) -> None:
        seed = {run.id: run.seed for run in entry.runs}
        self.first, self.before, self.peak, self.end = Values(), Values(), Values(), Values()
        points: dict[Key, list[tuple[int, float]]] = defaultdict(list)
        rows = select(Curve.run_id, Curve.instance, Curve.step, Curve.value)
        for run, instance, step, value in session.execute(rows.where(Curve.run_id.in_(seed), Curve.series == "estimate")):
            points[seed[run], instance].append((step, value))
        given = entry.parameters
        start = given.get("mask_steps", given.get("rounds", 0) * given.get("round_steps", 0))
        if given.get("mask_from") and len(given["mask_from"]) == 64:
            start = 0
        for key, found in points.items():
            found.sort()
            steps, values = np.array([s for s, _ in found]), np.array([v for _, v in found])
            trained = steps > start
            self.first[key] = values[0]
            if start:
                self.before[key] = values[~trained][-1]
            self.peak[key] = values[trained].max()
            self.end[key] = values[steps > start + 0.95 * (steps[-1] - start)].mean()

    @property
    def drop(self) -> Values:
        return {key: self.peak[key] - self.end[key] for key in self.peak}


def kept_by_part(session: Session, folder: Path, entry: Entry) -> tuple[float, float]:
    """Shares of the kernels that masks keep, in the encoder and in the decoder."""
    given = entry.parameters
    f = hourglass((3, 64, 64), width=given["width"], widest=given["widest"], scales=given["scales"])
    kept, total = defaultdict(int), defaultdict(int)
    rows = select(Artifact.path).where(Artifact.run_id.in_([run.id for run in entry.runs]), Artifact.kind == "mask")
    for path in session.scalars(rows):
        mask, start = np.load(folder / path), 0
        for name, size in zip(f.weights.shapes, f.weights.sizes, strict=True):
            if name.endswith("weight") and name != "head.weight":
                part = name[:2]
                kept[part] += int(mask[start : start + size].sum())
                total[part] += size
            start += size
    return kept["do"] / total["do"], kept["up"] / total["up"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True, type=Path)
    given = parser.parse_args()
    with Session(open_database(str(given.db))) as session:
        rows = {entry.label: entry for entry in entries(session, "denoising", 1, "small")}
        curves = {label: Curves(session, entry) for label, entry in rows.items()}
        curves = {label: found for label, found in curves.items() if found.peak}
        print("denoising/small: peak, end, drop")
        for label, found in sorted(curves.items(), key=lambda item: -mean(item[1].end).mean):
            print(f"  {label:36} {mean(found.peak).mean:6.2f} {mean(found.end).mean:6.2f}   {show(mean(found.drop))}")
        dense, oes = curves["dip"], curves["oes"]
        print("1 end of oes - end of dip:          ", show(paired_difference(oes.end, dense.end)))
        print("2 peak of oes - peak of dip:        ", show(paired_difference(oes.peak, dense.peak)))
        for label, found in curves.items():
            if label not in ("oes", "dip"):
                print(f"3-6, 8 end of oes - end of {label}: ", show(paired_difference(oes.end, found.end)))
        print("7 masked, untrained - dense, untrained:", show(paired_difference(oes.before, dense.first)))
        for label, entry in rows.items():
            here = all(run.origin == "here" for run in entry.runs)  # rows that came with the suite have no masks
            if here and entry.method in ("oes", "lottery_ticket", "synflow", "snip"):
                encoder, decoder = kept_by_part(session, given.db.parent, entry)
                print(f"9 kept by {label}: encoder {encoder:.1%}, decoder {decoder:.1%}")
        rows = {entry.label: entry for entry in entries(session, "inpainting", 1, "small")}
        if {"dip", "self_guided_dip"} <= rows.keys():
            scores = {label: entry.scores["psnr"] for label, entry in rows.items()}
            for label in scores:
                if label != "self_guided_dip":
                    print(
                        f"inpainting: self_guided_dip - {label}:",
                        show(paired_difference(scores["self_guided_dip"], scores[label])),
                    )


if __name__ == "__main__":
    main()
