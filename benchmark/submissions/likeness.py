"""Predictions that are nearly those of another method.

    r = median over instances of  ||a - b|| / min(||a - t||, ||b - t||)

a and b are the stored pictures of the estimates of two methods, t that of the truth (`Task.picture`; Frobenius norms). Two
methods that work apart make errors of their own, which point elsewhere: their estimates are as far from each other as from the
truth, r near 1 even where both are good. A copy with a little noise on it has r near 0. It is flagged below 0.05, for a
maintainer to look at, and never refused: two correct programs of one formula are as near.

Two good methods agree on most labels, as most are right; so labels (`few_shot`) are compared where they are wrong:

    r = 1 - s / w      w: texts that at least one of the two gets wrong; s: those of them where both give the same label

over all instances. It is flagged below 0.1, and not compared where w < 20. On tuning data (few_shot/small with texts cut after
24 tokens, three draws of 150 texts, six methods, two of them with two seeds) no pair fell below 0.26, not even two seeds of one
method; a copy with one label in a hundred changed has about 0.04, with one in twenty 0.18, which is not flagged.
Other pictures of fewer than 64 numbers say too little and are not compared; equal scores are marked on the board in any case.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark.store.models import Artifact, Method, Run

if TYPE_CHECKING:
    from torch import Tensor

LIMIT = 0.05
LABEL_LIMIT = 0.1
_LEAST = 64  # numbers of a picture
_LEAST_WRONG = 20  # labels
_KINDS = ("estimate", "truth", "estimate_labels", "truth_labels")
Pictures = dict[tuple[int, int, str], str]  # (run, instance, kind) -> path


def near(
    session: Session, folder: Path, runs: Sequence[Run], truths: Mapping[tuple[int, int, str], "Tensor"] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Other methods whose predictions are nearly those of these runs, the nearest first: method, ratio r, instances compared.

    folder: that of the database, in which artifacts lie; truths: pictures of the truth by (seed, instance, kind), where they
    are not kept.
    """
    ratios: dict[str, list[float]] = defaultdict(list)
    wrong: dict[str, list[tuple[int, int]]] = defaultdict(list)
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
        for _, instance, kind in [key for key in found if key[0] == run.id]:
            if kind not in ("estimate", "estimate_labels"):
                continue
            truth = kind.replace("estimate", "truth")
            a, t = (_read(folder, found.get((run.id, instance, one))) for one in (kind, truth))
            if t is None and (here := truths.get((run.seed, instance, truth))) is not None:
                t = here.cpu().numpy().astype(np.float64)
            for name, other in newest.items():
                b = _read(folder, found.get((other, instance, kind)))
                if kind == "estimate_labels":
                    wrong[name].append(wrong_of(a, b, t))
                elif t is not None and (ratio := ratio_of(a, b, t)) is not None:
                    ratios[name].append(ratio)
    medians = [(float(np.median(values)), name, len(values)) for name, values in ratios.items()]
    flagged = {name: (r, n) for r, name, n in medians if r < LIMIT}
    for name, counts in wrong.items():
        either, alike = (sum(column) for column in zip(*counts, strict=True))
        if either >= _LEAST_WRONG and (r := 1 - alike / either) < LABEL_LIMIT:
            flagged[name] = r, sum(one > 0 for one, _ in counts)
    order = sorted((r, name, n) for name, (r, n) in flagged.items())
    return [{"method": name, "ratio": round(r, 4), "instances": n} for r, name, n in order]


def wrong_of(a: np.ndarray | None, b: np.ndarray | None, t: np.ndarray | None) -> tuple[int, int]:
    """How many of the labels t the predictions a or b get wrong, and how many both get wrong alike. None where they cannot be
    compared.
    """
    if a is None or b is None or t is None or not a.shape == b.shape == t.shape:
        return 0, 0
    either = (a != t) | (b != t)
    return int(either.sum()), int((either & (a == b)).sum())


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
    rows = select(Artifact).where(Artifact.run_id.in_(runs), Artifact.kind.in_(_KINDS))
    return {(one.run_id, one.instance, one.kind): one.path for one in session.scalars(rows)}


def _read(folder: Path, path: str | None) -> np.ndarray | None:
    try:
        return None if path is None else np.load(folder / path, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError):
        return None  # a picture that is gone is not compared
