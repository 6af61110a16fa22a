import numpy as np
import pytest
from scipy import stats

from benchmark.statistics import aggregate, critical_difference, critical_groups, friedman
from benchmark.statistics.aggregate import studentised_range


def test_average_rank_and_borda_by_hand():
    # Instance ranks of task 1: (1, 2, 3), (2, 1, 3); of task 2: (1.5, 1.5, 3), (1, 3, 2), (2, 1, 3), (1, 2, 3).
    first = np.array([[9.0, 5], [8, 6], [1, 2]])
    second = np.array([[0.5, 0.9, 0.2, 0.7], [0.5, 0.1, 0.8, 0.6], [0.1, 0.3, 0.0, 0.5]])
    found = aggregate([first, second])
    by_task = np.array([[1.5, 1.5, 3], [5.5 / 4, 7.5 / 4, 11 / 4]])
    assert found.average_rank == pytest.approx(by_task.mean(0))
    assert found.borda == pytest.approx((3 - by_task).sum(0))
    assert found.ranks.tolist() == [[1.5, 1.5, 3], [1, 2, 3]]  # means 7, 7, 1.5 and 0.575, 0.5, 0.225
    assert found.coverage.tolist() == [2, 2, 2]
    assert found.tasks == 2


def test_every_task_counts_the_same():
    short, long = np.array([[1.0, 1], [0, 0]]), np.array([[0.0] * 50, [1.0] * 50])
    assert aggregate([short, long]).average_rank.tolist() == [1.5, 1.5]


def test_units_do_not_matter():
    random = np.random.default_rng(0)
    tasks = [random.normal(size=(4, 8)) for _ in range(3)]
    found, scaled = aggregate(tasks), aggregate([tasks[0] * 1e6 + 3, tasks[1] * 1e-6, tasks[2]])
    assert np.array_equal(found.average_rank_interval, scaled.average_rank_interval)


def test_methods_without_complete_results_are_unranked_and_move_nobody():
    random = np.random.default_rng(1)
    tasks = [random.normal(size=(3, 8)) for _ in range(3)]
    partial = [np.vstack([task, np.full(8, 9.0)]) for task in tasks]
    partial[1][3, 2] = np.nan
    found, alone = aggregate(partial), aggregate(tasks)
    assert found.coverage.tolist() == [3, 3, 3, 2]
    assert np.isnan([found.average_rank[3], found.borda[3], *found.average_rank_interval[3], *found.ranks[:, 3]]).all()
    assert np.array_equal(found.average_rank[:3], alone.average_rank)
    assert np.array_equal(found.borda_interval[:3], alone.borda_interval)


def test_missing_results_can_be_the_last_rank():
    tasks = [np.array([[3.0] * 5, [2.0] * 5, [1.0] * 5]), np.array([[3.0] * 5, [np.nan] * 5, [np.nan] * 5])]
    found = aggregate(tasks, missing="last")
    assert found.ranks.tolist() == [[1, 2, 3], [1, 2.5, 2.5]]
    assert found.average_rank.tolist() == [1, 2.25, 2.75]
    assert found.coverage.tolist() == [2, 1, 1]


def test_nobody_complete_and_nothing_given():
    found = aggregate([np.array([[1.0], [np.nan]]), np.array([[np.nan], [1.0]])])
    assert np.isnan(found.average_rank).all()
    assert found.coverage.tolist() == [1, 1]
    with pytest.raises(ValueError, match="at least one task"):
        aggregate([])
    with pytest.raises(ValueError, match="the same methods"):
        aggregate([np.ones((2, 3)), np.ones((3, 3))])


def test_intervals_hold_the_estimate_and_agree_between_rank_and_borda():
    random = np.random.default_rng(2)
    found = aggregate([random.normal(size=(5, n)) + np.arange(5)[:, None] / 3 for n in (8, 8, 20)])
    low, high = found.average_rank_interval.T
    assert ((low < found.average_rank) & (found.average_rank < high)).all()
    assert np.allclose(found.borda_interval, 3 * (5 - found.average_rank_interval[:, ::-1]))


def test_sure_orders_have_no_width_and_one_instance_no_interval():
    sure = np.arange(3.0)[:, None] + np.zeros(6)
    assert aggregate([sure, sure]).average_rank_interval.tolist() == [[3, 3], [2, 2], [1, 1]]
    assert np.isnan(aggregate([sure, sure[:, :1]]).average_rank_interval).all()


def test_resampled_tasks_need_four_and_see_the_spread_between_tasks():
    sure = np.arange(3.0)[:, None] + np.zeros(6)
    tasks = [sure, sure, sure[::-1], sure, sure]
    fixed, drawn = aggregate(tasks), aggregate(tasks, resample_tasks=True)
    assert np.array_equal(fixed.average_rank, drawn.average_rank)
    assert np.ptp(fixed.average_rank_interval[0]) == 0
    assert np.ptp(drawn.average_rank_interval[0]) > 0.5
    assert np.isnan(aggregate(tasks[:3], resample_tasks=True).average_rank_interval).all()


def expected_rank(means, spread=1.0):
    """Rank on a random instance of methods with normal scores: 1 plus the chances that each other one is ahead."""
    ahead = stats.norm.cdf((means[None, :] - means[:, None]) / (spread * 2**0.5))
    return 0.5 + ahead.sum(1)  # a method is ahead of itself with 0.5


@pytest.mark.parametrize(("tasks", "n"), [(2, 20), (5, 8), (10, 20)])
def test_coverage_of_the_average_rank(tasks, n):
    random = np.random.default_rng(tasks)
    means = random.normal(0, 0.7, (tasks, 5))
    truth = np.mean([expected_rank(row) for row in means], axis=0)
    hits = []
    for _ in range(150):
        found = aggregate([row[:, None] + random.normal(size=(5, n)) for row in means]).average_rank_interval
        hits.append((found[:, 0] <= truth) & (truth <= found[:, 1]))
    assert 0.93 <= np.mean(hits) <= 0.975  # 95-96.5 % over many repetitions; Monte-Carlo error about 0.8 %


def test_coverage_where_tasks_are_resampled():
    random = np.random.default_rng(3)
    hits = []
    for _ in range(300):
        tasks = [random.normal(0, 0.7, (4, 1)) + random.normal(size=(4, 6)) for _ in range(10)]
        found = aggregate(tasks, resample_tasks=True).average_rank_interval
        hits.append((found[:, 0] <= 2.5) & (found[:, 1] >= 2.5))  # four methods alike: 2.5 on average over all tasks
    assert 0.93 <= np.mean(hits) <= 0.97


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (10, 3.164)])
def test_critical_difference_is_demsars(methods, q):
    assert round(studentised_range(methods), 3) == pytest.approx(q, abs=0.0011)
    assert critical_difference(methods, 14) == pytest.approx(q * (methods * (methods + 1) / (6 * 14)) ** 0.5, abs=1e-3)


@pytest.mark.parametrize(("methods", "level"), [(2, 0.95), (7, 0.9), (60, 0.95), (60, 0.99)])
def test_studentised_range_is_that_of_scipy(methods, level):
    expected = float(stats.studentized_range.ppf(level, methods, np.inf)) / 2**0.5
    assert studentised_range(methods, level) == pytest.approx(expected, rel=1e-9)


def test_critical_difference_of_demsars_example():
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)  # page 13: four methods, 14 data sets
    with pytest.raises(ValueError, match="two methods"):
        critical_difference(1, 5)


def test_groups_of_consecutive_methods():
    average = np.array([3.143, 2.000, 2.893, 1.964])  # Demsar's example: 1.25 apart at level 0.05, 1.12 at 0.10
    assert critical_groups(average, 1.25) == [[3, 1, 2, 0]]
    assert critical_groups(average, 1.12) == [[3, 1, 2], [2, 0]]
    assert critical_groups(np.array([1.0, 2, 3, 4]), 1.5) == [[0, 1], [1, 2], [2, 3]]
    assert critical_groups(np.array([1.0, 3, 5, np.nan]), 1.5) == []
    assert critical_groups(np.array([1.0, 1.2, 4, 1.1]), 1.5) == [[0, 3, 1]]


def test_nemenyi_on_average_ranks_is_careful():
    random = np.random.default_rng(5)
    limit, wrong = critical_difference(5, 12), 0
    for _ in range(200):
        found = aggregate([random.normal(0, 0.5, (5, 1)) + random.normal(size=(5, 8)) for _ in range(12)])
        wrong += np.ptp(found.average_rank) >= limit
    assert wrong / 200 <= 0.05 + 3 * 0.0155


def test_friedman_is_that_of_scipy_and_needs_enough():
    ranks = np.array([[1.0, 2, 3], [1, 3, 2], [1, 2, 3], [2, 1, 3]])
    # chi2 = 12 / (4 x 3 x 4) x (5^2 + 8^2 + 11^2) - 3 x 4 x 4 = 4.5, two degrees of freedom
    assert friedman(ranks) == pytest.approx(np.exp(-4.5 / 2))
    assert friedman(ranks) == pytest.approx(stats.friedmanchisquare(*ranks.T).pvalue)
    tied = np.random.default_rng(0).integers(0, 4, (6, 5)).astype(float)
    assert friedman(tied) == pytest.approx(stats.friedmanchisquare(*tied.T).pvalue)
    assert np.isnan(friedman(ranks[:, :2]))
    assert np.isnan(friedman(ranks[:1]))
    assert np.isnan(friedman(np.ones((4, 3))))
