"""The singular values of the exact denoiser's Jacobian, of a mixture of Gaussians of low rank.

J = g I + Q S Q^T,   g = r^2 / (r^2 + sigma^2)          Q (n, q): all directions of all components, the means, and x
"""

import torch
from torch import Tensor

from benchmark.priors.exact import Mixture


def spectrum(prior: Mixture, x: Tensor, sigma: float) -> Tensor:
    """float64 (2, n), falling: squared singular values of J, then of I - J, at x (C, H, W) with noise sigma, both on the
    prior's scale.
    """
    level = (sigma / prior.half) ** 2
    flat = x.flatten().double()
    centred = prior.inside(x[None].double())[0]
    every = [*prior.bases.mT.flatten(0, 1), *prior.means, centred]
    Q = torch.linalg.qr(torch.stack(every, 1))[0]  # (n, q)
    rows = []
    for part in torch.split(Q.mT, 64):
        at = flat.expand(len(part), -1).clone().requires_grad_()
        D = prior(at.view(-1, *x.shape), sigma).flatten(1)
        rows.append(torch.autograd.grad((D * part).sum(), at)[0])
    inner = torch.cat(rows) @ Q  # Q^T J Q
    n, q = Q.shape
    g = prior.rest**2 / (prior.rest**2 + level)
    one = torch.eye(q, dtype=torch.float64)
    found = [torch.cat([torch.linalg.svdvals(A), Q.new_full((n - q,), rest)]) for A, rest in ((inner, g), (one - inner, 1 - g))]
    return torch.stack(found).square().sort(dim=1, descending=True).values
