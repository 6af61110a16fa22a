import pytest

from benchmark.errors import UserError
from runners.plan import make_plan, parse_seeds, parse_settings


def keys(*args, **kwargs):
    return [(j.key.method, j.key.seed) for j in make_plan(*args, **kwargs).jobs]


def test_the_baseline_comes_first_and_can_be_left_out():
    assert keys(["mri"], ["dip"], "tiny", [0], {}) == [("zero_filled", 0), ("dip", 0)]
    assert keys(["mri"], ["dip"], "tiny", [0, 4], {}, baseline=False) == [("dip", 0), ("dip", 4)]
    assert keys(["mri"], ["dip", "zero_filled", "dip"], "tiny", [0], {})[0] == ("zero_filled", 0)


def test_settings_reach_the_methods_that_were_named():
    plan = make_plan(["mri"], ["dip"], "tiny", [0], {"steps": 7})
    assert [j.key.parameters.get("steps") for j in plan.jobs] == [None, 7]
    every = make_plan(["mri"], ["all"], "tiny", [0], {"steps": 7})
    assert {j.key.method: j.key.parameters.get("steps") for j in every.jobs}["zero_filled"] is None
    assert {j.key.method: j.key.parameters.get("steps") for j in every.jobs}["cg_sense"] == 7


def test_a_parameter_that_no_method_takes_is_refused():
    with pytest.raises(UserError, match="unknown parameter 'stepz'"):
        make_plan(["mri"], ["all"], "tiny", [0], {"stepz": 7})


def test_keys_do_not_depend_on_the_order_of_names():
    one = make_plan(["mri"], ["dip", "cg_sense"], "tiny", [0], {})
    two = make_plan(["mri"], ["cg_sense", "dip"], "tiny", [0], {})
    assert {j.key.digest for j in one.jobs} == {j.key.digest for j in two.jobs}


def test_parse_seeds():
    assert parse_seeds("3") == [0, 1, 2]
    assert parse_seeds("0,4,7,4") == [0, 4, 7]
    assert parse_seeds("1000,") == [1000]
    for bad in ("", "0", "-1,", "a", "1,b", "5000,", ","):
        with pytest.raises(UserError, match="--seeds"):
            parse_seeds(bad)


def test_parse_settings():
    assert parse_settings(["lr=1e-2", "steps=3", "noise=none", "on=true"]) == {
        "lr": 0.01,
        "steps": 3,
        "noise": "none",
        "on": True,
    }
