"""DCDP against its original loop, written down here in that loop's own terms, and its traps."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch

from benchmark import operators, registry
from benchmark.context import Context
from benchmark.priors.schedule import linear
from methods.images._centred import centred
from methods.images._data_phase import descended
from methods.images._ddim import descend
from methods.images.dcdp import purification_times
from tests.methods.images.gaussian import (
    ALPHAS,
    CPU,
    SIGMAS,
    Diagonal,
    Gaussian,
    Law,
    assert_law,
    centre,
    constant,
    pose,
    run,
    shrinkage,
)

SHAPE = (3, 8, 8)


def problem_of(noise=0.0, shape=SHAPE, deviation=0.6):
    """Far from the prior, and the prior wide, so that clipping at each step matters."""
    draw = torch.Generator().manual_seed(3)
    A = operators.Blur(operators.gaussian_kernel(3, 0.7), shape)
    x = 0.5 + 0.8 * torch.randn(shape, generator=draw)
    return pose(A, A(x) + noise * A.noise(draw), noise, Gaussian(0.5, deviation, shape))


def original(problem, times, inner, alpha, full_ddim, ddim_steps, noises):
    """x_K and v_K of the repository's loop, on [-1, 1]: mean square error, torch's SGD, a network that gives epsilon."""
    y = 2 * problem.y - problem.A(torch.ones(problem.A.shape))
    rate = alpha * y.numel() / 2
    m, s = centre(problem.prior.mean), 2 * problem.prior.deviation

    def epsilon(z, i):  # what a network trained on the prior's pictures gives at index i
        a = ALPHAS[i].item()
        clean = m + shrinkage(s, ((1 - a) / a) ** 0.5) * (z / a**0.5 - m)
        return (z - a**0.5 * clean) / (1 - a) ** 0.5

    v = torch.zeros(problem.A.shape)
    for t, noise in zip(times, noises, strict=True):
        x = v.clone().requires_grad_()
        optimiser = torch.optim.SGD([x], lr=rate, momentum=0.9)
        for _ in range(inner):
            optimiser.zero_grad()
            torch.nn.functional.mse_loss(problem.A(x), y).backward()
            optimiser.step()
        x = x.detach()
        a = ALPHAS[t - 1].item()
        z = a**0.5 * x + (1 - a) ** 0.5 * noise
        t = 2 if t == 1 else t
        indices = [t - 1]
        if full_ddim:
            count = min(t, ddim_steps)
            indices = sorted({round(i * (t - 1) / (count - 1)) for i in range(count)}, reverse=True)
        for i, after in zip(indices, [*indices[1:], None], strict=True):
            a, b = ALPHAS[i].item(), 1.0 if after is None else ALPHAS[after].item()
            clean = ((z - (1 - a) ** 0.5 * epsilon(z, i)) / a**0.5).clamp(-1, 1)
            z = b**0.5 * clean + (1 - b) ** 0.5 * (z - a**0.5 * clean) / (1 - a) ** 0.5
        v = z
    return x, v


@pytest.mark.parametrize("version", ["ddim", "tweedie"])
@pytest.mark.parametrize("output", ["data", "prior"])
def test_it_is_the_original_loop(version, output):
    problem, times = problem_of(), [150, 75, 1]
    ctx = Context(CPU, 0)
    noises = [ctx.randn(1, *SHAPE)[0] for _ in times]
    x, v = original(problem, times, 7, 0.9, version == "ddim", 6, noises)
    given = {"rounds": 3, "inner": 7, "step": 0.9, "start": 150, "end": 0, "ddim_steps": 6}
    found, points = run("dcdp", problem, version=version, output=output, **given)
    torch.testing.assert_close(centre(found), x if output == "data" else v, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(centre(points[-1]["data"]), x, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(centre(points[-1]["prior"]), v, rtol=1e-3, atol=1e-3)
    assert x.abs().max() > 1.5  # it is not clipped, and the prior's is
    assert v.abs().max() == 1


@pytest.mark.parametrize(
    ("shape", "rounds", "start", "end", "expected"),
    [
        ("linear", 10, 400, 0, [400, 356, 311, 267, 222, 178, 133, 89, 44, 1]),
        ("linear", 5, 100, 20, [100, 80, 60, 40, 20]),
        ("constant", 3, 400, 0, [400, 400, 400]),
        ("cosine", 5, 400, 0, [400, 341, 200, 59, 1]),
        ("linear", 1, 400, 50, [400]),
    ],
)
def test_times_of_purification_are_the_papers(shape, rounds, start, end, expected):
    assert purification_times(shape, rounds, start, end, 1000) == expected
    if shape == "cosine":
        by_hand = (np.cos(np.linspace(0, 1, rounds) * np.pi / 2) ** 2 * (start - end)).round().astype(int) + end
        assert expected == np.maximum(by_hand, 1).tolist()


def test_times_are_the_same_part_of_a_schedule_of_any_length():
    assert purification_times("linear", 5, 400, 40, 100) == [40, 31, 22, 13, 4]
    assert purification_times("linear", 2, 1000, 0, 4000) == [4000, 1]
    problem = problem_of()
    problem.prior.schedule = linear(50, 2e-3, 0.4)
    run("dcdp", problem)  # start is 400
    assert problem.prior.asked[0][1] == pytest.approx(problem.prior.schedule.sigmas[19].item())


@pytest.mark.parametrize(("start", "end"), [(400, 401), (1001, 0), (400, -1)])
def test_times_outside_the_schedule_are_refused(start, end):
    with pytest.raises(ValueError, match="have to fall within the 1000 steps"):
        run("dcdp", problem_of(), start=start, end=end)


@pytest.mark.parametrize(
    ("given", "version", "calls"),
    [({}, "ddim", 182), ({}, "tweedie", 10), ({"rounds": 20, "start": 700}, "ddim", 382), ({}, "consistency", 10)],
)
def test_calls_are_the_papers(given, version, calls):
    problem = problem_of()
    problem.prior.jumps = version == "consistency"
    run("dcdp", problem, version=version, inner=1, **given)
    assert problem.prior.calls.forward == calls
    assert problem.prior.calls.backward == 0


def test_a_consistency_model_is_asked_at_the_level_of_the_noise():
    """At t = 1 too, where the others are asked one index higher."""
    levels = {}
    for version in ("consistency", "tweedie"):
        problem = problem_of()
        problem.prior.jumps = version == "consistency"
        run("dcdp", problem, version=version, rounds=2, start=100, end=1, inner=1)
        levels[version] = [sigma for _, sigma in problem.prior.asked]
    assert levels["consistency"] == pytest.approx(SIGMAS[[99, 0]].tolist())
    assert levels["tweedie"] == pytest.approx(SIGMAS[[99, 1]].tolist())


@pytest.mark.parametrize(("version", "jumps"), [("consistency", False), ("tweedie", True), ("ddim", True)])
def test_a_mean_and_a_jump_are_told_apart(version, jumps):
    problem = problem_of()
    problem.prior.jumps = jumps
    with pytest.raises(
        ValueError, match=f"it needs a prior that gives {'the mean' if jumps else 'a clean picture at one jump'}"
    ):
        run("dcdp", problem, version=version)


@pytest.mark.parametrize(("noise", "kind"), [(0.0, "data"), (0.05, "prior")])
def test_the_answer_goes_by_the_noise(noise, kind):
    found, points = run("dcdp", problem_of(noise), rounds=2, inner=3)
    assert torch.equal(found, points[-1][kind])
    assert not torch.equal(points[-1]["data"], points[-1]["prior"])


def test_its_law_on_a_scalar_gaussian():
    """Two rounds by one Tweedie step, from y = a x: gradient steps, noise and shrinkage are affine."""
    a, y, m, s, alpha, inner, times = 0.8, 0.5, 0.1, 0.2, 0.7, 3, [200, 100]

    def data(x):
        moving = 0.0
        for _ in range(inner):
            moving = 0.9 * moving + a * (a * x - (2 * y - a))
            x = x - alpha * moving
        return x

    def clean(c, x):
        return m + c * (x - m)

    law = Law(0.0)
    for t in times:
        sigma = SIGMAS[t - 1].item()
        law.move(data, fresh=sigma)
        law.move(partial(clean, shrinkage(s, sigma)))
    given = {"rounds": 2, "inner": inner, "step": alpha, "start": 200, "end": 100, "version": "tweedie", "output": "prior"}
    found, _ = run("dcdp", constant(a, y, 0.0, Gaussian(0.55, 0.1)), **given)
    assert_law(centre(found), law)


def test_ddim_reads_the_noise_from_the_clipped_picture():
    """Of u = 3 at level 1 a prior N(0, 1) makes 1.5, clipped 1: noise of 2, of which level 1/2 keeps half. There D is 4/5 u."""
    prior = Gaussian(0.5, 0.5, SHAPE)
    p = centred(constant(1.0, 0.5, 0.0, prior))
    for clip, between, last in ((True, 2.0, 1.0), (False, 2.25, 1.8)):
        prior.asked.clear()
        found = descend(p, p.start(3.0), [1.0, 0.5], clip=clip)
        torch.testing.assert_close(prior.asked[1][0], p.start(between))
        torch.testing.assert_close(found, p.start(last))


# --- the data phase -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "grows"), [(3.7 / 1.44, False), (3.9 / 1.44, True)])
def test_the_largest_step_is_3_8_over_the_norm_squared(step, grows):
    problem = constant(1.2, 0.3, 0.0, Gaussian(shape=SHAPE))
    p = centred(problem)
    target = p.y / 1.2
    x = descended(p, p.start(), 400, step, 0.9)
    assert bool((x - target).abs().max() < 1e-3) != grows
    assert bool(x.isfinite().all() and x.abs().max() < 10) != grows
    for name in ("dcdp", "data_only"):
        if grows:
            with pytest.raises(ValueError, match=r"step 2.70833 is too large: .* 3.9 and must be below .* = 3.8"):
                run(name, problem, step=step)
        else:
            run(name, problem, step=step, rounds=1, inner=1)


def test_the_step_is_that_of_one_pixel_whatever_the_size_and_the_batch():
    def phase(problem):
        p = centred(problem)
        return descended(p, p.start(), 5, 0.3, 0.9)

    found = [phase(constant(0.8, 0.9, 0.0, Gaussian(shape=(3, side, side)))) for side in (4, 16)]
    assert found[0].min() > 0.5  # y is 1 on [-1, 1], and x began at 0
    assert found[0].unique().item() == pytest.approx(found[1].unique().item())
    small = constant(0.8, 0.9, 0.0, Gaussian(shape=(3, 4, 4)))
    batch = phase(dataclasses.replace(small, y=small.y.expand(6, 3, 4, 4)))
    torch.testing.assert_close(batch, found[0].expand(6, 3, 4, 4))


def test_the_pull_holds_x_at_its_start():
    p = centred(constant(1.0, 0.9, 0.0, Gaussian(shape=SHAPE)))
    start = p.start(0.2)
    x = descended(p, start, 500, 0.3, 0.9, pull=3.0)
    torch.testing.assert_close(x, (p.y + 3 * start) / 4, rtol=0, atol=1e-4)  # of 1/2 (x - y)^2 + 3/2 (x - start)^2
    with pytest.raises(ValueError, match="too large"):
        run("dcdp", constant(1.0, 0.9, 0.0, Gaussian(shape=SHAPE)), step=1.0, pull=3.0)


def test_data_alone_is_the_data_phase_again_and_again():
    problem = problem_of()
    found, points = run("data_only", problem, rounds=3, inner=4, step=0.9)
    p = centred(problem)
    x = p.start()
    for point in points:
        x = descended(p, x, 4, 0.9, 0.9)
        torch.testing.assert_close(point["estimate"], p.back(x))
    assert torch.equal(points[-1]["estimate"], found)
    assert not problem.prior.asked


@pytest.mark.parametrize(
    ("task", "step", "rounds", "inner", "start"),
    [
        ("deblurring", 1.017, 10, 100, 400),
        ("super_resolution", 0.163, 10, 100, 400),
        ("inpainting", 0.0102, 20, 50, 700),
    ],
)
def test_what_is_not_set_is_the_papers(task, step, rounds, inner, start):
    given = registry.get_method("dcdp").spec.resolve(task, "full", {})
    expected = {"step": step, "rounds": rounds, "inner": inner, "start": start, "end": 0, "momentum": 0.9, "ddim_steps": 20}
    assert {name: given[name] for name in expected} == expected
    assert given["pull"] == 0
    alone = registry.get_method("data_only").spec.resolve(task, "full", {})
    assert alone == {name: given[name] for name in alone}


def test_an_operator_of_several_gains_is_fitted_at_each():
    gains = torch.linspace(0.3, 1.0, 64).reshape(1, 8, 8)
    x = 0.5 + 0.1 * torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(0))
    A = Diagonal(gains, (1, 8, 8))
    found, _ = run("data_only", pose(A, A(x), 0.0, Gaussian(shape=(1, 8, 8))))
    torch.testing.assert_close(found, x, rtol=0, atol=1e-3)
