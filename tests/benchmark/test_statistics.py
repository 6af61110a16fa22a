import numpy as np
import pytest

from benchmark.statistics import bootstrap_t, mean, paired_difference


def scores(values, seed=0):
    return {(seed, instance): float(value) for instance, value in enumerate(values)}


def test_mean_over_instances_with_seeds_nested():
    twice = {**scores([1, 2, 3, 6], seed=0), **scores([3, 2, 3, 6], seed=1)}
    found = mean(twice)
    assert (found.mean, found.n) == (3.25, 4)


def test_repeating_a_run_does_not_narrow_the_interval():
    one = scores([1, 2, 3, 6, 4])
    three = {key: value for seed in range(3) for key, value in scores([1, 2, 3, 6, 4], seed).items()}
    assert (mean(one).low, mean(one).high) == (mean(three).low, mean(three).high)


def test_few_instances_have_no_interval():
    found = mean(scores([1, 2, 3]))
    assert found.mean == 2
    assert np.isnan([found.low, found.high]).all()
    assert not found.excludes_zero


def test_paired_difference_uses_what_both_have():
    found = paired_difference(scores([5, 7, 9, 11, 1]), scores([4, 6, 8, 10]))
    assert found is not None
    assert (found.mean, found.low, found.high, found.n) == (1, 1, 1, 4)
    assert found.excludes_zero
    assert paired_difference(scores([1], seed=0), scores([1], seed=1)) is None


def test_pairing_sees_what_the_spread_between_instances_hides():
    random = np.random.default_rng(0)
    hard = 10 * random.standard_normal(12)
    ours, theirs = scores(hard + 0.5 + 0.1 * random.standard_normal(12)), scores(hard)
    assert paired_difference(ours, theirs).excludes_zero
    assert mean(ours).low < mean(theirs).mean


@pytest.mark.parametrize("n", [6, 8, 20])
def test_interval_covers_the_mean(n):
    random = np.random.default_rng(n)
    hits = 0
    for _ in range(400):
        low, high = bootstrap_t(random.normal(3, 2, n))
        hits += low <= 3 <= high
    assert 0.92 <= hits / 400 <= 0.985


def test_interval_is_the_same_each_time():
    values = np.random.default_rng(0).random(9)
    assert bootstrap_t(values) == bootstrap_t(values)
