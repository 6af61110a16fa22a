"""What tasks on photographs share: the preset, and the metrics as data. Imports no torch: specifications are read alone."""

from typing import Annotated

from pydantic import Field

from benchmark.spec import Metric, NonNegative, Preset


class Photographs(Preset):
    """size: pixels a side, in colour; noise: standard deviation where A measures, for values in [0, 1]."""

    size: Annotated[int, Field(ge=32)]
    noise: NonNegative = 0.0
    data: tuple[str, ...] = ("skimage_photographs", "sklearn_photographs")


# Tolerances: see tests/performance/tolerance.py.
PHOTOGRAPH_METRICS = (
    Metric(
        name="psnr",
        unit="dB",
        better="higher",
        primary=True,
        tolerance=1.0,
        description="peak signal-to-noise ratio over all pixels and channels, values clipped to [0, 1], range 1",
    ),
    Metric(
        name="ssim",
        better="higher",
        tolerance=0.05,
        description="structural similarity (Gaussian window 11, sigma 1.5), mean over the channels, clipped, range 1",
    ),
    Metric(
        name="lpips_squeeze_caffe",
        better="lower",
        tolerance=0.05,
        description="perceptual distance of SqueezeNet features (Caffe weights, LPIPS heads), clipped to [0, 1]; "
        "not the published LPIPS: compare it only with itself",
    ),
)
