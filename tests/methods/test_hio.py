"""Hybrid input-output: it finds what the magnitudes tell, whatever the channels' turns, and tries differ."""

from itertools import pairwise

import pytest
import torch

from benchmark import Context, NonlinearInverse, operators, registry
from benchmark.metrics.alignment import aligned
from benchmark.solving import answer

SOLVER = registry.get_method("hio").load()


def solve(problem, seed=0, **given):
    ctx = Context(torch.device("cpu"), seed)
    return answer(SOLVER, problem, ctx, SOLVER.spec.parameters.model_validate(given).model_dump())


def blocks(noise=0.0, seed=0):
    """A picture (3, 16, 16) smaller than its frame, which does not tell its place; its channels are alike."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.zeros(3, 16, 16)
    shares = torch.tensor([1.0, 0.8, 0.5]).reshape(3, 1, 1)
    grey, colour = torch.rand(10, 8, generator=generator), torch.rand(3, 10, 8, generator=generator)
    truth[:, 2:12, 1:9] = shares * (0.8 * grey + 0.2 * colour)
    A = operators.FourierMagnitude((3, 16, 16), 8)
    y = A(truth) + noise * A.noise(generator)
    return truth, NonlinearInverse(A=A, y=y, noise=noise, value_range=(0.0, 1.0))


def error(problem, estimate, truth):
    return (aligned(problem.chosen(estimate), truth, problem.A.pad) - truth).square().mean().sqrt().item()


@pytest.mark.parametrize("seed", [0, 3])
def test_it_finds_a_picture_up_to_its_turn_and_place(seed):
    truth, problem = blocks(seed=seed)
    found = solve(problem, steps=600, polish=100)
    assert found.shape == (4, 3, 16, 16)
    assert found.min() >= 0
    assert found.max() <= 1
    assert error(problem, found, truth) < 0.05 < error(problem, torch.full_like(truth, 0.3), truth)


def test_error_reduction_never_fits_worse():
    """Fienup's theorem: each of its steps brings the field nearer to the measured magnitudes, or keeps it."""
    _, problem = blocks(noise=0.02)
    y = problem.A(torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(1)))  # symmetric and not negative
    posed = NonlinearInverse(A=problem.A, y=y, noise=0.0, value_range=(0.0, 1e9))
    misfits = []
    for polish in (1, 5, 20, 80):
        found = solve(posed, steps=1, polish=polish, starts=1)
        misfits.append((problem.A(found) - y).norm().item())
    for before, after in pairwise(misfits):
        assert after <= before * (1 + 1e-4)


def test_tries_differ_and_more_starts_measure_no_worse():
    _, problem = blocks(noise=0.05)
    few, many = (solve(problem, steps=20, polish=5, starts=starts) for starts in (1, 16))
    assert len({tuple(one.flatten().tolist()) for one in few}) == 4
    assert (problem.A(many) - problem.y).norm() < (problem.A(few) - problem.y).norm()


def test_measurements_below_zero_and_zeros_are_no_trouble():
    _, problem = blocks()
    dark = NonlinearInverse(A=problem.A, y=problem.y * 0 - 0.1, noise=0.1, value_range=(0.0, 1.0))
    assert solve(dark, steps=3, polish=2).abs().max() < 1e-5
