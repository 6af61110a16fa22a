"""Results of two simple ways to retrieve videos, of the task in retrieval_task.py, and that task as an installed plug-in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from torch import Tensor

from benchmark import registry
from benchmark.instances import make_instance, observed
from benchmark.store.database import open_database
from tests.leaderboard import synthetic_curves, synthetic_figures
from tests.leaderboard.retrieval_task import SPEC, Moving
from tests.leaderboard.synthetic import Writer, fill, make_empty


def mean_colour(clips: Tensor) -> Tensor:
    """Goes by the background: the mean over time on a grid of 4 x 4."""
    return torch.nn.functional.adaptive_avg_pool2d(clips.float().mean(1).permute(0, 3, 1, 2), 4).flatten(1) - 128


def differences(clips: Tensor) -> Tensor:
    """Goes by the motion: how much changes from frame to frame, where the body is."""
    change = clips.float().mean(-1).diff(dim=1).abs()
    return torch.cat([torch.nn.functional.adaptive_avg_pool2d(change, 6).mean(1).flatten(1), change.mean((2, 3))], 1)


METHODS = {"mean_colour": mean_colour, "differences": differences}


def write(writer: Writer, preset: str = "small", pictures: bool = True, observation: str = "") -> None:
    """Runs of a preset; `observation` takes the place of the true hash."""
    task, spec = Moving(), SPEC.model_dump(mode="json")
    runs = {name: writer.run(spec, preset, name) for name in METHODS}
    for number in range(SPEC.presets[preset].instances):
        instance = make_instance(task, "small" if preset == "full" else preset, number, 0)
        shown = observation or observed(instance.problem.shown())
        for name, embed in METHODS.items():
            estimate = torch.cat([embed(clips) for clips in (instance.problem.gallery, instance.problem.queries)])
            scores = task.score(instance, estimate)
            writer.instance(runs[name], number, scores, 0.1, label=instance.label, observation=shown)
            if pictures:
                kept = {"truth": instance.truth, "estimate": estimate}
                images = {kind: task.picture(instance, one)["image"].numpy() for kind, one in kept.items()}
                synthetic_curves.keep(writer, runs[name], number, **images)


def make_retrieval(path: Path, preset: str = "small", pictures: bool = True, observation: str = "") -> Engine:
    """The task alone."""
    engine = make_empty(path)
    with Session(engine) as session:
        write(Writer(session, path.parent), preset, pictures, observation)
        session.commit()
    return engine


def make_everything(path: Path) -> Engine:
    """What synthetic.make_full has, the tasks of curves and of declared pictures, and this one."""
    engine = make_empty(path)
    with Session(engine) as session:
        writer = Writer(session, path.parent)
        fill(writer)
        synthetic_curves.write(writer)
        synthetic_figures.write(writer)
        write(writer)
        session.commit()
    return engine


def install(folder: Path) -> None:
    """What pip would leave of a package with this task, in a folder for the search path of Python."""
    place = folder / "moving-1.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: moving\nVersion: 1\n")
    (place / "entry_points.txt").write_text("[lowdimbench.tasks]\nmoving = tests.leaderboard.retrieval_task\n")


@contextmanager
def installed(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """The plug-in in this process."""
    install(folder)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(folder))
        registry.tasks.cache_clear()
        yield
    registry.tasks.cache_clear()


def session(path: Path) -> Session:
    """An open database that was made before."""
    return Session(open_database(str(path), create=False))
