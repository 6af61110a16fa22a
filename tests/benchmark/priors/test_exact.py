import pytest
import torch

from benchmark.operators import Identity, Mask
from benchmark.priors.exact import Mixture, scalar


@pytest.fixture
def mixture() -> Mixture:
    generator = torch.Generator().manual_seed(1)
    K, n, d = 3, 12, 2
    means = 0.5 * torch.randn(K, n, generator=generator, dtype=torch.float64)
    bases = torch.linalg.qr(torch.randn(K, n, d, generator=generator, dtype=torch.float64)).Q
    scales = 0.3 + torch.rand(K, d, generator=generator, dtype=torch.float64)
    weights = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    return Mixture((3, 2, 2), means, bases, scales, weights, rest=0.1)


def log_density(mixture: Mixture, x: torch.Tensor, sigma: float) -> torch.Tensor:
    """Of x_0 + sigma eps, on the network's scale, with whole covariance matrices."""
    n = x.shape[-1]
    parts = []
    for mean, basis, scale, weight in zip(mixture.means, mixture.bases, mixture.scales, mixture.weights, strict=True):
        covariance = (basis * scale**2) @ basis.T + (mixture.rest**2 + sigma**2) * torch.eye(n, dtype=x.dtype)
        normal = torch.distributions.MultivariateNormal(mean, covariance)
        parts.append(weight.log() + normal.log_prob(x))
    return torch.stack(parts).logsumexp(0)


@pytest.mark.parametrize("sigma", [0.05, 0.7, 5.0])
def test_the_denoiser_follows_the_score_of_the_density(mixture: Mixture, sigma: float) -> None:
    x = (mixture.draw(6, torch.Generator().manual_seed(0)).flatten(1) * 2 - 1).requires_grad_()
    (score,) = torch.autograd.grad(log_density(mixture, x, sigma).sum(), x)
    expected = x + sigma**2 * score  # Tweedie's formula
    found = mixture((x.detach().view(-1, 3, 2, 2) + 1) / 2, sigma / 2)  # the task's scale is [0, 1]
    assert torch.allclose(found.flatten(1) * 2 - 1, expected.detach(), atol=1e-8)


def test_the_posterior_mean_of_a_whole_noisy_picture_is_the_denoiser(mixture: Mixture) -> None:
    A = Identity((3, 2, 2), torch.float64)
    y = torch.rand(3, 2, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert torch.allclose(mixture.posterior_mean(A, y, 0.2), mixture(y[None], 0.2)[0], atol=1e-10)


def test_draws_of_the_posterior_have_its_mean_and_agree_with_weighted_draws_of_the_prior(mixture: Mixture) -> None:
    A = Mask(torch.tensor([[True, False], [True, True]]), dtype=torch.float64)
    generator = torch.Generator().manual_seed(3)
    truth = mixture.draw(1, generator)[0]
    noise = 0.15
    y = A(truth) + noise * A.noise(generator)
    draws = mixture.posterior(A, y, noise).draw(20_000, generator)
    mean = mixture.posterior_mean(A, y, noise)
    assert torch.allclose(draws.mean(0), mean, atol=0.01)
    many = mixture.draw(400_000, generator)
    misfit = (A(many) - y)[:, A.mask.expand(3, 2, 2)].square().sum(1)
    weighted = ((-misfit / (2 * noise**2)).softmax(0)[:, None] * many.flatten(1)).sum(0).view_as(mean)
    assert torch.allclose(weighted, mean, atol=0.02)


def test_a_scalar_gaussian_is_denoised_by_its_gain() -> None:
    prior = scalar(0.3, 0.5)
    x = torch.tensor([0.2, 0.9], dtype=torch.float64).view(2, 1, 1, 1)
    u, sigma = 2 * x - 1, 0.4
    gain = 0.25 / (0.25 + (2 * sigma) ** 2)
    assert torch.allclose(prior(x, sigma), (0.3 + gain * (u - 0.3) + 1) / 2)


def test_no_density_without_a_rest(mixture: Mixture) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Mixture((3, 2, 2), mixture.means, mixture.bases, mixture.scales, mixture.weights, 0.0)


def test_the_posterior_needs_noise(mixture: Mixture) -> None:
    with pytest.raises(ValueError, match="noise above 0"):
        mixture.posterior_mean(Identity((3, 2, 2), torch.float64), torch.zeros(3, 2, 2, dtype=torch.float64), 0.0)
