"""Nonlinear inverse problems: recover a tensor from what a differentiable operator measures of it."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from benchmark.operators.nonlinear import NonlinearOperator
from benchmark.priors.prior import Prior
from benchmark.problems._estimate import finite, tensor

TRIES = 4  # that an estimate may hold


@dataclass(frozen=True, kw_only=True)
class NonlinearInverse:
    """Recover x from  y = A(x) + n.  A method returns an estimate of x, (*A.shape) of type A.dtype, or up to four of them,
    (k, *A.shape): tries that differ by their random start. Of several the problem takes the one that measures most like y.

    A            operator with gradients by autograd, without an adjoint
    y            measurements, A.data_shape
    noise        standard deviation of n, in units of y
    value_range  smallest and largest value an entry of x can take; None where x is unbounded
    prior        a diffusion prior on pictures of A.shape; None where the preset offers none

    A linear problem is one of these with more to use: a method that solves NonlinearInverse solves LinearInverse too.
    """

    A: NonlinearOperator
    y: Tensor
    noise: float
    value_range: tuple[float, float] | None = None
    prior: Prior | None = None

    def to(self, device: torch.device | str) -> Self:
        """The same problem with its tensors on `device`."""
        prior = None if self.prior is None else self.prior.to(device)
        return replace(self, A=self.A.to(device), y=self.y.to(device), prior=prior)

    def check(self, estimate: object) -> Tensor:
        """The estimate, if it is a finite tensor of the right shape and type. Raises ValueError otherwise."""
        found = tensor(estimate)
        one, several = tuple(found.shape) == self.A.shape, tuple(found.shape[1:]) == self.A.shape
        if not one and not (several and 1 <= len(found) <= TRIES):
            raise ValueError(f"the estimate has shape {tuple(found.shape)}, not {self.A.shape}, nor up to {TRIES} of these")
        return finite(found, self.A.dtype)

    def tries(self, estimate: Tensor) -> Tensor:
        """(k, *A.shape): all tries of an estimate, k = 1 where it is one."""
        return estimate.reshape(-1, *self.A.shape)

    def chosen(self, estimate: Tensor) -> Tensor:
        """(*A.shape): the try with the least ||A(x) - y||, the first of several as near."""
        tries = self.tries(estimate)
        return tries[int((self.A(tries) - self.y).flatten(1).norm(dim=1).argmin())]

    def shown(self) -> list[Tensor]:
        """The measurements."""
        return [self.y]

    def near(self, truth: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        """The truth with white Gaussian noise of standard deviation `scale`."""
        return truth + scale * torch.randn(truth.shape, dtype=truth.dtype, generator=generator)
