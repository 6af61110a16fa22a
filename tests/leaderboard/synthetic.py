"""Databases of made-up numbers for the tests of the leaderboard. Nothing here was measured."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from benchmark.store.database import open_database
from benchmark.store.models import Artifact, Curve, Environment, Instance, Method, Run, Score, Task

START = datetime(2026, 1, 1, tzinfo=UTC)
# name -> (kind, gain over the baseline in dB, seconds on an instance, steps with a curve)
METHODS: dict[str, tuple[str, float, float, int]] = {
    "base_fill": ("baseline", 0.0, 0.0007, 0),
    "classic_cg": ("classical", 2.0, 0.04, 0),
    "classic_wavelet": ("classical", 2.6, 0.9, 40),
    "net_guided": ("untrained network", 6.1, 34.0, 60),
    "net_plain": ("untrained network", 4.0, 21.0, 60),
    "net_reference": ("untrained network, reference", 6.0, 40.0, 60),
}


def imaging(version: int = 1) -> dict[str, Any]:
    """Specification of a made-up task with images and curves: more is better, in dB."""
    sizes = {"tiny": 2, "small": 8, "full": 20}
    return {
        "name": "imaging",
        "version": version,
        "title": "Imaging (made up)",
        "poses": "LinearInverse",
        "baseline": "base_fill",
        "source": "arXiv:2402.04097",
        "metrics": [
            {"name": "psnr", "better": "higher", "description": "made-up PSNR", "unit": "dB", "primary": True},
            {"name": "nmse", "better": "lower", "description": "made-up error", "unit": "", "primary": False},
        ],
        "presets": {
            name: {"instances": n, "budget": 60.0, "data": ["none"], "about": f"made up, {n} instances"}
            for name, n in sizes.items()
        },
    }


def sorting() -> dict[str, Any]:
    """Specification of a made-up task without images and curves: less is better, without unit."""
    metrics = [{"name": "error", "better": "lower", "description": "made-up error rate", "unit": "", "primary": True}]
    names = {"name": "sorting", "title": "Sorting (made up)", "poses": "Completion", "source": "a made-up paper"}
    return {**imaging(), **names, "metrics": metrics}


def completion() -> dict[str, Any]:
    """Specification of a made-up task whose presets lie on grids: success by size and rank, and an error by noise."""
    metrics = [
        {"name": "log_error", "better": "lower", "description": "made-up", "primary": True, "levels": [-2.0, -4.0]},
        {"name": "success", "better": "higher", "description": "made-up share"},
        {"name": "stars", "better": "lower", "description": "made-up stars"},
    ]
    small = {"metrics": ["log_error", "success"], "grid": ["n", "rank", "noise"], "noise": [0.0]}
    presets = {
        "tiny": {"instances": 2, "budget": 1.0},
        "small": {**small, "instances": 6, "budget": 1.0, "n": [50, 100], "rank": [2, 3, 5]},
        "small_noise": {**small, "instances": 4, "budget": 1.0, "n": [50], "rank": [2], "noise": [1e-3, 1e-2, 0.1, 1.0]},
        "full": {"instances": 2, "budget": 1.0, "metrics": ["stars"]},
    }
    return {**sorting(), "name": "completion", "title": "Completion (made up)", "metrics": metrics, "presets": presets}


class Writer:
    """Adds made-up rows to a database. `folder` is where images go."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.folder = session, folder
        self.random = np.random.default_rng(7)
        self.tasks: dict[tuple[str, int], Task] = {}
        self.methods: dict[str, Method] = {}
        self.count = 0
        self.machine = Environment(
            digest="machine",
            commit="0123456789abcdef",
            dirty=False,
            python="3.12.0",
            platform="Linux",
            cpu="Made-up CPU",
            cores=2,
            threads=2,
            memory_gb=8.0,
            device="cpu",
            packages={"numpy": "2.0"},
        )
        session.add(self.machine)

    def task(self, spec: dict[str, Any]) -> Task:
        key = (spec["name"], spec["version"])
        if key not in self.tasks:
            self.tasks[key] = Task(name=key[0], version=key[1], spec=spec)
            self.session.add(self.tasks[key])
        return self.tasks[key]

    def method(self, name: str) -> Method:
        if name not in self.methods:
            kind = METHODS.get(name, ("made up",))[0]
            self.methods[name] = Method(name=name, solves="LinearInverse", kind=kind, paper="", summary="made up")
            self.session.add(self.methods[name])
        return self.methods[name]

    def run(self, spec: dict[str, Any], preset: str, method: str, seed: int = 0, **columns: Any) -> Run:
        """A run without instances."""
        self.count += 1
        defaults = {
            "parameters": {"steps": 100},
            "split": "test",
            "source": "code 1",
            "data": "",
            "trust": "reproduced",
            "command": f"python -m runners.run --task {spec['name']} --preset {preset} --method {method} --seeds {seed}",
            "status": "done",
            "instances": spec["presets"][preset]["instances"],
            "started": START + timedelta(minutes=self.count),
            "finished": START + timedelta(minutes=self.count, seconds=30),
            "peak_memory": 512.0 + self.count,
        }
        self.session.add(self.machine)
        self.session.flush()
        task, by = self.task(spec), self.method(method)
        self.session.flush()
        run = Run(
            digest=str(self.count),
            task_id=task.id,
            preset=preset,
            method_id=by.id,
            seed=seed,
            environment_id=self.machine.id,
            **{**defaults, **columns},
        )
        self.session.add(run)
        self.session.flush()
        return run

    def instance(self, run: Run, number: int, scores: dict[str, float], seconds: float, **columns: Any) -> None:
        """A finished instance with its scores; status and error may say otherwise."""
        row = {"status": "done", "label": f"slice {number}", "steps": 10, "error": None, **columns}
        observation = sha256(f"{run.seed}/{number}".encode()).hexdigest()
        self.session.add(Instance(run_id=run.id, number=number, seconds=seconds, **{"observation": observation, **row}))
        self.session.add_all(Score(run_id=run.id, instance=number, metric=m, value=v) for m, v in scores.items())

    def imaging_run(self, preset: str, method: str, seed: int = 0, extra: float = 0.0, **columns: Any) -> Run:
        """A finished run of the imaging task: scores rise with the method's gain, harder instances score less."""
        spec = imaging(columns.pop("version", 1))
        count = columns.pop("count", spec["presets"][preset]["instances"])
        _, gain, seconds, steps = METHODS[method]
        run = self.run(spec, preset, method, seed, **columns)
        for number in range(count):
            level = 24 - 0.8 * ((number * 5) % 8) + 0.1 * seed
            psnr = level + gain + extra + 0.35 * float(self.random.standard_normal())
            spent = seconds * (1 + 0.1 * float(self.random.random()))
            self.instance(run, number, {"psnr": psnr, "nmse": 10 ** (-psnr / 10)}, spent)
            self.curve(run, number, psnr, spent, steps)
        return run

    def curve(self, run: Run, number: int, final: float, seconds: float, steps: int) -> None:
        """An estimate that rises to its final value, and for networks an iterate that overfits in the end."""
        for step in range(1, steps + 1):
            part = step / steps
            series = {"estimate": final - 9 * float(np.exp(-6 * part))}
            if steps == 60:
                overfit = 4 * max(0.0, part - 0.4)
                series["iterate"] = series["estimate"] - overfit + 0.2 * float(self.random.standard_normal())
            self.session.add_all(
                Curve(run_id=run.id, instance=number, series=s, step=step * 10, seconds=seconds * part, value=v)
                for s, v in series.items()
            )

    def pictures(self, run: Run, number: int, noise: float, size: int = 64) -> None:
        """Truth and estimate of an instance as .npy files."""
        axis = np.linspace(-1, 1, size)
        y, x = np.meshgrid(axis, axis, indexing="ij")
        rings = np.abs(np.cos(7 * np.hypot(x, y + 0.05 * number)))
        truth = (np.hypot(x / 0.8, y) < 0.9) * (0.35 + 0.65 * rings)
        truth = (truth / truth.max()).astype(np.float32)
        estimate = np.abs(truth + noise * self.random.standard_normal(truth.shape)).astype(np.float16)
        for kind, array in (("truth", truth), ("estimate", estimate)):
            name = f"pictures/{run.id}_{number}_{kind}.npy"
            (self.folder / "pictures").mkdir(exist_ok=True)
            np.save(self.folder / name, array)
            self.session.add(Artifact(run_id=run.id, instance=number, kind=kind, path=name, sha256=""))


def make_completion(path: Path) -> Engine:
    """Two methods of a task with grids, levels and kept singular values; `steady` succeeds everywhere, `base_fill` at 5."""
    engine = make_empty(path)
    with Session(engine) as session:
        writer, spec = Writer(session, path.parent), completion()
        for preset, method in product(("small", "small_noise"), ("base_fill", "steady")):
            for seed in (0, 1):
                run = writer.run(spec, preset, method, seed)
                for number in range(spec["presets"][preset]["instances"]):
                    well = method == "steady" or number % 3 == 2
                    final = -6.0 if well else -0.1
                    writer.instance(run, number, {"log_error": final + 0.01 * seed, "success": float(well)}, 2.0)
                    for step in range(0, 11):
                        value = final * step / 10
                        place = {"run_id": run.id, "instance": number, "series": "estimate"}
                        session.add(Curve(**place, step=10 * step, seconds=0.2 * step, value=value))
                table = np.column_stack([np.arange(1.0, 6.0), np.geomspace(1, 1e-3, 5), np.full(5, 1e-9)])
                (path.parent / "kept").mkdir(exist_ok=True)
                np.save(path.parent / "kept" / f"{run.id}.npy", table)
                session.add(Artifact(run_id=run.id, instance=0, kind="singular_values", path=f"kept/{run.id}.npy", sha256=""))
        rated = writer.run(spec, "full", "base_fill")
        for number in range(2):
            writer.instance(rated, number, {"stars": 0.9}, 1.0)
        session.commit()
    return engine


def make_empty(path: Path) -> Engine:
    """A database with tables and no rows."""
    return open_database(str(path))


def make_tiny(path: Path) -> Engine:
    """Two methods on two instances: too few for intervals."""
    engine = make_empty(path)
    with Session(engine) as session:
        writer = Writer(session, path.parent)
        for method in ("base_fill", "classic_cg"):
            writer.imaging_run("tiny", method)
        session.commit()
    return engine


def make_full(path: Path) -> Engine:
    """Two tasks, ties, two seeds, pictures, curves, failures, and a run for every reason to be hidden."""
    engine = make_empty(path)
    with Session(engine) as session:
        fill(Writer(session, path.parent))
        session.commit()
    return engine


def fill(writer: Writer) -> None:
    """What make_full says."""
    for method, (_, gain, _, _) in METHODS.items():
        writer.imaging_run("tiny", method)
        for seed in (0, 1):
            run = writer.imaging_run("small", method, seed)
            if seed == 0:
                for number in (0, 1):
                    writer.pictures(run, number, noise=0.12 * 10 ** (-gain / 20))
    writer.imaging_run("small", "net_plain", extra=-1.5, parameters={"steps": 50})
    _troubles(writer)
    _sorting(writer)


def _troubles(writer: Writer) -> None:
    spec = imaging()
    partial = writer.imaging_run("small", "classic_wavelet", parameters={"steps": 7}, count=5, status="failed")
    trace = "Traceback (most recent call last):\n  File x\nValueError: the estimate has entries that are not finite"
    failed = {"status": "failed", "label": "", "observation": "", "error": trace}
    writer.instance(partial, 5, {}, 0.0, **failed)
    writer.run(spec, "small", "net_slow", status="timeout", error="no answer within 5m\nlast lines")
    writer.imaging_run("small", "classic_cg", seed=1000, split="tuning")
    old = {"parameters": {"steps": 3}}
    writer.imaging_run("small", "classic_cg", source="code 0", **old)
    writer.imaging_run("small", "classic_cg", **old)
    writer.imaging_run("small", "classic_cg", version=0)


def _sorting(writer: Writer) -> None:
    for method, error in (("base_fill", 0.30), ("classic_cg", 0.22)):
        run = writer.run(sorting(), "small", method, peak_memory=None)
        for number in range(8):
            writer.instance(run, number, {"error": error + 0.02 * float(writer.random.standard_normal())}, 0.5)
