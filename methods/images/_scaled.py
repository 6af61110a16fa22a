"""Fitting a network to measurements that are brought to the scale of its first output.

s = ||f_w0(z)|| / ||A^H y||;  where x lies in a known range, a sigmoid brings f into it and s = 1
"""

import torch
from torch import Tensor, nn

from benchmark import Context, LinearInverse
from methods.images._average import RunningAverage


class Scaled:
    """A network f with its optimiser.

    y       s times the measurements
    answer  exponential average of what f gave, divided by s; zeros before the first step
    """

    def __init__(self, problem: LinearInverse, ctx: Context, net: nn.Module, z: Tensor, lr: float, average: float) -> None:
        A = problem.A
        self._ctx, self._net, self._mean = ctx, net, RunningAverage(average)
        self._bounded = problem.value_range is not None
        with torch.no_grad():
            self._scale = torch.ones(()) if self._bounded else net(z).norm() / A.H(problem.y).norm()
        self.y = self._scale * problem.y
        self.optimiser = torch.optim.Adam(net.parameters(), lr=lr, fused=True)
        self.answer = torch.zeros(A.shape, dtype=A.dtype, device=ctx.device)

    def output(self, z: Tensor) -> Tensor:
        """f(z), (N, channels, H, W), of z (N, channels, H, W)."""
        found: Tensor = self._net(z).sigmoid() if self._bounded else self._net(z)
        return found

    def step(self, number: int, x: Tensor, loss: Tensor) -> None:
        """One step down the loss of the picture x, which enters the answer: a point of the curve."""
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's has no types
        self.optimiser.step()

        x = x.detach() / self._scale
        self.answer = self._mean.update(x)
        self._ctx.record(number, self.answer, iterate=x)
