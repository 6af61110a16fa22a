"""Linear inverse problems: recover a tensor from what a linear operator measures of it."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from benchmark.operators.linear import LinearOperator
from benchmark.priors.prior import Prior
from benchmark.problems._estimate import finite, tensor


@dataclass(frozen=True, kw_only=True)
class LinearInverse:
    """Recover x from  y = A x + n.  A method returns an estimate of x: a tensor of shape A.shape and type A.dtype.

    A            linear operator with an exact adjoint
    y            measurements, A.data_shape
    noise        standard deviation of n where A measures (for complex n, sqrt(E|n|^2)), in units of the task's x
    value_range  smallest and largest value an entry of x can take; None where x is complex or unbounded
    references   side information by name, (H, W) real images with maximum 1; a method that reads it says so in its kind
    prior        a diffusion prior on pictures of A.shape; None where the preset offers none
    """

    A: LinearOperator
    y: Tensor
    noise: float
    value_range: tuple[float, float] | None = None
    references: dict[str, Tensor] = field(default_factory=dict)
    prior: Prior | None = None

    def to(self, device: torch.device | str) -> Self:
        """The same problem with its tensors on `device`."""
        moved: dict[str, Any] = {}
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, dict):
                moved[part.name] = {name: entry.to(device) for name, entry in value.items()}
            else:
                moved[part.name] = value.to(device) if hasattr(value, "to") else value
        return replace(self, **moved)

    def check(self, estimate: object) -> Tensor:
        """The estimate, if it is a finite tensor of the right shape and type. Raises ValueError otherwise."""
        found = tensor(estimate)
        if tuple(found.shape) != self.A.shape:
            raise ValueError(f"the estimate has shape {tuple(found.shape)}, not {self.A.shape}")
        return finite(found, self.A.dtype)

    def shown(self) -> list[Tensor]:
        """The measurements."""
        return [self.y]

    def near(self, truth: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        """The truth with white Gaussian noise of standard deviation `scale`."""
        return truth + scale * torch.randn(truth.shape, dtype=truth.dtype, generator=generator)
