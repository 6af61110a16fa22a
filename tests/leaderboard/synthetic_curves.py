"""A made-up task whose pictures are stacks of curves, on a grid of named groups. Nothing here was measured."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from benchmark.store.models import Artifact, Run
from tests.leaderboard.synthetic import Writer, make_empty, sorting

GROUPS = ["simulated", "lamps", "drifted"]
CURVES, POINTS, DETECTORS = 5, 301, 16
# name -> (width of its smoothing in points, error by group, seconds to learn)
METHODS: dict[str, tuple[float, tuple[float, float, float], float]] = {
    "flat_guess": (60.0, (0.30, 0.31, 0.33), 0.0),
    "learner_plain": (9.0, (0.05, 0.14, 0.26), 41.0),
    "learner_wide": (6.0, (0.04, 0.11, 0.24), 95.5),
    "solver_fast": (24.0, (0.16, 0.17, 0.20), 0.0),
    "solver_smooth": (16.0, (0.11, 0.12, 0.15), 0.0),
    "solver_sparse": (12.0, (0.13, 0.16, 0.16), 0.0),
}


def waves() -> dict[str, Any]:
    """Specification: 12 instances in three groups, an error by group."""
    sizes = {"tiny": 3, "small": 12, "full": 30}
    metrics = [
        {"name": "rmse", "better": "lower", "description": "made-up error", "primary": True},
        {"name": "cosine", "better": "higher", "description": "made-up likeness"},
    ]
    presets = {name: {"instances": n, "budget": 1.0, "grid": ["group"], "group": GROUPS} for name, n in sizes.items()}
    return {
        **sorting(),
        "name": "waves",
        "title": "Waves (made up)",
        "poses": "LinearInverse",
        "baseline": "flat_guess",
        "metrics": metrics,
        "presets": presets,
        "axis": {"name": "wavelength", "unit": "nm", "start": 400.0, "step": 1.0},
    }


def truth_of(number: int) -> NDArray[np.float32]:
    """Curves (CURVES, POINTS) of an instance: bumps, the largest value of each 1."""
    at, random = np.arange(POINTS), np.random.default_rng(number)
    places, widths = random.uniform(20, 240, (CURVES, 3, 1)), random.uniform(8, 18, (CURVES, 3, 1))
    bumps = (random.uniform(0.3, 1.0, (CURVES, 3, 1)) / (1 + ((at - places) / widths) ** 2)).sum(1)
    return np.asarray(bumps / bumps.max(1, keepdims=True), np.float32)


def _smoothed(curves: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    reach = np.arange(-POINTS + 1, POINTS)
    kernel = np.exp(-0.5 * (reach / width) ** 2)
    return np.array([np.convolve(curve, kernel / kernel.sum(), "same")[POINTS // 2 :][:POINTS] for curve in curves], np.float32)


def keep(writer: Writer, run: Run, number: int, **arrays: NDArray[Any]) -> None:
    """Arrays of an instance, by kind."""
    (writer.folder / "curves").mkdir(exist_ok=True)
    for kind, array in arrays.items():
        name = f"curves/{run.id}_{number}_{kind}.npy"
        np.save(writer.folder / name, array)
        writer.session.add(Artifact(run_id=run.id, instance=number, kind=kind, path=name, sha256=""))


def write(writer: Writer, methods: list[str] | None = None) -> None:
    """Runs of preset small; curves are kept of the first two instances."""
    spec = waves()
    for method in methods or list(METHODS):
        width, errors, learning = METHODS[method]
        run = writer.run(spec, "small", method, fit_seconds=learning)
        for number in range(12):
            error = errors[number % 3] * (1 + 0.1 * float(writer.random.standard_normal()))
            seconds = 0.002 * (1 + width)
            writer.instance(run, number, {"rmse": error, "cosine": 1 - error**2}, seconds, label=f"stack {number}")
            if number > 1:
                continue
            truth = truth_of(number)
            sight = np.exp(-0.5 * ((np.arange(POINTS) - np.arange(10, 300, 18.2)[:, None]) / 30) ** 2)
            signal = (truth @ sight.T * np.geomspace(1e-8, 3e-4, DETECTORS)).astype(np.float32)
            estimate = 0.8 * _smoothed(truth, width) - 0.01
            keep(writer, run, number, truth=truth, estimate=estimate.astype(np.float32), measured=signal)


def make_curves(path: Path, methods: list[str] | None = None) -> Engine:
    """The task alone, with these methods or all."""
    engine = make_empty(path)
    with Session(engine) as session:
        write(Writer(session, path.parent), methods)
        session.commit()
    return engine
