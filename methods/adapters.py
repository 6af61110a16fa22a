"""Former place of Deep LoRA as an adapter of any network: files written for an earlier layout import from here."""

from methods.texts.adapters import (
    DeepLoraConfig,
    DeepLoraLinear,
    adapted,
    compress,
    deltas,
    get_deep_lora_model,
    load,
    merge,
    parameter_groups,
    save_pretrained,
)

__all__ = [
    "DeepLoraConfig",
    "DeepLoraLinear",
    "adapted",
    "compress",
    "deltas",
    "get_deep_lora_model",
    "load",
    "merge",
    "parameter_groups",
    "save_pretrained",
]
