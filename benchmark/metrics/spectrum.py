"""How near spectra (B, n) are to the true ones, each by its own maximum: numbers for each spectrum, (B,).

Peaks are the local maxima of a spectrum smoothed with a Gaussian of 4 nm that rise 5 % of its maximum or more above their
surroundings; the first and the last point may be one. On a grid of 1 nm.
"""

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks
from torch import Tensor

_SMOOTH = 4.0  # nm
_PROMINENCE = 0.05


def by_maximum(x: Tensor) -> Tensor:
    """Each divided by its maximum; one that is nowhere positive stays as it is."""
    top = x.amax(-1, keepdim=True)
    return x / torch.where(top > 0, top, 1.0)


def rmse(x: Tensor, truth: Tensor) -> Tensor:
    """Root of the mean squared difference over wavelengths."""
    return (by_maximum(x) - by_maximum(truth)).square().mean(-1).sqrt()


def cosine(x: Tensor, truth: Tensor) -> Tensor:
    """Cosine of the angle between them; 0 for a spectrum that is zero."""
    return torch.nn.functional.cosine_similarity(x, truth, dim=-1)


def highest_peak_error(x: Tensor, truth: Tensor, wavelengths: Tensor) -> Tensor:
    """|nm of the estimate's maximum - nm of the true one| over the true one, in %."""
    found, true = wavelengths[x.argmax(-1)], wavelengths[truth.argmax(-1)]
    return 100 * (found - true).abs() / true


def peaks(x: Tensor) -> list[int]:
    """Where a spectrum (n,) has its peaks, the highest first."""
    smooth = gaussian_filter1d(by_maximum(x).double().numpy(), _SMOOTH, mode="nearest")
    smooth = smooth / max(smooth.max(), 1e-12)
    padded = np.concatenate([[0.0], smooth, [0.0]])  # so that the ends can be peaks
    at = find_peaks(padded, prominence=_PROMINENCE)[0] - 1
    order = np.argsort(-smooth[at], kind="stable")
    return [int(one) for one in at[order]]


def two_peaks_error(x: Tensor, truth: Tensor, wavelengths: Tensor) -> float:
    """Mean relative error, in %, of the places of the two highest peaks of one spectrum (n,), paired from left to right. The
    truth has two peaks or more. An estimate's only peak stands for both; without a peak its maximum does.
    """
    true = sorted(peaks(truth)[:2])
    found = sorted(peaks(x)[:2]) or [int(x.argmax())]
    pairs = zip(found * 2 if len(found) == 1 else found, true, strict=True)
    return float(np.mean([100 * abs(wavelengths[a] - wavelengths[b]).item() / wavelengths[b].item() for a, b in pairs]))
