import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from benchmark import metrics


def pair(seed=0, size=40):
    random = np.random.default_rng(seed)
    truth = random.random((size, size))
    return torch.from_numpy(truth + 0.1 * random.standard_normal((size, size))), torch.from_numpy(truth)


def test_psnr_by_hand():
    truth = torch.zeros(4, 4)
    assert metrics.psnr(truth + 0.1, truth, 1.0).item() == pytest.approx(20, abs=1e-5)
    assert metrics.psnr(truth + 0.1, truth, 10.0).item() == pytest.approx(40, abs=1e-5)
    assert math.isinf(metrics.psnr(truth, truth, 1.0).item())


def test_nmse_by_hand():
    assert metrics.nmse(torch.tensor([[3.0, 0.0]]), torch.tensor([[3.0, 4.0]])).item() == pytest.approx(16 / 25)


@pytest.mark.parametrize("peak", [1.0, 0.7])
def test_ssim_is_scikit_images(peak):
    estimate, truth = pair()
    theirs, full = structural_similarity(
        truth.numpy(), estimate.numpy(), data_range=peak, gaussian_weights=True, use_sample_covariance=False, full=True
    )
    assert metrics.ssim(estimate, truth, peak).item() == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-9)
    assert theirs == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-12)


def test_a_batch_is_its_images_one_by_one():
    pairs = [pair(seed) for seed in range(3)]
    estimates, truths = (torch.stack(images) for images in zip(*pairs, strict=True))
    peaks = truths.amax((-2, -1))
    for metric in (metrics.psnr, metrics.ssim):
        together = metric(estimates, truths, peaks)
        one_by_one = [metric(e, t, t.max()) for e, t in zip(estimates, truths, strict=True)]
        torch.testing.assert_close(together, torch.stack(one_by_one))


def test_best_scale_is_least_squares_and_undoes_a_factor():
    estimate, truth = pair()
    torch.testing.assert_close(metrics.best_scale(7 * truth, truth), truth)
    scaled = metrics.best_scale(estimate, truth)
    best = (scaled - truth).norm()
    for factor in (0.99, 1.01):
        assert (factor * scaled - truth).norm() > best
    assert metrics.best_scale(torch.zeros(4, 4), torch.ones(4, 4)).abs().max() == 0
