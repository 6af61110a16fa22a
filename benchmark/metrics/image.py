"""Image quality. `peak` is the data range and always explicit. Shapes (..., H, W); the result has the leading shape."""

import torch
from torch import Tensor
from torch.nn import functional as F


def best_scale(estimate: Tensor, truth: Tensor) -> Tensor:
    """`estimate` times the factor that brings it nearest to `truth` in least squares, one factor an image.

    A zero estimate stays zero.
    """
    energy = estimate.square().sum((-2, -1), keepdim=True)
    factor = (estimate * truth).sum((-2, -1), keepdim=True) / energy.clamp_min(torch.finfo(energy.dtype).tiny)
    return factor * estimate


def psnr(estimate: Tensor, truth: Tensor, peak: float | Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB: 10 log10(peak^2 / mean |estimate - truth|^2). Infinite for equal images."""
    error = (estimate - truth).square().mean((-2, -1))
    return 10 * torch.log10(torch.as_tensor(peak, dtype=error.dtype) ** 2 / error)


def nmse(estimate: Tensor, truth: Tensor) -> Tensor:
    """Normalised squared error: ||estimate - truth||^2 / ||truth||^2."""
    return (estimate - truth).square().sum((-2, -1)) / truth.square().sum((-2, -1))


def ssim(estimate: Tensor, truth: Tensor, peak: float | Tensor) -> Tensor:
    """Structural similarity: Gaussian window of 11 pixels and sigma 1.5, K1 = 0.01, K2 = 0.03, mean over the pixels whose
    window lies inside the image. Images must be at least 11 x 11.

    Source: Wang et al. 2004. Equals scikit-image's with gaussian_weights=True and use_sample_covariance=False.
    """
    shape = estimate.shape[:-2]
    x, y = (image.reshape(-1, 1, *image.shape[-2:]).double() for image in (estimate, truth))
    taps = torch.arange(-5, 6, dtype=torch.float64, device=x.device)
    window = torch.exp(-taps.square() / (2 * 1.5**2))
    window = window / window.sum()

    def blur(image: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(image, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))

    mean_x, mean_y, xx, yy, xy = blur(torch.cat([x, y, x * x, y * y, x * y])).chunk(5)
    var_x, var_y, cov = xx - mean_x**2, yy - mean_y**2, xy - mean_x * mean_y
    c1, c2 = ((k * torch.as_tensor(peak, dtype=torch.float64)) ** 2 for k in (0.01, 0.03))
    c1, c2 = (c.reshape(-1, 1, 1, 1).to(x.device) for c in (c1, c2))
    similarity = (2 * mean_x * mean_y + c1) * (2 * cov + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return similarity.mean((-3, -2, -1)).reshape(shape)
