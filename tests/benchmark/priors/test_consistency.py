"""What a consistency model that lies in a folder is to solvers: its time steps, and its samples."""

from pathlib import Path

import pytest
import torch

from benchmark.priors.consistency import ConsistencyPrior
from benchmark.priors.folder import load
from benchmark.priors.schedule import linear
from tests.benchmark.priors import made_up


def prior(folder: Path) -> ConsistencyPrior:
    found = load(made_up.consistency(folder))
    assert isinstance(found, ConsistencyPrior)
    return found


def test_its_time_steps_are_those_of_other_priors_as_far_as_it_goes(tmp_path: Path) -> None:
    schedule = prior(tmp_path).schedule
    assert torch.equal(schedule.alphas, linear().alphas[: len(schedule)])
    assert schedule.sigmas[-1] <= 80 < linear().sigmas[len(schedule)]
    assert len(schedule) > 900


def test_a_sample_is_a_jump_from_the_largest_noise(tmp_path: Path) -> None:
    model = prior(tmp_path)
    noise = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    most = float(model.schedule.sigmas[-1])
    with torch.no_grad():
        expected = model.jump((most**2 - model.least**2) ** 0.5 * noise, torch.full((2,), most))
    found = model.sample(2, torch.Generator().manual_seed(3))
    assert torch.allclose(found, ((expected + 1) / 2).clamp(0, 1), atol=1e-5)
    assert model.calls.forward == 2


def test_a_sample_of_two_jumps_has_fresh_noise_between_them(tmp_path: Path) -> None:
    model = prior(tmp_path)
    generator = torch.Generator().manual_seed(3)
    first, second = (torch.randn(2, 3, 8, 8, generator=generator) for _ in range(2))
    most, half = (float(model.schedule.sigmas[t]) for t in (len(model.schedule) - 1, round((len(model.schedule) - 1) / 2)))
    with torch.no_grad():
        x = model.jump((most**2 - model.least**2) ** 0.5 * first, torch.full((2,), most)).clamp(-1, 1)
        x = model.jump(x + (half**2 - model.least**2) ** 0.5 * second, torch.full((2,), half)).clamp(-1, 1)
    assert torch.allclose(model.sample(2, torch.Generator().manual_seed(3), steps=2), (x + 1) / 2, atol=1e-4)


def test_a_condition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="takes no condition"):
        prior(tmp_path).sample(1, torch.Generator().manual_seed(0), condition=torch.zeros(1, 3))
