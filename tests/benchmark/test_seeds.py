import inspect

import pytest

from benchmark import seeds


def test_seeds_are_what_they_were():
    """A changed seed is a changed benchmark: it needs a new task version, not a new number here."""
    assert seeds.seed("mri", 1, "small", 0, 0, "data") == 2304051225065380791
    assert seeds.seed("mri", 1, "small", 0, 0, "method") == 8738969610496163384


def test_every_argument_counts_and_no_method_is_among_them():
    base = ("mri", 1, "small", 0, 0, "data")
    other = ("inpainting", 2, "tiny", 1, 1, "method")
    found = {seeds.seed(*base[:i], other[i], *base[i + 1 :]) for i in range(6)} | {seeds.seed(*base)}
    assert len(found) == 7
    assert "method" not in inspect.signature(seeds.seed).parameters


def test_tuning_is_another_range():
    assert seeds.split(0) == seeds.split(999) == "test"
    assert seeds.split(1000) == "tuning"
    with pytest.raises(ValueError, match="outside"):
        seeds.split(2000)
