import pytest
import torch

from benchmark.priors.schedule import Schedule, linear


def test_the_linear_schedule_has_the_known_products() -> None:
    known = {50: 0.971, 100: 0.897, 200: 0.659, 300: 0.396, 400: 0.195, 500: 0.079, 700: 0.0070}  # of the card, rounded
    for step, value in known.items():
        assert float(linear().alphas[step]) == pytest.approx(value, rel=0.02)


def test_a_time_is_the_step_of_its_noise_level() -> None:
    schedule = linear()
    assert torch.allclose(schedule.time(schedule.sigmas), torch.arange(1000.0), atol=1e-3)
    between = (schedule.sigmas[10] * schedule.sigmas[11]).sqrt()
    assert float(schedule.time(between)) == pytest.approx(10.5, abs=1e-3)


def test_a_time_outside_is_the_nearest_end() -> None:
    assert linear().time(torch.tensor([0.0, 1e9])).tolist() == [0.0, 999.0]


def test_steps_are_spread_over_the_whole_schedule() -> None:
    assert linear().spread(5) == [0, 250, 500, 749, 999]
    assert linear().spread(20, last=4) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("alphas", [[0.5, 0.6], [1.0, 0.5], [0.5], [0.5, 0.0]])
def test_products_have_to_fall_between_1_and_0(alphas: list[float]) -> None:
    with pytest.raises(ValueError, match="have to fall"):
        Schedule(torch.tensor(alphas))
