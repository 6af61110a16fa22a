import math

import pytest
import torch

from benchmark.priors.exact import scalar
from methods.priors._quality import LEVELS, distance_to, frechet, nearest, one_step_psnr


def test_the_frechet_distance_of_gaussians_is_the_closed_form() -> None:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(4000, 2, generator=generator, dtype=torch.float64)
    a = (a - a.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(a.T))).T  # mean 0, covariance I exactly
    scale, shift = torch.tensor([2.0, 0.5], dtype=torch.float64), torch.tensor([1.0, -3.0], dtype=torch.float64)
    assert frechet(a, a * scale + shift) == pytest.approx(10 + 1 + 0.25, abs=1e-8)
    assert frechet(a, a) == pytest.approx(0, abs=1e-8)


def test_noise_is_farther_from_pictures_than_other_pictures_are() -> None:
    generator = torch.Generator().manual_seed(1)
    held_out = torch.rand(24, 3, 1, 1, generator=generator).expand(24, 3, 32, 32).contiguous()
    found = distance_to(torch.rand(12, 3, 32, 32, generator=generator), held_out)
    assert found["frechet_samples"] > 3 * found["frechet_held_out"]
    assert found["frechet_pictures"] == 12


def test_the_error_of_an_exact_denoiser_is_the_posterior_variance() -> None:
    prior = scalar(0.0, 0.4)
    pictures = prior.draw(20_000, torch.Generator().manual_seed(0))
    squared = {}
    for level, value in one_step_psnr(prior, pictures, batch=20_000).items():
        squared[level] = value
    for level in LEVELS:
        sigma = float(prior.schedule.sigmas[level]) / 2
        variance = 1 / (1 / 0.2**2 + 1 / sigma**2)
        # PSNR is the mean of logarithms: of a squared standard normal it is -(gamma + ln 2)
        expected = -10 * math.log10(variance) + 10 * (0.5772156649 + math.log(2)) / math.log(10)
        assert squared[level] == pytest.approx(expected, abs=0.35)  # 0.2: clipping to [0, 1] helps a little


def test_the_nearest_picture_of_a_copy_is_itself() -> None:
    pictures = torch.rand(9, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert nearest(pictures[[4, 2]] + 0.01, pictures).tolist() == [4, 2]
