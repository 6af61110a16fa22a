"""The training data of methods, in files for those who answer elsewhere. Imports torch.

    training/0.safetensors   what `Task.training` gives for seed 0: every tensor in it, such as videos; `drawn`: where it is a
                             simulator, which has no end and no other form in a file, its first DRAWN examples

A preset that learns as another one shares its training data. Seeds whose data are the same share a file.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from benchmark.decorators import Task
from benchmark.errors import UserError
from benchmark.fits import training_data
from benchmark.instances import observed
from benchmark.submissions.shown import Put, Shown

MAX_BYTES = 2 * 1024**3  # of all seeds together
DRAWN = 20_000


def write(task: Task, preset: str, seeds: Sequence[int], put: Put) -> list[dict[str, Any]]:
    """Write the training data of a preset, and say for each seed where they are. Nothing where its methods learn from nothing.

    Raises UserError for more than MAX_BYTES, and for a part that no file is written for.
    """
    if "training" not in task.spec.offers:
        return []
    listed: list[dict[str, Any]] = []
    places: dict[str, str] = {}
    source = task.spec.presets[preset].learns_as or preset
    for seed in seeds:
        shown = shown_by(training_data(task, source, seed))
        size = sum(tensor.nbytes for tensor in shown.tensors.values())
        if size * len(seeds) > MAX_BYTES:
            raise UserError(
                f"the training data of {task.spec.name}/{source} have {size:,} bytes for each of {len(seeds)} seeds; "
                f"{MAX_BYTES:,} are written at most; --no-training leaves them out"
            )
        content = observed(shown.tensors.values())
        if content not in places:
            places[content] = f"training/{seed}.safetensors"
            put(places[content], save({name: _alone(tensor) for name, tensor in shown.tensors.items()}))
        about = {"seed": seed, "preset": source, "tensors": places[content], "bytes": size}
        listed.append({**about, "drawn": len(shown.tensors.get("drawn", ())) or None, "values": shown.values})
    return listed


def shown_by(training: Any) -> Shown:
    """What training data of any task show, for files; randomness of theirs means nothing elsewhere and is left out."""
    found = Shown()
    for part in fields(training):
        value = getattr(training, part.name)
        if isinstance(value, Tensor):
            found.tensors[part.name] = value.cpu()  # copied where it is written, as it may be large
        elif not isinstance(value, torch.Generator):
            found.add(part.name, value)
    if found.texts:
        raise UserError(f"'{next(iter(found.texts))}' of the training data, texts, has no form in a file; hand in code")
    if hasattr(training, "draw"):
        found.tensors["drawn"] = training.draw(DRAWN)
    return found


def _alone(tensor: Tensor) -> Tensor:
    return tensor.contiguous().clone()  # files of safetensors share no memory
