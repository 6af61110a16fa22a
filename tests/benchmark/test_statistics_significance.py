from itertools import product

import numpy as np
import pytest
from scipy import stats

from benchmark.statistics import compare, holm, paired_difference, sign_flip, wilcoxon
from benchmark.statistics.significance import sign_vectors


def scores(values, seed=0):
    return {(seed, instance): float(value) for instance, value in enumerate(values)}


def scipy_sign_flip(values, draws=9999):
    random = np.random.default_rng(1)
    return stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=draws, rng=random).pvalue


def test_sign_flip_by_hand():
    # Signs of (1, 2, 3): sums 6 4 2 0 0 -2 -4 -6; |sum| >= 6 in 2 of 8. Of (1, 2, -3): |sum| >= 0 in all. Of (1, 3, 4, -2): the
    # observed sum is 6, and +-10, +-8, +-6 reach it in size.
    assert sign_flip(np.array([[1.0, 2, 3], [1, 2, -3]])).tolist() == [2 / 8, 1.0]
    assert sign_flip(np.array([[1.0, 3, 4, -2]])).tolist() == [6 / 16]


def test_sign_flip_by_enumeration():
    values = np.random.default_rng(0).normal(0.5, 1, 9)
    sums = [abs(np.dot(signs, values)) for signs in product([1, -1], repeat=9)]
    assert sign_flip(values[None])[0] == np.mean(np.array(sums) >= abs(values.sum()) - 1e-12)


@pytest.mark.parametrize("n", [2, 4, 10, 13])
def test_exact_sign_flip_is_that_of_scipy(n):
    values = np.random.default_rng(n).normal(0.5, 1, n)
    assert sign_flip(values[None])[0] == pytest.approx(scipy_sign_flip(values))


def test_random_sign_flip_is_that_of_scipy_up_to_its_draws():
    values = np.random.default_rng(1).normal(0.3, 1, 40)
    p = scipy_sign_flip(values)
    assert 0.02 < p < 0.2
    assert sign_flip(values[None])[0] == pytest.approx(p, abs=4 * (2 * p * (1 - p) / 9999) ** 0.5)


def test_sign_flip_counts_equal_sums_as_reached():
    values = np.array([[0.1, 0.2, 0.3, 0.6]])  # 0.1 + 0.2 + 0.3 is not 0.6 in floating point
    assert sign_flip(values * [1, 1, 1, -1])[0] == 1.0


def test_tests_without_differences():
    assert sign_flip(np.zeros((2, 5))).tolist() == [1, 1]
    assert np.isnan(sign_flip(np.zeros((1, 0)))).all()
    assert wilcoxon(np.zeros(5)) == 1
    assert np.isnan(wilcoxon(np.zeros(0)))


def test_sign_vectors_are_all_or_random_and_begin_with_the_observed():
    every = sign_vectors(5)
    assert {tuple(row) for row in every} == {(1.0, *rest) for rest in product([1.0, -1.0], repeat=4)}
    assert sign_vectors(11).shape == (1024, 11)
    assert sign_vectors(12).shape == (2001, 12)
    for n in (5, 12):
        assert (sign_vectors(n)[0] == 1).all()


def test_wilcoxon_by_hand_and_as_scipy():
    # Ranks of |1, 2, 3, 4|, all positive: the sum of ranks 10 and its mirror 0 are 2 of 16 sign patterns.
    assert wilcoxon(np.array([1.0, 2, 3, 4])) == pytest.approx(2 / 16)
    values = np.random.default_rng(0).normal(0.4, 1, 25)
    assert wilcoxon(values) == stats.wilcoxon(values).pvalue


def test_holm_by_hand():
    # Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.9 x 1, none below the one before it.
    assert holm(np.array([0.02, 0.9, 0.01, 0.03])).tolist() == pytest.approx([0.06, 0.9, 0.04, 0.06])
    assert holm(np.array([0.02, 0.025])).tolist() == pytest.approx([0.04, 0.04])
    assert holm(np.array([0.6, 0.7])).tolist() == [1, 1]
    assert holm(np.array([])).tolist() == []


def test_holm_does_not_count_what_was_not_tested():
    found = holm(np.array([np.nan, 0.02, np.nan, 0.04]))
    assert found[[1, 3]].tolist() == pytest.approx([0.04, 0.04])
    assert np.isnan(found[[0, 2]]).all()


def test_comparison_of_two_methods():
    a, b = scores([5, 7, 9, 8, 4]), scores([4, 5, 9, 9, 1])
    found = compare(a, b)
    assert (found.n, found.wins, found.losses, found.ties) == (5, 3, 1, 1)
    assert found.difference == paired_difference(a, b)
    assert found.p == sign_flip(np.array([[1.0, 2, 0, -1, 3]]))[0]
    assert compare(a, b, test="wilcoxon").p == stats.wilcoxon([1, 2, 0, -1, 3]).pvalue
    lower = compare(a, b, better="lower")
    assert (lower.wins, lower.losses) == (1, 3)
    assert lower.difference == found.difference


def test_comparison_averages_seeds_and_needs_shared_ones():
    found = compare({**scores([3, 4]), **scores([1, 0], seed=1)}, {**scores([0, 0]), **scores([0, 0], seed=1)})
    assert (found.difference.mean, found.n, found.wins) == (2, 2, 2)
    assert compare(scores([1]), scores([1], seed=1)) is None


# Under the null the rate of p <= 0.05 over 4000 repetitions has a standard error of 0.35 %.


@pytest.mark.parametrize("n", [8, 20, 50])
def test_sign_flip_keeps_its_level(n):
    values = np.random.default_rng(n).normal(0, 1, (4000, n))
    rate = np.mean(sign_flip(values) <= 0.05)
    assert 0.03 <= rate <= 0.05 + 3 * 0.0035


def test_sign_flip_finds_what_is_there():
    values = np.random.default_rng(0).normal(1, 1, (500, 20))
    assert np.mean(sign_flip(values) <= 0.05) > 0.95


def test_wilcoxon_keeps_its_level():
    values = np.random.default_rng(5).normal(0, 1, (2000, 12))
    rate = np.mean([wilcoxon(row) <= 0.05 for row in values])
    assert 0.03 <= rate <= 0.05 + 3 * 0.005


def test_holm_keeps_the_level_of_the_family():
    random = np.random.default_rng(6)
    base = random.normal(0, 1, (1000, 1, 12))
    values = (random.normal(0, 1, (1000, 6, 12)) - base).reshape(6000, 12)
    p = sign_flip(values).reshape(1000, 6)
    rate = np.mean([holm(row).min() <= 0.05 for row in p])
    assert rate <= 0.05 + 3 * 0.007
    assert np.mean(p.min(1) <= 0.05) > 0.1  # what the correction is for
