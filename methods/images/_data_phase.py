"""The data phase of DCDP: a few gradient steps with momentum, no network.

    g = A^H (A x - y) + pull (x - x_0);   m <- momentum m + g;   x <- x - step m        from x_0, m = 0

That is torch's SGD on 1/2 ||A x - y||^2 + pull / 2 ||x - x_0||^2 of each picture. The original code takes the mean over the N
entries of y in place of half the sum: its rate r is step = 2 r / N here, and fits one picture size alone.
"""

import torch
from torch import Tensor

from methods.images._centred import Centred


def descended(problem: Centred, x: Tensor, steps: int, step: float, momentum: float, pull: float = 0.0) -> Tensor:
    """x after `steps` steps. The momentum starts at 0 at each call. x is not clipped."""
    start, moving = x, torch.zeros_like(x)
    for _ in range(steps):
        moving = momentum * moving + problem.gradient(x) + pull * (x - start)
        x = x - step * moving
    return x


def check_step(problem: Centred, step: float, momentum: float, pull: float = 0.0) -> None:
    """Raises ValueError for a step at which the iteration grows: step (|A|^2 + pull) >= 2 (1 + momentum)."""
    most = 2 * (1 + momentum)
    if (found := step * (problem.A.norm**2 + pull)) >= most:
        raise ValueError(
            f"step {step:g} is too large: step (|A|^2 + pull) is {found:.3g} and must be below 2 (1 + momentum) = {most:g}"
        )
