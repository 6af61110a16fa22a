"""An instance of a preset, made anew, and the hash that says whether two methods were shown the same. Imports torch.

No task and no method imports this module, so that it is no part of the code that a result depends on (benchmark/source.py).
"""

from collections.abc import Iterable
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor

from benchmark import seeds
from benchmark.decorators import Task
from benchmark.problems import FewShot, Instance

LABELS = "labels"


def make_instance(task: Task, preset: str, number: int, repeat: int) -> Instance:
    """Instance `number` of a preset, the same for every method and on every machine."""
    spec = task.spec
    seed = seeds.seed(spec.name, spec.version, preset, number, repeat, "data")
    return task.make(spec.presets[preset], seeds.split(repeat), number, torch.Generator().manual_seed(seed))


def observed(shown: Iterable[Tensor]) -> str:
    """SHA-256 of what a method is shown, without a second copy of it."""
    total = sha256()
    for tensor in shown:
        total.update(np.ascontiguousarray(tensor.numpy()).reshape(-1).view(np.uint8).data)
    return total.hexdigest()


def drawn(task: Task, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
    """The pictures to keep of an instance, float32, by kind of artifact.

    estimate, truth; of a task that declares several pictures besides `estimate_NAME` and `truth_NAME` for each other one that
    it drew; of others, by its own name, what they draw beside the truth, such as what was measured. Of texts with classes also
    the class that each test text was given, (1, N): estimate_labels, truth_labels, by which submissions are compared too
    """
    mine, true = task.picture(instance, estimate), task.picture(instance, instance.truth)
    found = {"estimate": mine["image"], "truth": true["image"]}
    declared = {picture.name for picture in task.spec.pictures}
    for name in declared - {"image"}:
        found |= {f"{kind}_{name}": thing[name] for kind, thing in (("estimate", mine), ("truth", true)) if name in thing}
    found |= {name: thing for name, thing in true.items() if name not in {"image", *declared}}
    if isinstance(instance.problem, FewShot) and instance.problem.classes and LABELS not in declared:
        found |= {f"estimate_{LABELS}": estimate.argmax(1)[None], f"truth_{LABELS}": instance.truth.reshape(1, -1)}
    return {kind: thing.float() for kind, thing in found.items()}
