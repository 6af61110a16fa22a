"""Methods of matrix completion: building blocks against dense formulas, and what their papers promise, at sizes for a test."""

from itertools import pairwise

import pytest
import torch

from benchmark import Completion, UserError, registry
from benchmark.context import Context
from benchmark.instances import make_instance
from benchmark.metrics import matrix
from methods.matrices._chain import Chain
from methods.matrices._misfit import Misfit
from methods.matrices._spectral import top_eigenpairs, top_singular
from methods.matrices.deep_mf import orthogonal
from methods.matrices.deep_mf_compressed import Rotation, first_singular
from methods.matrices.relu_gd import random_start, tailored
from tasks.deep_mc import planted, sample

CPU = torch.device("cpu")
MC, DEEP = registry.get_task("mc"), registry.get_task("deep_mc")


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def context(seed=1):
    return Context(CPU, seed)


def relu(n=60, rank=3, trials=2, seed=0):
    preset = MC.spec.presets["tiny"].model_copy(update={"n": (n,), "rank": (rank,), "trials": trials, "instances": 1})
    return MC.load().make(preset, "tuning", 0, draw(seed))


def uniform(n=60, rank=2, seen=0.4, seed=0):
    preset = DEEP.spec.presets["tiny"].model_copy(update={"n": n, "rank": rank, "seen": seen})
    return DEEP.load().make(preset, "tuning", 0, draw(seed))


def solve(name, instance, task, ctx=None, **given):
    method = registry.get_method(name)
    estimate = method.load()(instance.problem, ctx or context(), method.spec.resolve(task.spec.name, "small", given))
    return instance.problem.check(estimate)


def error(name, instance, task, **given):
    return matrix.relative_error(instance.problem, solve(name, instance, task, **given), instance.truth)


# --- building blocks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("B", "m", "n", "k"), [(1, 30, 20, 3), (3, 30, 20, 3), (1, 400, 350, 4), (2, 400, 350, 4), (1, 400, 350, 200)]
)
def test_the_misfit_and_its_products_are_those_of_dense_matrices(B, m, n, k, sparse):
    mask = torch.rand(B, m, n, generator=draw()) < 0.3
    where = mask.nonzero().T.contiguous()
    y = torch.randn(where.shape[1], dtype=torch.float64, generator=draw(1))
    problem = Completion(y=y, where=where, shape=(B, m, n), rank=2)
    L, N = (torch.randn(B, side, k, dtype=torch.float64, generator=draw(side)) for side in (m, n))
    R = torch.zeros(B, m, n, dtype=torch.float64)
    R[mask] = (L @ N.mT)[mask] - y / 2
    misfit = Misfit(problem, scale=2.0, sparse=sparse)
    found = misfit(L, N, square=True)
    torch.testing.assert_close(found.square, R.square().sum((1, 2)))
    torch.testing.assert_close(found.left, R @ N)
    torch.testing.assert_close(found.right, R.mT @ L)
    torch.testing.assert_close(misfit(L, N, right=False).left, R @ N)
    torch.testing.assert_close(misfit.size, torch.zeros_like(R).masked_scatter(mask, y / 2).square().sum((1, 2)))


def test_a_chains_step_is_gradient_descent():
    instance = uniform(n=15)
    sides, problem = [15, 7, 6, 15], instance.problem
    factors = [torch.randn(1, out, inner, dtype=torch.float64, generator=draw(out)) for inner, out in pairwise(sides)]
    leaves = [factor.clone().requires_grad_() for factor in factors]
    Y, mask = problem.dense()
    loss = ((leaves[2] @ leaves[1] @ leaves[0] - Y / 3) * mask).square().sum() / 2
    slopes = torch.autograd.grad(loss, leaves)
    rates = [0.1, 0.2, 0.0]
    chain = Chain(problem, factors, rates, scale=3.0)
    square = chain.step()
    torch.testing.assert_close(square.item(), 2 * loss.item())
    for found, leaf, slope, rate in zip(chain.factors, leaves, slopes, rates, strict=True):
        torch.testing.assert_close(found, leaf.detach() - rate * slope)


@pytest.mark.parametrize("sides", [[15, 15, 15, 15], [15, 4, 4, 15]])
def test_singular_values_are_those_of_the_product(sides):
    instance = uniform(n=15, rank=2)
    factors = [torch.randn(1, out, inner, dtype=torch.float64, generator=draw(out)) for inner, out in pairwise(sides)]
    found = Chain(instance.problem, factors, [0.1] * 3, scale=2.0).singular_values()
    expected = torch.linalg.svdvals(2 * factors[2] @ factors[1] @ factors[0])
    torch.testing.assert_close(found, expected[:, : found.shape[1]])


def test_leading_pairs_of_large_matrices_are_those_of_the_whole_decomposition(monkeypatch):
    instance = relu(n=80)
    X, _ = instance.problem.dense()
    whole = top_eigenpairs(X, 4), top_singular(instance.problem, context(), 4)
    monkeypatch.setattr("methods.matrices._spectral._WHOLE", 10)
    part = top_eigenpairs(X, 4), top_singular(instance.problem, context(), 4)
    torch.testing.assert_close(part[0][0], whole[0][0])
    torch.testing.assert_close(part[1][1], whole[1][1])
    U, s, V = part[1]
    torch.testing.assert_close(X @ V, U * s[:, None])


@pytest.mark.parametrize("drawn", [100, 10])
def test_a_rotation_is_orthogonal_and_turns_back(drawn, monkeypatch):
    monkeypatch.setattr("methods.matrices.deep_mf_compressed._DRAWN", drawn)
    turn = Rotation(40, context())
    Q = turn(torch.eye(40, dtype=torch.float64))
    torch.testing.assert_close(Q.T @ Q, torch.eye(40, dtype=torch.float64))
    torch.testing.assert_close(turn.back(Q), torch.eye(40, dtype=torch.float64))


def test_factors_of_the_start_are_orthogonal():
    Q = orthogonal(20, 20, context())
    torch.testing.assert_close(Q @ Q.T, torch.eye(20, dtype=torch.float64))
    assert orthogonal(20, 5, context()).shape == (20, 5)


# --- ReLU sampling: card of arXiv:2406.05822 --------------------------------------------------------------------------------


def test_the_leading_eigenvectors_of_the_observations_are_as_derived():
    """lambda_1 / n -> r e_r / 2, then r times 1/2; measured for n = 800, r = 3: .782, .497."""
    X, _ = relu(n=800, rank=3, trials=1).problem.dense()
    values = top_eigenpairs(X, 5)[0][0] / 800
    assert abs(values[0] - 0.75) < 0.06
    assert all(abs(value - 0.5) < 0.06 for value in values[1:4])
    assert values[4] < 0.3


@pytest.mark.parametrize("start", ["drop_leading", "norm_deflation", "constant_deflation"])
def test_the_tailored_starts_are_near_and_the_usual_one_is_far(start):
    """Card, n = 200, r = 2: .446, .121, .224 against 1.07 for the usual spectral start."""
    instance = relu(n=200, rank=2, trials=6)
    U = tailored(instance.problem, start)
    found = matrix.relative_error(instance.problem, instance.problem.pack(U, U), instance.truth).median()
    values, vectors = top_eigenpairs(instance.problem.dense()[0] / instance.problem.fraction, 2)
    V = vectors * values.sqrt()[:, None]
    usual = matrix.relative_error(instance.problem, instance.problem.pack(V, V), instance.truth).median()
    limit = {"drop_leading": 0.6, "norm_deflation": 0.2, "constant_deflation": 0.35}[start]
    assert found < limit < 0.9 < usual


def test_gradient_descent_succeeds_from_the_tailored_start_and_fails_from_the_others_at_small_rank():
    instance = relu(n=200, rank=3, trials=3)
    assert (error("relu_gd", instance, MC) < 1e-8).all()
    assert (error("gd_random", instance, MC) > 0.1).any()
    assert (error("gd_spectral", instance, MC) > 0.1).any()


def test_random_starts_stop_failing_at_larger_rank():
    instance = relu(n=200, rank=10, trials=2)
    assert (error("gd_random", instance, MC) < 1e-6).all()


def test_the_random_start_is_not_the_truth_although_both_are_normal():
    instance = relu(n=60, rank=3, trials=1)
    start = random_start(instance.problem, context())
    assert abs(start.std() - 1) < 0.2
    assert (start - instance.truth[:, :60]).norm() > 5


def test_the_error_under_noise_is_that_of_descent_from_the_truth():
    preset = MC.spec.presets["tiny"].model_copy(
        update={"n": (200,), "rank": (5,), "noise": (0.1,), "trials": 1, "instances": 1}
    )
    instance = MC.load().make(preset, "tuning", 0, draw())
    from methods.matrices.relu_gd import descend

    oracle = descend(instance.problem, context(), instance.truth[:, :200], 3000, 0.5)
    expected = matrix.relative_error(instance.problem, oracle, instance.truth)
    torch.testing.assert_close(error("relu_gd", instance, MC), expected, rtol=0.01, atol=0)
    assert 0.01 < expected.item() < 0.02  # expected: .0140


@pytest.mark.parametrize("name", ["bcd_nmd", "sign_gd"])
def test_methods_that_use_the_sign_succeed_from_random_starts(name):
    assert (error(name, relu(n=100, rank=3), MC) < 1e-6).all()


def test_trust_regions_fail_from_random_and_reach_rounding_from_the_tailored_start():
    instance = relu(n=100, rank=3, trials=2)
    assert (error("riemannian", instance, MC, start="tailored") < 1e-9).all()
    assert (error("riemannian", instance, MC) > 0.1).any()


def test_scaled_descent_starts_where_it_is_told():
    instance = relu(n=100, rank=3)
    assert (error("scaled_gd", instance, MC, start="tailored") < 1e-8).all()
    with pytest.raises(ValueError, match="start=tailored needs a symmetric problem"):
        solve("scaled_gd", uniform(), DEEP, start="tailored")


# --- uniform sampling: card of arXiv:2406.04112 -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alternating_ls", "scaled_gd", "nuclear_norm", "narrow_mf", "deep_mf", "deep_mf_compressed"])
def test_matrices_of_low_rank_are_completed(name):
    assert error(name, uniform(n=40, seen=0.5), DEEP) < 1e-4


@pytest.mark.parametrize(
    "name", ["alternating_ls", "scaled_gd", "deep_mf_compressed", "compressed_mf_surrogate", "soft_impute", "narrow_mf"]
)
def test_entries_and_whole_matrices_give_the_same(name, monkeypatch):
    """Sparse and dense arithmetic are one method."""
    instance = uniform(n=40, seen=0.5)
    given = {"steps": 60}
    dense = matrix.whole(instance.problem, solve(name, instance, DEEP, **given))
    monkeypatch.setattr("methods.matrices._misfit.SPARSE_BELOW", 1.1)
    monkeypatch.setattr("methods.matrices._misfit._SMALL", 0)
    sparse = matrix.whole(instance.problem, solve(name, instance, DEEP, **given))
    torch.testing.assert_close(sparse, dense, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "name", ["deep_mf", "narrow_mf", "deep_mf_compressed", "compressed_mf_surrogate", "alternating_ls", "soft_impute"]
)
def test_rectangular_matrices_are_completed_too(name):
    left, right = (torch.randn(side, 2, dtype=torch.float64, generator=draw(side)) for side in (30, 45))
    where = sample(30, 45, 800, draw())
    truth = torch.cat([left, right])[None]
    blank = Completion(y=torch.ones(800, dtype=torch.float64), where=where, shape=(1, 30, 45), rank=2)
    problem = Completion(y=blank.entries(truth), where=where, shape=(1, 30, 45), rank=2)
    method = registry.get_method(name)
    estimate = problem.check(
        method.load()(problem, context(), method.spec.resolve("deep_mc", "small", {"tolerance": 1e-4} if "mf" in name else {}))
    )
    assert matrix.relative_error(problem, estimate, truth) < (0.2 if name == "soft_impute" else 1e-2)


def full_observation(d=30, rank=3):
    left, right = planted(d, rank, draw())
    M = left @ right.T / (2 * d**0.5)
    where = (torch.ones(1, d, d) > 0).nonzero().T.contiguous()
    return Completion(y=M.flatten(), where=where, shape=(1, d, d), rank=rank)


def test_the_compressed_network_follows_the_wide_one_within_its_bound():
    """Claim 1: fully observed, outer factors frozen, ||W_full - W_comp||_F <= eps^L sqrt(d - 2r) at all times."""
    d, r, L, eps, rate = 30, 3, 3, 0.1, 0.2
    problem = full_observation(d, r)
    ctx = context()
    wide = [eps * orthogonal(d, d, ctx)[None] for _ in range(L)]
    turn = Rotation(d, context())
    turn.matrix = (wide[2] @ wide[1] @ wide[0])[0] / eps**L
    u, v = first_singular(problem, ctx, 0, turn, eps**L, 1.0)
    V = torch.linalg.qr(torch.cat([v, turn.back(u)], -1)).Q
    inner = [eps * torch.eye(2 * r, dtype=torch.float64)[None] for _ in range(L)]
    narrow = Chain(problem, [V.T[None].contiguous(), *inner, turn(V)[None]], [0, rate, rate, rate, 0], 1.0)
    full = Chain(problem, wide, [rate] * L, 1.0)
    bound, gaps = eps**L * (d - 2 * r) ** 0.5, []
    for _ in range(400):
        difference = matrix.whole(problem, full.estimate()) - matrix.whole(problem, narrow.estimate())
        gaps.append(difference.norm().item())
        full.step()
        narrow.step()
    assert max(gaps) <= bound * (1 + 1e-6)
    assert gaps[0] == pytest.approx(bound, rel=1e-6)
    assert full.step().item() < 1e-4


@pytest.mark.parametrize("name", ["deep_mf_compressed", "narrow_mf"])
def test_an_assumed_rank_sets_the_width_and_is_checked(name, monkeypatch):
    instance, sides = uniform(n=20, rank=2, seen=0.6), []
    made = Chain.__init__

    def note(self, problem, factors, rates, scale):
        sides.append([tuple(W.shape[1:]) for W in factors])
        made(self, problem, factors, rates, scale)

    monkeypatch.setattr(Chain, "__init__", note)
    for assumed, width in ((0, 4), (2, 4), (5, 10)):
        solve(name, instance, DEEP, assumed=assumed, steps=1)
        assert sides[-1][0] == (width, 20)
        assert sides[-1][-1] == (20, width)
    for bad in (-1, 11):
        with pytest.raises(UserError, match=f"assumed is {bad}, not from 0 .* to 10"):
            solve(name, instance, DEEP, assumed=bad, steps=1)


def test_frozen_outer_factors_stall_where_only_a_part_is_seen():
    """Claim 3, and that learning them cures it (claim 2)."""
    instance = uniform(n=60, rank=3, seen=0.4)
    frozen, learned = (
        matrix.unseen_error(instance.problem, solve("deep_mf_compressed", instance, DEEP, outer=outer), instance.truth).item()
        for outer in (0.0, 0.15)
    )
    assert frozen > 0.3
    assert learned < 1e-4


def test_depth_fills_in_better_than_two_factors():
    """Claim 5: the same width and fit to what is seen, ten times the error for two factors."""
    instance = uniform(n=50, rank=2, seen=0.4)
    deep, shallow = (
        matrix.unseen_error(instance.problem, solve(name, instance, DEEP, tolerance=1e-4), instance.truth).item()
        for name in ("deep_mf", "shallow_mf")
    )
    assert shallow > 10 * deep


def test_singular_values_along_the_way_are_kept():
    ctx = context()
    instance = make_instance(DEEP.load(), "tiny", 0, 1000)
    solve("deep_mf_compressed", instance, DEEP, ctx, steps=4000, tolerance=1e-4)
    kept = ctx.kept["singular_values"]
    assert kept.shape[1] == 1 + 2 * 2  # the step, then as many as the compressed product has
    assert (kept[1:, 0] > kept[:-1, 0]).all()
    assert (kept[:, 1:].diff(dim=1) <= 1e-9).all()
    assert kept[-1, 2] > 10 * kept[-1, 3]  # two large ones, the rank
