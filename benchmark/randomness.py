"""The randomness of a method: everything that it draws comes from one seed.

Every result depends on this file (benchmark/source.py).
"""

import torch
from torch import Tensor


class Draws:
    """generator: on the CPU, the same numbers on every device. `rand` and `randn` draw on the device, a CPU from it too."""

    def __init__(self, device: torch.device, seed: int) -> None:
        self.device = device
        self.generator = torch.Generator().manual_seed(seed)
        self._on_device = self.generator if device.type == "cpu" else torch.Generator(device).manual_seed(seed)

    def rand(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Uniform on [0, 1)."""
        return torch.rand(shape, generator=self._on_device, device=self.device, dtype=dtype)

    def randn(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Standard normal."""
        return torch.randn(shape, generator=self._on_device, device=self.device, dtype=dtype)
