import numpy as np
import pytest

from benchmark.statistics import first_reached, pareto, summarise_times, time_to_quality


def test_pareto_front_by_hand():
    cost = np.array([1.0, 2, 3, 2, 4, np.nan, 1])
    quality = np.array([5.0, 7, 6, 6, 9, 99, np.nan])
    assert pareto(cost, quality).tolist() == [True, True, False, False, True, False, False]


def test_equal_points_are_on_the_front_together():
    assert pareto(np.array([1.0, 1, 1]), np.array([2.0, 2, 1])).tolist() == [True, True, False]
    assert pareto(np.array([1.0, 2]), np.array([2.0, 2])).tolist() == [True, False]
    assert pareto(np.zeros(0), np.zeros(0)).tolist() == []


def test_pareto_front_is_what_the_definition_says():
    random = np.random.default_rng(0)
    cost, quality = random.integers(0, 6, (2, 40)).astype(float)
    points = list(zip(cost, quality, strict=True))
    beaten = [any(c <= x and q >= y and (c, q) != (x, y) for c, q in points) for x, y in points]
    assert pareto(cost, quality).tolist() == [not b for b in beaten]


def test_time_to_quality_is_the_first_time_at_the_target():
    seconds, values = np.array([0.5, 1, 2, 3]), np.array([10.0, 20, 15, 25])
    assert time_to_quality(seconds, values, 15, "higher") == 1
    assert time_to_quality(seconds, values, 20, "higher") == 1
    assert time_to_quality(seconds, values, 26, "higher") == float("inf")
    assert time_to_quality(seconds, values, 12, "lower") == 0.5
    assert time_to_quality(seconds[::-1], values[::-1], 15, "higher") == 1
    assert time_to_quality(np.zeros(0), np.zeros(0), 0, "higher") == float("inf")
    assert time_to_quality(seconds, np.full(4, np.nan), 0, "lower") == float("inf")


def test_a_level_is_reached_between_two_points():
    steps, seconds, values = np.array([10, 20, 40]), np.array([1.0, 2, 6]), np.array([0.0, 4, 8])
    assert first_reached(steps, seconds, values, 5, "higher") == (25, 3)
    assert first_reached(steps, seconds, -values, -5, "lower") == (25, 3)
    assert first_reached(steps, seconds, values, 0, "higher") == (10, 1)
    assert first_reached(steps, seconds, values, 9, "higher") == (np.inf, np.inf)


def test_summary_counts_never_as_infinity():
    found = summarise_times(np.array([3.0, 1.0, np.inf]))
    assert (found.reached, found.n, found.share, found.median) == (2, 3, 2 / 3, 3.0)
    assert summarise_times(np.array([1.0, np.inf])).median == float("inf")
    with pytest.raises(ValueError, match="no curves"):
        summarise_times(np.zeros(0))


@pytest.mark.parametrize(
    ("level", "better", "expected"),
    [(-2.0, "lower", (15.0, 1.5)), (0.0, "lower", (0.0, 0.0)), (-9.0, "lower", (np.inf, np.inf)), (-1.0, "higher", (0.0, 0.0))],
)
def test_where_a_curve_first_reaches_a_level(level, better, expected) -> None:
    steps, seconds, values = np.array([0, 10, 20, 30]), np.array([0, 1, 2, 3]), np.array([0, -1, -3, -2.5])
    assert first_reached(steps, seconds, values, level, better) == expected
