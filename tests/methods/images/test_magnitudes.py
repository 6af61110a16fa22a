"""Solvers with a diffusion prior on magnitudes of a Fourier transform: four tries, one scale, the right gradient."""

import pytest
import torch

from benchmark import NonlinearInverse, operators, registry
from methods.images._centred import centred
from tests.methods.images.gaussian import Gaussian, run

SHAPE = (3, 16, 16)
SOLVERS = {
    "dcdp": {"rounds": 4, "inner": 5, "step": 0.5},
    "dps": {"steps": 20, "scale": 1.0},
    "daps": {"rounds": 6, "inner": 10},
    "sitcom": {"steps": 4, "inner": 4},
}


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def posed(noise=0.02, low=0.0, high=1.0):
    """A picture drawn from the prior, on the scale from low to high."""
    half = (high - low) / 2
    A = operators.FourierMagnitude(SHAPE, 8)
    x = low + 2 * half * (0.55 + 0.1 * torch.randn(SHAPE, generator=draw()))
    y = A(x) + 2 * half * noise * A.noise(draw(1))
    prior = Gaussian(low + 0.55 * 2 * half, 0.1 * 2 * half, SHAPE, (low, high))
    return x, NonlinearInverse(A=A, y=y, noise=2 * half * noise, value_range=(low, high), prior=prior)


@pytest.mark.parametrize("name", SOLVERS)
def test_four_tries_come_back_that_differ(name):
    _, problem = posed()
    found, points = run(name, problem, **SOLVERS[name])
    assert problem.check(found).shape == (4, *SHAPE)
    assert len({tuple(one.flatten().tolist()) for one in found}) == 4
    assert torch.equal(points[-1]["estimate"], found)


def test_the_problem_is_the_same_on_the_networks_scale():
    x, problem = posed()
    p = centred(problem)
    u = torch.stack([2 * x - 1] * 4)
    torch.testing.assert_close(p.A(u), 2 * problem.A(x).expand(4, -1, -1, -1))
    torch.testing.assert_close(p.A(u) - p.y, 2 * (problem.A(x) - problem.y).expand(4, -1, -1, -1), rtol=0, atol=1e-5)
    assert p.noise == 2 * problem.noise
    torch.testing.assert_close(p.back(u), torch.stack([x] * 4))


def test_the_gradient_keeps_the_phase_and_mends_the_magnitude():
    """P^T F^-1 of (|G| - y) G / |G|, by hand."""
    _, problem = posed()
    p, A = centred(problem), problem.A
    u = torch.randn(4, *SHAPE, generator=draw(2))
    G = torch.fft.fft2(A.wide((u + 1) / 2), norm="ortho")
    expected = A.narrow(torch.fft.ifft2((2 * G.abs() - p.y) * G.sgn(), norm="ortho").real)
    torch.testing.assert_close(p.gradient(u), expected, rtol=0, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(p.gradient(u), expected, rtol=0, atol=1e-5)
    assert not p.gradient(u).requires_grad


@pytest.mark.parametrize("name", ["ddrm", "ddnm", "diffpir", "pigdm", "dpir", "red_diff", "resample", "psld"])
def test_who_needs_an_adjoint_does_not_fit(name):
    misfit = registry.get_method(name).spec.misfit(registry.get_task("phase_retrieval").spec.at("tiny"))
    assert misfit == f"{name} solves LinearInverse, but phase_retrieval poses NonlinearInverse"


@pytest.mark.parametrize("name", SOLVERS)
def test_who_needs_none_fits_both(name):
    for task in ("phase_retrieval", "deblurring"):
        assert not registry.get_method(name).spec.misfit(registry.get_task(task).spec.at("tiny"))
