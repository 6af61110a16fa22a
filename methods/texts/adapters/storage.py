"""Deep LoRA in a folder, as peft lays one out: adapter_config.json and adapter_model.safetensors, a few hundred kilobytes."""

import json
from pathlib import Path
from typing import TypeVar

import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from benchmark.errors import UserError
from methods.texts.adapters.deep_lora import install, saved_modules, targets
from methods.texts.adapters.layer import DeepLoraConfig, adapted

T = TypeVar("T", bound=nn.Module)
_CONFIG, _WEIGHTS, _TYPE = "adapter_config.json", "adapter_model.safetensors", "DEEP_LORA"


def save_pretrained(model: nn.Module, folder: str | Path) -> None:
    """Write the factors, and the modules that were trained as they are. Raises UserError for a model without updates."""
    layers, config = adapted(model), getattr(model, "deep_lora_config", None)
    if not layers or not isinstance(config, DeepLoraConfig):
        raise UserError("the model has no Deep LoRA layers to save")
    found = {f"{name}.factors.{i}": factor for name, layer in layers.items() for i, factor in enumerate(layer.factors)}
    for name in saved_modules(model, config.modules_to_save):
        found |= {f"{name}.{key}": value for key, value in model.get_submodule(name).state_dict().items()}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: x.detach().cpu().clone().contiguous() for name, x in found.items()}, folder / _WEIGHTS)
    base = getattr(getattr(model, "config", None), "_name_or_path", None)
    about = {"peft_type": _TYPE, "base_model_name_or_path": base, **config.model_dump(mode="json")}
    (folder / _CONFIG).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def load(model: T, folder: str | Path) -> T:
    """`model` itself, as it was when it was saved. Raises UserError where the folder holds none, or one of another network."""
    folder = Path(folder)
    try:
        about = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        found = load_file(folder / _WEIGHTS)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder} holds no Deep LoRA adapter ({error})") from None
    if not isinstance(about, dict) or about.pop("peft_type", None) != _TYPE:
        raise UserError(f"{folder} holds an adapter of another kind, not of Deep LoRA")
    about.pop("base_model_name_or_path", None)
    try:
        config = DeepLoraConfig(**about)
    except ValidationError as error:
        raise UserError(f"{folder / _CONFIG}: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}") from None
    layers, factors = targets(model, config), {}
    for name, layer in layers.items():
        factors[name] = _of(found, name, layer)
    if extra := [key for key in found if ".factors." in key and key.split(".factors.")[0] not in layers]:
        raise UserError(f"the adapter in {folder} has a layer '{extra[0].split('.factors.')[0]}', which the model has not")
    saved = saved_modules(model, config.modules_to_save)
    for name in saved:
        module = model.get_submodule(name)
        own = module.state_dict()
        missing = [key for key, x in own.items() if getattr(found.get(f"{name}.{key}"), "shape", None) != x.shape]
        if missing:
            raise UserError(f"'{name}.{missing[0]}' is not in the adapter with the model's shape")
        module.load_state_dict({key: found[f"{name}.{key}"] for key in own})
    return install(model, layers, factors, config)


def _of(found: dict[str, Tensor], name: str, layer: nn.Linear) -> list[Tensor]:
    count = sum(key.startswith(f"{name}.factors.") for key in found)
    factors = [found.get(f"{name}.factors.{i}", torch.empty(0)).to(layer.weight.device) for i in range(count)]
    if not factors or (factors[-1].shape[0], factors[0].shape[-1]) != tuple(layer.weight.shape):
        raise UserError(f"the adapter has no update of layer '{name}' with its shape {tuple(layer.weight.shape)}")
    return factors
