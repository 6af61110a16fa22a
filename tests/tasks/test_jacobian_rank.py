"""Rank and linearity of a denoiser: what is posed, how ranks are counted, and what an exact prior tells."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from benchmark import UserError, registry
from benchmark.priors import shipped
from benchmark.problems import Jacobian
from tasks.jacobian_rank import Points
from tests.methods.editing.parts import prior

ENTRY = registry.get_task("jacobian_rank")
SPEC = ENTRY.spec


@pytest.fixture(scope="module")
def tiny():
    task = ENTRY.load()
    return task, task.make(SPEC.presets["tiny"], "test", 0, torch.Generator().manual_seed(0))


def test_the_closed_form_is_the_dense_jacobian() -> None:
    from benchmark.models.spectra_of_mixtures import spectrum

    known, sigma = prior(), 0.3
    x = known.draw(1, torch.Generator().manual_seed(1))[0] + 0.1
    n = x.numel()
    J = torch.autograd.functional.jacobian(lambda z: known(z[None], sigma)[0], x).reshape(n, n)
    found = spectrum(known, x, sigma)
    for mine, A in zip(found, (J, torch.eye(n) - J), strict=True):
        assert torch.allclose(mine.sqrt(), torch.linalg.svdvals(A), atol=1e-6)


def test_a_seed_has_a_picture_of_its_own_at_the_noise_of_its_time(tiny):
    task, instance = tiny
    problem, other = instance.problem, task.make(SPEC.presets["tiny"], "test", 0, torch.Generator().manual_seed(1)).problem
    assert instance.label == "test t 0.4"
    assert problem.sigma == other.sigma
    assert not torch.allclose(problem.x, other.x)
    a = 1 / (1 + (2 * problem.sigma) ** 2)
    assert a == pytest.approx(0.195, abs=0.005)
    assert problem.reach == pytest.approx(20 / a**0.5)


def with_values(instance, *values: float) -> Tensor:
    found = torch.zeros_like(instance.truth)
    found[:, : len(values)] = torch.tensor(values, dtype=found.dtype)
    return found


@pytest.mark.parametrize(
    ("values", "rank"), [((1.0, 0.01), 1), ((1.0, 0.015), 1), ((1.0, 0.03), 2), ((1.0, 1.0, 1.0, 0.01), 3), ((0.0,), 0)]
)
def test_the_rank_holds_nearly_all_of_the_energy(tiny, values, rank):
    task, instance = tiny
    scores = task.score(instance, with_values(instance, *values))
    assert scores["rank_ratio"] == pytest.approx(rank / 3072)
    assert scores["noise_rank_ratio"] == pytest.approx(rank / 3072)


def test_the_truth_has_no_error_and_less_of_it_some(tiny):
    task, instance = tiny
    assert task.score(instance, instance.truth)["error"] == 0
    assert task.score(instance, 0.25 * instance.truth)["error"] == pytest.approx(0.5)
    assert 1 <= 3072 * task.quality(instance, instance.truth) <= 200


def test_a_straight_prior_has_no_gap_and_a_bent_one_some(tiny):
    task, instance = tiny
    straight = task.facts(instance, {})
    assert straight["norm_gap"] < 0.05
    assert straight["cosine"] > 0.99
    far = replace(instance.problem, reach=30 * instance.problem.reach)
    bent = task.facts(replace(instance, problem=far), {})
    assert bent["norm_gap"] > 2 * straight["norm_gap"]


def test_no_truth_is_known_of_a_network():
    task = ENTRY.load()
    instance = task.make(SPEC.presets["small_photographs"], "tuning", 1, torch.Generator().manual_seed(0))
    found = with_values(instance, 1.0)
    assert "error" not in task.score(instance, found)
    assert instance.problem.sigma == pytest.approx(0.5 * 0.72, abs=0.01)  # t 0.2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t": ()}, "no value"),
        ({"t": (0.1, 1.2)}, "less than or equal to 1"),
        ({"instances": 3}, "the cells and repeats make 1"),
    ],
)
def test_a_preset_of_no_times_is_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        Points(**{"instances": 1, "budget": 1.0, "size": 8, "shows": "draws", "t": (0.1,), **change})


def test_a_prior_of_latents_is_one_line(monkeypatch):
    monkeypatch.setattr(shipped, "prior", lambda *_: type("Latents", (), {"shape": (4, 8, 8)})())
    with pytest.raises(UserError, match="one of latents or a consistency model"):
        ENTRY.load().make(SPEC.presets["tiny"], "test", 0, torch.Generator())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.zeros(3, 4, 4)}, r"x has shape \(3, 4, 4\), not \(3, 8, 8\)"),
        ({"along": torch.zeros(0, 3, 8, 8)}, "along has shape"),
        ({"sigma": 0.0}, "sigma is 0.0, not above 0"),
        ({"reach": float("nan")}, "reach is nan"),
    ],
)
def test_bad_input_is_one_line(change, message):
    given = {"prior": prior(), "x": torch.zeros(3, 8, 8), "sigma": 0.3, "along": torch.ones(1, 3, 8, 8), "reach": 1.0}
    with pytest.raises(ValueError, match=message) as found:
        Jacobian(**{**given, **change})
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [((1.0, 2.0), "values that rise"), ((-1.0, -2.0), "one below 0"), ((1.0,), "not \\(2, 2\\)")],
)
def test_what_is_no_spectrum_is_refused(values, message):
    problem = Jacobian(prior=prior(), x=torch.zeros(3, 8, 8), sigma=0.3, along=torch.ones(1, 3, 8, 8), reach=1.0)
    wrong = torch.zeros(2, problem.count, dtype=torch.float64)
    if len(values) == 1:
        wrong, message = wrong[:, :2], r"not \(2, 192\)"
    else:
        wrong[0, -2:] = torch.tensor(values)
    with pytest.raises(ValueError, match=message):
        problem.check(wrong)
