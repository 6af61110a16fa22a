import numpy as np
import pytest

from benchmark.statistics import holm, paired_difference, rank_intervals, separated, sign_flip, standings, tie_groups


def rows_of(values, seeds=1):
    """Mappings of (m, n) values, the same for every seed."""
    return [{(seed, i): float(v) for i, v in enumerate(row) for seed in range(seeds)} for row in values]


@pytest.fixture
def values():
    random = np.random.default_rng(0)
    return random.normal(size=(5, 9)) + np.array([[0], [0.2], [2], [2.1], [5]]) + 4 * random.normal(size=9)


def test_standings_are_made_of_the_tests(values):
    found = standings(rows_of(values), [True] * 5, "higher", baseline=0)
    apart = separated(values)
    assert [one.rank for one in found] == tie_groups(values.mean(1), apart).tolist()
    assert [[one.low, one.high] for one in found] == rank_intervals(apart).tolist()
    assert found[0].gain is None
    assert found[0].p is None
    assert [one.p for one in found[1:]] == pytest.approx(holm(sign_flip(values[1:] - values[0])))
    expected = paired_difference(rows_of(values)[3], rows_of(values)[0])
    assert (found[3].gain.mean, found[3].gain.low) == pytest.approx((expected.mean, expected.low))
    assert found[4].rank == 1
    assert len({one.rank for one in found}) > 1


def test_lower_is_better_turns_the_ranks_only(values):
    higher = standings(rows_of(values), [True] * 5, "higher", 0)
    lower = standings(rows_of(-values), [True] * 5, "lower", 0)
    assert [(a.rank, a.low, a.high, a.p) for a in lower] == [(b.rank, b.low, b.high, b.p) for b in higher]
    assert lower[2].gain.mean == pytest.approx(-higher[2].gain.mean)


def test_incomplete_methods_are_neither_ranked_nor_tested(values):
    rows = rows_of(values)
    partial = [*rows, {key: value + 99 for key, value in list(rows[0].items())[:6]}]
    found = standings(partial, [True] * 5 + [False], "higher", baseline=0)
    assert found[:5] == standings(rows, [True] * 5, "higher", baseline=0)
    last = found[5]
    assert (last.rank, last.low, last.high, last.p) == (None, None, None, None)
    assert last.gain.n == 6


def test_nothing_is_tested_against_an_incomplete_baseline(values):
    found = standings(rows_of(values), [False] + [True] * 4, "higher", baseline=0)
    assert {one.p for one in found} == {None}
    assert [one.gain.n for one in found[1:]] == [9] * 4


def test_seeds_do_not_count_as_instances(values):
    once, thrice = (standings(rows_of(values, seeds), [True] * 5, "higher", 0) for seeds in (1, 3))
    assert [(a.rank, a.low, a.high) for a in once] == [(b.rank, b.low, b.high) for b in thrice]
    assert [a.p for a in once] == [b.p for b in thrice]


def test_methods_with_other_seeds_are_compared_on_shared_ones(values):
    rows = rows_of(values[[0, 4]], seeds=2)
    rows[0] = {key: value for key, value in rows[0].items() if key[0] == 1}
    found = standings(rows, [True, True], "higher", baseline=0)
    assert [one.rank for one in found] == [2, 1]
    apart = [{(0, i): float(i) for i in range(8)}, {(1, i): i + 9.0 for i in range(8)}]
    found = standings(apart, [True, True], "higher", baseline=0)
    assert [one.rank for one in found] == [1, 1]  # nothing shared, nothing separated
    assert found[1].gain is None
    assert found[1].p is None


def test_too_few_instances_and_no_methods(values):
    found = standings(rows_of(values[:, :3]), [True] * 5, "higher", baseline=0)
    assert {(one.rank, one.low, one.p) for one in found} == {(None, None, None)}
    assert found[1].gain.n == 3
    assert standings([], [], "higher") == []
    assert {one.gain for one in standings(rows_of(values), [True] * 5, "higher")} == {None}
