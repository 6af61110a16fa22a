"""Both methods find the spectrum of a Jacobian that is known."""

import pytest
import torch

from benchmark.context import Context
from benchmark.models.spectra_of_mixtures import spectrum
from benchmark.problems import Jacobian
from methods.jacobians.dense_jacobian import dense_jacobian
from methods.jacobians.lanczos_jacobian import density, lanczos_jacobian
from tests.methods.editing.parts import network, prior

CPU = torch.device("cpu")


def posed(known, sigma: float = 0.3) -> Jacobian:
    draw = torch.Generator().manual_seed(2)
    x = prior().draw(1, draw)[0].float() + sigma * torch.randn(3, 8, 8, generator=draw)
    return Jacobian(prior=known, x=x, sigma=sigma, along=torch.ones(1, 3, 8, 8), reach=1.0)


def rank(squares: torch.Tensor) -> int:
    return int((squares.cumsum(0) <= 0.99**2 * squares.sum()).sum()) + 1


@pytest.mark.parametrize("sigma", [0.3, 3.0])
def test_the_spectrum_of_an_exact_denoiser(sigma: float) -> None:
    problem = posed(prior(), sigma)
    truth = spectrum(problem.prior, problem.x, sigma).sqrt()
    dense = problem.check(dense_jacobian(problem, Context(CPU, 0), {}))
    assert torch.allclose(dense.sqrt(), truth, atol=5e-3)
    found = problem.check(lanczos_jacobian(problem, Context(CPU, 0), {"count": 12, "rounds": 8}))
    assert torch.allclose(found[0].sqrt(), truth[0], atol=2e-2)
    assert rank(found[1]) == pytest.approx(rank(truth[1].square()), abs=4)  # a density has no single values


def test_the_rank_of_a_network_is_that_of_its_dense_jacobian() -> None:
    problem = posed(network())
    dense = problem.check(dense_jacobian(problem, Context(CPU, 0), {}))
    found = problem.check(lanczos_jacobian(problem, Context(CPU, 0), {"count": 4, "rounds": 12, "probes": 8}))
    for mine, theirs in zip(found, dense, strict=True):
        assert float(mine.sum() / theirs.sum()) == pytest.approx(1, abs=0.1)
        assert rank(mine) == pytest.approx(rank(theirs), abs=0.05 * problem.count)


def test_the_density_has_as_many_values_of_each_kind_as_the_matrix() -> None:
    values = torch.tensor([4.0] * 10 + [1.0] * 50 + [0.0] * 40)
    start = torch.nn.functional.normalize(torch.randn(16, 100, generator=torch.Generator().manual_seed(0)), dim=1)
    found = density(lambda v: v * values, lambda u: u * values, start, 6, 100)
    assert len(found) == 100
    assert int((found > 8).sum()) == pytest.approx(10, abs=3)
    assert int((found < 0.5).sum()) == pytest.approx(40, abs=6)
    assert torch.allclose(found.unique()[[0, -1]], torch.tensor([0.0, 16.0], dtype=torch.float64), atol=1e-3)
