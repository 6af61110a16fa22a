"""A made-up task that declares what it draws: a heat map of any size and lines on a logarithmic scale. Nothing was measured."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.leaderboard.synthetic import Writer, make_empty, sorting
from tests.leaderboard.synthetic_curves import keep

POINTS, CLASSES = 40, 3
# name -> (blur between the classes, points that it draws)
METHODS: dict[str, tuple[float, int]] = {"base_fill": (0.5, 40), "graph_cut": (0.1, 30), "graph_soft": (0.3, 40)}
PICTURES = [
    {
        "name": "image",
        "kind": "heat",
        "title": "Affinity",
        "about": "How much two samples belong together; good is bright blocks on a dark ground",
        "value": "affinity",
        "low": 0.0,
        "high": 1.0,
    },
    {
        "name": "spectrum",
        "kind": "lines",
        "title": "Singular values by class",
        "rows": "class",
        "value": "singular value",
        "axis": {"name": "number", "unit": "", "start": 1.0, "step": 1.0},
        "log": True,
        "later": "a key that this version does not know",
    },
    {"name": "basis", "kind": "heat", "title": "Basis", "about": "Of an estimate alone"},
    {"name": "edits", "kind": "strip", "title": "Edits", "axis": {"name": "strength", "unit": "", "start": -2.0, "step": 2.0}},
    {"name": "smell", "kind": "scent", "title": "Of a kind that this version does not know"},
]


def grouping() -> dict[str, Any]:
    """Specification: a distribution, with pictures."""
    spec = {**sorting(), "name": "grouping", "title": "Grouping (made up)", "poses": "Distribution"}
    return {**spec, "baseline": "base_fill", "pictures": PICTURES}


def affinity(size: int, blur: float) -> NDArray[np.float32]:
    """(size, size): 1 within a class, `blur` between two."""
    of = np.arange(size) * CLASSES // size
    return np.where(of[:, None] == of[None], 1.0, blur).astype(np.float32)


def spectrum(blur: float) -> NDArray[np.float32]:
    """(CLASSES, 12), falling; the last one is 0 in the truth."""
    fall = np.geomspace(1, 1e-4, 12) * (1 + np.arange(CLASSES)[:, None] / 4)
    fall[:, -1] = 0
    return np.asarray(fall + 0.01 * blur, np.float32)


def edits(blur: float) -> NDArray[np.float32]:
    """(3, 3, 8, 10): three images in colour, from dark to bright, less so by `blur`."""
    level = np.linspace(0, 1 - blur, 3)[:, None, None, None]
    return np.asarray(np.broadcast_to(level, (3, 3, 8, 10)), np.float32)


def write(writer: Writer) -> None:
    """Runs of preset tiny; what is drawn is kept of the first instance, and of the baseline no lines."""
    spec = grouping()
    for name, (blur, size) in METHODS.items():
        run = writer.run(spec, "tiny", name)
        for number in range(2):
            writer.instance(run, number, {"error": blur / 2}, 0.1, label=f"groups {number}")
        keep(writer, run, 0, truth=affinity(POINTS, 0), estimate=affinity(size, blur), truth_spectrum=spectrum(0))
        keep(writer, run, 0, estimate_basis=np.full((200, 2), blur, np.float32))
        keep(writer, run, 0, truth_edits=edits(0), estimate_edits=edits(blur))
        if name != "base_fill":
            keep(writer, run, 0, estimate_spectrum=spectrum(blur))


def make_figures(path: Path) -> Engine:
    """The task alone."""
    engine = make_empty(path)
    with Session(engine) as session:
        write(Writer(session, path.parent))
        session.commit()
    return engine
