"""Pure functions from an estimate and the truth to numbers. The data range is always an argument."""

from benchmark.metrics.image import best_scale, nmse, psnr, ssim

__all__ = ["best_scale", "nmse", "psnr", "ssim"]
