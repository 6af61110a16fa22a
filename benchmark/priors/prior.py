"""A diffusion prior: what is known of pictures before one is measured, as a denoiser.

    D(x, sigma) = E[x_0 | x_0 + sigma eps = x]         x (B, C, H, W) and sigma on the scale of the task's pictures

The score is (D - x) / sigma^2. Everything that samples or restores with a prior calls D alone.
"""

from abc import ABC, abstractmethod
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor

from benchmark.priors.schedule import Schedule


@dataclass
class Calls:
    """How many pictures went through the network, and how many gradients came back through it."""

    forward: int = 0
    backward: int = 0


class Prior(ABC):
    """Subclasses set these and write `_denoise`.

    shape         of a picture, (C, H, W)
    schedule      noise levels for which it is made, on the network's scale, [-1, 1]
    value_range   smallest and largest value of a picture on the task's scale
    condition     how many numbers describe a picture where it can be told what to show; 0 where it cannot
    exact         whether D is the posterior mean itself, and not an estimate
    """

    shape: tuple[int, ...]
    schedule: Schedule
    value_range: tuple[float, float] = (0.0, 1.0)
    condition: int = 0
    exact: bool = False
    calls: Calls

    @abstractmethod
    def _denoise(self, x: Tensor, sigma: Tensor, condition: Tensor | None) -> Tensor:
        """E[x_0 | x] on the network's scale: x (B, *shape), sigma (B,), condition (B, n) or None."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Self:
        """The same prior with its tensors on `device`; its calls count with those of this one."""

    def again(self) -> Self:
        """The same prior, counted from 0."""
        found = copy(self)
        found.calls = Calls()
        return found

    def clipped(self, x: Tensor) -> Tensor:
        """Clean pictures held to `value_range`."""
        return x.clamp(*self.value_range)

    @property
    def half(self) -> float:
        """Units of the task in one unit of the network's scale."""
        low, high = self.value_range
        return (high - low) / 2

    def __call__(self, x: Tensor, sigma: Tensor | float, condition: Tensor | None = None) -> Tensor:
        """D(x, sigma), not clipped. x (B, *shape); sigma: a number, or (B,); condition (B, n), where the prior has one.

        Raises ValueError for pictures of another shape, and for a condition that does not fit.
        """
        if tuple(x.shape[1:]) != tuple(self.shape):
            raise ValueError(f"the prior is of pictures {tuple(self.shape)}, not {tuple(x.shape[1:])}")
        if condition is not None and (not self.condition or condition.shape != (len(x), self.condition)):
            taken = f"{self.condition} numbers a picture" if self.condition else "no condition"
            raise ValueError(f"the prior takes {taken}, not {tuple(condition.shape)}")
        low, high = self.value_range
        middle = (low + high) / 2
        level = sigma.to(x) if isinstance(sigma, Tensor) else torch.full((), sigma, dtype=x.dtype, device=x.device)
        level = level.expand(len(x)) / self.half
        self.calls.forward += len(x)
        found: Tensor = middle + self.half * self._denoise((x - middle) / self.half, level, condition)
        if found.requires_grad:
            found.register_hook(self._came_back)  # type: ignore[no-untyped-call]
        return found

    def _came_back(self, gradient: Tensor) -> None:
        self.calls.backward += len(gradient)

    def sample(
        self,
        count: int,
        generator: torch.Generator,
        steps: int = 50,
        condition: Tensor | None = None,
        guidance: float = 1.0,
        batch: int = 64,
    ) -> Tensor:
        """Pictures (count, *shape) on the task's scale, clipped to its range, drawn by DDIM without added noise.

        guidance: D_free + guidance (D_told - D_free), where a condition (count, n) is given
        """
        low, high = self.value_range
        device = generator.device
        times = self.schedule.spread(steps)[::-1]
        sigmas = [float(self.schedule.sigmas[t]) * self.half for t in times] + [0.0]
        made = []
        with torch.no_grad():
            for start in range(0, count, batch):
                told = None if condition is None else condition[start : start + batch].to(device)
                noise = torch.randn(min(batch, count - start), *self.shape, generator=generator, device=device)
                x = (low + high) / 2 + sigmas[0] * noise
                for now, then in pairwise(sigmas):
                    clean = self(x, now, told)
                    if told is not None and guidance != 1:
                        free = self(x, now)
                        clean = free + guidance * (clean - free)
                    clean = self.clipped(clean)
                    x = clean + then / now * (x - clean)
                made.append(self.clipped(x))
        return torch.cat(made)
