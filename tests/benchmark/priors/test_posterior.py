"""The exact posterior of a mixture against whole covariance matrices, and the least error that it promises."""

import math

import pytest
import torch

from benchmark.operators import Blur, Downsample, Identity, LinearOperator, Mask, motion_kernel
from benchmark.priors.exact import Mixture
from benchmark.priors.posterior import Posterior

SHAPE = (1, 6, 6)
N = 36
TAPS = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
SEEN = torch.rand(6, 6, generator=torch.Generator().manual_seed(5)) < 0.4
OPERATORS: dict[str, LinearOperator] = {
    "identity": Identity(SHAPE, torch.float64),
    "mask": Mask(SEEN, 1, torch.float64),
    "blur": Blur(torch.outer(TAPS, TAPS), SHAPE),
    "downsample": Downsample(2, SHAPE, torch.float64),
}


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made(apart: float = 0.3) -> Mixture:
    """Three components whose means differ by about `apart` in each entry, on [-1, 1]."""
    generator = draw(1)
    K, d = 3, 4
    means = apart * torch.randn(K, N, generator=generator, dtype=torch.float64)
    bases = torch.linalg.qr(torch.randn(K, N, d, generator=generator, dtype=torch.float64)).Q
    scales = 0.3 + torch.rand(K, d, generator=generator, dtype=torch.float64)
    weights = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    return Mixture(SHAPE, means, bases, scales, weights, rest=0.1)


def whole(mixture: Mixture, A: LinearOperator, y: torch.Tensor, noise: float) -> tuple[torch.Tensor, ...]:
    """Shares (K,), means (K, n) and covariances (K, n, n) of the posterior on [0, 1], by conditioning Gaussians on y."""
    matrix = A(torch.eye(N, dtype=A.dtype).view(N, *SHAPE)).reshape(N, -1).T
    logs, means, covariances = [], [], []
    for mean, basis, scale, weight in zip(mixture.means, mixture.bases, mixture.scales, mixture.weights, strict=True):
        m = 0.5 + mean / 2
        C = ((basis * scale**2) @ basis.T + mixture.rest**2 * torch.eye(N, dtype=torch.float64)) / 4
        S = matrix @ C @ matrix.T + noise**2 * torch.eye(len(matrix), dtype=torch.float64)
        law = torch.distributions.MultivariateNormal(matrix @ m, S)
        gain = C @ matrix.T @ S.inverse()
        logs.append(weight.log() + law.log_prob(y.flatten()))
        means.append(m + gain @ (y.flatten() - matrix @ m))
        covariances.append(C - gain @ matrix @ C)
    return torch.stack(logs).softmax(0), torch.stack(means), torch.stack(covariances)


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize(("noise", "apart"), [(0.03, 0.3), (0.4, 0.05)], ids=["one component is left", "several are left"])
def test_it_is_that_of_whole_covariances(name: str, noise: float, apart: float) -> None:
    mixture, A = made(apart), OPERATORS[name]
    y = A(mixture.draw(1, draw(2))[0]) + noise * A.noise(draw(3))
    shares, means, covariances = whole(mixture, A, y, noise)
    mean = shares @ means
    second = sum(q * (C + torch.outer(m, m)) for q, m, C in zip(shares, means, covariances, strict=True))
    found = mixture.posterior(A, y, noise)
    torch.testing.assert_close(found.shares, shares, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found.mean.flatten(), mean, rtol=1e-6, atol=1e-9)
    assert found.least == pytest.approx(float((second - torch.outer(mean, mean)).trace()) / N, rel=1e-6)
    assert (shares.max() < 0.9) == (apart == 0.05)


@pytest.mark.parametrize("name", OPERATORS)
def test_draws_have_its_mean_its_variance_and_a_spread_of_one(name: str) -> None:
    mixture, A, noise, count = made(0.05), OPERATORS[name], 0.2, 2000
    y = A(mixture.draw(1, draw(2))[0]) + noise * A.noise(draw(3))
    known = mixture.posterior(A, y, noise)
    drawn = known.draw(count, draw(4))
    errors = (drawn - known.mean).square().mean((1, 2, 3))
    assert float(errors.mean()) == pytest.approx(known.least, abs=4 * float(errors.std()) / math.sqrt(count))
    off = (drawn.mean(0) - known.mean) / (drawn.std(0) / math.sqrt(count))
    assert float(off.square().mean()) < 2
    spreads = torch.tensor([known.spread(one) for one in drawn[:400]])
    assert float(spreads.mean()) == pytest.approx(1, abs=4 * float(spreads.std()) / 20)


def test_the_spread_of_the_mean_is_0_and_grows_with_the_square_of_the_distance() -> None:
    mixture, A, noise = made(), OPERATORS["mask"], 0.05
    y = A(mixture.draw(1, draw(2))[0]) + noise * A.noise(draw(3))
    known = mixture.posterior(A, y, noise)
    sample = known.draw(1, draw(4))[0]
    assert known.spread(known.mean) < 1e-6
    half = known.mean + 0.5 * (sample - known.mean)
    assert known.spread(half) == pytest.approx(known.spread(sample) / 4, rel=1e-4)


@pytest.mark.parametrize("name", ["mask", "downsample"])
def test_the_error_of_its_mean_is_the_least_on_average_and_the_truth_a_sample(name: str) -> None:
    mixture, A, noise, count = made(0.1), OPERATORS[name], 0.1, 200
    generator = draw(6)
    errors, others, spreads = [], [], []
    for _ in range(count):
        x = mixture.draw(1, generator)[0]
        known = mixture.posterior(A, A(x) + noise * A.noise(generator), noise)
        errors.append(float((known.mean - x).square().mean()) / known.least)
        others.append(float((known.draw(1, generator)[0] - x).square().mean()) / known.least)
        spreads.append(known.spread(x))
    for found, expected in ((errors, 1), (others, 2), (spreads, 1)):
        values = torch.tensor(found)
        assert float(values.mean()) == pytest.approx(expected, abs=4 * float(values.std()) / math.sqrt(count))


def test_an_operator_of_single_precision_gives_the_same() -> None:
    mixture = made()
    A, B = OPERATORS["blur"], Blur(torch.outer(TAPS, TAPS).float(), SHAPE)
    y = A(mixture.draw(1, draw(2))[0]) + 0.05 * A.noise(draw(3))
    one, other = mixture.posterior(A, y, 0.05), mixture.posterior(B, y.float(), 0.05)
    torch.testing.assert_close(one.mean, other.mean, rtol=0, atol=1e-5)
    assert one.least == pytest.approx(other.least, rel=1e-4)


def test_it_needs_singular_values() -> None:
    A = Blur(motion_kernel(5, 3.0, 30.0, 0.15), SHAPE)
    with pytest.raises(ValueError, match="singular values of A, which are not known for this Blur"):
        Posterior(made(), A, torch.zeros(SHAPE), 0.1)
