import pytest

from benchmark.report.decimals import decimals, digits, digits_of
from benchmark.statistics import Estimate

NONE = float("nan")


@pytest.mark.parametrize(
    ("size", "figures", "places"),
    [(2.1, 2, 1), (0.04, 2, 3), (100.0, 2, 0), (0.912, 3, 3), (1e-9, 2, 6), (1.0, 2, 1), (0.1, 2, 2), (0.001, 2, 4)],
)
def test_a_size_is_shown_with_its_figures_and_at_most_six_decimals(size, figures, places) -> None:
    assert decimals(size, figures) == places


def test_estimates_follow_the_median_width_of_their_intervals_or_else_the_largest_mean() -> None:
    assert digits([Estimate(25.123, 24.0, 26.1, 8)]) == 1
    assert digits([Estimate(25.123, 25.10, 25.14, 8)]) == 3
    assert digits([Estimate(251.0, 200.0, 300.0, 8)]) == 0
    assert digits([Estimate(1, 0, 100, 8), Estimate(1, 0.99, 1.03, 8), Estimate(1, 0.99, 1.03, 8), None]) == 3
    assert digits([Estimate(0.912, NONE, NONE, 2)]) == 3
    assert digits([Estimate(0.912, NONE, NONE, 2), Estimate(91.2, NONE, NONE, 2)]) == 1
    assert digits([None]) == 1


def test_values_follow_their_spread_over_the_root_of_their_number_or_else_a_hundredth_of_the_largest() -> None:
    assert digits_of([20.0, 21.0, 24.0, 22.0]) == 1  # 4 / 2
    assert digits_of([20.0, 20.1, 20.4, 20.2]) == 2
    assert digits_of([25.0]) == digits_of([25.0, 25.0]) == 2
    assert digits_of([0.0]) == digits_of([]) == 3
