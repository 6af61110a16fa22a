"""What a Distribution refuses, and what it holds and gives."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark import Distribution, mixtures
from benchmark.submissions.observations import answers_to, shown_by


def problem(B=2, N=6, n=8, K=2, d=2, G=5, levels=2, **given):
    generator = torch.Generator().manual_seed(0)
    U = torch.stack([mixtures.subspaces(K, n, d, 90.0, generator) for _ in range(B)])
    X = mixtures.draw(U, N, generator)
    sigmas = torch.tensor([0.1, 1.0, 10.0][:levels], dtype=torch.float64)
    probes = torch.randn(B, levels, n, dtype=torch.float64, generator=generator)
    return Distribution(**{"samples": X, "K": K, "d": d, "generate": G, "probes": probes, "sigmas": sigmas, **given})


def holed(value):
    X = problem().samples.clone()
    X[1, 4, 3] = value
    return X


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"samples": np.zeros((2, 6, 8))}, "samples has type ndarray, not torch.float64"),
        ({"samples": problem().samples.float()}, "samples has type torch.float32, not torch.float64"),
        ({"samples": problem().samples[0]}, "samples has shape (6, 8), not (draws, samples, dimensions), each at least 1"),
        (
            {"samples": problem().samples[:, :0]},
            "samples has shape (2, 0, 8), not (draws, samples, dimensions), each at least 1",
        ),
        ({"samples": holed(float("nan"))}, "sample 4 of draw 1 is nan at 3, not a finite number"),
        ({"samples": holed(float("inf"))}, "sample 4 of draw 1 is inf at 3, not a finite number"),
        ({"K": 7}, "K is 7, not between 1 and 6, the number of samples"),
        ({"K": 0}, "K is 0, not between 1 and 6, the number of samples"),
        ({"d": 9}, "d is 9, not between 1 and 8, the dimension of a sample"),
        ({"d": 0}, "d is 0, not between 1 and 8, the dimension of a sample"),
        ({"generate": 0}, "generate is 0, not at least 1"),
        ({"probes": problem().probes[:, :1]}, "probes has shape (2, 1, 8), not (2, 2, 8): as many as sigmas"),
        ({"sigmas": -problem().sigmas}, "sigmas has a value that is not above 0, or probes one that is not finite"),
        (
            {"probes": problem().probes * float("nan")},
            "sigmas has a value that is not above 0, or probes one that is not finite",
        ),
    ],
)
def test_what_is_no_problem_is_refused(given, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        replace(problem(), **given)


@pytest.mark.parametrize(
    ("estimate", "message"),
    [
        (None, "the estimate is a NoneType, not a tensor"),
        (
            torch.zeros(2, 2, 8, 3, dtype=torch.float64),
            "the estimate has shape (2, 2, 8, 3), not that of bases (2, 2, 8, 2), nor of generated samples (2, 21, 8)",
        ),
        (torch.zeros(2, 2, 8, 2), "the estimate has type torch.float32, not torch.float64"),
        (torch.full((2, 21, 8), float("nan"), dtype=torch.float64), "the estimate has entries that are not finite"),
    ],
)
def test_what_is_no_estimate_is_refused(estimate, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        problem().check(estimate)


def test_generated_samples_and_jacobians_are_packed_and_unpacked():
    posed = problem()
    made, J = torch.randn(2, 5, 8, dtype=torch.float64), torch.randn(2, 2, 8, 8, dtype=torch.float64)
    estimate = posed.check(posed.pack(made, J))
    assert all(torch.equal(a, b) for a, b in zip(posed.unpack(estimate), (made, J), strict=True))
    assert posed.unpack(posed.check(torch.zeros(2, 2, 8, 2, dtype=torch.float64))) is None


def test_without_probes_generated_samples_are_all():
    posed = problem(levels=0)
    made, J = posed.unpack(posed.check(posed.pack(torch.ones(2, 5, 8, dtype=torch.float64), torch.zeros(2, 0, 8, 8).double())))
    assert made.shape == (2, 5, 8)
    assert J.shape == (2, 0, 8, 8)


def test_the_problem_moves_whole_and_shows_what_a_method_sees():
    posed = problem()
    moved = posed.to("cpu")
    assert all(torch.equal(a, b) for a, b in zip(moved.shown(), posed.shown(), strict=True))
    assert torch.equal(posed.y, posed.samples)


def test_near_the_truth_is_the_truth_without_scale_whether_bases_or_classes():
    posed, draw = problem(N=20), torch.Generator().manual_seed(0)
    U = mixtures.k_subspaces(posed.samples, 2, 2, 20, 30, draw)
    assert torch.equal(posed.near(U, 0.0, draw), U)
    near = posed.near(mixtures.nearest(posed.samples, U), 0.0, draw)
    assert torch.allclose(mixtures.energies(posed.samples, near).amax(-2), posed.samples.square().sum(-1))


def test_both_forms_are_told_to_who_hands_in_predictions():
    forms = answers_to(problem())
    assert forms == [{"dtype": "float64", "shape": [2, 2, 8, 2]}, {"dtype": "float64", "shape": [2, 21, 8]}]
    shown = shown_by(problem())
    assert set(shown.tensors) == {"samples", "probes", "sigmas"}
    assert shown.values == {"K": 2, "d": 2, "generate": 5}
