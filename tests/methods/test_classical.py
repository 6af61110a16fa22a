"""The classical methods against what they should equal."""

import numpy as np
import pytest
import torch

from benchmark import operators
from benchmark.context import Context
from benchmark.problems import LinearInverse
from methods.images.cg_sense import cg_sense
from methods.images.l1_wavelet import l1_wavelet
from methods.images.zero_filled import zero_filled


def problem(size=16, coils=3, acceleration=2, noise=0.0):
    generator = torch.Generator().manual_seed(0)
    maps = operators.ring_of_coils(coils, size, generator)
    A = operators.MultiCoilMRI(maps, operators.column_mask(size, acceleration, generator))
    x = torch.randn(size, size, dtype=torch.complex64, generator=generator)
    return LinearInverse(A=A, y=A(x) + noise * A.noise(generator), noise=noise), x


def ctx():
    return Context(torch.device("cpu"), 0)


def test_zero_filled_is_the_adjoint():
    p, _ = problem()
    assert torch.equal(zero_filled(p, ctx(), {}), p.A.H(p.y))


def test_cg_sense_solves_the_normal_equations():
    p, _ = problem()
    n = p.A.shape[0] * p.A.shape[1]
    columns = torch.eye(n, dtype=torch.complex64).reshape(n, *p.A.shape)
    matrix = p.A(columns).reshape(n, -1).T.to(torch.complex128)  # (data, image)
    normal = matrix.conj().T @ matrix + 0.05 * torch.eye(n)
    exact = torch.linalg.solve(normal, matrix.conj().T @ p.y.flatten().to(torch.complex128)).reshape(p.A.shape)
    found = cg_sense(p, ctx(), {"steps": 200, "damping": 0.05})
    assert (found - exact).abs().max() < 1e-4


def test_cg_sense_ends_with_the_budget_and_gives_its_iterate():
    p, _ = problem()
    spent = Context(torch.device("cpu"), 0, budget=-1)
    found = cg_sense(p, spent, {"steps": 200, "damping": 0.05})
    assert spent.truncated
    one = cg_sense(p, ctx(), {"steps": 1, "damping": 0.05})
    assert torch.equal(found, one)


def test_cg_sense_is_exact_with_all_columns():
    p, x = problem()
    everything = operators.MultiCoilMRI(p.A.maps, torch.ones_like(p.A.mask))
    p = LinearInverse(A=everything, y=everything(x), noise=0.0)
    torch.testing.assert_close(cg_sense(p, ctx(), {"steps": 5, "damping": 0.0}), x, rtol=0, atol=1e-4)


def test_l1_wavelet_lowers_its_objective():
    p, x = problem(size=32)
    import sigpy

    W = sigpy.linop.Wavelet(p.A.shape, wave_name="db4", level=2)

    def objective(image, weight):
        misfit = (p.A(image) - p.y).abs().square().sum().item() / 2
        return misfit + weight * abs(W(image.numpy())).sum()

    values = [
        objective(l1_wavelet(p, ctx(), {"weight": 0.1, "steps": n, "wavelet": "db4", "levels": 2}), 0.1) for n in (1, 10, 100)
    ]
    assert values == sorted(values, reverse=True)
    assert values[-1] < objective(x, 0.1)
    assert values[-1] == pytest.approx(values[-2], rel=0.05)


def test_shrinkage_is_sigpys_and_takes_types_in_any_order():
    from sigpy import prox

    from benchmark.operators.as_sigpy import Shrinkage

    draw = np.random.default_rng(0)
    for complex_part in (1j, 0.0, 1j):
        x = draw.standard_normal((4, 5)) + complex_part * draw.standard_normal((4, 5))
        x[0, 0] = 0
        found = Shrinkage([4, 5], 0.5)(1.4, x)
        assert found.dtype == x.dtype
        np.testing.assert_allclose(found, x / np.where(x == 0, 1, abs(x)) * np.maximum(abs(x) - 0.7, 0), atol=1e-12)
    with np.errstate(invalid="ignore"):
        theirs = prox.L1Reg([4, 5], 0.5)(1.4, np.where(x == 0, 1e-12, x))
    np.testing.assert_allclose(Shrinkage([4, 5], 0.5)(1.4, x), theirs, atol=1e-9)
