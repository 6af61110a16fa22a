"""Shares of the kernels that stored masks keep, in the encoder and in the decoder (claim 9 of arXiv:2406.05288).

    python -m runners.run --task denoising --method oes --method lottery_ticket --method synflow --seeds 3 --force --db FILE
    python tests/performance/kept_weights.py --db FILE

Masks lie in files beside the database of who made them. The results that come with the suite have none.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.store.database import open_database
from benchmark.store.models import Artifact
from benchmark.store.queries import Entry, entries
from methods.images._hourglass import hourglass

PARTS = {"do": "encoder", "up": "decoder"}  # by how the names of their kernels begin


def kept(session: Session, folder: Path, entry: Entry) -> dict[str, float]:
    """The share of kernels kept by part, over all masks of a row; empty where it has none."""
    given = entry.parameters
    weights = hourglass((3, 64, 64), width=given["width"], widest=given["widest"], scales=given["scales"]).weights
    stay, total = defaultdict[str, int](int), defaultdict[str, int](int)
    rows = select(Artifact.path).where(Artifact.run_id.in_([run.id for run in entry.runs]), Artifact.kind == "mask")
    for path in session.scalars(rows):
        mask, start = np.load(folder / path), 0
        for name, size in zip(weights.shapes, weights.sizes, strict=True):
            if name.endswith("weight") and name != "head.weight":
                stay[PARTS[name[:2]]] += int(mask[start : start + size].sum())
                total[PARTS[name[:2]]] += size
            start += size
    return {part: stay[part] / total[part] for part in total}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True, type=Path)
    file = parser.parse_args().db
    with Session(open_database(str(file), create=False)) as session:
        for entry in entries(session, "denoising", 1, "small"):
            if "scales" in entry.parameters and (found := kept(session, file.parent, entry)):
                print(f"{entry.label:40} " + ", ".join(f"{part} {share:.1%}" for part, share in found.items()))


if __name__ == "__main__":
    main()
