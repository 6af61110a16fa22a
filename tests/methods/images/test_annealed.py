"""The laws of DDRM, DDNM, DiffPIR, DAPS and DPIR on a scalar Gaussian, on [-1, 1], and their traps.

y = a x + n in each pixel, the same y in all of them; x ~ N(m, s^2). With D(x) = m + c (x - m) every step is affine.
"""

import math
import sys
from functools import partial
from itertools import pairwise

import pytest
import torch

from benchmark import operators, registry
from methods.images import _levels
from methods.images.ddnm import share
from tests.methods.images.gaussian import (
    PIXELS,
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

M, S = 0.1, 0.2  # of Gaussian(0.55, 0.1)


def clean(x, sigma):
    return M + shrinkage(S, sigma) * (x - M)


def levels(count):
    return [SIGMAS[i].item() for i in range(1000 - 1000 // count, -1, -(1000 // count))] + [0.0]


def ddrm_law(a, y, noise, steps, eta, eta_b, threshold):
    """By the cases of the paper, for one coordinate with singular value a."""
    sigmas = levels(steps)
    seen = a > threshold
    yb, d = (y / a, noise / a) if seen else (0.0, math.inf)
    keep = math.sqrt(1 - eta**2)

    def unseen(sigma, after, x):
        return clean(x, sigma) + keep * after * (x - clean(x, sigma)) / sigma

    def partly(sigma, after, x):
        return clean(x, sigma) + keep * after * (yb - clean(x, sigma)) / d

    def fully(sigma, after, x):
        return (1 - eta_b) * clean(x, sigma) + eta_b * yb

    law = Law(yb, sigmas[0] ** 2 - d**2) if d < sigmas[0] else Law(0.0, sigmas[0] ** 2)
    for sigma, after in pairwise(sigmas):
        step, fresh = fully, math.sqrt(max(0.0, after**2 - (eta_b * d) ** 2))
        if not seen or after < d:
            step, fresh = partly if seen else unseen, eta * after
        law.move(partial(step, sigma, after), fresh)
    return law


@pytest.mark.parametrize("a", [0.0, 0.02, 0.04, 0.5, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.08, 3.0])
@pytest.mark.parametrize("eta_b", [1.0, 0.7])
def test_ddrm_has_the_law_of_its_three_cases(a, noise, eta_b):
    """0.02 is below the threshold, so not seen. 0.04 with noise 2 x 0.08 is partly seen from the level 4 on, with 2 x 3 from
    the start; 1 with noise 2 x 0.08 is fully seen at the level before the last, 0.17.
    """
    y = 0.3
    found, _ = run("ddrm", constant(a, (y + a) / 2, noise), eta_b=eta_b)
    assert_law(centre(found), ddrm_law(a, y, 2 * noise, 20, 0.85, eta_b, 0.03))


def test_ddrm_takes_each_singular_value_by_its_own_case():
    gains = torch.zeros(4, PIXELS // 4)
    gains[1], gains[2], gains[3] = 0.02, 0.1, 1.0
    A = Diagonal(gains.reshape(1, 64, 64))
    y = 0.3
    found, _ = run("ddrm", pose(A, (y + A.entries) / 2, 0.1, Gaussian()))
    for values, a in zip(centre(found).reshape(4, -1), (0.0, 0.02, 0.1, 1.0), strict=True):
        assert_law(values, ddrm_law(a, y, 0.2, 20, 0.85, 1.0, 0.03), PIXELS // 4)


def test_ddrms_threshold_is_what_keeps_a_noiseless_blur_from_exploding():
    A = operators.Blur(operators.gaussian_kernel(9, 1.5), (1, 64, 64))
    x = 0.55 + 0.1 * torch.randn(A.shape, generator=torch.Generator().manual_seed(0))
    y = A(x) + 1e-4 * A.noise(torch.Generator().manual_seed(1))  # said to be without noise: rounding of a file
    errors = {
        threshold: (run("ddrm", pose(A, y, 0.0, Gaussian()), threshold=threshold)[0] - x).square().mean().sqrt().item()
        for threshold in (3e-2, 0.0)
    }
    assert errors[0.03] < 0.15
    assert errors[0.0] > 1.0


@pytest.mark.parametrize("a", [0.0, 0.02, 0.04, 0.5, 1.0])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_ddnm_has_the_law_of_its_formulas(a, noise):
    y, eta, sigmas = 0.3, 0.85, levels(25)
    seen = a > 0.03
    yb, d = (y / a, 2 * noise / a) if seen else (0.0, 0.0)

    def moved(sigma, weight, gamma, x):
        x0 = clean(x, sigma)
        e = (x - x0) / sigma
        return x0 - (weight * (x0 - yb) if seen else 0.0) + gamma * math.sqrt(1 - eta**2) * e

    law = Law(0.0, 1 + sigmas[0] ** 2)
    for sigma, after in pairwise(sigmas):
        weight = min(1.0, after / d) if d else 1.0
        gamma = math.sqrt(after**2 - d**2) if d < after else 0.0
        law.move(partial(moved, sigma, weight, gamma), gamma * eta)
    found, _ = run("ddnm", constant(a, (y + a) / 2, noise), steps=25)
    assert_law(centre(found), law)


def test_ddnms_noise_has_the_variance_of_its_level():
    """What comes of y's noise and what is added are s'^2 together, whatever the singular value."""
    deviation, after = torch.tensor([0.0, 0.1, 0.5, 2.0, 30.0]), 0.5
    weight = share(deviation, after)
    added = after**2 - (weight * deviation).square()
    assert (added >= 0).all()
    torch.testing.assert_close(weight, torch.tensor([1.0, 1.0, 1.0, 0.25, 0.5 / 30]))
    torch.testing.assert_close(added[3:], torch.zeros(2))


def test_ddnm_deblurs_with_noise(monkeypatch):
    """The short form, with one lambda for all singular values, does not. A draw of the prior is at 0.02."""
    A = operators.Blur(operators.gaussian_kernel(9, 1.5), (1, 64, 64))
    x = 0.55 + 0.1 * torch.randn(A.shape, generator=torch.Generator().manual_seed(0))
    y = A(x) + 0.05 * A.noise(torch.Generator().manual_seed(1))

    def error():
        return (run("ddnm", pose(A, y, 0.05, Gaussian()))[0] - x).square().mean().item()

    assert error() < 0.02
    monkeypatch.setattr(sys.modules["methods.images.ddnm"], "share", lambda deviation, after: min(1.0, after / 0.1))
    assert error() > 0.05


@pytest.mark.parametrize("zeta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("noise", "floor", "weight"), [(0.0, 0.002, 2e4), (0.1, 0.2, 1.7)])
def test_diffpir_has_the_law_of_its_formulas(zeta, noise, floor, weight):
    """rho = weight sigma_y^2 / s^2 with both on [-1, 1]; sigma_y is 0.001 of the range at least."""
    a, y = 0.8, 0.3
    sigmas = [SIGMAS[i].item() for i in _levels.crowded(1000, 12)]

    def moved(sigma, after, x):
        rho = weight * floor**2 / sigma**2
        found = (a * y + rho * clean(x, sigma)) / (a**2 + rho)
        return found + after * math.sqrt(1 - zeta) * (x - found) / sigma

    law = Law(a * y, sigmas[0] ** 2)
    for sigma, after in pairwise(sigmas):
        law.move(partial(moved, sigma, after), after * math.sqrt(zeta))
    found, _ = run("diffpir", constant(a, (y + a) / 2, noise), steps=12, weight=weight, zeta=zeta)
    assert_law(centre(found), law)


def test_diffpir_answers_with_the_state_that_enters_the_last_level():
    problem = constant(1.0, 0.6, 0.05)
    found, points = run("diffpir", problem, steps=12)
    last, sigma = problem.prior.asked[-1]
    assert sigma == pytest.approx(SIGMAS[0].item())
    torch.testing.assert_close(centre(found), last[0])
    assert len(points) == 11


def test_daps_has_the_law_of_its_formulas():
    """tau is the deviation of a true Gaussian: the slope is A^T r / tau^2, half of the current code's."""
    a, y, lr, tau, inner, rounds = 0.8, 0.3, 4e-4, 0.03, 6, 7
    sigmas = [*_levels.powers(100.0, 0.1, rounds), 0.0]

    def flow(sigma, x):
        for now, then in pairwise([*_levels.powers(sigma, 0.01, 5), 0.0]):
            x = x + (then - now) * (x - clean(x, now)) / now  # Euler
        return x

    def langevin(sigma, rate, start):
        z = start
        for _ in range(inner):
            z = z - rate * (a * (a * z - y) / tau**2 + (z - start) / sigma**2)
        return z

    law = Law(0.0, sigmas[0] ** 2)
    for k, (sigma, after) in enumerate(pairwise(sigmas)):
        rate = lr * (1 - 0.99 * k / rounds)
        keep = 1 - rate * (a**2 / tau**2 + 1 / sigma**2)  # of z, and of each fresh number, in a step
        law.move(partial(flow, sigma))
        law.move(partial(langevin, sigma, rate), math.sqrt(2 * rate * sum(keep ** (2 * i) for i in range(inner))))
        law.move(lambda x: x, after)
    given = {"rounds": rounds, "inner": inner, "lr": lr, "tau": tau}
    found, _ = run("daps", constant(a, (y + a) / 2, 0.1), **given)
    assert_law(centre(found), law)


def test_dapss_langevin_steps_sample_a_gaussian_of_deviation_tau():
    """With a prior that says nothing and many steps, z ~ N(y / a, (tau / a)^2)."""
    given = {"rounds": 1, "inner": 300, "lr": 2e-5, "tau": 0.03, "high": 1.0, "low": 1.0}
    found, _ = run("daps", constant(1.0, 0.6, 0.1, Gaussian(0.55, 100.0)), **given)
    rate = 2e-5 / 0.03**2  # the discretised walk's variance is wider by 1 / (1 - rate / 2)
    assert_law(centre(found), Law(0.2, 0.03**2 / (1 - rate / 2)))


@pytest.mark.parametrize(("noise", "in_rho", "last"), [(0.1, 0.1, 0.1), (0.0, 0.002, 0.02)])
def test_dpir_is_half_quadratic_splitting(noise, in_rho, last):
    a, y, weight = 0.8, 0.3, 20.0
    x = 0.0
    sigmas = [2 * 49 / 255 * (last / (2 * 49 / 255)) ** (k / 7) for k in range(8)]
    for sigma in sigmas:
        rho = weight * in_rho**2 / sigma**2
        x = clean((a * y + rho * x) / (a**2 + rho), sigma)
    found, _ = run("dpir", constant(a, (y + a) / 2, noise / 2), weight=weight)
    torch.testing.assert_close(centre(found), torch.full_like(found, x), rtol=0, atol=1e-4)


def test_dpirs_last_level_is_a_hundredth_without_noise():
    problem = constant(1.0, 0.6, 0.0)
    run("dpir", problem)
    assert [sigma for _, sigma in problem.prior.asked][::7] == pytest.approx([2 * 49 / 255, 2 * 2.55 / 255])


def test_grids_are_those_of_the_originals():
    assert _levels.even(400, 20)[:3] == [399, 378, 357]
    assert _levels.even(400, 20)[-1] == 0
    assert _levels.even(1, 1) == [0]
    assert _levels.strided(1000, 20) == list(range(950, -1, -50))
    assert _levels.strided(1000, 1000) == list(range(999, -1, -1))
    assert _levels.strided(1000, 600)[0] == 998  # no less noise for a count that does not divide
    roots = [int(math.sqrt(1000**2 * i / 99)) for i in range(100)]
    assert _levels.crowded(1000, 100) == [999 - root for root in roots[:-1]] + [0]
    high, low = 100.0, 0.1
    assert _levels.powers(high, low, 3) == pytest.approx([100.0, ((100 ** (1 / 7) + 0.1 ** (1 / 7)) / 2) ** 7, 0.1])
    assert _levels.geometric(high, low, 4) == pytest.approx([100.0, 10.0, 1.0, 0.1])


@pytest.mark.parametrize(
    ("name", "task", "expected"),
    [
        ("ddrm", "deblurring", {"steps": 20, "eta": 0.85, "eta_b": 1.0, "threshold": 3e-2}),
        ("ddnm", "deblurring", {"steps": 100, "eta": 0.85, "threshold": 3e-2}),
        ("diffpir", "deblurring", {"steps": 100, "weight": 0.25, "zeta": 0.1}),
        ("diffpir", "inpainting", {"steps": 20, "weight": 0.25, "zeta": 1.0}),
        ("diffpir", "super_resolution", {"steps": 100, "weight": 0.25, "zeta": 0.25}),
        (
            "daps",
            "deblurring",
            {"rounds": 200, "flow_steps": 5, "inner": 100, "lr": 1e-4, "tau": 0.01, "high": 100.0, "low": 0.1},
        ),
        ("dpir", "deblurring", {"steps": 8, "weight": 0.23, "high": 2 * 49 / 255}),
        ("dps", "deblurring", {"steps": 1000, "scale": 0.3}),
        ("dps", "inpainting", {"steps": 1000, "scale": 0.5}),
        ("pigdm", "deblurring", {"steps": 100, "eta": 0.2, "high": 100.0, "low": 0.01}),
        ("red_diff", "deblurring", {"steps": 1000, "weight": 0.25, "weighting": "linear", "lr": 0.1, "threshold": 3e-2}),
        ("sitcom", "deblurring", {"steps": 20, "inner": 30, "lr": 0.02, "pull": 0.0}),
        (
            "resample",
            "deblurring",
            {"steps": 500, "gamma": 40.0, "middle_steps": 2000, "late_steps": 500, "space": "pixel"},
        ),
        ("psld", "deblurring", {"steps": 1000, "fit": 0.1, "glue": 0.1, "threshold": 3e-2, "space": "latent"}),
        ("psld", "super_resolution", {"steps": 1000, "fit": 0.9, "glue": 0.1, "threshold": 3e-2, "space": "latent"}),
    ],
)
def test_what_is_not_set_is_the_papers(name, task, expected):
    assert registry.get_method(name).spec.resolve(task, "full", {}) == expected
