"""Completion under ReLU sampling: starts, gradients, steps and ends, against plain formulas on dense matrices."""

import math

import numpy as np
import pymanopt
import pytest
import torch

from benchmark import Completion, Context, registry
from benchmark.metrics import matrix
from methods.matrices import riemannian, sign_aware
from methods.matrices._spectral import top_eigenpairs
from methods.matrices.relu_gd import descend, random_start, root, tailored

CPU = torch.device("cpu")


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def context(seed=1, **more):
    found = Context(CPU, seed, **more)
    found.clock.start()
    return found


def posed(n=20, r=2, B=1, above=0.0, seed=0, size=1.0):
    """M = U U^T seen where it is above a threshold, and U (B, n, r)."""
    U = size * normal(B, n, r, seed=seed)
    product = U @ U.mT
    mask = product > above
    mask.diagonal(dim1=-2, dim2=-1).fill_(True)
    where = mask.nonzero().T.contiguous()
    return Completion(y=product[mask], where=where, shape=(B, n, n), rank=r, symmetric=True, above=above), U


def run(name, problem, ctx=None, **given):
    method = registry.get_method(name).load()
    return problem.check(method(problem, ctx or context(), method.spec.parameters.model_validate(given).model_dump()))


def squared(problem, estimate):
    left, right = problem.unpack(estimate)
    torch.testing.assert_close(left, right)
    return left


def eigen(A, count):
    """The largest eigenvalues by value and their vectors."""
    values, vectors = torch.linalg.eigh(A)
    return values.flip(-1)[..., :count], vectors.flip(-1)[..., :count]


def same_product(U, values, vectors):
    torch.testing.assert_close(U @ U.mT, vectors @ torch.diag_embed(values.clamp_min(0)) @ vectors.mT)


# --- starts -----------------------------------------------------------------------------------------------------------------


def test_the_tailored_start_leaves_the_leading_pair_out_and_divides_by_the_share():
    """U_0 U_0^T = sum_{i = 2 .. r + 1} lambda_i / p v_i v_i^T."""
    problem, _ = posed(above=0.7, B=2)
    X, p = problem.dense()[0], problem.fraction
    assert abs(p - 0.5) > 0.1  # 1 / p is not 2 here
    values, vectors = eigen(X, 3)
    same_product(tailored(problem, "drop_leading"), values[:, 1:] / p, vectors[..., 1:])


@pytest.mark.parametrize(("r", "e"), [(2, 2 / math.pi), (3, 0.5), (5, 0.375)])
def test_the_norms_of_the_rows_are_deflated_by_the_mean_cosine(r, e):
    """X / p - e_r d d^T, d the norms of the rows, e_r = E |theta_1|: 2 / pi, 1/2, 3/8."""
    problem, U = posed(r=r, above=0.4)
    d = U.norm(dim=-1)[..., None]
    same_product(tailored(problem, "norm_deflation"), *eigen(problem.dense()[0] / problem.fraction - e * d @ d.mT, r))


def test_the_mean_is_deflated_before_the_division_by_the_share():
    problem, _ = posed(above=0.4, B=2)
    X = problem.dense()[0]
    centred = X - torch.stack([one.mean() * torch.ones_like(one) for one in X])
    same_product(tailored(problem, "constant_deflation"), *eigen(centred / problem.fraction, 2))


@pytest.mark.parametrize("start", ["drop_leading", "norm_deflation", "constant_deflation"])
def test_relu_gd_begins_where_it_is_told(start):
    problem, _ = posed(above=0.3)
    found = squared(problem, run("relu_gd", problem, start=start, steps=1, step=1e-12))
    U = tailored(problem, start)
    torch.testing.assert_close(found @ found.mT, U @ U.mT)


def test_eigenpairs_are_ordered_by_value_and_negative_ones_count_as_zero():
    Q = torch.linalg.qr(normal(6, 6)).Q
    values = torch.tensor([3.0, 1.0, 0.5, 0.0, -2.0, -9.0], dtype=torch.float64)
    A = (Q @ torch.diag(values) @ Q.T)[None]
    found, vectors = top_eigenpairs(A, 3)
    torch.testing.assert_close(found[0], values[:3])
    torch.testing.assert_close(vectors[0] @ vectors[0].T, Q[:, :3] @ Q[:, :3].T)
    U = root(torch.tensor([[4.0, -1.0]], dtype=torch.float64), Q[None, :, :2])
    torch.testing.assert_close(U[0], torch.stack([2 * Q[:, 0], 0 * Q[:, 1]], 1))


def test_the_spectral_start_is_the_leading_pairs_over_the_share():
    problem, _ = posed(above=0.7)
    found = squared(problem, run("gd_spectral", problem, steps=1, step=1e-12))
    same_product(found, *eigen(problem.dense()[0] / problem.fraction, 2))


def test_the_random_start_has_the_size_of_the_observed_diagonal():
    problem, _ = posed(n=400, r=4, size=3.0)
    U = random_start(problem, context())
    diagonal = problem.dense()[0].diagonal(dim1=-2, dim2=-1).mean().item()
    assert U.square().sum(-1).mean().item() == pytest.approx(diagonal, rel=0.2)
    torch.testing.assert_close(U, (diagonal / 4) ** 0.5 * context().randn(1, 400, 4, dtype=torch.float64))
    found = squared(problem, run("gd_random", problem, steps=1, step=1e-12))
    torch.testing.assert_close(found, U)


# --- descent ----------------------------------------------------------------------------------------------------------------


def test_descent_is_that_of_the_factored_misfit():
    """U <- U - step / lambda_1(X) dF/dU,  F = 1/4 ||P(U U^T) - X||^2, each matrix of a stack with its own lambda_1."""
    problem, _ = posed(B=2)
    X, mask = problem.dense()
    found = wanted = normal(2, 20, 2, seed=3)
    for _ in range(3):
        U = wanted.clone().requires_grad_()
        ((mask * (U @ U.mT) - X).square().sum() / 4).backward()
        wanted = wanted - 0.3 / torch.linalg.matrix_norm(X, 2)[:, None, None] * U.grad
    torch.testing.assert_close(squared(problem, descend(problem, context(), found, 3, 0.3)), wanted)


def test_the_step_is_half_of_the_inverse_norm():
    """The card's choice: 0.5 is safe, 1.5 fails; with the sign of what is not seen 0.25."""
    half, quarter = (registry.get_method(name).spec.parameters() for name in ("relu_gd", "sign_gd"))
    assert (half.start, half.step, quarter.step) == ("drop_leading", 0.5, 0.25)


def test_descent_ends_where_the_gradient_is_still():
    """||R U||_F < 1e-10 ||X||_F^(3/2), for every matrix of a stack."""
    problem, U = posed(n=20, B=2, size=4.0)
    points = []
    ctx = context(on_record=lambda step, seconds, found: points.append(squared(problem, found["estimate"].clone())))
    descend(problem, ctx, U + 1e-7 * normal(2, 20, 2, seed=5), 239, 0.5)  # every step is a point
    X, mask = problem.dense()
    slopes = [torch.linalg.matrix_norm((mask * (U @ U.mT) - X) @ U) / torch.linalg.matrix_norm(X) ** 1.5 for U in points]
    assert 5 < len(points) < 239
    assert (slopes[-2] < 1e-10).all()  # the last step measured it before it moved
    assert not (slopes[-3] < 1e-10).all()


# --- the solvers beside it --------------------------------------------------------------------------------------------------


def test_trust_regions_get_the_misfit_its_gradient_and_its_hessian(monkeypatch):
    problem, _ = posed()
    X, mask = (part[0].numpy() for part in problem.dense())
    seen, Problem = [], pymanopt.Problem
    monkeypatch.setattr(pymanopt, "Problem", lambda *given, **more: seen.append((given, more)) or Problem(*given, **more))
    riemannian.trust_regions(X, mask, normal(20, 2, seed=3).numpy(), 1)
    (_, cost), more = seen[0]
    V, H = normal(20, 2, seed=4), normal(20, 2, seed=5)

    def F(U):
        return (torch.tensor(mask) * (U @ U.T) - torch.tensor(X)).square().sum() / 4

    assert cost(V.numpy()) == pytest.approx(F(V).item())
    gradient = torch.autograd.functional.jacobian(F, V)
    np.testing.assert_allclose(more["euclidean_gradient"](V.numpy()), gradient)
    hessian = torch.autograd.functional.hvp(F, V, H)[1]
    np.testing.assert_allclose(more["euclidean_hessian"](V.numpy(), H.numpy()), hessian)


@pytest.mark.parametrize("start", ["random", "tailored"])
def test_trust_regions_begin_where_they_are_told(start, monkeypatch):
    problem, _ = posed(B=2)
    monkeypatch.setattr(riemannian, "trust_regions", lambda X, mask, U, iterations: U)
    expected = random_start(problem, context()) if start == "random" else tailored(problem, "drop_leading")
    torch.testing.assert_close(squared(problem, run("riemannian", problem, start=start)), expected)


def test_a_budget_that_ends_between_matrices_is_said(monkeypatch):
    problem, _ = posed(B=3)
    ctx = context(budget=10.0)
    budget = iter([0.0, 1.0, 11.0])
    monkeypatch.setattr(type(ctx.clock), "spent", property(lambda clock: next(budget)))
    monkeypatch.setattr(riemannian, "trust_regions", lambda X, mask, U, iterations: 0 * U)
    found = squared(problem, run("riemannian", problem, ctx))
    assert (ctx.truncated, ctx.steps_done) == (True, 2)
    assert not found[:2].any()
    torch.testing.assert_close(found[2], random_start(problem, context())[2])


def test_scaled_descent_has_the_metric_of_the_factors():
    """U <- U - step / p R U (U^T U)^-1 of one factor; of two, both from the factors before the step."""
    problem, _ = posed(above=0.3)
    X, mask = problem.dense()
    p = problem.fraction
    for start in ("spectral", "tailored"):
        U = root(*eigen(X / p, 2)) if start == "spectral" else tailored(problem, "drop_leading")
        for _ in range(2):
            U = U - 0.4 / p * (mask * (U @ U.mT) - X) @ U @ torch.linalg.inv(U.mT @ U)
        found = squared(problem, run("scaled_gd", problem, start=start, steps=2, step=0.4))
        torch.testing.assert_close(found @ found.mT, U @ U.mT)


def test_scaled_descent_of_two_factors_moves_both_at_once():
    M = normal(1, 12, 2, seed=1) @ normal(1, 2, 9, seed=2)
    mask = torch.rand(1, 12, 9, generator=torch.Generator().manual_seed(0)) < 0.8
    problem = Completion(y=M[mask], where=mask.nonzero().T.contiguous(), shape=(1, 12, 9), rank=2)
    X, mask = problem.dense()
    U, s, Vh = torch.linalg.svd(X / problem.fraction, full_matrices=False)
    L, N = U[..., :2] * s[:, None, :2].sqrt(), Vh.mT[..., :2] * s[:, None, :2].sqrt()
    rate = 0.4 / problem.fraction
    for _ in range(2):
        R = mask * (L @ N.mT) - X
        L, N = L - rate * R @ N @ torch.linalg.inv(N.mT @ N), N - rate * R.mT @ L @ torch.linalg.inv(L.mT @ L)
    found = matrix.whole(problem, run("scaled_gd", problem, steps=2, step=0.4))
    torch.testing.assert_close(found, L @ N.mT)


@pytest.mark.parametrize("above", [0.0, 0.6])
def test_the_sign_aware_gradient_counts_what_is_above_the_threshold_unseen(above):
    problem, _ = posed(above=above)
    X, mask = problem.dense()
    wanted = random_start(problem, context())
    eta = 0.25 / torch.linalg.matrix_norm(X, 2)[:, None, None]
    for _ in range(3):
        U = wanted.clone().requires_grad_()
        product = U @ U.mT
        over = torch.where(mask > 0, product - X, (product - above).clamp_min(0))
        (over.square().sum() / 4).backward()
        assert ((product > above) & (mask == 0)).any()
        wanted = wanted - eta * U.grad
    torch.testing.assert_close(squared(problem, run("sign_gd", problem, steps=3)), wanted)


@pytest.mark.parametrize("above", [0.0, 0.6])
def test_block_descent_minimises_over_each_block_exactly(above):
    """Z, then W, then H, from normal factors scaled to ||W|| = ||H|| = ||X||_F^(1/2)."""
    problem, _ = posed(above=above)
    X, mask = problem.dense()
    ctx = context()
    W, H = ctx.randn(1, 20, 2, dtype=torch.float64)[0], ctx.randn(1, 2, 20, dtype=torch.float64)[0]
    W, H = (F * X.norm().sqrt() / torch.linalg.matrix_norm(F, 2) for F in (W, H))
    for _ in range(2):
        product = W @ H
        Z = torch.where(mask[0] > 0, X[0], product.clamp_max(above))
        W = torch.linalg.lstsq(H.T, Z.T).solution.T
        H = torch.linalg.lstsq(W, Z).solution
    torch.testing.assert_close(matrix.whole(problem, run("bcd_nmd", problem, steps=2))[0], W @ H)


@pytest.mark.parametrize(("name", "least"), [("bcd_nmd", 1e-10), ("sign_gd", 1e-12)])
def test_methods_with_the_sign_end_where_nothing_is_left(name, least):
    """||R||_F below the told share of ||X||_F at the last point of the curve, and not two points before."""
    problem, _ = posed(n=30, r=2, size=4.0, above=-20.0)
    points = []
    ctx = context(on_record=lambda step, seconds, found: points.append(matrix.whole(problem, found["estimate"])))
    run(name, problem, ctx, steps=1200)
    X, mask = problem.dense()
    gaps = [torch.where(mask > 0, P - X, (P + 20).clamp_min(0)).norm() / X.norm() for P in points]
    assert 5 < len(points) < 120
    assert gaps[-1] < least
    assert gaps[-3] >= least


def test_the_bound_of_a_problem_that_has_none_is_refused():
    problem, _ = posed()
    bare = Completion(y=problem.y, where=problem.where, shape=problem.shape, rank=2, symmetric=True)
    with pytest.raises(ValueError, match=r"^this problem does not bound what is not seen$"):
        sign_aware.above(bare)
