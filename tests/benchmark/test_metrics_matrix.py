"""Errors of completed matrices against plain dense NumPy."""

import numpy as np
import pytest
import torch

from benchmark import Completion
from benchmark.metrics import matrix
from benchmark.problems import completion

SHAPES = [(1, 6, 6), (1, 7, 4), (3, 4, 7), (2, 30, 21)]
FORMS = ["factors", "wide factors", "whole"]


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=draw(seed))


def case(shape, form="factors", rank=2, seed=0, seen=0.5):
    """A problem, an estimate, the truth's factors, and as NumPy arrays: both whole, and the mask."""
    B, m, n = shape
    random = np.random.default_rng(seed)
    mask = random.random(shape) < seen
    mask |= np.arange(m)[:, None] % n == np.arange(n) % m
    truth = normal(B, m + n, rank, seed=seed)
    M = (truth[:, :m] @ truth[:, m:].mT).numpy()
    where = torch.from_numpy(np.array(np.nonzero(mask)))
    noisy = M + 0.1 * random.standard_normal(shape)
    problem = Completion(y=torch.from_numpy(noisy[mask]), where=where, shape=shape, rank=rank)
    estimate = normal(B, m + n, {"factors": rank, "wide factors": m + n + 3, "whole": rank + 1}[form], seed=seed + 1)
    X = estimate[:, :m] @ estimate[:, m:].mT
    return problem, X if form == "whole" else estimate, truth, X.numpy(), M, mask


def norms(matrices, mask=True):
    return np.sqrt((np.where(mask, matrices, 0) ** 2).sum((1, 2)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_errors_are_those_of_dense_matrices(shape, form):
    problem, estimate, truth, X, M, mask = case(shape, form)
    close = {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(matrix.relative_error(problem, estimate, truth), norms(X - M) / norms(M), **close)
    unseen = norms(X - M, ~mask) / norms(M, ~mask)
    np.testing.assert_allclose(matrix.unseen_error(problem, estimate, truth), unseen, **close)
    error, size = matrix.observed_error(problem, estimate, truth)
    np.testing.assert_allclose(error, norms(X - M, mask), **close)
    np.testing.assert_allclose(size, norms(M, mask), **close)
    noisy = problem.dense()[0].numpy()
    np.testing.assert_allclose(matrix.residual(problem, estimate), norms(X - noisy, mask) / norms(noisy), **close)
    np.testing.assert_allclose(problem.entries(estimate), X[mask], **close)
    np.testing.assert_allclose(matrix.whole(problem, estimate), X, **close)
    np.testing.assert_allclose(matrix.norm(problem, truth), norms(M), **close)
    for found in (
        matrix.relative_error(problem, estimate, truth),
        matrix.unseen_error(problem, estimate, truth),
        matrix.residual(problem, estimate),
    ):
        assert found.shape == shape[:1]
        assert found.dtype == torch.float64


@pytest.mark.parametrize("form", ["factors", "whole"])
def test_entries_are_read_anywhere_and_in_any_order(form, monkeypatch):
    problem, estimate, _, X, _, _ = case((3, 7, 4), form)
    where = torch.stack([torch.randint(size, (50,), generator=draw()) for size in problem.shape])
    expected = X[tuple(where.numpy())]
    np.testing.assert_allclose(problem.entries(estimate, where), expected, rtol=1e-12)
    for chunk in (1, 7):  # of entries, far fewer than there are
        monkeypatch.setattr(completion, "_CHUNK", chunk)
        np.testing.assert_allclose(problem.entries(estimate, where), expected, rtol=1e-12)


@pytest.mark.parametrize("off", [1e-2, 1e-6, 1e-10, 1e-13, 1e-14])
@pytest.mark.parametrize("shape", [(1, 40, 40), (2, 50, 30)])
def test_the_relative_error_of_factors_is_accurate_down_to_rounding(shape, off):
    B, m, _ = shape
    problem, _, truth, _, _, _ = case(shape, rank=3)
    estimate = truth.clone()
    estimate[:, :m] += off * normal(B, m, 3, seed=5)
    exact = [np.longdouble(x.numpy()) for x in (estimate, truth)]
    X, M = (x[:, :m] @ x[:, m:].transpose(0, 2, 1) for x in exact)
    expected = (np.sqrt(((X - M) ** 2).sum((1, 2))) / np.sqrt((M**2).sum((1, 2)))).astype(float)
    found = matrix.relative_error(problem, estimate, truth)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1.5e-15)
    assert expected.min() > off / 10


@pytest.mark.parametrize("form", ["factors", "whole"])
def test_the_truth_has_no_error_in_either_form_nor_after_a_change_of_basis(form):
    problem, _, truth, _, M, _ = case((2, 7, 5))
    m, turn = 7, normal(2, 2, 2, seed=3)
    other = problem.pack(truth[:, :m] @ turn, truth[:, m:] @ torch.linalg.inv(turn).mT)
    estimates = (truth, other) if form == "factors" else (torch.from_numpy(M),)
    for estimate in estimates:
        assert matrix.relative_error(problem, estimate, truth).max() < 1e-14
        assert matrix.unseen_error(problem, estimate, truth).max() < 1e-7


@pytest.mark.parametrize("form", ["factors", "whole"])
@pytest.mark.parametrize("seed", range(5))
def test_nothing_unseen_is_no_error(seed, form):
    problem, estimate, truth, _, _, _ = case((2, 7, 5), form, seed=seed, seen=1.1)
    assert problem.fraction == 1
    assert matrix.relative_error(problem, estimate, truth).min() > 0.1
    assert matrix.unseen_error(problem, estimate, truth).tolist() == [0, 0]


def test_an_error_of_the_unseen_part_alone_is_measured_to_eight_digits():
    problem, _, truth, _, M, mask = case((1, 30, 30))
    for off in (1e-1, 1e-4, 1e-7):
        X = M + off * ~mask
        expected = norms(X - M, ~mask) / norms(M, ~mask)
        found = matrix.unseen_error(problem, torch.from_numpy(X), truth)
        np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_log10_is_a_mean_over_the_stack_with_a_floor():
    assert matrix.log10(torch.tensor([1e-2, 1e-4], dtype=torch.float64)) == pytest.approx(-3)
    assert matrix.log10(torch.tensor([1e-2, 0.0], dtype=torch.float64)) == pytest.approx(-7)
    assert matrix.log10(torch.tensor([1e-15], dtype=torch.float64)) == -12


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_corner_is_the_upper_left_of_the_first_matrix(shape, form):
    problem, estimate, _, X, _, _ = case(shape, form)
    np.testing.assert_allclose(matrix.corner(problem, estimate), X[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(matrix.corner(problem, estimate, 5), X[0, :5, :5], rtol=1e-12, atol=1e-12)


def test_the_corner_of_a_large_matrix_has_128_a_side():
    problem, estimate, _, X, _, _ = case((1, 150, 140))
    np.testing.assert_allclose(matrix.corner(problem, estimate), X[0, :128, :128], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_has_zero_in_the_middle_and_the_truths_largest_entry_at_an_end(form):
    problem, estimate, truth, X, M, _ = case((2, 7, 5), form)
    largest = np.abs(M[0]).max()
    np.testing.assert_allclose(matrix.picture(problem, estimate, truth), (X[0] / largest + 1) / 2, rtol=1e-12, atol=1e-12)
    own = matrix.picture(problem, truth, truth)
    assert (own - 0.5).abs().max().item() == pytest.approx(0.5)
    assert matrix.picture(problem, torch.zeros_like(truth), truth).unique().tolist() == [0.5]
    assert matrix.picture(problem, truth, torch.zeros_like(truth)).isfinite().all()
