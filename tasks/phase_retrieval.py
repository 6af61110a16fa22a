"""Phase retrieval: recover a colour photograph from the magnitudes of its Fourier transform.

    y = |F P x| + n      x (3, H, W) in [0, 1];  P: `pad` zeros on each side;  F orthonormal, each channel alone;  y (3, H', W')

Given   y (not clipped), the pad (A.pad), noise level, value range
Score   PSNR, SSIM, LPIPS-squeeze (Caffe) of the estimate clipped to [0, 1]; range 1. |F P x| does not tell x from x turned by
        180 degrees, nor from shifts within the zeros: the estimate is turned and shifted as is best, all channels alike.
        An estimate may hold up to four tries. The score that ranks is that of the try with the least ||A(x) - y||, which
        needs no truth; beside it stand the mean over the tries (what one costs nothing to choose) and the best by the truth
Data    tiny, small*: ten photographs of scikit-image and scikit-learn for tests, six others for tuning, central square resized
        with antialiasing; y is simulated from it. full*: a user's folder of photographs in --data-dir, likewise.
        *_faces: rendered faces of known parameters (benchmark/datasets/faces.py), others for tests than for tuning.
Prior   for the methods that ask for one: small* of photographs (photographs64), *_faces* of faces, tiny one for tests.
        --source prior=FOLDER puts another in its place. full_faces: yours.
Source  the usual form of the problem (arXiv:2209.14687, arXiv:2403.06054): 64 zeros on each side of 256 pixels, which is
        `full` and, of 64 pixels, small_tight: a field 1.5 times as wide. In the other presets it is twice as wide, so that it
        holds all of the autocorrelation. Noise 0.025 is the usual 0.05 for values in [-1, 1]
"""

import torch
from torch import Tensor

from benchmark import Count, Instance, Metric, NonlinearInverse, Photographs, PhotographTask, TaskSpec, operators, task
from benchmark.metrics.alignment import aligned
from benchmark.metrics.image import psnr, ssim
from benchmark.metrics.perceptual import lpips_squeeze_caffe
from benchmark.seeds import Split


class Magnitude(Photographs):
    """pad: zeros on each side of the picture, in pixels."""

    pad: Count


# Tolerances: a start that goes astray or not by the last bit of a number decides, so one instance may change wholly.
SPEC = TaskSpec(
    name="phase_retrieval",
    version=1,
    title="Phase retrieval",
    poses="NonlinearInverse",
    baseline="hio",
    source="arXiv:2403.06054",
    offers=("image", "range", "magnitude", "prior"),
    metrics=(
        Metric(
            name="psnr",
            unit="dB",
            better="higher",
            primary=True,
            tolerance=10.0,
            description="peak signal-to-noise ratio of the try with the least residual, turned and shifted to the truth, over "
            "all pixels and channels, values clipped to [0, 1], range 1",
        ),
        Metric(
            name="psnr_single",
            unit="dB",
            better="higher",
            tolerance=10.0,
            description="mean of the same over all tries: what one alone gives",
        ),
        Metric(
            name="psnr_best4",
            unit="dB",
            better="higher",
            tolerance=10.0,
            description="largest of the same over all tries, up to four, chosen by the truth: no method can choose so",
        ),
        Metric(
            name="ssim",
            better="higher",
            least=-1.0,
            most=1.0,
            tolerance=0.5,
            description="structural similarity (Gaussian window 11, sigma 1.5) of the try with the least residual, turned and "
            "shifted, mean over the channels, clipped, range 1",
        ),
        Metric(
            name="lpips_squeeze_caffe",
            better="lower",
            least=0.0,
            tolerance=0.5,
            description="perceptual distance of SqueezeNet features (Caffe weights, LPIPS heads) of the try with the least "
            "residual, turned and shifted, clipped to [0, 1]; not the published LPIPS: compare it only with itself",
        ),
        Metric(
            name="network_calls",
            better="lower",
            least=0.0,
            of="prior",
            description="pictures sent through the prior's network, all tries together; 0 for an answer that was handed in",
        ),
        Metric(
            name="network_gradients",
            better="lower",
            least=0.0,
            of="prior",
            description="gradients drawn back through the prior's network, each of about two calls, all tries together",
        ),
    ),
    presets={
        "tiny": Magnitude(
            instances=2, budget=10, size=32, pad=16, noise=0.025, prior="photographs32", about="32 x 32 in 64 x 64, noise 0.025"
        ),
        "small": Magnitude(
            instances=10,
            budget=1200,
            size=64,
            prior="photographs64",
            pad=32,
            noise=0.025,
            about="64 x 64 in 128 x 128, noise 0.025",
        ),
        "small_noiseless": Magnitude(
            instances=10, budget=1200, size=64, prior="photographs64", pad=32, about="64 x 64 in 128 x 128, no noise"
        ),
        "small_tight": Magnitude(
            instances=10,
            budget=1200,
            size=64,
            prior="photographs64",
            pad=16,
            noise=0.025,
            about="64 x 64 in 96 x 96, noise 0.025",
        ),
        "small_faces": Magnitude(
            instances=10,
            budget=1200,
            size=64,
            pad=32,
            noise=0.025,
            data=("head",),
            prior="faces64",
            about="64 x 64 in 128 x 128, rendered faces, noise 0.025",
        ),
        "full": Magnitude(
            instances=10,
            budget=7200,
            size=256,
            pad=64,
            noise=0.025,
            data=("photographs",),
            about="256 x 256 in 384 x 384, noise 0.025; your photographs",
        ),
        "full_faces": Magnitude(
            instances=10,
            budget=7200,
            size=256,
            pad=64,
            noise=0.025,
            data=("photographs", "prior"),
            prior="prior",
            about="256 x 256 in 384 x 384, noise 0.025; photographs and prior yours",
        ),
    },
)


@task(SPEC)
class PhaseRetrieval(PhotographTask):
    def make(self, preset: Magnitude, split: Split, index: int, generator: torch.Generator) -> Instance:
        x, name = self.photograph(preset, split, index, generator)  # (3, H, W)
        A = operators.FourierMagnitude((3, preset.size, preset.size), preset.pad)
        y = A(x) + preset.noise * A.noise(generator)
        prior = self.prior(preset, tuple(x.shape))
        problem = NonlinearInverse(A=A, y=y, noise=preset.noise, value_range=(0.0, 1.0), prior=prior)
        return Instance(problem=problem, truth=x, label=name)

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        seen, truth = placed(instance, instance.problem.chosen(estimate)), instance.truth
        every = [quality(placed(instance, one), truth) for one in instance.problem.tries(estimate)]
        return {
            "psnr": quality(seen, truth),
            "psnr_single": sum(every) / len(every),
            "psnr_best4": max(every),
            "ssim": ssim(seen, truth, 1.0).mean().item(),
            "lpips_squeeze_caffe": lpips_squeeze_caffe(seen[None], truth[None]).item(),
        }

    def quality(self, instance: Instance, estimate: Tensor) -> float:
        """PSNR in dB of the try with the least residual, turned and shifted."""
        return quality(placed(instance, instance.problem.chosen(estimate)), instance.truth)

    def traits(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        """`spread` of the try with the least residual."""
        return super().traits(instance, instance.problem.chosen(estimate))

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """The try with the least residual in its colours, turned and shifted, (3, H, W)."""
        return {"image": placed(instance, instance.problem.chosen(estimate))}


def placed(instance: Instance, x: Tensor) -> Tensor:
    """One try, (3, H, W), clipped to [0, 1], turned and shifted to the truth."""
    return aligned(x.clamp(0, 1), instance.truth, instance.problem.A.pad)


def quality(x: Tensor, truth: Tensor) -> float:
    """PSNR in dB over all pixels and channels, range 1."""
    return psnr(x.flatten(0, 1), truth.flatten(0, 1), 1.0).item()
