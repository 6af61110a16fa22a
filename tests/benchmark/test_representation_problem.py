"""What a problem of representation refuses, and what it holds and gives."""

import re

import numpy as np
import pytest
import torch

from benchmark import Representation
from benchmark.models.coding_rates import value_and_gradient
from benchmark.submissions.observations import answers_to, shown_by

LABELS = torch.tensor([1, 0, 2, 0, 1, 2, 2])


def x(n, p=5, seed=0):
    return torch.randn(n, p, generator=torch.Generator().manual_seed(seed))


def problem(**given):
    plain = {"labels": LABELS, "train": x(7), "test": x(4, seed=1), "dim": 3, "eps2": 0.5, "weight": 0.02}
    return Representation(**{**plain, **given})


def free(**given):
    return problem(train=None, test=None, **given)


BROKEN = x(7)
BROKEN[3, 2] = torch.nan


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": LABELS.float()}, "labels: torch.float32, but they are integers (torch.int64) from 0 to K - 1"),
        ({"labels": [0, 1]}, "labels: list, but they are integers (torch.int64) from 0 to K - 1"),
        ({"labels": LABELS[None]}, "labels: shape (1, 7), not (N,) with N = 1 or more"),
        ({"labels": LABELS[:0]}, "labels: shape (0,), not (N,) with N = 1 or more"),
        ({"labels": LABELS - 1}, "labels: -1, but they are integers from 0 to K - 1"),
        ({"labels": LABELS * 2}, "labels: class 1 of 5 has no sample"),
        ({"labels": LABELS * 0}, "classes: 1, but coding rates compare 2 or more"),
        ({"labels": LABELS[:6]}, "train: 7 samples, but 6 labels"),
        ({"train": None}, "train and test: one is None; samples come with both, free features with neither"),
        ({"train": x(7).double()}, "train: torch.float64, but samples are torch.float32"),
        ({"test": np.ones((4, 5), np.float32)}, "test: ndarray, but samples are torch.float32"),
        ({"train": BROKEN}, "train: number 2 of sample 3 is nan, not finite"),
        ({"test": x(4)[:, 0]}, "test: shape (4,), not (samples, p) with 1 or more of both"),
        ({"test": x(0)}, "test: shape (0, 5), not (samples, p) with 1 or more of both"),
        ({"test": x(4, 6)}, "test: 6 numbers a sample, but train has 5"),
        ({"dim": 0}, "dim = 0 is not 1 or more"),
        ({"eps2": -1.0}, "eps2 = -1 is not positive and finite"),
        ({"weight": 0.0}, "lambda = 0 is not in (0, lambda_max = 0.178896]"),
        ({"weight": 0.2}, "lambda = 0.2 is not in (0, lambda_max = 0.178896]"),
    ],
)
def test_a_problem_that_cannot_be_posed_is_refused_by_field_and_range(given, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        problem(**given)


def test_the_problem_moves_whole_and_shows_what_a_method_sees():
    found = problem()
    moved = found.to("cpu")
    assert all(map(torch.equal, moved.shown(), found.shown()))
    assert [tuple(tensor.shape) for tensor in found.shown()] == [(7,), (7, 5), (4, 5)]
    assert found.y is found.train
    assert (found.free, found.count, found.sizes) == (False, 11, (2, 2, 3))
    assert found.labels[found.order].tolist() == [0, 0, 1, 1, 2, 2, 2]
    assert torch.equal(found.samples, torch.cat([found.train, found.test]))
    assert [len(part) for part in found.split(found.samples)] == [7, 4]


def test_free_features_have_labels_alone():
    found = free()
    assert (found.free, found.count) == (True, 7)
    assert [id(tensor) for tensor in found.shown()] == [id(found.y)] == [id(found.labels)]
    with pytest.raises(ValueError, match="the features are free"):
        _ = found.samples


@pytest.mark.parametrize(("width", "kind"), [(1, torch.float32), (64, torch.float32), (3, torch.float64)])
def test_features_of_any_width_are_estimates(width, kind):
    estimate = torch.ones(11, width, dtype=kind)
    assert problem().check(estimate) is estimate


@pytest.mark.parametrize(
    ("make", "estimate", "message"),
    [
        (problem, None, "the estimate is a NoneType, not a tensor"),
        (problem, torch.ones(7, 3), "has shape (7, 3), not (11, d)"),
        (problem, torch.ones(11, 0), "has shape (11, 0), not (11, d)"),
        (problem, torch.ones(11, 3).half(), "has type torch.float16, not torch.float32 or torch.float64"),
        (problem, torch.full((11, 3), torch.inf), "has entries that are not finite"),
        (free, torch.ones(7, 4).double(), "has shape (7, 4), not (7, 3)"),
        (free, torch.ones(7, 3), "has type torch.float32, not torch.float64"),
    ],
)
def test_what_are_no_features_is_refused(make, estimate, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make().check(estimate)


@pytest.mark.parametrize("make", [problem, free])
def test_near_the_truth_is_a_maximiser_and_far_from_it_all_features_are_one(make):
    found = make()
    truth = LABELS if found.free else torch.cat([LABELS, torch.tensor([0, 1, 2, 2])])
    near, far = (found.check(found.near(truth, scale, torch.Generator().manual_seed(0))) for scale in (0.0, 0.1))
    Z = found.split(near.double())[0][found.order]
    value, slope = value_and_gradient(Z, found.sizes, found.eps2, found.weight)
    assert value.item() == pytest.approx(found.closed_form.value, rel=1e-6)
    assert slope.norm() < 1e-6
    torch.testing.assert_close(far, far[:1].expand_as(far))
    assert far.norm() > 0.5 * near.norm()


def test_predictions_can_be_handed_in():
    assert answers_to(problem()) == [{"dtype": kind, "shape": [11, "d"]} for kind in ("float32", "float64")]
    assert answers_to(free()) == [{"dtype": "float64", "shape": [7, 3]}]
    shown = shown_by(free())
    assert set(shown.tensors) == {"labels"}
    assert (shown.values["dim"], shown.values["train"]) == (3, None)
