"""Errors of subspaces, novelty of samples, ranks of Jacobians."""

from itertools import permutations

import pytest
import torch

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
