"""What a matrix completion problem refuses, and its forms: dense, packed, on a device."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark import Completion


def problem(entries, shape=(1, 2, 2), rank=1, **given):
    """entries: (matrix, row, column, value)."""
    table = torch.tensor(entries, dtype=torch.float64).reshape(-1, 4)
    where = table[:, :3].T.long().contiguous()
    return Completion(y=table[:, 3].contiguous(), where=where, shape=shape, rank=rank, **given)


DIAGONAL = [(0, 0, 0, 1.0), (0, 1, 1, 2.0)]
WHOLE = [(0, 0, 0, 1.0), (0, 0, 1, 3.0), (0, 1, 0, 3.0), (0, 1, 1, 2.0)]


def stack(B=3, m=5, n=4, rank=2, seen=0.6, seed=0):
    """A problem with its whole matrices and its mask, as NumPy arrays."""
    random = np.random.default_rng(seed)
    M = random.standard_normal((B, m, rank)) @ random.standard_normal((B, rank, n))
    mask = (random.random((B, m, n)) < seen) | (np.indices((B, m, n))[1] % n == np.indices((B, m, n))[2])
    where = torch.from_numpy(np.array(np.nonzero(mask)))
    return Completion(y=torch.from_numpy(M[mask]), where=where, shape=(B, m, n), rank=rank), M, mask


# --- what is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rank", [-1, 0, 3])
def test_a_rank_that_no_such_matrix_has_is_refused(rank):
    with pytest.raises(ValueError, match=rf"^rank {rank} is not between 1 and 2, the smaller side of 2 x 3$"):
        problem(WHOLE, shape=(1, 2, 3), rank=rank)
    assert problem([*WHOLE, (0, 1, 2, 1.0)], shape=(1, 2, 3), rank=2).rank == 2


def test_where_must_have_a_place_for_each_value():
    with pytest.raises(ValueError, match=r"^where has shape \(3, 0\), not \(3, 1\): no entry is observed$"):
        problem([])
    full = problem(WHOLE)
    for where in (full.where[:, :3], full.where[:2], full.where.T):
        with pytest.raises(ValueError, match=re.escape(f"where has shape {tuple(where.shape)}, not (3, 4)")):
            replace(full, where=where)


@pytest.mark.parametrize("place", [(1, 0, 0), (-1, 0, 0), (0, 2, 0), (0, -1, 0), (0, 0, 2), (0, 0, -1)])
def test_an_entry_outside_the_stack_is_refused(place):
    with pytest.raises(ValueError, match=r"^an observed entry lies outside the stack of 1 matrices 2 x 2$"):
        problem(sorted([*DIAGONAL, (*place, 1.0)]))


@pytest.mark.parametrize("entries", [[*DIAGONAL, DIAGONAL[1]], DIAGONAL[::-1]])
def test_an_entry_observed_twice_or_out_of_order_is_refused(entries):
    at = re.escape(str(entries[-1][1:3]))
    with pytest.raises(ValueError, match=f"^the entry {at} is observed twice, or entries are not sorted$"):
        problem(entries)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_value_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match=rf"^the observed entry \(1, 0\) is {value}, not a finite number$"):
        problem([WHOLE[0], WHOLE[1], (0, 1, 0, float(value)), WHOLE[3]])


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([(0, 0, 0, 1.0), (0, 0, 1, 1.0)], "row 1 of 2"),
        ([(0, 1, 0, 1.0), (0, 1, 1, 1.0)], "row 0 of 2"),
        ([(0, 0, 0, 1.0), (0, 1, 0, 1.0)], "column 1 of 2"),
        ([(0, 0, 1, 1.0), (0, 1, 1, 1.0)], "column 0 of 2"),
    ],
)
@pytest.mark.parametrize("second", [False, True])
def test_an_empty_row_or_column_of_any_matrix_is_refused(entries, message, second):
    if second:
        entries = [*WHOLE, *((1, i, j, y) for _, i, j, y in entries)]
    with pytest.raises(ValueError, match=f"^{message} has no observed entry$"):
        problem(entries, shape=(1 + second, 2, 2))


@pytest.mark.parametrize(
    ("entries", "shape"),
    [
        (WHOLE[:2] + WHOLE[3:], (1, 2, 2)),
        ([*WHOLE, (1, 0, 0, 1.0), (1, 1, 0, 1.0), (1, 1, 1, 1.0)], (2, 2, 2)),
        ([*WHOLE[:2], (0, 0, 2, 1.0), *WHOLE[2:]], (1, 2, 3)),
    ],
)
def test_symmetric_matrices_are_observed_symmetrically(entries, shape):
    assert not problem(entries, shape).symmetric
    with pytest.raises(ValueError, match=r"^the observed entries of a symmetric matrix are not symmetric$"):
        problem(entries, shape, symmetric=True)


def test_symmetric_values_may_differ_by_rounding_alone():
    entries = [*WHOLE, *((1, i, j, y) for _, i, j, y in WHOLE)]
    assert problem(entries, shape=(2, 2, 2), symmetric=True).symmetric
    for off, refused in ((1e-12, False), (1e-6, True)):
        entries[5] = (1, 0, 1, 3.0 + off)
        if refused:
            with pytest.raises(ValueError, match=r"^not symmetric: entry \(0, 1\) and entry \(1, 0\) differ$"):
                problem(entries, shape=(2, 2, 2), symmetric=True)
        else:
            problem(entries, shape=(2, 2, 2), symmetric=True)


# --- its forms ----------------------------------------------------------------------------------------------------------


def test_dense_flat_and_fraction_are_those_of_the_whole_matrices():
    found, M, mask = stack()
    X, ones = found.dense()
    assert X.dtype == ones.dtype == torch.float64
    assert np.array_equal(X.numpy(), np.where(mask, M, 0))
    assert np.array_equal(ones.numpy(), mask.astype(float))
    assert np.array_equal(found.flat.numpy(), np.flatnonzero(mask))
    assert found.fraction == mask.mean()


def test_packed_factors_are_unpacked_and_whole_matrices_are_not():
    found, _, _ = stack()
    left, right = torch.randn(3, 5, 7, dtype=torch.float64), torch.randn(3, 4, 7, dtype=torch.float64)
    packed = found.pack(left, right)
    assert packed.shape == (3, 9, 7)
    for half, expected in zip(found.unpack(packed), (left, right), strict=True):
        assert torch.equal(half, expected)
    assert found.unpack(left @ right.mT) is None


@pytest.mark.parametrize("shape", [(3, 5, 4), (3, 9, 1), (3, 9, 4), (3, 9, 20)])
def test_whole_matrices_and_factors_of_any_width_are_estimates(shape):
    estimate = torch.ones(shape, dtype=torch.float64)
    assert stack()[0].check(estimate) is estimate


@pytest.mark.parametrize(
    ("estimate", "message"),
    [
        (None, "the estimate is a NoneType, not a tensor"),
        (np.ones((3, 5, 4)), "the estimate is a ndarray, not a tensor"),
        (torch.ones(3, 4, 5), "has shape (3, 4, 5), not (3, 5, 4), nor of factors (3, 9, k)"),
        (torch.ones(2, 5, 4), "has shape (2, 5, 4), not (3, 5, 4)"),
        (torch.ones(2, 9, 2), "has shape (2, 9, 2), not (3, 5, 4)"),
        (torch.ones(5, 4), "has shape (5, 4), not (3, 5, 4)"),
        (torch.ones(3, 9), "has shape (3, 9), not (3, 5, 4)"),
        (torch.ones(3, 9, 2, 1), "has shape (3, 9, 2, 1), not (3, 5, 4)"),
        (torch.ones(3, 5, 4), "has type torch.float32, not torch.float64"),
        (torch.ones(3, 9, 2, dtype=torch.complex128), "has type torch.complex128, not torch.float64"),
        (torch.full((3, 5, 4), torch.nan, dtype=torch.float64), "the estimate has entries that are not finite"),
        (torch.full((3, 9, 1), torch.inf, dtype=torch.float64), "the estimate has entries that are not finite"),
    ],
)
def test_what_is_no_estimate_is_refused(estimate, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        stack()[0].check(estimate)


def test_near_is_the_truth_at_scale_0_and_as_far_as_the_scale_says():
    truth = torch.randn(3, 9, 200, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    at = {scale: stack()[0].near(truth, scale, torch.Generator().manual_seed(0)) for scale in (0.0, 1e-3, 0.3)}
    assert torch.equal(at[0.0], truth)
    for scale in (1e-3, 0.3):
        assert at[scale].dtype == torch.float64
        assert (at[scale] / truth - 1).std().item() == pytest.approx(scale, rel=0.05)


@pytest.mark.parametrize("whole", [False, True])
def test_what_misses_the_observed_100_times_more_than_zero_does_has_diverged(whole):
    found, M, mask = stack()
    left, right = (torch.from_numpy(np.stack([np.eye(5)] * 3)), torch.from_numpy(M).mT)
    for factor, diverged in ((1, False), (-1, False), (0, False), (90, False), (-98, False), (102, True), (-100, True)):
        estimate = factor * (left @ right.mT) if whole else found.pack(factor * left, right)
        assert found.diverged(estimate) == diverged, factor
    far = torch.from_numpy(np.where(mask, M, 1e9))
    assert not found.diverged(far)  # only what is observed counts


def test_factors_whose_product_is_too_large_for_a_number_have_diverged():
    found, _, _ = stack()
    for signs in ((1.0, 1.0), (1.0, -1.0)):  # inf, and inf - inf
        left, right = (torch.full(shape, 1e200, dtype=torch.float64) for shape in ((3, 5, 2), (3, 4, 2)))
        assert found.diverged(found.pack(left, right * torch.tensor(signs, dtype=torch.float64)))


def test_the_problem_moves_whole_and_shows_what_a_method_sees():
    found = problem(WHOLE, symmetric=True, above=0.5)
    moved = found.to("cpu")
    assert isinstance(moved, Completion)
    assert (moved.shape, moved.rank, moved.symmetric, moved.above) == ((1, 2, 2), 1, True, 0.5)
    assert torch.equal(moved.y, found.y)
    assert torch.equal(moved.where, found.where)
    assert [id(tensor) for tensor in found.shown()] == [id(found.y), id(found.where)]
