"""Adapters of pretrained networks: a frozen weight and an update with few numbers."""

from methods.texts.adapters.compress import compress
from methods.texts.adapters.deep_lora import (
    Pace,
    deltas,
    get_deep_lora_model,
    merge,
    parameter_groups,
)
from methods.texts.adapters.layer import DeepLoraConfig, DeepLoraLinear, adapted
from methods.texts.adapters.storage import load, save_pretrained

__all__ = [
    "DeepLoraConfig",
    "DeepLoraLinear",
    "Pace",
    "adapted",
    "compress",
    "deltas",
    "get_deep_lora_model",
    "load",
    "merge",
    "parameter_groups",
    "save_pretrained",
]
