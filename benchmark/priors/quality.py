"""How good a prior is, on pictures that it never saw."""

import torch
from torch import Tensor

from benchmark.priors.prior import Prior

LEVELS = (20, 100, 200, 400)  # step indices of 1,000


def one_step_psnr(prior: Prior, pictures: Tensor, seed: int = 0, batch: int = 64) -> dict[int, float]:
    """PSNR in dB of one call of the denoiser at each of LEVELS, mean over pictures (N, *shape) on the task's scale, clipped.

    A schedule of another length takes the levels in proportion.
    """
    low, high = prior.value_range
    found = {}
    for level in LEVELS:
        sigma = float(prior.schedule.sigmas[level * len(prior.schedule) // 1000]) * prior.half
        generator = torch.Generator(pictures.device).manual_seed(seed)
        ratios = []
        with torch.no_grad():
            for part in torch.split(pictures, batch):
                noise = torch.randn(part.shape, generator=generator, device=part.device)
                clean = prior(part + sigma * noise, sigma).clamp(low, high)
                ratios.append(10 * torch.log10((high - low) ** 2 / (clean - part).square().mean((1, 2, 3))))
        found[level] = float(torch.cat(ratios).mean())
    return found
