"""Predictions that are nearly those of another method.

    r = median over instances of  ||a - b|| / min(||a - t||, ||b - t||)

a and b are the stored pictures of the estimates of two methods, t that of the truth (`Task.picture`; Frobenius norms). Two
methods that work apart make errors of their own, which point elsewhere: their estimates are as far from each other as from the
truth, r near 1 even where both are good. A copy with a little noise on it has r near 0. It is flagged below 0.05, for a
maintainer to look at, and never refused: two correct programs of one formula are as near. Pictures of fewer than 64 numbers
(the tables of `few_shot`) say too little and are not compared; equal scores are marked on the board in any case.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.store.models import Artifact, Method, Run

LIMIT = 0.05
_LEAST = 64  # numbers of a picture
Pictures = dict[tuple[int, int, str], str]  # (run, instance, kind) -> path


def near(session: Session, folder: Path, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Other methods whose predictions are nearly those of these runs, the nearest first: method, ratio r, instances compared.

    folder: that of the database, in which artifacts lie.
    """
    ratios: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        same = (Run.task_id == run.task_id, Run.preset == run.preset, Run.seed == run.seed, Run.data == run.data)
        others = session.execute(
            select(Run.id, Method.name)
            .join(Method, Run.method_id == Method.id)
            .where(*same, Run.method_id != run.method_id)
            .order_by(Run.started)
        ).all()
        newest = {name: number for number, name in others}
        found = _pictures(session, [run.id, *newest.values()])
        for (_, instance, kind), path in {k: p for k, p in found.items() if k[0] == run.id}.items():
            truth = found.get((run.id, instance, "truth"))
            if kind != "estimate" or truth is None:
                continue
            a, t = _read(folder, path), _read(folder, truth)
            for name, other in newest.items():
                b = _read(folder, found.get((other, instance, "estimate")))
                if (ratio := ratio_of(a, b, t)) is not None:
                    ratios[name].append(ratio)
    medians = [(float(np.median(values)), name, len(values)) for name, values in ratios.items()]
    return [{"method": name, "ratio": round(r, 4), "instances": n} for r, name, n in sorted(medians) if r < LIMIT]


def ratio_of(a: np.ndarray | None, b: np.ndarray | None, t: np.ndarray | None) -> float | None:
    """r of one instance; None where the pictures cannot be compared."""
    if a is None or b is None or t is None or a.shape != b.shape or a.size < _LEAST:
        return None
    apart = float(np.linalg.norm(a - b))
    if apart == 0:
        return 0.0
    if t.shape != a.shape:
        return None
    error = min(float(np.linalg.norm(a - t)), float(np.linalg.norm(b - t)))
    return apart / error if error else float("inf")


def _pictures(session: Session, runs: Sequence[int]) -> Pictures:
    rows = select(Artifact).where(Artifact.run_id.in_(runs), Artifact.kind.in_(("estimate", "truth")))
    return {(one.run_id, one.instance, one.kind): one.path for one in session.scalars(rows)}


def _read(folder: Path, path: str | None) -> np.ndarray | None:
    try:
        return None if path is None else np.load(folder / path, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError):
        return None  # a picture that is gone is not compared
