"""Pure functions from an estimate and the truth to numbers. The data range is always an argument."""

from benchmark.metrics.image import best_scale, nmse, psnr, ssim
from benchmark.metrics.perceptual import lpips_squeeze_caffe

__all__ = ["best_scale", "lpips_squeeze_caffe", "nmse", "psnr", "ssim"]
