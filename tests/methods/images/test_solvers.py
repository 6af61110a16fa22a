"""What all solvers with a diffusion prior promise: scale, batches, budget, curve, calls of the network."""

import dataclasses

import pytest
import torch

from benchmark import operators
from benchmark.priors.exact import Mixture
from benchmark.priors.schedule import linear
from tests.methods.images.gaussian import Diagonal, Gaussian, OwnDraws, draw, pose, run

SHAPE = (3, 16, 16)
# Settings that take a second, and the calls of the network they cost: forward, backward.
SOLVERS = {
    "dcdp": ({"rounds": 4, "inner": 5, "step": 1.0}, (20 + 20 + 20 + 2, 0)),
    "data_only": ({"rounds": 4, "inner": 5, "step": 1.0}, (0, 0)),
    "dps": ({"steps": 40, "scale": 1.0}, (40, 40)),
    "pigdm": ({"steps": 20}, (20, 20)),
    "ddrm": ({}, (20, 0)),
    "ddnm": ({"steps": 20}, (20, 0)),
    "diffpir": ({"steps": 20}, (20, 0)),
    "daps": ({"rounds": 8, "inner": 10}, (8 * 5, 0)),
    "red_diff": ({"steps": 20}, (20, 0)),
    "sitcom": ({"steps": 5, "inner": 4}, (20, 15)),
    "resample": ({"steps": 50, "middle_steps": 30, "late_steps": 20}, (50 + 5 * 3, 50)),
    "psld": ({"steps": 40, "space": "pixel", "fit": 0.3}, (40, 40)),
    "dpir": ({}, (8, 0)),
}
CASES = [pytest.param(name, given, id=name) for name, (given, _) in SOLVERS.items()]


def blurred(noise=0.02, seed=0, value_range=(0.0, 1.0), prior=None):
    """A picture drawn from the prior, blurred, on the scale of `value_range`."""
    low, high = value_range
    prior = prior or Gaussian(low + 0.55 * (high - low), 0.1 * (high - low), SHAPE, value_range)
    A = operators.Blur(operators.gaussian_kernel(5, 1.0), SHAPE)
    x = low + (high - low) * (0.55 + 0.1 * torch.randn(SHAPE, generator=draw(seed)))
    return pose(A, A(x) + (high - low) * noise * A.noise(draw(seed + 100)), noise * (high - low), prior)


@pytest.mark.parametrize(("name", "given"), CASES)
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_the_scale_of_the_task_does_not_matter(name, given, noise):
    """Pictures in [0, 1] and in [-1, 1], sigma doubled: one picture."""
    one, _ = run(name, blurred(noise), **given)
    other, _ = run(name, blurred(noise, value_range=(-1.0, 1.0)), **given)
    torch.testing.assert_close(2 * one - 1, other, rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize(("name", "given"), CASES)
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_picture_of_a_batch_is_solved_as_if_it_were_alone(name, given, noise):
    problems = [blurred(noise, seed) for seed in (0, 1)]
    problems[1] = dataclasses.replace(problems[1], y=3 * problems[1].y - 1.2)  # farther from the prior than the first
    alone = [run(name, problem, ctx=OwnDraws([seed]), **given)[0] for seed, problem in enumerate(problems)]
    both = dataclasses.replace(problems[0], y=torch.stack([problem.y for problem in problems]))
    found, points = run(name, both, ctx=OwnDraws([0, 1]), **given)
    assert found.shape == points[-1]["estimate"].shape == (2, *SHAPE)
    torch.testing.assert_close(found, torch.stack(alone), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("name", "given"), CASES)
def test_the_curve_ends_at_the_answer_which_comes_again(name, given):
    problem = blurred()
    before = problem.y.clone()
    found, points = run(name, problem, **given)
    again, _ = run(name, problem, **given)
    assert torch.equal(problem.check(found), again)
    assert torch.equal(points[-1]["estimate"], found)
    assert not torch.equal(points[0]["estimate"], found)
    assert torch.equal(problem.y, before)


@pytest.mark.parametrize(("name", "given"), CASES)
@pytest.mark.parametrize("name_of", ["Identity", "Mask", "Downsample", "Blur"])
def test_each_operator_of_the_photograph_tasks_will_do(name, given, name_of):
    mask = torch.rand(SHAPE[1:], generator=draw()) < 0.5
    A = {
        "Identity": lambda: operators.Identity(SHAPE),
        "Mask": lambda: operators.Mask(mask),
        "Downsample": lambda: operators.Downsample(2, SHAPE),
        "Blur": lambda: operators.Blur(operators.gaussian_kernel(5, 1.0), SHAPE),
    }[name_of]()
    x = 0.55 + 0.1 * torch.randn(SHAPE, generator=draw())
    prior = Gaussian(shape=SHAPE)
    problem = pose(A, A(x) + 0.02 * A.noise(draw(1)), 0.02, prior)
    found, _ = run(name, problem, **given)
    assert torch.isfinite(problem.check(found)).all()
    assert (found - x).square().mean() < 4 * 0.1**2 or name == "data_only"


@pytest.mark.parametrize(("name", "given"), CASES)
def test_without_time_there_is_a_picture_all_the_same(name, given):
    problem = blurred()
    found, points = run(name, problem, budget=0.0, **given)
    assert torch.isfinite(problem.check(found)).all()
    assert not points


@pytest.mark.parametrize("name", SOLVERS)
def test_calls_of_the_network_are_those_of_the_paper(name):
    given, (forward, backward) = SOLVERS[name]
    problem = blurred(noise=0.0)  # SITCOM does not end early
    run(name, problem, **given)
    assert (problem.prior.calls.forward, problem.prior.calls.backward) == (forward, backward)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_prior_of_other_pictures_or_none_is_refused(name):
    problem, given = blurred(), {"space": "pixel"} if name == "psld" else {}
    with pytest.raises(ValueError, match="needs a diffusion prior"):
        run(name, dataclasses.replace(problem, prior=None), **given)
    with pytest.raises(ValueError, match=r"the prior is for pictures of \(1, 64, 64\), and these are \(3, 16, 16\)"):
        run(name, dataclasses.replace(problem, prior=Gaussian()), **given)


@pytest.mark.parametrize("name", ["dps", "red_diff"])
def test_more_steps_than_the_schedule_has_are_refused_with_the_remedy(name):
    problem = blurred()
    problem.prior.schedule = linear(50, 2e-3, 0.4)
    with pytest.raises(ValueError, match=r"1000 steps are asked for, and .* has 50; --set steps=50 takes all"):
        run(name, problem)
    run(name, problem, steps=50)


@pytest.mark.parametrize(("name", "given"), [("ddrm", {}), ("ddnm", {}), ("psld", {"space": "pixel"})])
def test_who_needs_singular_values_says_so(name, given):
    class Unknown(Diagonal):
        def svd(self):
            return None

    prior = Gaussian(shape=SHAPE)
    with pytest.raises(ValueError, match="singular values of A, which are not known for this Unknown"):
        run(name, pose(Unknown(1.0, SHAPE), torch.zeros(SHAPE), 0.1, prior), **given)


def test_the_posterior_mean_is_that_of_an_exact_prior():
    """Of one Gaussian it is that of each coordinate of the blur."""
    n, m, s = 3 * 16 * 16, 0.1, 0.2
    one = torch.ones(1, dtype=torch.float64)
    prior = Mixture(SHAPE, m * torch.ones(1, n).double(), torch.eye(n, 1).double()[None], 1e-9 * one[None], one, s)
    problem = blurred(prior=prior)
    svd, y = problem.A.svd(), 2 * problem.y - problem.A(torch.ones(SHAPE))
    gain = s**2 * svd.values / (s**2 * svd.values**2 + 0.04**2)
    expected = m + svd.V(gain * svd.Ut(y - problem.A(torch.full(SHAPE, m))))
    found, _ = run("posterior_mean", problem)
    torch.testing.assert_close(2 * problem.check(found) - 1, expected, rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="needs a prior that is known exactly"):
        run("posterior_mean", blurred())


@pytest.mark.parametrize(("name", "given"), CASES)
def test_a_consistency_model_is_refused_where_the_mean_is_needed(name, given):
    problem = blurred()
    problem.prior.jumps = True
    with pytest.raises(ValueError, match=r"^it needs a prior that gives the mean of clean pictures; this one gives [^\n]*$"):
        run(name, problem, **given)
