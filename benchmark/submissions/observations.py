"""Observations without truth, in files that any language reads: what somebody answers who does not run the suite.

    manifest.json             task, version, preset, seeds; of each instance label, hash, files, type and shape of an answer
    entry.toml                a form; only who hands in what is missing
    inputs/0-3.safetensors    instance 3 of seed 0: every tensor that its problem holds, such as y, A.mask
    inputs/0-3.json           its texts, where it has some
    training/0.safetensors    what methods may learn from before, for seed 0 (benchmark/submissions/training.py)
    predictions/              empty, for the answers

Side information (`references`) is not written: who needs it hands in code. Imports torch.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from benchmark.decorators import Task
from benchmark.errors import UserError
from benchmark.instances import make_instance, observed
from benchmark.problems import (
    Completion,
    Distribution,
    Editing,
    FewShot,
    Jacobian,
    LinearInverse,
    NonlinearInverse,
    Representation,
    Retrieval,
)
from benchmark.store.writing import room
from benchmark.submissions import entry, private, training
from benchmark.submissions.bundle import TENSOR, file_name
from benchmark.submissions.private import Secret
from benchmark.submissions.shown import Put, Shown

# Side information, among it what is nearly the truth: a method that reads it says so in its kind, predictions say nothing.
_LEFT_OUT = frozenset({"references"})


def shown_by(problem: Any) -> Shown:
    """What a problem of any interface shows, for files. Raises UserError for a part that none is written for."""
    found = Shown()
    for part in fields(problem):
        if part.name not in _LEFT_OUT:
            found.add(part.name, getattr(problem, part.name))
    return found


def answers_to(problem: Any) -> list[dict[str, Any]]:
    """Type and shape of the tensors that answer a problem, any of them; a text in a shape stands for a length of your choice.

    Raises UserError for an interface that nobody has described yet.
    """
    forms: list[tuple[torch.dtype, list[int | str]]]
    if isinstance(problem, LinearInverse):
        forms = [(problem.A.dtype, [*problem.A.shape])]
    elif isinstance(problem, NonlinearInverse):
        forms = [(problem.A.dtype, [*tries, *problem.A.shape]) for tries in ((), ("k",))]
    elif isinstance(problem, Completion):
        count, m, n = problem.shape
        forms = [(torch.float64, [count, m, n]), (torch.float64, [count, m + n, "k"])]
    elif isinstance(problem, FewShot):
        forms = [(torch.float32, [len(problem.test), problem.outputs])]
    elif isinstance(problem, Representation):
        kinds = (torch.float64,) if problem.free else (torch.float32, torch.float64)
        forms = [(kind, [problem.count, problem.dim if problem.free else "d"]) for kind in kinds]
    elif isinstance(problem, Distribution):
        count, _, n = problem.samples.shape
        told = problem.generate + len(problem.sigmas) * n
        forms = [(torch.float64, [count, problem.K, n, problem.d]), (torch.float64, [count, told, n])]
    elif isinstance(problem, Editing):
        forms = [(torch.float32, [problem.count, len(problem.pictures), len(problem.strengths), *problem.picture_shape])]
    elif isinstance(problem, Jacobian):
        forms = [(torch.float64, [2, problem.count])]
    elif isinstance(problem, Retrieval):
        forms = [(torch.float32, [problem.count, "d"])]
    else:
        raise UserError(f"predictions for a {type(problem).__name__} cannot be handed in yet; hand in code")
    return [{"dtype": str(kind).removeprefix("torch."), "shape": shape} for kind, shape in forms]


def export(
    task: Task, preset: str, seeds: Sequence[int], output: Path, *, learn: bool = True, secret: Secret | None = None
) -> dict[str, Any]:
    """Write the inputs of a preset into a new folder, or a zip file where the name ends in .zip; what manifest.json says.

    learn: what methods may learn from before is written too, where the task offers it. secret: draws the instances in place of
    the public seeds.

    Raises DiskFull, and UserError where something is there already or cannot be written; then nothing is left behind.
    """
    spec = task.spec
    count = spec.presets[preset].instances
    if list(seeds) != list(range(len(seeds))):
        raise UserError("predictions are scored on seeds 0, 1, 2, ...: nobody picks those that suit a method; give a count")
    if len(seeds) * count > entry.MAX_ANSWERS:
        raise UserError(f"{len(seeds)} seeds of {count} instances are more than the {entry.MAX_ANSWERS} that a bundle may hold")
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise UserError(f"--output {output} is there already; choose another name")
    listed: list[dict[str, Any]] = []
    about = {"task": spec.name, "version": spec.version, "preset": preset}
    if secret is not None:
        about["private"] = secret.commitment
    try:
        with room(output.absolute().parent), _zip(output) if output.suffix == ".zip" else _folder(output) as put:
            for seed in seeds:
                for number in range(count):
                    listed.append(_one(task, preset, number, seed, secret, put))
            manifest = {"format": "lowdimbench inputs 1", **about, "title": spec.title, "poses": spec.poses}
            learnt = training.write(task, preset, seeds, put) if learn else []
            manifest |= {
                "training": learnt,
                "data": spec.presets[preset].data,
                "seeds": list(seeds),
                "tensor": TENSOR,
                "instances": listed,
            }
            put("manifest.json", (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode())
            observations = {one["key"]: one["observation"] for one in listed}
            put(entry.FILE, entry.form(about, observations, seeds).encode())
    except OSError as error:
        raise UserError(f"--output {output} cannot be written ({error.strerror})") from None
    return manifest


def _one(task: Task, preset: str, number: int, seed: int, secret: Secret | None, put: Put) -> dict[str, Any]:
    if secret is None:
        instance = make_instance(task, preset, number, seed)
    else:
        instance = private.make_instance(task, preset, number, seed, secret)
    key = f"{seed}-{number}"
    shown = shown_by(instance.problem)
    put(f"inputs/{key}.safetensors", save(shown.tensors))
    if shown.texts:
        put(f"inputs/{key}.json", json.dumps(shown.texts, indent=1, ensure_ascii=False).encode())
    return {
        "key": key,
        "seed": seed,
        "number": number,
        "label": instance.label,
        "observation": observed(instance.problem.shown()),
        "inputs": f"inputs/{key}.safetensors" if shown.tensors else None,
        "texts": f"inputs/{key}.json" if shown.texts else None,
        "values": shown.values,
        "prediction": file_name(key),
        "answers": answers_to(instance.problem),
    }


@contextmanager
def _folder(output: Path) -> Iterator[Put]:
    scratch = output.with_name(f".{output.name}.{os.getpid()}.part")

    def put(name: str, content: bytes) -> None:
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).write_bytes(content)

    try:
        (scratch / "predictions").mkdir(parents=True)
        yield put
        scratch.replace(output)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _zip(output: Path) -> Iterator[Put]:
    scratch = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as packed:
            yield packed.writestr
        scratch.replace(output)
    finally:
        scratch.unlink(missing_ok=True)
