"""How good a prior is, measured on pictures that it never saw."""

import torch
from scipy import linalg
from torch import Tensor

from benchmark.metrics.perceptual import pooled_features
from benchmark.priors.latent import LatentPrior
from benchmark.priors.prior import Prior
from methods.priors._distil import flow

LEVELS = (20, 100, 200, 400)  # step indices of 1,000


def one_step_psnr(prior: Prior, pictures: Tensor, seed: int = 0, batch: int = 64, steps: int = 1) -> dict[int, float]:
    """PSNR in dB of one call of the denoiser at each of LEVELS, mean over pictures (N, *shape) on the task's scale, clipped; of
    latents, that of what the decoder makes of them, against what it makes of the latents without noise.

    steps: of DDIM to a clean picture, where more than one call is asked for. A schedule of another length takes the levels in
    proportion.
    """
    low, high = prior.value_range

    def shown(x: Tensor) -> Tensor:
        return (prior.decode(x) if isinstance(prior, LatentPrior) else x).clamp(low, high)

    found = {}
    for level in LEVELS:
        first = level * len(prior.schedule) // 1000
        times = prior.schedule.spread(steps, 0, first)[::-1] if steps > 1 else [first]
        sigmas = [float(prior.schedule.sigmas[time]) * prior.half for time in times]
        falling = torch.tensor([*sigmas, 0.0], device=pictures.device)[:, None]
        generator = torch.Generator(pictures.device).manual_seed(seed)
        ratios = []
        with torch.no_grad():
            for part in torch.split(pictures, batch):
                noise = torch.randn(part.shape, generator=generator, device=part.device)
                clean = shown(flow(prior, part + sigmas[0] * noise, falling)[-1])
                wanted = shown(part) if isinstance(prior, LatentPrior) else part
                ratios.append(10 * torch.log10((high - low) ** 2 / (clean - wanted).square().mean((1, 2, 3))))
        found[level] = float(torch.cat(ratios).mean())
    return found


def frechet(first: Tensor, second: Tensor) -> float:
    """|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)) of features (N, n) and (M, n), with means m and covariances C.

    It falls with N and M even for two sets of one law: compare sets of equal sizes, as `distance_to` does.
    """
    a, b = first.double().cpu(), second.double().cpu()
    C, D = torch.cov(a.T), torch.cov(b.T)
    # tr (C D)^(1/2) by the symmetric root of C: eigenvalues of C^(1/2) D C^(1/2)
    values, vectors = torch.linalg.eigh(C)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    inner = torch.from_numpy(linalg.eigvalsh((root @ D @ root).numpy())).clamp_min(0).sqrt().sum()
    return float((a.mean(0) - b.mean(0)).square().sum() + C.trace() + D.trace() - 2 * inner)


def distance_to(samples: Tensor, held_out: Tensor) -> dict[str, float]:
    """Frechet distance of SqueezeNet features of samples (N, 3, H, W) to the second half of `held_out`, beside that of the
    first half, all of one size, in units of the variance of the second half's features; pictures in [0, 1].
    """
    half = min(len(held_out) // 2, len(samples))
    first, second, made = (pooled_features(x) for x in (held_out[:half], held_out[half : 2 * half], samples[:half]))
    unit = float(second.double().var(0).sum())
    return {
        "frechet_samples": frechet(made, second) / unit,
        "frechet_held_out": frechet(first, second) / unit,
        "frechet_pictures": float(half),
    }


def nearest(samples: Tensor, pictures: Tensor) -> Tensor:
    """The index (N,) of the picture (M, 3, H, W) with the least squared distance to each sample (N, 3, H, W)."""
    return torch.cdist(samples.flatten(1), pictures.flatten(1)).argmin(1)
