"""Coding rates against their definition, finite differences, and the table of reference values of the closed form."""

import math

import pytest
import torch

from benchmark.models.coding_rates import closed_form, largest_weight, objective, rates, value_and_gradient

# K, N_k, d, eps^2, lambda / lambda_max -> lambda, sigma*, root of the smaller root, g, F* of full rank
TABLE = [
    (4, 50, 40, 0.25, 0.01, 0.00267, 16.7238, 0.0374, 1.48484, 59.3934),
    (4, 50, 40, 0.25, 0.1, 0.02667, 5.1525, 0.1213, 0.64021, 25.6084),
    (4, 50, 40, 0.25, 0.3, 0.08, 2.7861, 0.2243, 0.27074, 10.8298),
    (4, 50, 40, 0.25, 0.5, 0.13333, 1.9910, 0.3139, 0.12280, 4.9120),
    (4, 50, 40, 0.25, 0.8, 0.21333, 1.3141, 0.4756, 0.01519, 0.6076),
    (4, 50, 40, 0.25, 0.9, 0.24, 1.1180, 0.5590, -0.00461, -0.1842),
    (10, 200, 100, 0.25, 0.1, 0.01039, 9.0051, 0.1756, 0.74698, 74.6977),
    (10, 200, 100, 0.25, 0.5, 0.05195, 3.4072, 0.4641, 0.13936, 13.9358),
    (3, 100, 32, 0.5, 0.01, 0.00057, 34.0589, 0.0795, 1.32424, 42.3757),
    (3, 100, 32, 0.5, 0.1, 0.00572, 10.5029, 0.2577, 0.57288, 18.3322),
    (3, 100, 32, 0.5, 0.5, 0.02858, 4.0786, 0.6635, 0.11054, 3.5373),
]
SIZES = [(5, 9, 12), (8, 8, 8)]


def draw(N, d, seed=0):
    return torch.randn(N, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def plain(Z, sizes, eps2, weight):
    """F as it is written, without Gram matrices of classes and without Cholesky."""
    (N, d), eye = Z.shape, torch.eye(Z.shape[1], dtype=Z.dtype)
    found = torch.logdet(eye + d / (N * eps2) * Z.T @ Z) / 2
    for block in Z.split(list(sizes)):
        n = len(block)
        found = found - n / (2 * N) * torch.logdet(eye + d / (n * eps2) * block.T @ block)
    return found - weight / 2 * Z.square().sum()


def maximiser(closed, sizes, ranks, d, roots=None, seed=1):
    Q = torch.linalg.qr(draw(d, d, seed)).Q
    blocks, start = [], 0
    for k, (n, r) in enumerate(zip(sizes, ranks, strict=True)):
        V = torch.linalg.qr(draw(n, n, seed + k + 1)).Q[:, :r]
        blocks.append((roots or closed.x)[k] ** 0.5 * V @ Q[:, start : start + r].T)
        start += r
    return torch.cat(blocks)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: "-".join(map(str, row[:5])))
def test_the_closed_form_is_that_of_the_table(row):
    K, n, d, eps2, ratio, weight, sigma, below, gain, value = row
    given = ratio * largest_weight([n] * K, d, eps2)
    found = closed_form([n] * K, d, eps2, given)
    assert given == pytest.approx(weight, abs=6e-6)
    assert [x**0.5 for x in found.x] == pytest.approx([sigma] * K, abs=6e-5)
    assert [x**0.5 for x in found.below] == pytest.approx([below] * K, abs=6e-5)
    assert found.gain == pytest.approx([gain] * K, abs=6e-6)
    full = [d // K + (k < d % K) for k in range(K)]
    assert found.reached(full) == pytest.approx(value, abs=6e-4 if abs(value) < 10 else 6e-3)
    assert found.ranks == (tuple(full) if gain > 0 else (0,) * K)
    assert found.value == pytest.approx(max(value, 0), abs=6e-4 if abs(value) < 10 else 6e-3)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("d", [1, 4, 7, 10, 40])  # below and above the sizes of classes, and of all
def test_value_and_gradient_are_those_of_the_definition(sizes, d):
    Z, eps2, weight = draw(sum(sizes), d), 0.5, 0.01
    value, slope = value_and_gradient(Z, sizes, eps2, weight)
    wanted = Z.clone().requires_grad_()
    plain(wanted, sizes, eps2, weight).backward()
    assert value.item() == pytest.approx(plain(Z, sizes, eps2, weight).item(), abs=1e-11)
    torch.testing.assert_close(slope, wanted.grad, rtol=0, atol=1e-11)
    own = Z.clone().requires_grad_()
    (2 * objective(own, sizes, eps2, weight)).backward()
    torch.testing.assert_close(own.grad, 2 * slope)


def test_the_gradient_agrees_with_finite_differences():
    sizes, (eps2, weight) = SIZES[0], (0.3, 0.02)
    Z, step = draw(26, 6), 1e-5
    _, slope = value_and_gradient(Z, sizes, eps2, weight)
    for seed in range(3):
        way = draw(26, 6, 10 + seed)
        ends = [value_and_gradient(Z + sign * step * way, sizes, eps2, weight)[0].item() for sign in (1, -1)]
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx((slope * way).sum().item(), rel=1e-7)


def test_rates_are_zero_at_zero_and_take_the_dimension_of_the_problem():
    Z, sizes = draw(26, 6), SIZES[0]
    zero = rates(0 * Z, sizes, 0.5)
    assert (zero.whole.item(), zero.classes.item()) == (0, 0)
    wide = torch.cat([Z, torch.zeros(26, 3, dtype=torch.float64)], 1)  # directions that nobody uses
    assert rates(wide, sizes, 0.5, 6).reduction.item() == pytest.approx(rates(Z, sizes, 0.5).reduction.item())
    assert rates(wide, sizes, 0.5).reduction.item() != pytest.approx(rates(Z, sizes, 0.5).reduction.item())


@pytest.mark.parametrize("ranks", [(4, 4, 4), (2, 3, 0), (12, 0, 0), (0, 0, 0)])
@pytest.mark.parametrize("ratio", [0.1, 0.5])
def test_every_choice_of_ranks_is_a_critical_point_with_the_value_told(ranks, ratio):
    sizes, d, eps2 = (20, 20, 20), 12, 0.25
    weight = ratio * largest_weight(sizes, d, eps2)
    closed = closed_form(sizes, d, eps2, weight)
    for roots in (closed.x, closed.below):
        value, slope = value_and_gradient(maximiser(closed, sizes, ranks, d, roots), sizes, eps2, weight)
        assert slope.norm() < 1e-12
    value, _ = value_and_gradient(maximiser(closed, sizes, ranks, d), sizes, eps2, weight)
    assert value.item() == pytest.approx(closed.reached(ranks), abs=1e-10)


def test_smaller_classes_get_the_dimensions_first():
    sizes, d, eps2 = (50, 100, 150), 30, 0.25
    closed = closed_form(sizes, d, eps2, 0.3 * largest_weight(sizes, d, eps2))
    assert [x**0.5 for x in closed.x] == pytest.approx([6.126, 5.383, 4.515], abs=6e-4)
    assert closed.ranks == (30, 0, 0)
    assert closed.value == pytest.approx(18.7305, abs=6e-5)
    assert closed.reached((10, 11, 9)) == pytest.approx(11.99544, abs=6e-6)
    assert closed_form((4, 4, 90), 30, eps2, 1e-4).ranks == (4, 4, 22)


def test_at_the_largest_lambda_the_roots_of_the_largest_class_meet():
    sizes, d, eps2 = (30, 60), 8, 0.5
    most = largest_weight(sizes, d, eps2)
    closed = closed_form(sizes, d, eps2, most)
    assert closed.x[1] == pytest.approx(closed.below[1], rel=1e-6)
    assert closed.x[0] > 1.5 * closed.below[0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sizes": (5,)}, r"classes: 1, but coding rates compare 2 or more"),
        ({"sizes": (5, 0, 3)}, r"labels: class 1 of 3 has no sample"),
        ({"dim": 0}, r"dim = 0 is not 1 or more"),
        ({"eps2": 0.0}, r"eps2 = 0 is not positive and finite"),
        ({"eps2": math.nan}, r"eps2 = nan is not positive and finite"),
        ({"weight": 0.0}, r"lambda = 0 is not in \(0, lambda_max = 0\.\d+\]"),
        ({"weight": -1.0}, r"lambda = -1 is not in \(0, lambda_max = 0\.\d+\]"),
        ({"weight": 1.0}, r"lambda = 1 is not in \(0, lambda_max = 0\.\d+\]"),
        ({"weight": math.nan}, r"lambda = nan is not in \(0, lambda_max = 0\.\d+\]"),
    ],
)
def test_what_has_no_closed_form_is_one_clear_error(changed, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        closed_form(**{"sizes": (10, 20), "dim": 4, "eps2": 0.5, "weight": 0.01, **changed})
