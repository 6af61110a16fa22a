"""Metrics of spectra, against numbers worked out by hand."""

import numpy as np
import pytest
import torch

from benchmark.metrics import spectrum

NM = torch.arange(400.0, 701.0, dtype=torch.float64)


def bumps(*centres, width=10.0, heights=None):
    heights = heights or [1.0] * len(centres)
    return sum(h * torch.exp(-(((NM - c) / width) ** 2)) for c, h in zip(centres, heights, strict=True))


def test_rmse_is_after_division_by_the_maximum():
    truth = torch.tensor([[0.0, 1.0, 0.5, 0.0]])
    assert spectrum.rmse(7 * truth, truth).item() == 0
    assert spectrum.rmse(torch.tensor([[0.0, 2.0, 0.0, 0.0]]), truth).item() == pytest.approx(0.25)
    assert spectrum.rmse(torch.zeros(1, 4), truth).item() == pytest.approx(np.sqrt(1.25 / 4))
    assert spectrum.rmse(-torch.ones(1, 4), truth).isfinite().all()


def test_cosine():
    truth = torch.tensor([[3.0, 4.0]])
    assert spectrum.cosine(torch.tensor([[4.0, 3.0]]), truth).item() == pytest.approx(24 / 25)
    assert spectrum.cosine(torch.zeros(1, 2), truth).item() == 0


def test_error_of_the_highest_peak():
    error = spectrum.highest_peak_error(bumps(510)[None], bumps(500)[None], NM)
    assert error.item() == pytest.approx(2.0)


def test_peaks_are_found_at_the_edges_and_noise_is_none():
    assert spectrum.peaks(bumps(400.0, 550, heights=[1.0, 0.7])) == [0, 150]
    assert spectrum.peaks(bumps(700.0)) == [300]
    ripple = 0.02 * torch.sin(NM)
    assert spectrum.peaks(bumps(500) + ripple) == [100]
    assert spectrum.peaks(bumps(500, 512)) == [106]  # merged
    assert spectrum.peaks(torch.zeros(301)) == []


def test_error_of_two_peaks_pairs_them_from_left_to_right():
    truth = bumps(450, 600, heights=[0.6, 1.0])
    found = bumps(459, 594, heights=[1.0, 0.5])
    assert spectrum.two_peaks_error(found, truth, NM) == pytest.approx((9 / 450 + 6 / 600) / 2 * 100)
    assert spectrum.two_peaks_error(truth, truth, NM) == 0
    # one peak stands for both; a flat spectrum stands at its maximum
    assert spectrum.two_peaks_error(bumps(450), truth, NM) == pytest.approx(150 / 600 / 2 * 100)
    assert spectrum.two_peaks_error(torch.zeros(301), truth, NM) == pytest.approx((50 / 450 + 200 / 600) / 2 * 100)
    # of three the two highest count
    assert spectrum.two_peaks_error(bumps(450, 520, 600, heights=[0.6, 0.3, 1.0]), truth, NM) == 0
