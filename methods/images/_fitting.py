"""Fitting a network whose weights are one vector:  min_theta mean (A f(theta) - y)^2  by Adam."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark import LinearInverse


class Fitting:
    """The weights and their optimiser. `network` takes theta (d,) to (1, C, H, W); under a mask, to that of mask * theta.

    Weights that are masked get no gradient, so that Adam leaves them alone; its momenta start fresh.
    """

    def __init__(
        self,
        problem: LinearInverse,
        network: Callable[[Tensor], Tensor],
        theta: Tensor,
        lr: float,
        mask: Tensor | None = None,
    ) -> None:
        self.problem, self.network, self.mask = problem, network, mask
        self.theta = theta.clone().requires_grad_()
        self.optimiser = torch.optim.Adam([self.theta], lr=lr, fused=True)

    def output(self) -> Tensor:
        """The estimate (C, H, W) at the present weights."""
        x: Tensor = self.network(self.theta if self.mask is None else self.mask * self.theta)[0]
        return x

    def step(self) -> Tensor:
        """One step; returns the estimate before it, detached."""
        x = self.output()
        loss = (self.problem.A(x) - self.problem.y).square().mean()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's has no types
        self.optimiser.step()
        return x.detach()
