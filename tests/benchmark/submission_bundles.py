"""Bundles of predictions for the tests: a sound one of a small invented task, and what can be done to it."""

import io
import zipfile

import torch
from safetensors.torch import save

from benchmark.instances import make_instance, observed
from benchmark.submissions import entry
from benchmark.submissions.bundle import file_name

ENTRY = {"method": "their_method", "authors": ["Ada Example"], "contact": "ada@example.org"}


def form(answers, observations, seeds=(0,), **given):
    """The text of an entry.toml that is filled in; a value of None leaves a field out."""
    text = entry.form(answers, observations, seeds)
    _, about = text.split("[answers]", 1)
    lines = [f"{name} = {_toml(value)}" for name, value in {**ENTRY, **given}.items() if value is not None]
    return "\n".join([*lines, "", f"[answers]{about}"])


def _toml(value):
    import json

    return json.dumps(value)


def packed(files, compression=zipfile.ZIP_DEFLATED):
    """A zip file with these contents: a dictionary, or pairs of a name or ZipInfo and a content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in files.items() if isinstance(files, dict) else files:
            member = zipfile.ZipInfo(name) if isinstance(name, str) else name  # no time: the same files are the same bundle
            file.writestr(member, content, compression if isinstance(name, str) else None)
    return buffer.getvalue()


def files_of(task, preset="tiny", seeds=(0,), estimate=None, **given):
    """name -> content of a bundle that answers a preset; estimate(instance) -> tensor."""
    observations, files = {}, {}
    for seed in seeds:
        for number in range(task.spec.presets[preset].instances):
            instance = make_instance(task, preset, number, seed)
            key = f"{seed}-{number}"
            observations[key] = observed(instance.problem.shown())
            files[file_name(key)] = save({"estimate": estimate(instance).contiguous()})
    about = {"task": task.spec.name, "version": task.spec.version, "preset": preset}
    return {"entry.toml": form(about, observations, seeds, **given).encode(), **files}


def adjoint(instance):
    """An estimate for any linear inverse problem."""
    return instance.problem.A.H(instance.problem.y)


def tensor_file(tensor, name="estimate"):
    return save({name: torch.as_tensor(tensor).contiguous()})
