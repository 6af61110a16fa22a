"""A prior that is a network of diffusers: a U-Net that predicts the noise, the velocity or the picture, or jumps to it.

    epsilon     x_0 = (x_t - sqrt(1 - a) eps) / sqrt(a)
    v           x_0 = sqrt(a) x_t - sqrt(1 - a) v              no division: usable up to the noisiest steps
    sample      x_0 is the output
A network with twice as many channels as the picture has learnt a variance too; it is left out.

`fold` f: the network sees a picture (C, H, W) as (C f^2, H / f, W / f), its pixels folded into channels, which costs f^2 less.
Source: arXiv:2006.11239, arXiv:2202.00512 (v)
"""

from copy import copy
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.priors.prior import Calls, Prior
from benchmark.priors.schedule import Schedule

Prediction = Literal["epsilon", "v_prediction", "sample"]


class Describe(nn.Module):
    """What a condition (B, n) adds to the embedding of time (B, width); nothing, 0, where nothing is told."""

    def __init__(self, numbers: int, width: int) -> None:
        super().__init__()
        self.numbers, self.width = numbers, width
        self.layers = nn.Sequential(nn.Linear(numbers, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, condition: Tensor) -> Tensor:
        found: Tensor = self.layers(condition)
        return found


class NetworkPrior(Prior):
    """network: called as a diffusers U-Net, network(x, t) or, with `describe`, network(x, t, class_labels=embedding).

    shape (C, H, W) of a picture; mean, spread (n,): the conditions as they are given are (c - mean) / spread for the network
    """

    def __init__(
        self,
        network: Any,
        schedule: Schedule,
        shape: tuple[int, int, int],
        prediction: Prediction = "epsilon",
        *,
        fold: int = 1,
        describe: Describe | None = None,
        mean: Tensor | None = None,
        spread: Tensor | None = None,
    ) -> None:
        self.network, self.schedule, self.shape, self.prediction = network, schedule, shape, prediction
        self.fold, self.describe, self.mean, self.spread = fold, describe, mean, spread
        self.condition = describe.numbers if describe is not None else 0
        self.calls = Calls()

    def raw(self, x: Tensor, time: Tensor, condition: Tensor | None, silent: Tensor | None = None) -> Tensor:
        """The network's output for x_t (B, C, H, W) at step indices (B,), without a learnt variance. silent (B,): true where
        the condition is withheld.
        """
        folded = F.pixel_unshuffle(x, self.fold) if self.fold > 1 else x
        if self.describe is None:
            out = self.network(folded, time).sample
        else:
            out = self.network(folded, time, class_labels=self._told(condition, silent, x)).sample
        out = F.pixel_shuffle(out, self.fold) if self.fold > 1 else out
        kept: Tensor = out[:, : x.shape[1]]
        return kept

    def _told(self, condition: Tensor | None, silent: Tensor | None, x: Tensor) -> Tensor:
        assert self.describe is not None
        if condition is None:
            return x.new_zeros(len(x), self.describe.width)
        if self.mean is not None and self.spread is not None:
            condition = (condition - self.mean) / self.spread
        found: Tensor = self.describe(condition.to(x.dtype))
        return found if silent is None else torch.where(silent[:, None], torch.zeros_like(found), found)

    def _denoise(self, x: Tensor, sigma: Tensor, condition: Tensor | None) -> Tensor:
        alpha = (1 / (1 + sigma**2))[:, None, None, None]
        noisy = alpha.sqrt() * x
        out = self.raw(noisy, self.schedule.time(sigma), condition)
        if self.prediction == "v_prediction":
            return alpha.sqrt() * noisy - (1 - alpha).sqrt() * out
        if self.prediction == "epsilon":
            return (noisy - (1 - alpha).sqrt() * out) / alpha.sqrt()
        return out

    def to(self, device: torch.device | str) -> Self:
        def moved(part: Any) -> Any:
            return part if part is None else part.to(device)

        found = copy(self)
        found.network, found.describe = moved(self.network), moved(self.describe)
        found.mean, found.spread = moved(self.mean), moved(self.spread)
        return found
