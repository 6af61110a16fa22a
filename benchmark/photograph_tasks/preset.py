"""The preset and the metrics of tasks on photographs, as data. Imports no torch, because specifications are read alone."""

from typing import Annotated

from pydantic import Field

from benchmark.spec import Metric, NonNegative, Preset


class Photographs(Preset):
    """size: pixels a side, in colour; noise: standard deviation where A measures, for values in [0, 1], so that the 0.05 that
    papers on diffusion priors state for [-1, 1] is 0.025 here.
    """

    size: Annotated[int, Field(ge=32)]
    noise: NonNegative = 0.0
    data: tuple[str, ...] = ("skimage_photographs", "sklearn_photographs")


# Tolerances: between 1 and 2 threads the classical methods give the same numbers; a network's training amplifies rounding, and
# learning a mask does so most. Largest differences on one tuning instance of `small` (oes): 2.2 dB, 0.05, 0.05. Each tolerance
# is about twice the largest, because few instances were measured.
PHOTOGRAPH_METRICS = (
    Metric(
        name="psnr",
        unit="dB",
        better="higher",
        primary=True,
        tolerance=4.0,
        description="peak signal-to-noise ratio over all pixels and channels, values clipped to [0, 1], range 1",
    ),
    Metric(
        name="ssim",
        better="higher",
        tolerance=0.1,
        description="structural similarity (Gaussian window 11, sigma 1.5), mean over the channels, clipped, range 1",
    ),
    Metric(
        name="lpips_squeeze_caffe",
        better="lower",
        tolerance=0.1,
        description="perceptual distance of SqueezeNet features (Caffe weights, LPIPS heads), clipped to [0, 1]; "
        "not the published LPIPS: compare it only with itself",
    ),
    Metric(
        name="network_calls",
        better="lower",
        of="prior",
        description="pictures sent through the prior's network; 0 for an answer that was handed in",
    ),
    Metric(
        name="network_gradients",
        better="lower",
        of="prior",
        description="gradients drawn back through the prior's network, each of about two calls; 0 for an answer handed in",
    ),
)
