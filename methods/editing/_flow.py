"""Between clean pictures and x_t: DDIM without noise, both ways, on the scale of the prior's network, [-1, 1].

    z = x_t / sqrt(a_t) = x_0 + sigma_t eps       f(z) = D(z, sigma_t) = E[x_0 | x_t]
    z' = f(z) + sigma'/sigma (z - f(z))           to a lower level, or back up

Step indices lie evenly on 0 .. t T, `steps` of them for t = 1. The lowest level is that of index 0, not 0.
Of a prior of latents x_0 = Enc(picture), and what is seen is Dec: directions lie in latents, regions in pixels.

A prior that jumps, a consistency model, has a clean x_0 for f and no way up. With one noise e for all levels and all pictures

    z = x_0 + sigma_t e,      z' = f(z) + sigma' e,      and of the last level f(z)

Its levels lie at the shares 1/n .. 1 of t among the times that it is made for, n = t `steps`: LCMScheduler's for t = 1.
Source: arXiv:2010.02502; grid of arXiv:2409.02374, which goes up to T and down again to t: here it goes to t at once;
arXiv:2303.01469, algorithm 1 (jumps), which draws fresh noise at every level: edited and unedited would differ by it alone
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from benchmark import Context, Editing

_BATCH = 64  # pictures that go through the network at once
_PIXELS = 64 * 64 * 64  # that do of a prior of latents, whose decoder and pictures may be large
Denoiser = Callable[[Tensor], Tensor]


class Flow:
    """Of an editing problem, up to the time t in (0, 1). ctx: draws the noise for a prior that jumps, of a method that can do
    with one.

    z      (P, C, H, W): the problem's pictures at t, or their latents
    root   sqrt(a_t), by which a step in x_t is divided to be one in z
    sigma  the noise level at t
    batch  pictures that go through the network at once

    Raises ValueError for a t outside (0, 1), for fewer than 2 steps, and without ctx for a prior that jumps.
    """

    def __init__(self, problem: Editing, t: float, steps: int, guidance: float = 1.0, ctx: Context | None = None) -> None:
        prior = problem.prior
        self.jumps, self.latent = getattr(prior, "jumps", False), hasattr(prior, "picture_shape")
        if self.jumps and ctx is None:
            raise ValueError("it needs a prior that gives the mean of clean pictures; this one, a consistency model, jumps")
        if not 0 < t < 1:
            raise ValueError(f"t is {t}, not between 0 and 1")
        if steps < 2:
            raise ValueError(f"steps is {steps}, not at least 2")
        if self.jumps and hasattr(prior, "guided"):  # its network is told the guidance
            prior, guidance = prior.guided(guidance), 1.0
        low, high = prior.value_range
        self.prior: Any = prior
        self.middle, self.half, self.guidance = (low + high) / 2, (high - low) / 2, guidance
        self.batch = max(1, min(_BATCH, _PIXELS // math.prod(problem.picture_shape[1:]))) if self.latent else _BATCH
        schedule = prior.schedule
        if self.jumps:
            indices = levels(getattr(prior, "times", range(len(schedule))), t, steps)
        else:
            last = max(1, round(t * (len(schedule) - 1)))
            indices = schedule.spread(max(2, round(t * steps) + 1), 0, last)
        self.sigmas = [float(schedule.sigmas[i]) for i in indices]
        self.sigma, self.root = self.sigmas[-1], float(schedule.alphas[indices[-1]]) ** 0.5
        self.told = problem.told
        self.noise = ctx.randn(1, *prior.shape) if self.jumps and ctx is not None else None
        self.z = self.up(self.given(problem.pictures), self.told)

    def given(self, pictures: Tensor) -> Tensor:
        """The problem's pictures (B, 3, H, W) on the scale of the network, encoded where the prior is of latents."""
        if not self.latent:
            return (pictures - self.middle) / self.half
        with torch.no_grad():
            return torch.cat([self.prior.encode(2 * part - 1) for part in torch.split(pictures, self.batch)])

    def seen(self, x: Tensor) -> Tensor:
        """Pictures on the scale [-1, 1] of clean x (B, C, H, W), not clipped: x itself, or decoded, with the gradient of it."""
        return self.prior.decode(x) if self.latent else x

    def f(self, z: Tensor, sigma: float, told: Tensor | None = None, guidance: float | None = None) -> Tensor:
        """E[x_0 | z] (B, C, H, W), not clipped; with guidance, the flow's own by default, where something is told, (B, n)."""
        weight = self.guidance if guidance is None else guidance
        x = self.middle + self.half * z
        found = self.prior(x, self.half * sigma, told)
        if told is not None and weight != 1:
            free = self.prior(x, self.half * sigma)
            found = free + weight * (found - free)
        return (found - self.middle) / self.half  # type: ignore[no-any-return]

    def clean(self, told: Tensor | None = None) -> Denoiser:
        """f at t as a function of z (B, C, H, W). told (n,): the same for all; by default what the first is told."""
        mine = told if told is not None else None if self.told is None else self.told[0]

        def found(z: Tensor) -> Tensor:
            return self.f(z, self.sigma, None if mine is None else mine.expand(len(z), -1))

        return found

    def at(self, told: Tensor | None = None) -> Denoiser:
        """f at t as pictures, (B, 3, H, W), on the scale [-1, 1]."""
        clean = self.clean(told)
        return lambda z: self.seen(clean(z))

    def up(self, x: Tensor, told: Tensor | None) -> Tensor:
        """From clean x (B, C, H, W) to z at t."""
        return self._along(x, self.sigmas, told) if self.noise is None else x + self.sigma * self.noise

    def down(self, z: Tensor, told: Tensor | None) -> Tensor:
        """From z at t (B, C, H, W) to clean x on the scale of the network, not clipped."""
        return self._along(z, self.sigmas[::-1], told)

    def back(self, x: Tensor) -> Tensor:
        """Pictures (..., 3, H, W) on the problem's own scale, clipped to its range, of clean x (..., C, H, W)."""
        if not self.latent:
            low, high = self.prior.value_range
            return (self.middle + self.half * x).clamp(low, high)
        with torch.no_grad():
            parts = [self.prior.decode(part) for part in torch.split(x.flatten(0, -4), self.batch)]
        found: Tensor = ((1 + torch.cat(parts)) / 2).clamp(0, 1)
        return found.reshape(*x.shape[:-3], *found.shape[1:])

    @torch.no_grad()
    def _along(self, z: Tensor, sigmas: list[float], told: Tensor | None) -> Tensor:
        parts = []
        for start in range(0, len(z), self.batch):
            one = z[start : start + self.batch]
            mine = None if told is None else told[start : start + self.batch]
            for now, then in pairwise(sigmas):
                clean = self.f(one, now, mine)
                one = clean + (then / now * (one - clean) if self.noise is None else then * self.noise)
            parts.append(one if self.noise is None else self.f(one, sigmas[-1], mine))
        return torch.cat(parts)


def levels(times: Sequence[int], t: float, steps: int) -> list[int]:
    """Step indices from which a model jumps, rising: of `times` those at the shares 1/n .. 1 of t, n = t steps, 1 at least."""
    count = max(1, round(t * steps))
    return sorted({times[max(0, math.ceil(len(times) * t * i / count - 1e-9) - 1)] for i in range(1, count + 1)})
