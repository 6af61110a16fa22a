"""Parts of a problem, or of what is learnt from, in the forms that files have: tensors, texts, values. Imports torch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmark.datasets.sources import user_sources
from benchmark.errors import UserError
from benchmark.operators.linear import LinearOperator
from benchmark.operators.nonlinear import NonlinearOperator
from benchmark.priors.prior import Prior

Put = Callable[[str, bytes], None]  # writes a file: its name, its content


@dataclass
class Shown:
    """All that a problem shows: tensors and texts by name, and plain values."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    texts: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, value: Any) -> None:
        """Take up one part of a problem. Raises UserError for a kind of thing that no file is written for."""
        if isinstance(value, Tensor):
            self.tensors[name] = value.cpu().contiguous().clone()  # files of safetensors share no memory
        elif isinstance(value, LinearOperator | NonlinearOperator):
            self.values[name] = type(value).__name__
            for part, inner in {"norm": value.norm, **vars(value)}.items():
                self.add(f"{name}.{part.lstrip('_')}", inner)
        elif isinstance(value, Prior):
            self.values[name] = None  # a network has no form here; manifest.json names the source
        elif isinstance(value, dict):
            for part, inner in value.items():
                self.add(f"{name}.{part}", inner)
        elif isinstance(value, torch.dtype):
            self.values[name] = str(value).removeprefix("torch.")
        elif name in user_sources() and isinstance(value, str):
            # a folder of this machine means nothing elsewhere; manifest.json names the source
            self.values[name] = None if Path(value).is_dir() else value
        elif _is_texts(value):
            self.texts[name] = value
        elif value is None or isinstance(value, bool | int | float | str) or _is_numbers(value):
            self.values[name] = value
        else:
            raise UserError(f"'{name}' of this problem, a {type(value).__name__}, has no form in a file")


def _is_texts(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(part, str | tuple) for part in value)


def _is_numbers(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(part, bool | int | float) for part in value)
