"""A consistency model as a prior: one call goes from any noise level to a clean picture.

    f(x, sigma) = c_skip x + c_out F(x / sqrt(sigma^2 + s^2), 250 ln sigma)
    c_skip = s^2 / ((sigma - m)^2 + s^2),  c_out = (sigma - m) s / sqrt(sigma^2 + s^2)       m: the least sigma, s: of the data

f is a sample of x_0 given x and not its mean: methods that need E[x_0 | x] are not made for it.
Source: arXiv:2303.01469, in the form of diffusers
"""

from copy import copy
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.priors.prior import Calls, Prior
from benchmark.priors.schedule import Schedule


class ConsistencyPrior(Prior):
    """network: a diffusers U-Net; shape (C, H, W); least, data: m and s; fold: as of NetworkPrior."""

    jumps = True

    def __init__(
        self, network: Any, schedule: Schedule, shape: tuple[int, int, int], least: float, data: float, fold: int = 1
    ) -> None:
        self.network, self.schedule, self.shape, self.least, self.data, self.fold = network, schedule, shape, least, data, fold
        self.calls = Calls()

    def jump(self, x: Tensor, sigma: Tensor) -> Tensor:
        """f on the network's scale: x (B, *shape), sigma (B,)."""
        level = sigma.clamp_min(self.least)[:, None, None, None]
        both = (level**2 + self.data**2).sqrt()
        scaled = x / both
        folded = F.pixel_unshuffle(scaled, self.fold) if self.fold > 1 else scaled
        out = self.network(folded, 250 * level.flatten().log()).sample
        out = F.pixel_shuffle(out, self.fold) if self.fold > 1 else out
        skip = self.data**2 / ((level - self.least) ** 2 + self.data**2)
        found: Tensor = skip * x + (level - self.least) * self.data / both * out[:, : x.shape[1]]
        return found

    def sample(
        self,
        count: int,
        generator: torch.Generator,
        steps: int = 1,
        condition: Tensor | None = None,
        guidance: float = 1.0,
        batch: int = 64,
    ) -> Tensor:
        """Pictures (count, *shape) on the task's scale, clipped to its range: `steps` jumps, each from fresh noise on the last
        picture, of levels spread over the schedule. There is no condition and no guidance.
        """
        device, made = generator.device, []
        sigmas = [float(self.schedule.sigmas[t]) for t in self.schedule.spread(steps + 1)[:0:-1]]
        with torch.no_grad():
            for start in range(0, count, batch):
                x = torch.full((min(batch, count - start), *self.shape), sum(self.value_range) / 2, device=device)
                for sigma in sigmas:
                    noise = torch.randn(x.shape, generator=generator, device=device)
                    spread = self.half * max(0.0, sigma**2 - self.least**2) ** 0.5
                    x = self.clipped(self(x + spread * noise, self.half * sigma, condition))
                made.append(x)
        return torch.cat(made)

    def _denoise(self, x: Tensor, sigma: Tensor, condition: Tensor | None) -> Tensor:
        return self.jump(x, sigma)

    def to(self, device: torch.device | str) -> Self:
        found = copy(self)
        found.network = self.network.to(device)
        return found
