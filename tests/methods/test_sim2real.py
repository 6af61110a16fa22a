"""Sim2Real's objective, augmentation, schedule and constants, against the paper's, with Adam written out."""

from dataclasses import dataclass
from math import cos, pi, sqrt

import pytest
import torch

from benchmark import LinearInverse, registry
from benchmark.context import Context
from benchmark.datasets import line_spectra, spectrometer
from benchmark.datasets.line_spectra import SimulatedSpectra, spectra
from benchmark.operators.spectrometer import Spectrometer
from methods.spectra._augmentation import normalised, pairs
from methods.spectra._system import System
from methods.spectra.nnls_tv import factorise, nnls_tv
from methods.spectra.sim2real import forward, initial, sim2real, train
from tests.methods.textbook import Adam

CPU = torch.device("cpu")
NM = torch.from_numpy(spectrometer.WAVELENGTHS)
R = torch.from_numpy(spectrometer.stand_in())
SPECTRA = spectra(3, NM, torch.Generator().manual_seed(0))


@dataclass
class Given:
    """Training data whose spectra are always these."""

    spectra: torch.Tensor
    matrix: torch.Tensor = R
    wavelengths: torch.Tensor = NM

    def draw(self, count):
        return self.spectra


def training():
    return SimulatedSpectra(R, NM, torch.Generator().manual_seed(0))


# --- augmentation -------------------------------------------------------------------------------------------------------


def test_level_one_is_five_per_cent_of_each_entry_anew_for_each_matrix():
    """Spectra of one wavelength each read the perturbed matrix off."""
    y, x = pairs(Given(torch.eye(301)), Context(CPU, 0), 301, "matrix", 3, 4)
    factors = (y.view(3, 301, 16).double() / R.T).sub(1)  # 0.05 G_m
    assert torch.equal(x, torch.eye(301).repeat(3, 1))
    for one in factors:
        assert one.std().item() == pytest.approx(0.05, rel=0.05)
        assert abs(one.mean().item()) < 0.005
    alike = torch.corrcoef(torch.cat([factors.flatten(1), factors[0].roll(1, 0).flatten()[None]]))
    assert (alike - torch.eye(4)).abs().max() < 0.1  # nor are entries next to each other alike


def test_level_one_is_shared_by_the_spectra_of_a_batch():
    twice = SPECTRA.float().repeat(2, 1)
    y, _ = pairs(Given(twice), Context(CPU, 0), 6, "matrix", 2, 4)
    y = y.view(2, 2, 3, 16)
    torch.testing.assert_close(y[:, 0], y[:, 1])
    assert not torch.allclose(y[0], y[1], rtol=1e-3)


def test_level_two_is_one_sided_noise_of_its_own_in_each_entry_of_each_copy():
    y, x = pairs(Given(torch.zeros(100, 301)), Context(CPU, 0), 100, "signal", 2, 5)
    assert y.shape == (500, 16)
    assert not x.any()
    noise = y / 1e-5
    assert noise.min() == 0
    assert noise.mean().item() == pytest.approx(1 / sqrt(2 * pi), rel=0.05)  # of max(0, n)
    assert noise.square().mean().item() == pytest.approx(0.5, rel=0.08)
    copies = torch.corrcoef(noise.view(5, -1))
    assert (copies - torch.eye(5)).abs().max() < 0.1
    assert (torch.corrcoef(noise.T) - torch.eye(16)).abs().max() < 0.2


def test_both_levels_keep_spectra_with_their_currents():
    x = SPECTRA.float()
    y, sought = pairs(Given(x), Context(CPU, 0), 3, "both", 2, 4)
    assert y.shape == (24, 16)
    off = (y - sought @ R.T.float()).abs() / (0.05 * sought @ R.T.float() + 5e-5)
    assert off.max() < 1


# --- training and answer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("network", ["mlp", "conv"])
def test_its_steps_are_the_papers(schedule, network):
    """Mean square over spectra and wavelengths, from PyTorch's start, by Adam; new pairs at each step."""
    lr, steps, source, ctx = 1e-3, 3, training(), Context(CPU, 1)
    start = initial(network, 16, 301, ctx.generator)
    weights = {name: Adam(w, lr) for name, w in start.items()}
    for step in range(steps):
        y, x = pairs(source, ctx, 4, "both", 2, 3)
        log = y.clamp_min(1e-15).log()
        u = (log - log.amin(1, keepdim=True)) / (log.amax(1, keepdim=True) - log.amin(1, keepdim=True))
        variables = {name: one.variable() for name, one in weights.items()}
        loss = (forward(network, variables, u) - x).square().sum() / x.numel()
        slopes = torch.autograd.grad(loss, list(variables.values()))
        for one, slope in zip(weights.values(), slopes, strict=True):
            one.lr = lr * (1 + cos(pi * step / steps)) / 2 if schedule == "cosine" else lr
            one.step(slope)
    given = {"network": network, "schedule": schedule, "batch": 4, "matrices": 2, "signals": 3}
    found = train(training(), Context(CPU, 1), lr=lr, steps=steps, **given)
    for name, one in weights.items():
        moved = one.w - start[name]
        assert (found[name] - one.w).norm() < 0.01 * moved.norm(), name


def test_the_answer_is_over_its_largest():
    A = Spectrometer(R, NM, 3)
    problem = LinearInverse(A=A, y=A(SPECTRA), noise=1e-5)
    weights = initial("mlp", 16, 301, torch.Generator().manual_seed(0))
    out = forward("mlp", weights, normalised(problem.y, "log").float())
    found = sim2real.function(problem, Context(CPU, 0), weights)
    torch.testing.assert_close(found, (out / out.max(1, keepdim=True).values).double())


def test_what_is_not_set_is_the_papers():
    """256 spectra, 2 x 4 copies, Adam at a constant 3e-4, 20,000 steps, logarithms."""
    assert registry.get_method("sim2real").spec.resolve("spectral", "full", {}) == {
        "augmentation": "both",
        "input": "log",
        "network": "mlp",
        "batch": 256,
        "matrices": 2,
        "signals": 4,
        "lr": 3e-4,
        "schedule": "constant",
        "steps": 20000,
    }


# --- simulated lines ----------------------------------------------------------------------------------------------------


def test_lines_have_the_papers_widths_heights_and_places(monkeypatch):
    """Read off before spectra are scaled: of single lines, whose peak and half-widths can be seen."""
    monkeypatch.setattr(line_spectra, "normalised", lambda x: x)
    x = spectra(3000, NM, torch.Generator().manual_seed(0), numbers=torch.ones(3000, dtype=torch.long))
    peak = x.max(1)
    assert NM[peak.indices].min() == 400
    assert NM[peak.indices].max() == 604
    for quantile in (0.0, 0.5, 1.0):
        assert peak.values.quantile(quantile).item() == pytest.approx(0.6 + 0.8 * quantile, abs=0.03)
    at = peak.indices.clamp_max(270)
    beside = x.gather(1, at[:, None] + 30)[:, 0]
    away = NM[at + 30] - NM[peak.indices]
    width = away / (peak.values / beside - 1).sqrt()  # a / (1 + (t / width)^2)
    for quantile in (0.0, 0.5, 1.0):
        assert width.quantile(quantile).item() == pytest.approx(10 + 15 * quantile, abs=0.5)


def test_one_two_and_three_lines_are_alike_often(monkeypatch):
    seen = []
    centres = line_spectra.centres
    monkeypatch.setattr(line_spectra, "centres", lambda counts, *rest: seen.append(counts) or centres(counts, *rest))
    spectra(3000, NM, torch.Generator().manual_seed(0))
    assert all(abs(one - 1000) < 120 for one in torch.bincount(seen[0], minlength=5)[1:4].tolist())
    assert len(seen[0].unique()) == 3


# --- the solver that the paper compares with ----------------------------------------------------------------------------


def test_admm_takes_its_steps_as_they_are_written():
    """Differences and thresholds of a size at which both act: of the jumps of z some are zero, some are not."""
    A = Spectrometer(R, NM, 3)
    problem = LinearInverse(A=A, y=A(SPECTRA), noise=0.0)
    system, weight, penalty = System(problem, 650.0), 3e-5, 3e-3
    assert system.R.max() == 1
    assert torch.equal(system.R, (R / R.max())[:, :251])
    n, K = system.width, system.R
    D = torch.eye(n, dtype=K.dtype).diff(dim=0)
    left = K.T @ K + penalty * (D.T @ D + torch.eye(n, dtype=K.dtype))
    z, a = torch.zeros(2, n - 1, 3, dtype=K.dtype)
    u, b = torch.zeros(2, n, 3, dtype=K.dtype)
    y = (problem.y / problem.y.max(1, keepdim=True).values).T
    for _ in range(30):
        x = torch.linalg.solve(left, K.T @ y + penalty * (D.T @ (z - a) + u - b))
        jump = D @ x + a
        z = jump.sign() * (jump.abs() - weight / penalty).clamp_min(0)
        a = a + D @ x - z
        u = (x + b).clamp_min(0)
        b = b + x - u
    assert 0 < (z == 0).double().mean() < 1
    learnt = factorise(training(), Context(CPU, 0), penalty=penalty)
    found = nnls_tv.function(problem, Context(CPU, 0), learnt, solver="admm", weight=weight, penalty=penalty, steps=30)
    torch.testing.assert_close(found[:, :n], u.T, rtol=0, atol=1e-6)
    assert not found[:, n:].any()
