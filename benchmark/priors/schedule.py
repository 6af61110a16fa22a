"""The noise schedule of a diffusion model: variance preserving, T steps.

    x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) eps,     sigma_t = sqrt((1 - a_t) / a_t),     a_t falls, sigma_t rises with t

The scale of x_0 is the network's, [-1, 1]. Source: arXiv:2006.11239 (linear beta), arXiv:2010.02502 (the notation of sigma)
"""

from collections.abc import Sequence

import torch
from torch import Tensor


class Schedule:
    """alphas: float64 (T,), the cumulative products a_t of step indices 0 .. T - 1, falling, in (0, 1).

    Raises ValueError for alphas that do not fall or lie outside.
    """

    def __init__(self, alphas: Tensor) -> None:
        alphas = alphas.detach().to("cpu", torch.float64)
        if alphas.ndim != 1 or len(alphas) < 2 or not bool(((alphas > 0) & (alphas < 1)).all() and (alphas.diff() < 0).all()):
            raise ValueError("the cumulative products of a schedule have to fall, between 1 and 0")
        self.alphas = alphas
        self.sigmas = ((1 - alphas) / alphas).sqrt()
        self._known: dict[torch.device, Tensor] = {}  # log sigma

    def __len__(self) -> int:
        return len(self.alphas)

    def time(self, sigma: Tensor) -> Tensor:
        """The step index, with a fraction, at which the noise level is `sigma` (any shape): linear in log sigma between two
        steps; what lies outside the schedule is taken for its nearest end.
        """
        if sigma.device not in self._known:
            self._known[sigma.device] = self.sigmas.log().to(sigma.device)
        known = self._known[sigma.device]  # there, so that a GPU is not waited for
        level = sigma.detach().double().clamp_min(1e-12).log().clamp(known[0], known[-1])
        above = torch.searchsorted(known, level).clamp(1, len(known) - 1)
        share = (level - known[above - 1]) / (known[above] - known[above - 1])
        return (above - 1 + share).float()

    def spread(self, count: int, first: int = 0, last: int | None = None) -> list[int]:
        """`count` step indices spread evenly over first .. last, both included, rising; fewer where there are not so many."""
        end = len(self) - 1 if last is None else last
        places: Sequence[float] = torch.linspace(first, end, count, dtype=torch.float64).tolist()
        return sorted({round(place) for place in places})


def linear(steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> Schedule:
    """beta rises linearly from `first` to `last`."""
    return Schedule(torch.cumprod(1 - torch.linspace(first, last, steps, dtype=torch.float64), 0))
