"""Pretrained models that a user brings: a folder as `save_pretrained` writes it, or a name on the hub. Encoders of text, and
diffusion models.

Imports no torch. A name on the hub is looked up in its cache; the network is asked only where LOWDIMBENCH_ONLINE=1.
"""

import json
import os
from pathlib import Path

from benchmark.errors import UserError

ONLINE = "LOWDIMBENCH_ONLINE"
_WEIGHTS = ("*.safetensors", "*.bin")
_TOKENS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")


def folder(name: str) -> Path:
    """The folder of an encoder, from a path or a name on the hub.

    Raises UserError where there is no such folder, or the name is not in the cache and may not be fetched.
    """
    wanted = ["config.json", "model*.safetensors*", "pytorch_model*.bin*", "tokenizer*", "vocab*", "merges.txt", "*.model"]
    return _found(name, "encoder", "config.json, weights and a tokenizer", wanted)


def diffusers_folder(name: str) -> Path:
    """The folder of a diffusion model of diffusers, from a path or a name on the hub. Raises UserError as `folder` does."""
    return _found(name, "prior", "model_index.json and its parts", ["*.json", "*.safetensors", "*.bin", "*merges.txt"])


def _found(name: str, what: str, parts: str, wanted: list[str]) -> Path:
    path = Path(name).expanduser()
    if path.is_dir():
        return path.absolute()
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1:
        raise UserError(f"the {what}'s folder {name} does not exist; give one with {parts}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    online = os.environ.get(ONLINE) == "1"
    try:
        return Path(snapshot_download(name, local_files_only=not online, allow_patterns=wanted))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError):
        more = "the hub does not have it" if online else f"no folder, and not in the hub's cache; {ONLINE}=1 allows a download"
        raise UserError(f"the {what} '{name}' cannot be had: {more}") from None


def check(file: Path) -> None:
    """Raises UserError for a config.json that is none, or has no weights or no tokenizer beside it."""
    if file.name != "config.json":
        if not (file.parent / "config.json").is_file():
            raise UserError(f"{file.parent} has no config.json, so {file.name} is of no known encoder")
        return
    try:
        kind = json.loads(file.read_text(encoding="utf-8"))["model_type"]
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{file} names no model_type; it is to be the configuration of a transformers model") from None
    for what, patterns in (("weights", _WEIGHTS), ("tokenizer", _TOKENS)):
        if not any(True for pattern in patterns for _ in file.parent.glob(pattern)):
            raise UserError(f"{file.parent} has no {what} ({', '.join(patterns)}) for its {kind}")
