import math

import pytest
import torch

from benchmark.priors.exact import Mixture
from benchmark.problems import Editing
from methods.editing._flow import Flow
from tests.methods.editing.parts import problem


def one_gaussian(spread: float) -> Editing:
    """Pictures of 3 x 2 x 2 independent numbers, N(0.2, spread^2) on the scale [-1, 1]."""
    one = torch.eye(12, dtype=torch.float64)[None]
    root = spread / math.sqrt(2)
    whole = Mixture(
        (3, 2, 2), torch.full((1, 12), 0.2).double(), one, torch.full((1, 12), root).double(), torch.ones(1).double(), root
    )
    box = torch.zeros(1, 1, 2, 2, dtype=torch.bool)
    box[..., 0] = True
    pictures = torch.linspace(0.3, 0.8, 12).reshape(1, 3, 2, 2)
    return Editing(prior=whole, pictures=pictures, regions=box, strengths=(-1.0, 0.0, 1.0))


@pytest.mark.parametrize("t", [0.2, 0.6, 0.9])
def test_it_is_the_flow_of_a_gaussian(t: float) -> None:
    """dz / d sigma = (z - D) / sigma has the solution z - m ~ sqrt(spread^2 + sigma^2)."""
    posed, spread = one_gaussian(0.4), 0.4
    flow = Flow(posed, t, 600)
    x = 2 * posed.pictures - 1
    low = flow.sigmas[0]
    growth = math.sqrt((spread**2 + flow.sigma**2) / (spread**2 + low**2))
    assert flow.sigma == pytest.approx(float(posed.prior.schedule.sigmas[round(999 * t)]))
    assert flow.root == pytest.approx(1 / math.sqrt(1 + flow.sigma**2))
    assert torch.allclose(flow.z - 0.2, growth * (x - 0.2), rtol=0.06)
    assert torch.allclose(flow.down(flow.z, None), x, atol=0.03)


def test_down_is_up_backwards_for_a_mixture() -> None:
    posed = problem(pictures=3)
    flow = Flow(posed, 0.4, 400)
    assert torch.allclose(flow.back(flow.down(flow.z, None)), posed.pictures, atol=0.02)


def test_the_posterior_mean_is_that_of_the_prior_on_the_scale_of_the_network() -> None:
    posed = problem()
    flow = Flow(posed, 0.5, 10)
    z = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    expected = 2 * posed.prior(0.5 + 0.5 * z, 0.5 * flow.sigma) - 1
    assert torch.allclose(flow.at()(z), expected, atol=1e-6)


@pytest.mark.parametrize(("t", "steps", "message"), [(0.0, 10, "t is 0.0"), (1.0, 10, "t is 1.0"), (0.5, 1, "steps is 1")])
def test_a_time_outside_or_too_few_steps_are_refused(t: float, steps: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Flow(problem(), t, steps)
