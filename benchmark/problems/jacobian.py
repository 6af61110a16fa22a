"""The Jacobian of a denoiser at one noisy picture: how many directions it lets through.

J = d D / d x,   D(x) = E[x_0 | x_0 + sigma eps = x]          n numbers to n numbers
I - J            of the noise that it predicts, (x - D(x)) / sigma, but for a factor
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from benchmark.priors.prior import Prior
from benchmark.problems._estimate import finite, tensor


@dataclass(frozen=True, kw_only=True)
class Jacobian:
    """A method returns float64 (2, n): squared singular values of J, then of I - J, falling, none below 0.

    prior   of pictures (C, H, W), n = C H W
    x       (C, H, W) float32: a noisy picture, on the prior's scale
    sigma   standard deviation of its noise, on the same scale
    along   (m, C, H, W): directions of norm 1, along which the task looks how straight D is
    reach   how far, on the same scale

    Raises ValueError for pictures of another shape than the prior's, and for a sigma or a reach that is not above 0.
    """

    prior: Prior
    x: Tensor
    sigma: float
    along: Tensor
    reach: float

    def __post_init__(self) -> None:
        shape = tuple(self.prior.shape)
        if tuple(self.x.shape) != shape:
            raise ValueError(f"x has shape {tuple(self.x.shape)}, not {shape}")
        if not len(self.along) or tuple(self.along.shape[1:]) != shape:
            raise ValueError(f"along has shape {tuple(self.along.shape)}, not (directions, {', '.join(map(str, shape))})")
        for name in ("sigma", "reach"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, not above 0")

    @property
    def count(self) -> int:
        """n."""
        return self.x.numel()

    @property
    def y(self) -> Tensor:
        """The noisy picture."""
        return self.x

    def D(self, x: Tensor) -> Tensor:
        """The denoiser at sigma of pictures (B, C, H, W), not clipped."""
        return self.prior(x, self.sigma)

    def to(self, device: torch.device | str) -> Self:
        """The same problem with its tensors on `device`."""
        return replace(self, prior=self.prior.to(device), x=self.x.to(device), along=self.along.to(device))

    def shown(self) -> list[Tensor]:
        """The noisy picture, the directions, and the two numbers."""
        return [self.x, self.along, torch.tensor([self.sigma, self.reach], dtype=torch.float64)]

    def check(self, estimate: object) -> Tensor:
        """The estimate, if it is a finite tensor of the right shape and type, falling and not below 0. Raises ValueError
        otherwise.
        """
        found = tensor(estimate)
        if tuple(found.shape) != (2, self.count):
            raise ValueError(f"the estimate has shape {tuple(found.shape)}, not (2, {self.count})")
        found = finite(found, torch.float64)
        if bool((found[:, -1] < 0).any()) or bool((found.diff(dim=1) > 0).any()):
            raise ValueError("the estimate holds squared singular values that rise, or one below 0")
        return found

    def near(self, truth: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        """The truth with about `scale` of its mean added to each value, in order."""
        noise = torch.randn(truth.shape, dtype=truth.dtype, generator=generator).abs()
        return (truth + scale * truth.mean(1, keepdim=True) * noise).sort(dim=1, descending=True).values
