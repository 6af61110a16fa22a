import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from benchmark.registry import ROOT
from benchmark.statistics import bootstrap_t, by_instance, estimate, intervals, mean, paired_difference, table


def scores(values, seed=0):
    return {(seed, instance): float(value) for instance, value in enumerate(values)}


def coverage(values, truth):
    low, high = intervals(values).T
    return np.mean((low <= truth) & (truth <= high))


def test_mean_over_instances_with_seeds_nested():
    twice = {**scores([1, 2, 3, 6], seed=0), **scores([3, 2, 3, 6], seed=1)}
    found = mean(twice)
    assert (found.mean, found.n) == (3.25, 4)


def test_instances_weigh_the_same_however_many_seeds_they_have():
    numbers, values = by_instance({(0, 7): 1.0, (1, 7): 3.0, (0, 2): 10.0})
    assert numbers.tolist() == [2, 7]
    assert values.tolist() == [10.0, 2.0]


def test_order_of_the_scores_changes_nothing():
    random = np.random.default_rng(0)
    given = {(seed, instance): float(random.random()) for seed in range(3) for instance in range(9)}
    assert mean(given) == mean(dict(reversed(given.items())))


def test_repeating_a_run_does_not_narrow_the_interval():
    one = scores([1, 2, 3, 6, 4])
    three = {key: value for seed in range(3) for key, value in scores([1, 2, 3, 6, 4], seed).items()}
    assert (mean(one).low, mean(one).high) == (mean(three).low, mean(three).high)


def test_few_instances_have_no_interval():
    found = mean(scores([1, 2, 3]))
    assert found.mean == 2
    assert np.isnan([found.low, found.high]).all()
    assert not found.excludes_zero


def test_no_scores_are_refused():
    with pytest.raises(ValueError, match="no scores"):
        mean({})
    with pytest.raises(ValueError, match="no scores"):
        estimate([])


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


def test_table_has_a_place_for_each_seed_and_instance():
    found = table([{(0, 3): 1.0, (1, 3): 2.0, (0, 5): 3.0}, {(1, 5): 4.0}, {}])
    expected = [[[1, 2], [3, np.nan]], [[np.nan, np.nan], [np.nan, 4]], [[np.nan] * 2] * 2]
    assert np.array_equal(found, expected, equal_nan=True)


def test_interval_is_the_same_each_time_and_for_each_row():
    values = np.random.default_rng(0).random((3, 9))
    assert bootstrap_t(values[1]) == bootstrap_t(values[1])
    assert np.allclose(intervals(values)[1], bootstrap_t(values[1]))


def test_interval_moves_and_scales_with_the_scores():
    values = np.random.default_rng(1).exponential(1, (1, 10))
    assert np.allclose(intervals(1e-6 * values + 1e-3), 1e-6 * intervals(values) + 1e-3)
    assert np.allclose(intervals(-values), -intervals(values)[:, ::-1])


def test_interval_agrees_with_a_plain_bootstrap_t():
    values = np.random.default_rng(2).exponential(1, 30)
    random = np.random.default_rng(3)
    drawn = values[random.integers(0, 30, (20_000, 30))]
    t = (drawn.mean(1) - values.mean()) / (drawn.std(1, ddof=1) / 30**0.5)
    error = values.std(ddof=1) / 30**0.5
    expected = values.mean() - np.quantile(t, [0.975, 0.025]) * error
    assert np.allclose(bootstrap_t(values), expected, atol=0.2 * error)  # 3.5 standard errors of a quantile of 2000 draws


def test_interval_of_many_equal_normal_values_is_students():
    values = stats.norm.ppf((np.arange(400) + 0.5) / 400)
    expected = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    assert np.allclose(bootstrap_t(values), expected, atol=0.01)


def test_success_and_failure_are_at_least_as_wide_as_students():
    values = np.array([1.0, 1, 1, 0, 1, 1, 1, 1])
    low, high = bootstrap_t(values)
    expected = stats.t.interval(0.95, 7, values.mean(), stats.sem(values))
    assert low <= expected[0] + 1e-12
    assert high >= expected[1] - 1e-12


# Coverage over 4000 repetitions has a standard error of 0.34 %, so that a true 95 % stays within 93-97 % by six of them.


@pytest.mark.parametrize("n", [4, 8, 20, 50])
def test_coverage_of_normal_scores(n):
    values = np.random.default_rng(n).normal(3, 2, (4000, n))
    assert 0.93 <= coverage(values, 3) <= 0.97


@pytest.mark.parametrize("n", [8, 20, 50])
def test_coverage_with_three_seeds_nested_in_instances(n):
    random = np.random.default_rng(n)
    values = random.normal(3, 2, (4000, 1, n)) + random.normal(0, 1, (4000, 3, n))
    found = coverage(values.mean(1), 3)
    mapping = {(seed, instance): float(values[0, seed, instance]) for seed in range(3) for instance in range(n)}
    assert np.allclose((mean(mapping).low, mean(mapping).high), intervals(values[:1].mean(1))[0])
    assert 0.93 <= found <= 0.97
    assert coverage(values.reshape(4000, 3 * n), 3) < 0.85  # what ignoring the nesting would give


@pytest.mark.parametrize("n", [8, 20, 50])
def test_coverage_of_skewed_scores(n):
    values = np.random.default_rng(n).exponential(1, (4000, n))
    assert 0.93 <= coverage(values, 1) <= 0.97


@pytest.mark.parametrize("n", [8, 20, 50])
def test_coverage_of_few_distinct_scores(n):
    values = np.random.default_rng(n).choice([0.0, 0.5, 1.0], (4000, n))
    assert 0.93 <= coverage(values, 0.5) <= 0.97


def test_importing_the_package_is_fast():
    code = "import sys, benchmark.statistics; print({'scipy', 'torch', 'sqlalchemy'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "set()"


def test_no_end_lies_beyond_all_values_and_twice_students_interval():
    """Eleven equal within rounding and one far off: the resamples that miss it have a t of hundreds."""
    values = -12 + 0.05 * np.random.default_rng(0).standard_normal(12)
    values[3] = -3.5
    found = estimate(values)
    assert found.high == pytest.approx(-3.5)
    assert found.low < found.mean
    mirrored = estimate(-values)
    assert mirrored.low == pytest.approx(3.5)
    assert mirrored.high > mirrored.mean


def test_an_interval_does_not_leave_the_range_of_the_values_and_keeps_its_mean():
    found = mean(scores([1.0, 1.0, 1.0, 0.8, 1.0]))
    assert found.high > 1
    cut = found.within(0.0, 1.0)
    assert (cut.mean, cut.low, cut.high, cut.n) == (found.mean, found.low, 1.0, 5)
    assert found.within(None, None) == found
    assert mean(scores([-1.0, 3.0, 0.0, 0.0])).within(0.0, None).low == 0
    few = mean(scores([1.0, 0.0])).within(0.0, 1.0)
    assert np.isnan([few.low, few.high]).all()
