"""Products with the Jacobian of a denoiser, many at once."""

import torch
from torch import Tensor

from benchmark.problems import Jacobian

_BATCH = 64  # pictures that go through the network at once
_STEP = 0.1  # of the differences, on the network's scale: D is all but linear there


def gradients(problem: Jacobian, U: Tensor) -> Tensor:
    """U J, (k, n), for rows U (k, n)."""
    shape, found = problem.x.shape, []
    for part in torch.split(U, _BATCH):
        at = problem.x.expand(len(part), *shape).detach().requires_grad_()
        with torch.enable_grad():
            seen = (problem.D(at) * part.reshape(-1, *shape)).sum()
            found.append(torch.autograd.grad(seen, at)[0].flatten(1))
    return torch.cat(found)


@torch.no_grad()
def differences(problem: Jacobian, V: Tensor) -> Tensor:
    """V J^T, (k, n), for rows V (k, n) of norm 1: central differences of D, longer where there is more noise."""
    shape, found = problem.x.shape, []
    step = _STEP * max(problem.sigma, problem.prior.half)
    for part in torch.split(V, _BATCH):
        by = step * part.reshape(-1, *shape)
        found.append(((problem.D(problem.x + by) - problem.D(problem.x - by)) / (2 * step)).flatten(1))
    return torch.cat(found)
