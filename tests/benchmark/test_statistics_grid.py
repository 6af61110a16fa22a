"""What is computed from grids is what is computed from mappings."""

import numpy as np
import pytest

from benchmark.statistics import Grid, mean, paired_difference, table


@pytest.fixture(params=["complete", "holes"])
def grids(request):
    """Two methods on 9 instances and 3 seeds, whose spread between instances is large, as grids."""
    random = np.random.default_rng(0)
    arrays = random.normal(size=(2, 9, 3)) + 10 * random.normal(size=(9, 1))
    if request.param == "holes":
        arrays[0, 2, 1] = arrays[1, 5] = np.nan
    numbers, seeds = np.arange(3, 12), np.array([0, 1, 1000])
    return [Grid(numbers, seeds, array) for array in arrays]


def test_a_grid_is_a_mapping_of_what_is_there(grids):
    for grid in grids:
        there = {
            (s, n): x for n, row in zip(range(3, 12), grid.array, strict=True) for s, x in zip((0, 1, 1000), row, strict=True)
        }
        assert dict(grid) == {key: value for key, value in there.items() if np.isfinite(value)}
        assert len(grid) == len(dict(grid))


def test_the_same_estimates(grids):
    plain = [dict(grid) for grid in grids]
    for grid, same in zip(grids, plain, strict=True):
        assert vars(mean(grid)) == pytest.approx(vars(mean(same)))
    assert vars(paired_difference(*grids)) == pytest.approx(vars(paired_difference(*plain)))
    assert np.array_equal(table(grids), table(plain), equal_nan=True)
