"""Mixtures on subspaces: drawing, the exact denoiser and its Jacobian, K-subspaces."""

import math

import pytest
import torch

from benchmark.models import mixtures


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def bases(K=2, n=12, d=3, B=1, angle=90.0, seed=0):
    generator = draws(seed)
    return torch.stack([mixtures.subspaces(K, n, d, angle, generator) for _ in range(B)])


@pytest.mark.parametrize("angle", [90.0, 60.0, 20.0])
def test_subspaces_meet_at_the_angle_in_every_direction(angle):
    U = bases(K=3, n=12, angle=angle)[0]
    eye = torch.eye(3, dtype=torch.float64)
    for k in range(3):
        assert torch.allclose(U[k].mT @ U[k], eye, atol=1e-12)
    for k, other in ((0, 1), (0, 2), (1, 2)):
        values = torch.linalg.svdvals(U[k].mT @ U[other])
        assert torch.allclose(values, torch.full((3,), math.cos(math.radians(angle)), dtype=torch.float64), atol=1e-12)


def test_draws_lie_on_the_subspaces_in_turn():
    U = bases(B=2)
    X = mixtures.draw(U, 7, draws())
    assert mixtures.nearest(X, U).tolist() == [[0, 1, 0, 1, 0, 1, 0]] * 2
    assert torch.allclose(mixtures.energies(X, U).amax(-2), X.square().sum(-1))


def test_one_component_is_denoised_by_a_shrunk_projection():
    U = bases(K=1)
    sigma = torch.tensor([0.01, 1.0, 30.0], dtype=torch.float64)
    x = torch.randn(1, 3, 12, dtype=torch.float64, generator=draws())
    J = mixtures.jacobian(x, sigma, U)
    P = U[0, 0] @ U[0, 0].mT
    assert torch.allclose(J[0], P / (1 + sigma**2)[:, None, None], atol=1e-12)
    assert torch.allclose(mixtures.denoise(x, sigma, U), (J @ x[..., None])[..., 0], atol=1e-12)


def test_the_denoiser_is_the_posterior_mean():
    """By importance sampling: E[x_0 | x] = E[x_0 p(x | x_0)] / E[p(x | x_0)]."""
    U, sigma = bases(K=3, n=6, d=1), torch.tensor([0.8], dtype=torch.float64)
    x = torch.randn(1, 1, 6, dtype=torch.float64, generator=draws(3))
    x0 = mixtures.draw(U, 300_000, draws(4))[0]
    w = (-(x[0] - x0).square().sum(-1) / (2 * sigma**2)).softmax(0)
    assert torch.allclose(mixtures.denoise(x, sigma, U)[0, 0], w @ x0, atol=5e-3)


@pytest.mark.parametrize("sigma", [0.3, 0.8, 2.0])
def test_the_weights_are_the_posterior_of_the_components(sigma):
    """By densities in whole: x ~ N(0, C_k), C_k = U_k U_k^T + sigma^2 I, E[x_0 | x, k] = U_k U_k^T C_k^-1 x."""
    U = bases(K=3, n=8, d=2, angle=60.0)[0]
    x = 1.5 * torch.randn(20, 8, dtype=torch.float64, generator=draws(3))
    P = U @ U.mT
    C = P + sigma**2 * torch.eye(8, dtype=torch.float64)
    r = torch.stack([torch.distributions.MultivariateNormal(x.new_zeros(8), one).log_prob(x) for one in C]).softmax(0)
    assert ((r > 0.05) & (r < 0.95)).any()  # the components contend
    wanted = torch.einsum("kq,kij,qj->qi", r, P @ torch.linalg.inv(C), x)
    level = torch.full((20,), sigma, dtype=torch.float64)
    assert torch.allclose(mixtures.denoise(x[None], level, U[None])[0], wanted, atol=1e-10)


@pytest.mark.parametrize("sigma", [0.003, 0.3, 1.0, 50.0])
def test_the_jacobian_is_the_derivative(sigma):
    U = bases(K=3, d=2, angle=60.0)
    x = mixtures.draw(U, 1, draws()) + sigma * torch.randn(1, 1, 12, dtype=torch.float64, generator=draws(1))
    level = torch.tensor([sigma], dtype=torch.float64)
    exact = torch.autograd.functional.jacobian(lambda one: mixtures.denoise(one.view(1, 1, 12), level, U)[0, 0], x[0, 0])
    assert torch.allclose(mixtures.jacobian(x, level, U)[0, 0], exact, atol=1e-9)


def test_the_denoiser_projects_on_the_nearest_subspace_without_noise_and_on_all_with_much():
    U = bases(K=2, n=12, d=3)
    x = torch.randn(1, 1, 12, dtype=torch.float64, generator=draws())
    small, large = (torch.tensor([s], dtype=torch.float64) for s in (1e-4, 1e4))
    k = int(mixtures.nearest(x, U))
    assert torch.allclose(mixtures.denoise(x, small, U)[0, 0], U[0, k] @ (U[0, k].mT @ x[0, 0]), atol=1e-6)
    both = sum(U[0, j] @ U[0, j].mT for j in range(2)) / 2
    assert torch.allclose(mixtures.jacobian(1e4 * x, large, U)[0, 0] * 1e8, both, atol=1e-3)


@pytest.mark.parametrize("outer", [1 << 24, 1])
def test_weighted_scatter_is_the_sum_of_outer_products(monkeypatch, outer):
    monkeypatch.setattr(mixtures, "_OUTER", outer)
    X = torch.randn(2, 5, 4, dtype=torch.float64, generator=draws())
    w = torch.rand(2, 3, 5, dtype=torch.float64, generator=draws())
    assert torch.allclose(mixtures.Scatter(X)(w), torch.einsum("bmi,bij,bik->bmjk", w, X, X))


def test_samples_are_compressed_to_their_span_and_back():
    X = mixtures.draw(bases(B=2, n=20), 9, draws())
    space = mixtures.compressed(X, 3)
    assert space.Z.shape == (2, 9, 6)
    assert torch.allclose(space.Z @ space.V.mT, X)
    assert mixtures.compressed(X[:, :2], 5).Z.shape == (2, 2, 5)  # no less than a subspace needs


def test_few_samples_in_a_class_leave_a_whole_basis():
    U = mixtures.of_classes(torch.randn(1, 3, 8, dtype=torch.float64, generator=draws()), torch.tensor([[0, 0, 0]]), 2, 4)
    assert torch.allclose(U.mT @ U, torch.eye(4, dtype=torch.float64).expand(1, 2, 4, 4), atol=1e-12)


def test_rounds_of_k_subspaces_never_lose_energy_and_find_the_subspaces():
    U = bases(B=3, n=24)
    X = mixtures.draw(U, 24, draws())
    search = mixtures.Search(mixtures.compressed(X, 3), 2, 3, 40, draws())
    before = search.captured
    for _ in range(30):
        search.step()
        assert bool((search.captured >= before - 1e-9).all())
        before = search.captured
    found = search.best()
    assert torch.allclose(mixtures.energies(X, found).amax(-2), X.square().sum(-1))
