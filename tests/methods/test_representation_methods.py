"""Methods of representation: where coding rates end, what losses are worth, how the network learns."""

import pytest
import torch
from torch.nn import functional as F

from benchmark import Context, Representation, UserError, registry
from benchmark.models.coding_rates import largest_weight
from benchmark.solving import answer
from methods.features._losses import nuclear_gap, supervised_contrast
from methods.features._training import Recipe, network, train


def free(sizes=(20, 20, 20), dim=12, eps2=0.25, ratio=0.3):
    labels = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return Representation(labels=labels, dim=dim, eps2=eps2, weight=ratio * largest_weight(sizes, dim, eps2))


def learned(seed=0):
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(3).repeat(10)
    x = F.one_hot(labels, 3).float() @ torch.randn(3, 8, generator=draw) + 0.3 * torch.randn(30, 8, generator=draw)
    weight = 0.1 * largest_weight((10, 10, 10), 6, 0.5)
    return Representation(labels=labels, train=x, test=x[:6] + 0.1, dim=6, eps2=0.5, weight=weight)


def solve(name, problem, seed=0, **given):
    found, ctx = registry.get_method(name), Context(torch.device("cpu"), seed)
    return answer(found.load(), problem, ctx, found.spec.parameters(**given).model_dump()), ctx


def spectra(problem, Z):
    return [torch.linalg.svdvals(block) for block in Z[problem.order].split(list(problem.sizes))]


@pytest.mark.parametrize("sizes", [(20, 20, 20), (15, 25, 30)])
def test_free_features_end_where_the_closed_form_says(sizes):
    problem = free(sizes)
    Z, ctx = solve("mcr2", problem, steps=3000)
    assert ctx.steps_done < 1000
    total = 0
    for sigma, x in zip(spectra(problem, Z), problem.closed_form.x, strict=True):
        large = sigma[sigma > 0.5 * x**0.5]
        torch.testing.assert_close(large**2, torch.full_like(large, x), rtol=1e-7, atol=0)
        total += len(large)
    assert total == problem.dim


def test_a_tiny_start_collapses_to_zero():
    Z, _ = solve("mcr2", free(ratio=0.5), steps=3000, start=0.01)
    assert Z.norm() < 1e-6


def test_rows_may_come_in_any_order():
    problem = free()
    mixed = torch.randperm(60, generator=torch.Generator().manual_seed(0))
    shuffled = Representation(labels=problem.labels[mixed], dim=12, eps2=0.25, weight=problem.weight)
    Z, _ = solve("mcr2", shuffled, steps=3000)
    for k in range(3):
        others = Z[shuffled.labels != k]
        assert (F.normalize(Z[shuffled.labels == k], dim=1) @ others.T).abs().max() < 1e-8


def test_constrained_features_have_norm_one_and_balanced_spectra():
    problem = free()
    Z, _ = solve("mcr2_constrained", problem, steps=3000)
    torch.testing.assert_close(Z.norm(dim=1), torch.ones(60, dtype=torch.float64))
    for sigma in spectra(problem, Z):
        large = sigma[sigma > 0.1]
        assert (large / large.mean() - 1).abs().max() < 1e-3


@pytest.mark.parametrize("times", [1e3, 3.4])
def test_a_lambda_beyond_its_range_is_one_clear_error(times):
    message = rf"^times = {times:g} makes lambda = .* not in \(0, lambda_max = 0.214359\]; times is at most 3.33333$"
    with pytest.raises(UserError, match=message):
        solve("mcr2", free(), times=times)
    solve("mcr2", free(), times=3.3, steps=2)


@pytest.mark.parametrize("name", ["mcr2", "mcr2_constrained", "cross_entropy", "cross_entropy_ole", "supervised_contrastive"])
def test_learned_features_separate_the_classes(name):
    problem = learned()
    Z, ctx = solve(name, problem, steps=80, hidden=32)
    assert (Z.shape, Z.dtype, ctx.steps_done) == ((36, 6), torch.float32, 80)
    if name in ("mcr2_constrained", "supervised_contrastive"):
        torch.testing.assert_close(Z.norm(dim=1), torch.ones(36))
    n = F.normalize(Z[:30], dim=1)
    same = problem.labels[:, None] == problem.labels
    cosines = n @ n.T
    assert cosines[same].mean() > cosines[~same].mean() + 0.3


def test_linear_features_are_those_of_their_formulas():
    problem = learned()
    raw, pca, lda = (solve(name, problem)[0] for name in ("raw", "pca_features", "lda"))
    assert torch.equal(raw, problem.samples)
    assert (pca.shape, lda.shape) == ((36, 8), (36, 2))
    torch.testing.assert_close(pca[:30].mean(0), torch.zeros(8), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        torch.cdist(pca.double(), pca.double()), torch.cdist(raw.double(), raw.double()), atol=1e-4, rtol=1e-4
    )
    assert solve("pca_features", problem, components=2)[0].shape == (36, 2)


def test_the_networks_of_all_methods_begin_alike():
    first, again = (network(Context(torch.device("cpu"), 3), 8, 16, 4) for _ in range(2))
    assert all(map(torch.equal, first.parameters(), again.parameters()))
    assert [tuple(p.shape) for p in first.parameters()] == [(16, 8), (16,), (16,), (4, 16), (4,)]
    assert first[0].weight.abs().max() <= 8**-0.5
    assert first[3].weight.std().item() == pytest.approx(16**-0.5 / 3**0.5, rel=0.3)


def test_training_hands_the_loss_rows_sorted_by_class():
    seen = []

    def loss(Z, labels):
        seen.append(labels.tolist())
        return Z.square().sum()

    train(learned(), Context(torch.device("cpu"), 0), loss, Recipe(1, 0.01, 0.0, 0.0, 8))
    assert seen == [[0] * 10 + [1] * 10 + [2] * 10]


def test_nuclear_gap_is_least_for_orthogonal_lines():
    eye = torch.eye(4, dtype=torch.float64)
    assert nuclear_gap(torch.cat([eye[:1]] * 4 + [eye[1:2]] * 4), (4, 4)).item() == pytest.approx(0)
    assert nuclear_gap(torch.cat([eye[:1]] * 8), (4, 4)).item() == pytest.approx((4 - 8**0.5) / 8)
    assert nuclear_gap(0.01 * torch.cat([eye[:1]] * 8), (4, 4)).item() == pytest.approx((2 - 0.01 * 8**0.5) / 8)


def test_supervised_contrast_is_the_published_sum():
    draw = torch.Generator().manual_seed(0)
    Z, labels, t = torch.randn(7, 3, generator=draw).double(), torch.tensor([0, 0, 1, 1, 1, 2, 0]), 0.5
    n, found = F.normalize(Z, dim=1), []
    for i in range(7):
        friends = [p for p in range(7) if p != i and labels[p] == labels[i]]
        if friends:
            total = sum((n[i] @ n[a] / t).exp() for a in range(7) if a != i)
            found.append(-sum(((n[i] @ n[p] / t).exp() / total).log() for p in friends) / len(friends))
    assert supervised_contrast(3 * Z, labels, t).item() == pytest.approx(torch.stack(found).mean().item())
