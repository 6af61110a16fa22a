"""Each rule against cases computed by hand."""

import math

import numpy as np
import pytest

from benchmark import statistics
from benchmark.claims import rules

T2 = 4.302652729749464  # quantile of Student's t with 2 degrees of freedom, 0.975


def grid(rows):
    """Values of an array (instances, seeds)."""
    return {(seed, number): float(value) for number, row in enumerate(rows) for seed, value in enumerate(row)}


def one_seed(*values):
    return {(0, number): float(value) for number, value in enumerate(values)}


def curve(*values, step=1):
    return np.array([[step * at, 10.0 * at, value] for at, value in enumerate(values)], float)


# --- ahead: a flipped sign, a dropped seed, a test that is not paired ----------------------------------------------------


def test_ahead_is_first_less_second():
    found = rules.ahead(one_seed(3, 5, 4, 8), one_seed(1, 2, 2, 4))
    assert found.value == pytest.approx((2 + 3 + 2 + 4) / 4)
    assert found.low > 0
    assert found.n == 4
    assert rules.ahead(one_seed(1, 2, 2, 4), one_seed(3, 5, 4, 8)).high < 0


def test_ahead_takes_every_seed():
    first, second = grid([[1, 3], [2, 6], [0, 4], [1, 5]]), grid([[0, 0]] * 4)
    assert rules.ahead(first, second).value == pytest.approx((2 + 4 + 2 + 3) / 4)
    of_one = {key: value for key, value in first.items() if key[0] == 0}
    assert rules.ahead(of_one, second).value == pytest.approx(1.0)


def test_ahead_compares_instance_by_instance():
    second = one_seed(0, 20, 40, 60, 80, 100)
    first = one_seed(1.0, 21.1, 40.9, 61.0, 81.1, 100.9)
    found = rules.ahead(first, second)
    assert found.low == pytest.approx(1.0, abs=0.2)
    assert found.high == pytest.approx(1.0, abs=0.2)
    far = rules.level(first).high - rules.level(second).low  # what means with intervals of their own would leave open
    assert far > 50


def test_ahead_leaves_out_what_only_one_has_and_refuses_where_nothing_is_shared():
    first, second = one_seed(3, 3, 3, 3, 100), one_seed(1, 1, 1, 1)
    assert (rules.ahead(first, second).value, rules.ahead(first, second).n) == (2.0, 4)
    with pytest.raises(ValueError, match="share no"):
        rules.ahead(one_seed(1.0), {(1, 0): 1.0})


def test_too_few_instances_have_no_interval():
    found = rules.level(one_seed(1, 2, 3))
    assert found.value == 2.0
    assert math.isnan(found.low)
    assert math.isnan(found.high)


# --- seeds that are trainings -------------------------------------------------------------------------------------------


def test_where_a_method_learns_its_trainings_are_a_sample_too():
    # instances alike, trainings 0, 1, 2: M_i = 0, M_s = 4, variance of the mean 4 / (4 * 3), freedom 16 / (16 / 2) = 2
    values = grid([[0, 1, 2]] * 4)
    assert rules.level(values).high == pytest.approx(1.0)
    found = rules.level(values, learns=True)
    assert found.value == pytest.approx(1.0)
    assert found.high - 1 == pytest.approx(T2 * (4 / 12) ** 0.5)
    assert 1 - found.low == pytest.approx(T2 * (4 / 12) ** 0.5)


def test_fewer_trainings_say_less():
    rows = np.random.default_rng(0).standard_normal((8, 1)) * 0.1 + np.array([0.0, 0.5, 1.0, 0.4, 0.6])
    wide = [rules.level(grid(rows[:, :count]), learns=True) for count in (2, 5)]
    assert wide[0].high - wide[0].low > 2 * (wide[1].high - wide[1].low)
    alone = rules.level(grid(rows[:, :1]), learns=True)
    assert math.isnan(alone.low)
    assert math.isnan(alone.high)


def test_where_trainings_are_alike_instances_decide():
    rows = np.random.default_rng(1).standard_normal((10, 1)) + np.zeros((10, 3))
    plain, crossed = rules.level(grid(rows)), rules.level(grid(rows), learns=True)
    assert crossed.low <= plain.low
    assert crossed.high >= plain.high
    assert crossed.high - crossed.low < 1.2 * (plain.high - plain.low)


def test_where_every_seed_draws_other_data_each_value_is_a_draw():
    values = grid([[1, 2, 3], [5, 4, 6]])
    found = rules.level(values, drawn=True)
    assert (found.value, found.n, found.counted) == (3.5, 6, "draws")
    assert found.low == rules.level(one_seed(1, 5, 2, 4, 3, 6)).low
    assert math.isnan(rules.level(values).low)


# --- ratio, share, onset ------------------------------------------------------------------------------------------------


def test_ratio_is_of_means_and_paired():
    found = rules.ratio(one_seed(2, 4, 6, 8), one_seed(1, 2, 3, 4))
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))
    assert rules.ratio(one_seed(1, 1, 1, 5), one_seed(1, 1, 1, 3)).value == pytest.approx(8 / 6)  # and not the mean of ratios


def test_the_ratio_to_what_is_never_reached():
    never = one_seed(1, math.inf, 2, 3)
    assert rules.ratio(never, one_seed(1, 1, 1, 1)).low == math.inf
    assert math.isnan(rules.ratio(one_seed(1, 1, 1, 1), never).low)


def test_share_has_the_interval_of_clopper_and_pearson():
    every = rules.share(grid([[1, 1, 1]] * 3), each=4)
    assert (every.value, every.n) == (1.0, 36)
    assert every.low == pytest.approx(0.025 ** (1 / 36))
    assert every.high == 1.0
    none = rules.share(grid([[0, 0, 0]]), each=4)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 12))
    assert rules.share(grid([[0.25, 0.5]]), each=4).value == pytest.approx(3 / 8)


def test_onset_is_the_first_place_from_which_on_all_succeed():
    shares = (0.0, 1.0, 0.1, 1.0, 1.0)
    cells = [grid([[share] * 3]) for share in shares]
    found = rules.onset(*cells, at=(2, 3, 4, 5, 6), each=10)
    assert (found.value, found.low, found.high, found.n) == (5, 5, 5, 30)
    never = rules.onset(*[grid([[0.2] * 3])] * 2, at=(2, 3), each=10)
    assert (never.value, never.low) == (math.inf, math.inf)


def test_onset_is_uncertain_where_shares_are():
    cells = [grid([[share] * 3]) for share in (0.0, 0.7, 1.0)]  # 21 of 30: neither above nor below 0.8 for certain
    found = rules.onset(*cells, at=(2, 3, 4), each=10)
    assert (found.value, found.low, found.high) == (4, 3, 4)


# --- bound, separation, monotone, rank ----------------------------------------------------------------------------------


def test_a_bound_is_of_the_worst_run():
    values = grid([[1, 2], [3, 9], [4, 0.5]])
    assert rules.bound(values, which="largest").high == 9
    assert rules.bound(values, which="least").low == 0.5
    assert rules.bound_of_difference(values, grid([[1, 1]] * 3), which="least").value == -0.5


def test_separation_is_negative_where_values_overlap():
    assert rules.separation(one_seed(5, 6), one_seed(1, 3)).value == 2
    assert rules.separation(one_seed(2, 6), one_seed(1, 3)).value == -1


def test_monotone_is_the_least_step():
    levels = [one_seed(*(base + at for at in range(4))) for base in (0, 1, 3)]
    assert rules.monotone(*levels).value == 1
    assert rules.monotone(*levels).low == 1
    assert rules.monotone(*reversed(levels)).value == -2
    assert rules.monotone(*reversed(levels), rising=False).low == 1


def test_rank_counts_those_that_are_better():
    rows = [one_seed(*(base + 0.1 * at for at in range(8))) for base in (5, 9, 1)]
    found = rules.rank(*rows)
    assert (found.value, found.low, found.high) == (2, 2, 2)
    assert rules.rank(*rows, better="lower").value == 2
    assert rules.rank(*rows[::-1]).value == 3
    close = [one_seed(*values) for values in ((1, 2, 1, 2, 1, 2), (2, 1, 2, 1, 2, 1.1))]
    assert (rules.rank(*close).low, rules.rank(*close).high) == (1, 2)


# --- curves -------------------------------------------------------------------------------------------------------------


def test_a_curve_falls_from_its_best_point_to_the_mean_of_its_end():
    values = [0.0] * 101
    values[50], values[96], values[98] = 10.0, 5.0, 1.0  # of the last 5 %, steps 96 to 100, the mean is 6 / 5
    curves = {(0, number): curve(*values) for number in range(4)}
    assert rules.falls(curves).value == pytest.approx(10 - 6 / 5)
    assert rules.falls(curves, after=60).value == pytest.approx(5)  # the end of the last 40 steps begins after step 98
    low = {key: np.column_stack([points[:, :2], -points[:, 2]]) for key, points in curves.items()}
    assert rules.falls(low, better="lower").value == pytest.approx(10 - 6 / 5)


def test_a_longer_curve_is_read_where_a_shorter_one_ended():
    points = {(0, 0): curve(*range(100), *[-50.0] * 60), (0, 1): curve(*[7.0] * 160)[100:]}  # the second begins later
    assert rules.end(points, until=99) == {(0, 0): pytest.approx(97)}  # of the steps 95 to 99
    assert rules.end(points)[0, 0] == -50
    assert rules.peak(points, until=60) == {(0, 0): 60}
    assert rules.falls({(0, n): curve(*range(100), *[-50.0] * 60) for n in range(4)}, until=99).value == pytest.approx(2)


def test_what_comes_before_training_is_apart():
    points = {(0, 0): curve(9, 8, 1, 2, 3)}
    assert rules.start(points) == {(0, 0): 9}
    assert rules.before(points, after=1) == {(0, 0): 8}
    assert rules.peak(points, after=1) == {(0, 0): 3}
    assert rules.peak(points) == {(0, 0): 8}


def test_a_level_is_reached_between_two_points():
    curves = {(0, number): curve(0, -2, -4) for number in range(4)}
    assert rules.reaches(curves, to=-3, better="lower").value == pytest.approx(1.5)
    assert rules.reaches(curves, to=-3, better="lower", axis="seconds").value == pytest.approx(15)
    never = {**curves, (0, 4): curve(0, -1, -1)}
    assert rules.reaches(never, to=-3, better="lower").low == math.inf


def test_slope_is_that_between_two_values():
    steep = curve(0, -1, -3, -5, -7, -9, -9, -9, step=50)  # -2 in 50 steps between -2 and -8
    found = rules.slope({(0, number): steep for number in range(4)}, between=(-8, -2))
    assert found.value == pytest.approx(-4.0)
    assert rules.slopes({(0, 0): curve(0, -9)}, between=(-8, -2)) == {}


def test_every_rule_is_known_by_its_name():
    assert all(getattr(rules, name) is rule for name, rule in rules.RULES.items())
    assert rules.RULES.keys() > rules.LEARNING
    assert statistics.MINIMUM == 4
