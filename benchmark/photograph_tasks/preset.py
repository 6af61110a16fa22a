"""The preset and the metrics of tasks on photographs, as data. Imports no torch, because specifications are read alone."""

from typing import Annotated

from pydantic import Field

from benchmark.spec import Metric, NonNegative, Preset, Trait


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
        least=-1.0,
        most=1.0,
        tolerance=0.1,
        description="structural similarity (Gaussian window 11, sigma 1.5), mean over the channels, clipped, range 1",
    ),
    Metric(
        name="lpips_squeeze_caffe",
        better="lower",
        least=0.0,
        tolerance=0.1,
        description="perceptual distance of SqueezeNet features (Caffe weights, LPIPS heads), clipped to [0, 1]; "
        "not the published LPIPS: compare it only with itself",
    ),
    Metric(
        name="gap",
        better="lower",
        least=0.0,
        of="exact",
        tolerance=0.2,
        description="mean squared distance to the mean of the exact posterior over the least mean squared error that any "
        "method can have: 0 for that mean, 1 on average for a sample of the exact posterior; not clipped",
    ),
    Metric(
        name="error_over_least",
        better="lower",
        least=0.0,
        of="exact",
        tolerance=0.4,
        description="mean squared error over the least that any method can have on average, the exact posterior's variance: 1 "
        "on average for the exact posterior's mean, and on average no method is below; not clipped",
    ),
    Metric(
        name="miscalibration",
        better="lower",
        least=0.0,
        of="exact",
        tolerance=0.2,
        description="|s - 1|, where s is the distance to the mean of the exact posterior along the prior's directions, in "
        "posterior deviations squared, mean over the directions: about 0.18 for samples of the exact posterior, 1 for its "
        "mean, more for what is farther away than a sample",
    ),
    Metric(
        name="network_calls",
        better="lower",
        least=0.0,
        of="prior",
        description="pictures sent through the prior's network; 0 for an answer that was handed in",
    ),
    Metric(
        name="network_gradients",
        better="lower",
        least=0.0,
        of="prior",
        description="gradients drawn back through the prior's network, each of about two calls; 0 for an answer handed in",
    ),
)
# What presets score whose pictures are drawn from a prior that is known exactly.
EXACT_METRICS = ("gap", "error_over_least", "miscalibration", "psnr", "network_calls", "network_gradients")
# Tolerances as of the metrics: sub-networks are learnt, and learning amplifies rounding.
PHOTOGRAPH_TRAITS = (
    Trait(
        name="spread",
        tolerance=0.5,
        description="standard deviation over the pixels, of the estimate clipped to [0, 1] over that of the truth, the least "
        "of the channels: 0 where a channel is constant",
    ),
    Trait(name="kept_encoder", tolerance=0.05, description="share of the encoder's kernels that the mask keeps"),
    Trait(name="kept_decoder", tolerance=0.05, description="share of the decoder's kernels that the mask keeps"),
    Trait(name="kept_head", tolerance=0.5, description="share of the last layer's kernel that the mask keeps"),
    Trait(name="kept_gains", tolerance=0.1, description="share of the gains of norms that the mask keeps"),
)
