"""Errors of subspaces, novelty of samples, ranks of Jacobians."""

from itertools import permutations

import pytest
import torch

from benchmark import Distribution
from benchmark.metrics import subspace
from benchmark.metrics.subspace import accuracy, coherence, matched, matching, novel, off_energy, rank
from benchmark.models import mixtures


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def bases(K=3, n=12, d=2, B=1, seed=0):
    generator = draws(seed)
    return torch.stack([mixtures.subspaces(K, n, d, 90.0, generator) for _ in range(B)])


@pytest.mark.parametrize("seed", range(20))
def test_the_matching_is_the_best_of_all_permutations(seed):
    cost = torch.rand(5, 5, dtype=torch.float64, generator=draws(seed))
    best = min(
        (max(cost[p[k], k].item() for k in range(5)), sum(cost[p[k], k].item() for k in range(5)))
        for p in permutations(range(5))
    )
    found = matching(cost)
    assert sorted(found) == list(range(5))
    assert (max(cost[found[k], k].item() for k in range(5)), sum(cost[found[k], k].item() for k in range(5))) == pytest.approx(
        best
    )


def test_the_error_knows_no_order_and_no_rotation():
    V = bases()
    turn = torch.linalg.qr(torch.randn(2, 2, dtype=torch.float64, generator=draws())).Q
    error, ordered = matched((V @ turn)[:, [2, 0, 1]], V)
    assert error.item() < 1e-7
    assert torch.allclose(coherence(ordered[0], V[0]), torch.eye(6, dtype=torch.float64), atol=1e-7)


def test_the_error_of_what_is_orthogonal_is_the_largest_there_is():
    U = bases(K=2)
    assert matched(U[:, :1], U[:, 1:])[0].item() == pytest.approx(2.0)  # sqrt(2 d)


def test_accuracy_is_under_the_best_naming():
    assert accuracy(torch.tensor([[1, 1, 0, 0, 2]]), torch.tensor([[0, 0, 1, 1, 1]]), 3).item() == pytest.approx(0.8)


def test_training_samples_are_not_new_and_fresh_ones_are():
    U = bases(K=2, n=20, d=3)
    train, fresh = mixtures.draw(U, 40, draws(1)), mixtures.draw(U, 200, draws(2))
    assert not bool(novel(train, train, U, draws()).any())
    assert novel(fresh, train, U, draws()).double().mean() > 0.9
    noise = torch.randn(1, 200, 20, dtype=torch.float64, generator=draws(3))
    assert bool(novel(noise, train, U, draws()).all())  # which is why gl never stands alone
    assert off_energy(fresh, U).max() < 1e-12
    assert off_energy(noise, U).median() > 0.5


def test_the_rank_counts_what_holds_98_percent_of_the_energy():
    values = torch.tensor([[1.0, 1.0, 0.1, 1e-3], [0.0, 0.0, 0.0, 0.0], [1.0, 0.5, 0.0, 0.0]], dtype=torch.float64)
    assert rank(torch.diag_embed(values)).tolist() == [2, 0, 2]


@pytest.mark.parametrize(("first", "expected"), [(0.985, 1), (0.975, 2)])
def test_the_rank_is_by_99_percent_of_the_root_of_the_energy(first, expected):
    """0.99^2 = 0.9801: with a share of 0.985 the first direction is enough, with 0.975 it is not."""
    values = torch.tensor([first**0.5, (1 - first) ** 0.5, 0.0], dtype=torch.float64)
    assert rank(torch.diag(7 * values)).item() == expected


@pytest.mark.parametrize(("error", "success"), [(0.45, 1.0), (0.55, 0.0)])
def test_a_draw_succeeds_where_all_its_subspaces_are_nearer_than_a_half(error, success):
    """Two lines, one of them turned so that ||P - P*||_F = sqrt(2) sin(angle) is the error; the largest counts."""
    sine = error / 2**0.5
    true = torch.eye(6, dtype=torch.float64)[None, :2, :, None]
    found = true.clone()
    found[0, 1, 1, 0], found[0, 1, 2, 0] = (1 - sine**2) ** 0.5, sine
    none = torch.empty(1, 0, 6, dtype=torch.float64)
    posed = Distribution(samples=true[..., 0], K=2, d=1, generate=1, probes=none, sigmas=none[0, :, 0])
    scores = subspace.recovery(posed, found, true, torch.tensor([[0, 1]]))
    assert scores["subspace_error"] == pytest.approx(error)
    assert (scores["success"], scores["accuracy"]) == (success, 1.0)


def test_new_is_farther_than_half_of_what_fresh_samples_are():
    U = bases(K=2, n=20, d=3)
    train, fresh = mixtures.draw(U, 40, draws(1)), mixtures.draw(U, 500, draws())
    limit = torch.cdist(fresh, train).amin(-1).median().item() / 2
    away = torch.linalg.qr(torch.cat([*U[0], torch.randn(20, 1, dtype=torch.float64, generator=draws(2))], 1)).Q[:, -1]
    for far, expected in ((0.9, False), (1.1, True)):  # off all subspaces: the nearest sample is the one moved
        assert bool(novel(train + far * limit * away, train, U, draws()).all()) == expected
        assert bool(novel(train + far * limit * away, train, U, draws()).any()) == expected


@pytest.mark.parametrize(("share", "on"), [(0.09, 1.0), (0.11, 0.0)])
def test_on_is_at_most_a_tenth_of_the_energy_off(share, on):
    from tests.benchmark.test_distribution_problem import problem

    posed = problem(B=1, N=30, G=4, levels=0)
    n = posed.samples.shape[-1]
    U = torch.linalg.qr(torch.randn(1, 2, n, posed.d, dtype=torch.float64, generator=draws())).Q
    off = torch.linalg.qr(torch.cat([*U[0], torch.randn(n, 1, dtype=torch.float64, generator=draws(2))], 1)).Q[:, -1]
    x = 1e3 * ((1 - share) ** 0.5 * U[0, 0, :, 0] + share**0.5 * off)  # so far that it is new
    told = posed.pack(x.expand(1, 4, n), torch.empty(1, 0, n, n, dtype=torch.float64))
    found = subspace.generation(posed, told, U)
    assert found["off_energy"] == pytest.approx(share)
    assert (found["gl"], found["new_and_on"]) == (1.0, on)


def test_the_exact_denoiser_has_the_ranks_of_the_paper():
    """n = 48, K = 2, d = 6: 6 at 1/sigma >= 10, about 9.4 at 0.91, 12 at 0.3 and below."""
    U = bases(K=2, n=48, d=6)
    found = {}
    for inverse in (50.0, 10.0, 0.91, 0.3, 0.04):
        sigma = torch.full((40,), 1 / inverse, dtype=torch.float64)
        x = mixtures.draw(U, 40, draws(5)) + sigma[:, None] * torch.randn(1, 40, 48, dtype=torch.float64, generator=draws(6))
        found[inverse] = rank(mixtures.jacobian(x, sigma, U)).double().mean().item()
    assert found[50.0] == found[10.0] == 6
    assert 8 < found[0.91] < 11
    assert found[0.3] > 11.5
    assert found[0.04] == 12


def test_both_forms_of_an_estimate_mean_the_same(monkeypatch):
    from tests.benchmark.test_distribution_problem import problem

    posed = problem(N=30, G=200, levels=3)
    U = mixtures.k_subspaces(posed.samples, 2, 2, 20, 30, draws())
    told = posed.pack(subspace.samples_of(posed, U), subspace.jacobians(posed, U))
    posed.check(told)
    assert matched(subspace.bases_of(posed, told), mixtures.orthonormal(U))[0].max() < 1e-6
    assert torch.equal(subspace.jacobians(posed, told), subspace.jacobians(posed, U))
    assert subspace.generation(posed, told, U) == subspace.generation(posed, U, U)
