"""Between clean pictures and x_t: DDIM without noise, both ways, on the scale of the prior's network, [-1, 1].

    z = x_t / sqrt(a_t) = x_0 + sigma_t eps       f(z) = D(z, sigma_t) = E[x_0 | x_t]
    z' = f(z) + sigma'/sigma (z - f(z))           to a lower level, or back up

Step indices lie evenly on 0 .. t T, `steps` of them for t = 1. The lowest level is that of index 0, not 0.
Source: arXiv:2010.02502; grid of arXiv:2409.02374, which goes up to T and down again to t: here it goes to t at once
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from benchmark import Editing

_BATCH = 64  # pictures that go through the network at once
Denoiser = Callable[[Tensor], Tensor]


class Flow:
    """Of an editing problem, up to the time t in (0, 1).

    z      (P, C, H, W): the problem's pictures at t
    root   sqrt(a_t), by which a step in x_t is divided to be one in z
    sigma  the noise level at t

    Raises ValueError for a t outside (0, 1), for fewer than 2 steps, and for a prior that jumps.
    """

    def __init__(self, problem: Editing, t: float, steps: int, guidance: float = 1.0) -> None:
        prior = problem.prior
        if getattr(prior, "jumps", False):
            raise ValueError("it needs a prior that gives the mean of clean pictures; this one, a consistency model, jumps")
        if not 0 < t < 1:
            raise ValueError(f"t is {t}, not between 0 and 1")
        if steps < 2:
            raise ValueError(f"steps is {steps}, not at least 2")
        low, high = prior.value_range
        self.prior, self.middle, self.half, self.guidance = prior, (low + high) / 2, (high - low) / 2, guidance
        schedule = prior.schedule
        last = max(1, round(t * (len(schedule) - 1)))
        indices = schedule.spread(max(2, round(t * steps) + 1), 0, last)
        self.sigmas = [float(schedule.sigmas[i]) for i in indices]
        self.sigma, self.root = self.sigmas[-1], float(schedule.alphas[last]) ** 0.5
        self.told = problem.told
        self.z = self.up((problem.pictures - self.middle) / self.half, self.told)

    def f(self, z: Tensor, sigma: float, told: Tensor | None = None, guidance: float | None = None) -> Tensor:
        """E[x_0 | z] (B, C, H, W), not clipped; with guidance, the flow's own by default, where something is told, (B, n)."""
        weight = self.guidance if guidance is None else guidance
        x = self.middle + self.half * z
        found = self.prior(x, self.half * sigma, told)
        if told is not None and weight != 1:
            free = self.prior(x, self.half * sigma)
            found = free + weight * (found - free)
        return (found - self.middle) / self.half

    def at(self, told: Tensor | None = None) -> Denoiser:
        """f at t as a function of z (B, C, H, W). told (n,): the same for all; by default what the first is told."""
        mine = told if told is not None else None if self.told is None else self.told[0]

        def found(z: Tensor) -> Tensor:
            return self.f(z, self.sigma, None if mine is None else mine.expand(len(z), -1))

        return found

    def up(self, x: Tensor, told: Tensor | None) -> Tensor:
        """From clean pictures (B, C, H, W) to z at t."""
        return self._along(x, self.sigmas, told)

    def down(self, z: Tensor, told: Tensor | None) -> Tensor:
        """From z at t (B, C, H, W) to clean pictures on the scale [-1, 1], not clipped."""
        return self._along(z, self.sigmas[::-1], told)

    def back(self, x: Tensor) -> Tensor:
        """Pictures on the prior's own scale, clipped to its range."""
        low, high = self.prior.value_range
        return (self.middle + self.half * x).clamp(low, high)

    @torch.no_grad()
    def _along(self, z: Tensor, sigmas: list[float], told: Tensor | None) -> Tensor:
        parts = []
        for start in range(0, len(z), _BATCH):
            one = z[start : start + _BATCH]
            mine = None if told is None else told[start : start + _BATCH]
            for now, then in pairwise(sigmas):
                clean = self.f(one, now, mine)
                one = clean + then / now * (one - clean)
            parts.append(one)
        return torch.cat(parts)
