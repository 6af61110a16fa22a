"""What methods learnt once for many instances, kept in files under the hash of all that it depends on.

A fit's key is a run's, with the preset whose training data is used and with the hyperparameters of learning alone: presets that
share training data and runs that differ elsewhere share the fit. The device's kind enters too, as rounding differs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from benchmark import seeds
from benchmark.context import Context
from benchmark.decorators import Learnt, Method, Task
from benchmark.store.writing import replace_whole

_NUMBER = -1  # of the instance whose streams of randomness are the training's: no instance has it


@dataclass(frozen=True)
class Fit:
    """What was learnt, in how many seconds of the method's own, and whether the budget ended it."""

    learnt: Learnt
    seconds: float
    truncated: bool

    def to(self, device: torch.device) -> "Fit":
        """The same with its tensors on `device`."""
        return Fit({name: x.to(device) for name, x in self.learnt.items()}, self.seconds, self.truncated)


def training_data(task: Task, preset: str, repeat: int) -> Any:
    """What a method may learn from on a preset: drawn from streams that no instance uses."""
    spec = task.spec
    seed = seeds.seed(spec.name, spec.version, preset, _NUMBER, repeat, "data")
    training = task.training  # type: ignore[attr-defined]  # only tasks that offer it have it
    return training(spec.presets[preset], torch.Generator().manual_seed(seed))


def learn(
    method: Method,
    task: Task,
    preset: str,
    repeat: int,
    parameters: Mapping[str, Any],
    ctx: Context,
    on_made: Callable[[], None] = lambda: None,
) -> Fit:
    """Learn on a preset's training data; the clock of `ctx` counts the method's own time. on_made: is called before it."""
    data = training_data(task, preset, repeat).to(ctx.device)
    on_made()
    ctx.clock.start()
    learnt = method.learn(data, ctx, parameters)
    ctx.clock.stop()
    return Fit(learnt, ctx.clock.seconds, ctx.truncated)


def method_seed(task: Task, preset: str, repeat: int) -> int:
    """The seed of the method's own randomness while it learns."""
    return seeds.seed(task.spec.name, task.spec.version, preset, _NUMBER, repeat, "method")


def load(folder: Path, digest: str) -> Fit | None:
    """A fit that was kept, on the CPU; None where there is none, or where its file is damaged."""
    path = _path(folder, digest)
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata()
            learnt: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
            return Fit(learnt, float(about["seconds"]), about["truncated"] == "True")
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return None


def keep(folder: Path, digest: str, fit: Fit) -> None:
    """Write a fit, never half of one. Raises DiskFull where there is no room."""
    about = {"seconds": repr(fit.seconds), "truncated": str(fit.truncated)}
    replace_whole(_path(folder, digest), save({name: x.cpu().contiguous() for name, x in fit.learnt.items()}, about))


def _path(folder: Path, digest: str) -> Path:
    return folder / f"{digest}.safetensors"
