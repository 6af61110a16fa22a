"""Denoising networks as in EDM: preconditioning, loss, sampler, and the answer that they give to a Distribution.

    D(x; sigma) = c_skip x + c_out F(c_in x; ln(sigma) / 4),     s = 0.5 (the scale of the data)
    c_skip = s^2 / (sigma^2 + s^2),  c_out = sigma s / sqrt(sigma^2 + s^2),  c_in = 1 / sqrt(sigma^2 + s^2)
    min over F of  E (sigma^2 + s^2) / (sigma s)^2 |D(x_0 + sigma eps; sigma) - x_0|^2,    ln sigma ~ N(-1.2, 1.2^2)

Sampler: Heun's second-order rule for dx/dsigma = (x - D) / sigma over 18 levels from 80 to 0.002 (rho 7), no added noise.
A denoiser is a function of x (B, P, n) and sigma (B, P) with B networks, one for each draw of the stack.
Source: arXiv:2206.00364; the settings of the sampler and of the loss are those of the code of arXiv:2409.02426
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmark import Context, Distribution

Denoiser = Callable[[Tensor, Tensor], Tensor]
_SCALE = 0.5
_LEVELS, _LOW, _HIGH, _RHO = 18, 0.002, 80.0, 7
_MEAN, _SPREAD = -1.2, 1.2
_POINTS = 6  # of the curve: each generates all samples anew


class Edm(nn.Module):
    """D of a network F(c_in x (B, P, n), ln(sigma) / 4 (B, P))."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        square = (sigma**2 + _SCALE**2)[..., None]
        raw = self.network(x / square.sqrt(), sigma.log() / 4)
        found: Tensor = _SCALE**2 / square * x + sigma[..., None] * _SCALE / square.sqrt() * raw
        return found


def noise_levels(ctx: Context, *shape: int) -> Tensor:
    """Draws of sigma."""
    sigmas: Tensor = (_MEAN + _SPREAD * ctx.randn(*shape)).exp()
    return sigmas


def weight(sigma: Tensor) -> Tensor:
    """The weight of the loss at a noise level."""
    return (sigma**2 + _SCALE**2) / (sigma * _SCALE) ** 2


def generate(denoiser: Denoiser, latents: Tensor) -> Tensor:
    """Samples (B, G, n) from standard normal latents (B, G, n)."""
    ramp = torch.linspace(0, 1, _LEVELS, device=latents.device, dtype=latents.dtype)
    sigmas = (_HIGH ** (1 / _RHO) + ramp * (_LOW ** (1 / _RHO) - _HIGH ** (1 / _RHO))) ** _RHO
    x: Tensor = sigmas[0] * latents
    one = torch.ones_like(latents[..., 0])
    for now, then in zip(sigmas, [*sigmas[1:], torch.zeros_like(sigmas[0])], strict=True):
        slope = (x - denoiser(x, now * one)) / now
        ahead = x + (then - now) * slope
        if then > 0:
            slope = (slope + (ahead - denoiser(ahead, then * one)) / then) / 2
        x = x + (then - now) * slope
    return x


def jacobians(denoiser: Denoiser, probes: Tensor, sigmas: Tensor) -> Tensor:
    """dD_i / dx_j at probes (B, Q, n) with noise (Q,): (B, Q, n, n), a backward pass for each i."""
    if not len(sigmas):
        return probes.new_zeros(*probes.shape, probes.shape[-1])
    with torch.enable_grad():
        x = probes.detach().requires_grad_()
        out = denoiser(x, sigmas.expand(x.shape[:2]))
        rows = [torch.autograd.grad(out[..., i].sum(), x, retain_graph=True)[0] for i in range(x.shape[-1])]
    return torch.stack(rows, -2)


def answer(problem: Distribution, denoiser: Denoiser, latents: Tensor) -> Tensor:
    """The estimate of a denoiser that works in the type of `latents` (B, G, n)."""
    kind = latents.dtype
    with torch.no_grad():
        made = generate(denoiser, latents)
    found = jacobians(denoiser, problem.probes.to(kind), problem.sigmas.to(kind))
    return problem.pack(made, found).double()


def train(
    problem: Distribution,
    ctx: Context,
    network: nn.Module,
    *,
    steps: int,
    batch: int,
    rate: Callable[[int], float],
    memory: Callable[[int], float] = lambda step: 0.0,
) -> Tensor:
    """The estimate of a network that Adam trains, with learning rate `rate(step)`, on `batch` samples a step for each draw.

    memory: share of the averaged weights that stays at a step, if what answers is an average of the weights
    """
    X = problem.samples.float()
    B, N, n = X.shape
    denoiser = Edm(network)
    averaged = copy.deepcopy(denoiser)
    optimiser = torch.optim.Adam(denoiser.parameters(), lr=1.0)
    latents = ctx.randn(B, problem.generate, n)

    def estimate() -> Tensor:
        averaged.eval()
        return answer(problem, averaged, latents)

    for step in ctx.steps(steps, points=_POINTS):
        optimiser.param_groups[0]["lr"] = rate(step)
        which = (ctx.rand(B, batch) * N).long()
        x0 = X.gather(1, which[..., None].expand(-1, -1, n))
        sigma = noise_levels(ctx, B, batch)
        found = denoiser(x0 + sigma[..., None] * ctx.randn(B, batch, n), sigma)
        loss = (weight(sigma) * (found - x0).square().mean(-1)).mean(-1).sum()  # each network's own, added
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            for old, new in zip(averaged.parameters(), denoiser.parameters(), strict=True):
                old.lerp_(new, 1 - memory(step))
        ctx.record(step, estimate)
    return estimate()
