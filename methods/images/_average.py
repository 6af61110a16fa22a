"""Exponential moving average of an image, corrected for its start:  a_t = m a_{t-1} + (1 - m) x_t,  value a_t / (1 - m^t)."""

import torch
from torch import Tensor


class RunningAverage:
    """Average with `memory` m in [0, 1); m = 0 keeps the last image only."""

    def __init__(self, memory: float) -> None:
        self.memory = memory
        self.weight = 0.0
        self.total: Tensor | None = None

    @torch.no_grad()
    def update(self, image: Tensor) -> Tensor:
        """Take one more image in and return the corrected average."""
        if self.total is None:
            self.total = torch.zeros_like(image)
        self.total.lerp_(image, 1 - self.memory)
        self.weight = self.memory * self.weight + 1 - self.memory
        return self.total / self.weight
