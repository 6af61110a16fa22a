"""Deblurring: recover a colour photograph from a blurred and noisy one; the kernel is known.

    y = k * x + n        x (3, H, W) in [0, 1], reflected at its edges;  k (K, K) with sum 1;  n white Gaussian

Given   y, the kernel k (A.kernel), noise level, value range
Score   PSNR, SSIM, LPIPS-squeeze (Caffe) of the estimate clipped to [0, 1]; range 1
Data    tiny, small*: ten photographs of scikit-image and scikit-learn for tests, six others for tuning, central square resized
        with antialiasing; blur and noise are simulated. full*: a user's folder of photographs in --data-dir, likewise.
        *_faces*: rendered faces of known parameters (benchmark/datasets/faces.py), others for tests than for tuning.
        small_exact: drawn from its prior, a mixture of Gaussians (benchmark/priors/exact.py), and scored by the distance to the
        exact posterior (benchmark/photograph_tasks/exact.py)
Prior   for the methods that ask for one: small* of photographs (photographs64), *_faces* of faces, tiny one for tests.
        --source prior=FOLDER puts another in its place. full_faces: yours. small_exact: that which its pictures are drawn from
Source  both kernels are fixed by the preset. Sizes for 256 pixels follow the usual 61-pixel kernels (arXiv:2209.14687)
"""

from typing import Literal, Self

import torch
from pydantic import model_validator

from benchmark import (
    EXACT_METRICS,
    PHOTOGRAPH_METRICS,
    PHOTOGRAPH_TRAITS,
    Count,
    Instance,
    NonNegative,
    Photographs,
    PhotographTask,
    Positive,
    TaskSpec,
    operators,
    task,
)
from benchmark.seeds import Split
from benchmark.spec import Feature


class Kernel(Photographs):
    """side: pixels of the kernel, odd; sigma: of the Gaussian one; length, angle (degrees), bend: of the path of a shaken
    camera (operators.motion_kernel). Lengths in pixels.
    """

    noise: NonNegative = 0.01
    kernel: Literal["gaussian", "motion"] = "gaussian"
    side: Count = 9
    sigma: Positive = 1.5
    length: Positive = 8.0
    angle: float = 30.0
    bend: float = 0.15

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.side % 2 == 0:
            raise ValueError(f"side {self.side} is even; a kernel has a centre")
        if self.side >= self.size:
            raise ValueError(f"side {self.side}: the kernel is larger than the picture ({self.size} x {self.size})")
        if self.kernel == "motion" and self.length * (1 / 4 + 4 / 9 * self.bend**2) ** 0.5 > self.side // 2:
            raise ValueError(f"length {self.length} with bend {self.bend} does not fit into a kernel of side {self.side}")
        return self

    @property
    def lacks_besides(self) -> tuple[Feature, ...]:
        """The singular values of a motion blur, which is no product of a column and a row, are not known."""
        return ("svd",) if self.kernel == "motion" else ()


SPEC = TaskSpec(
    name="deblurring",
    version=1,
    title="Deblurring",
    poses="LinearInverse",
    baseline="wiener",
    source="arXiv:2209.14687",
    offers=("image", "range", "kernel", "prior", "exact", "svd"),
    metrics=PHOTOGRAPH_METRICS,
    traits=PHOTOGRAPH_TRAITS,
    presets={
        "tiny": Kernel(
            instances=2,
            budget=10,
            size=32,
            prior="photographs32",
            side=5,
            sigma=1.0,
            about="32 x 32, Gaussian blur of sigma 1, 1 % noise",
        ),
        "small": Kernel(
            instances=10, budget=120, size=64, prior="photographs64", about="64 x 64, Gaussian blur of sigma 1.5, 1 % noise"
        ),
        "small_motion": Kernel(
            instances=10,
            budget=120,
            size=64,
            prior="photographs64",
            kernel="motion",
            side=11,
            about="64 x 64, motion blur of 8 pixels, 1 % noise",
        ),
        "small_faces": Kernel(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64",
            noise=0.025,
            about="64 x 64, rendered faces, Gaussian blur of sigma 1.5, noise 0.025",
        ),
        "small_faces_noiseless": Kernel(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64",
            noise=0.0,
            about="64 x 64, rendered faces, Gaussian blur of sigma 1.5, no noise",
        ),
        "small_motion_faces": Kernel(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64",
            kernel="motion",
            side=11,
            noise=0.025,
            about="64 x 64, rendered faces, motion blur of 8 pixels, noise 0.025",
        ),
        "small_motion_faces_noiseless": Kernel(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64",
            kernel="motion",
            side=11,
            noise=0.0,
            about="64 x 64, rendered faces, motion blur of 8 pixels, no noise",
        ),
        "small_faces_latent": Kernel(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64_latent",
            prior_of="latents",
            noise=0.0,
            about="64 x 64, rendered faces, Gaussian blur of sigma 1.5, no noise; a prior of latents",
        ),
        "small_faces_consistency": Kernel(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64_consistency",
            prior_of="jumps",
            noise=0.0,
            about="64 x 64, rendered faces, Gaussian blur of sigma 1.5, no noise; a consistency model",
        ),
        "small_exact": Kernel(
            instances=10,
            budget=120,
            size=32,
            data=("mixture32",),
            prior="mixture32",
            metrics=EXACT_METRICS,
            noise=0.05,
            about="32 x 32, drawn from an exact prior, Gaussian blur of sigma 1.5, noise 0.05",
        ),
        "full": Kernel(
            instances=10,
            budget=7200,
            size=256,
            side=61,
            sigma=3.0,
            data=("photographs",),
            about="256 x 256, Gaussian blur of sigma 3, 1 % noise; your photographs",
        ),
        "full_motion": Kernel(
            instances=10,
            budget=7200,
            size=256,
            kernel="motion",
            side=61,
            length=40.0,
            data=("photographs",),
            about="256 x 256, motion blur of 40 pixels, 1 % noise; your photographs",
        ),
        "full_faces": Kernel(
            instances=10,
            budget=7200,
            size=256,
            data=("photographs", "prior"),
            prior="prior",
            side=61,
            sigma=3.0,
            noise=0.025,
            about="256 x 256, Gaussian blur of sigma 3, noise 0.025; photographs and prior yours",
        ),
    },
)


@task(SPEC)
class Deblurring(PhotographTask):
    def make(self, preset: Kernel, split: Split, index: int, generator: torch.Generator) -> Instance:
        x, name = self.photograph(preset, split, index, generator)  # (3, H, W)
        kernel = (
            operators.gaussian_kernel(preset.side, preset.sigma)
            if preset.kernel == "gaussian"
            else operators.motion_kernel(preset.side, preset.length, preset.angle, preset.bend)
        )
        A = operators.Blur(kernel, (3, preset.size, preset.size))
        y = A(x) + preset.noise * A.noise(generator)
        return self.instance(preset, A, y, preset.noise, x, name)
