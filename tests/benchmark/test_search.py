"""Search spaces: what is refused where a method is registered, and the points that everybody tries."""

import math
from typing import Literal

import pytest
from pydantic import ValidationError

from benchmark import registry, search
from benchmark.spec import Count, Fraction, MethodSpec, Positive, parameter_model

PARAMETERS = parameter_model(
    "mine", {"steps": (Count, 100), "lr": (Positive, 0.1), "share": (Fraction, 0.5), "mode": (Literal["a", "b", "c"], "a")}
)
PRESENT = PARAMETERS().model_dump()
SPANS = {"steps": (1, 1000, "log"), "lr": (1e-4, 1.0, "log"), "mode": ["a", "b", "c"]}


def spec(**spans):
    return MethodSpec(name="mine", solves="LinearInverse", kind="k", summary="s", parameters=PARAMETERS, search={"*": spans})


def points(count, spans=SPANS, present=PRESENT):
    return search.points(PARAMETERS, spans, present, count)


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ({"step": (1, 2)}, r"search \*: unknown hyperparameter 'step'; did you mean steps"),
        ({"steps": (9, 3)}, r"search \*: steps: low 9 is not below high 3"),
        ({"steps": (3, 3)}, "low 3 is not below high 3"),
        ({"steps": (0, 3)}, "steps=0: input should be greater"),
        ({"steps": (1.5, 3.0)}, "steps=1.5: input should be a valid integer"),
        ({"share": (0.1, 1.5)}, "share=1.5: input should be less"),
        ({"share": (0.0, 0.5, "log")}, "a logarithm needs a low end above 0"),
        ({"lr": (float("nan"), 1.0)}, "write a range as"),
        ({"lr": (0.1, float("inf"))}, "write a range as"),
        ({"lr": (0.1, 1.0, "ln")}, "write a range as"),
        ({"lr": (0.1,)}, "write a range as"),
        ({"lr": {"low": 0.1}}, "write a range as"),
        ({"mode": (1, 2)}, "mode is no number; write a choice"),
        ({"mode": ["a", "d"]}, "mode='d': input should be 'a', 'b' or 'c'"),
        ({"mode": ["a"]}, "a choice is between two values or more"),
    ],
)
def test_a_space_that_does_not_fit_the_method_is_refused_in_one_line(spans, message):
    with pytest.raises(ValidationError, match=message) as caught:
        spec(**spans)
    assert len(caught.value.errors()) == 1


def test_a_space_may_differ_by_task_and_preset():
    known = MethodSpec(
        name="mine",
        solves="LinearInverse",
        kind="k",
        summary="s",
        parameters=PARAMETERS,
        search={"*": {"steps": (1, 9), "lr": (0.1, 1.0)}, "mri": {"lr": (0.2, 0.3)}, "*/small*": {"share": (0.0, 1.0)}},
    )
    assert known.space("denoising", "tiny") == {"steps": (1, 9), "lr": (0.1, 1.0)}
    assert known.space("mri", "small_8x") == {"steps": (1, 9), "lr": (0.2, 0.3), "share": (0.0, 1.0)}
    assert spec().space("mri", "tiny") == {}


def test_the_first_point_is_what_there_is_and_a_longer_search_contains_a_shorter_one():
    assert points(1) == [{}]
    long = points(40)
    assert len(long) == 40
    assert long[:7] == points(7)
    assert all(point.keys() == SPANS.keys() for point in long[1:])
    assert points(7, dict(reversed(SPANS.items()))) == long[:7]  # the order in which a method names them is nothing


def test_everybody_tries_the_same_points():
    assert points(4) == [
        {},
        {"lr": 0.000106, "mode": "a", "steps": 2},
        {"lr": 0.0102, "mode": "c", "steps": 47},
        {"lr": 0.215, "mode": "b", "steps": 14},
    ]


def test_points_fill_the_space_and_stay_in_it():
    found = points(65)[1:]
    assert all(1 <= point["steps"] <= 1000 and 1e-4 <= point["lr"] <= 1 for point in found)
    for low, high in ((0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)):  # 16 of each quarter; rounding moves a few
        shares = [math.log10(point["lr"]) / 4 + 1 for point in found]
        assert sum(low <= share <= high for share in shares) >= 14
    assert {point["mode"] for point in found} == {"a", "b", "c"}
    assert all(PARAMETERS.model_validate({**PRESENT, **point}) for point in found)


def test_no_point_comes_twice_and_a_small_space_ends():
    spans = {"mode": ["a", "b", "c"], "steps": (1, 2)}
    found = points(50, spans, {**PRESENT, "steps": 2})
    tried = [(point.get("mode", "a"), point.get("steps", 2)) for point in found]
    assert len(tried) == len(set(tried)) == 6
    assert points(50, {}) == [{}]


def test_the_suites_own_spaces_hold_what_their_methods_take_everywhere():
    spaces = [
        (method.spec, task.spec.name, preset)
        for method in registry.methods().values()
        for task in registry.tasks().values()
        for preset in task.spec.presets
        if method.spec.search and not method.spec.misfit(task.spec.at(preset))
    ]
    assert len({known.name for known, _, _ in spaces}) >= 19
    for known, task, preset in spaces:
        present = known.resolve(task, preset, {})
        for point in search.points(known.parameters, known.space(task, preset), present, 4):
            known.resolve(task, preset, point)
