"""Super-resolution: recover a colour photograph from a smaller one.

    y = D x D^T + n      x (3, H, W) in [0, 1];  y (3, H / s, W / s);  n white Gaussian

D is cubic interpolation widened by the factor s, which removes what the smaller picture cannot show (Keys' kernel, a = -0.5,
as in Pillow's BICUBIC and MATLAB's imresize), applied to rows and columns.
Given   y, D, the factor s (A.factor), noise level, value range
Score   PSNR, SSIM, LPIPS-squeeze (Caffe) of the estimate clipped to [0, 1]; range 1
Data    tiny, small*: ten photographs of scikit-image and scikit-learn for tests, six others for tuning, central square resized
        with antialiasing; y is simulated from it. full*: a user's folder of photographs in --data-dir, likewise.
        *_faces*: rendered faces of known parameters (benchmark/datasets/faces.py), others for tests than for tuning.
        small_exact: drawn from its prior, a mixture of Gaussians (benchmark/priors/exact.py), and scored by the distance to the
        exact posterior (benchmark/photograph_tasks/exact.py)
Prior   for the methods that ask for one: small* of photographs (photographs64), *_faces* of faces, tiny one for tests.
        --source prior=FOLDER puts another in its place. full_faces: yours. small_exact: that which its pictures are drawn from
Source  the usual form of the problem (arXiv:1711.10925)
"""

from typing import Self

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
    TaskSpec,
    operators,
    task,
)
from benchmark.seeds import Split


class Factor(Photographs):
    """factor: s, how many times smaller y is on each side; it divides the size."""

    noise: NonNegative = 0.01
    factor: Count = 4

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.size % self.factor or self.size < 2 * self.factor:
            raise ValueError(f"factor {self.factor} does not divide {self.size} pixels into 2 or more")
        return self


SPEC = TaskSpec(
    name="super_resolution",
    version=1,
    title="Super-resolution",
    poses="LinearInverse",
    baseline="bicubic",
    source="arXiv:1711.10925",
    offers=("image", "range", "scale", "prior", "exact", "svd"),
    metrics=PHOTOGRAPH_METRICS,
    traits=PHOTOGRAPH_TRAITS,
    presets={
        "tiny": Factor(instances=2, budget=10, size=32, prior="photographs32", factor=2, about="16 x 16 to 32 x 32, 1 % noise"),
        "small": Factor(instances=10, budget=120, size=64, prior="photographs64", about="16 x 16 to 64 x 64 (x4), 1 % noise"),
        "small_x2": Factor(
            instances=10, budget=120, size=64, prior="photographs64", factor=2, about="32 x 32 to 64 x 64 (x2), 1 % noise"
        ),
        "small_faces": Factor(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64",
            noise=0.025,
            about="64 x 64, rendered faces, 16 x 16 to 64 x 64 (x4), noise 0.025",
        ),
        "small_faces_noiseless": Factor(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64",
            noise=0.0,
            about="64 x 64, rendered faces, 16 x 16 to 64 x 64 (x4), no noise",
        ),
        "small_faces_latent": Factor(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64_latent",
            prior_of="latents",
            noise=0.0,
            about="64 x 64, rendered faces, 16 x 16 to 64 x 64 (x4), no noise; a prior of latents",
        ),
        "small_faces_consistency": Factor(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64_consistency",
            prior_of="jumps",
            noise=0.0,
            about="64 x 64, rendered faces, 16 x 16 to 64 x 64 (x4), no noise; a consistency model",
        ),
        "small_exact": Factor(
            instances=10,
            budget=120,
            size=32,
            data=("mixture32",),
            prior="mixture32",
            metrics=EXACT_METRICS,
            noise=0.05,
            about="32 x 32, drawn from an exact prior, 8 x 8 to 32 x 32 (x4), noise 0.05",
        ),
        "full": Factor(
            instances=10, budget=7200, size=256, data=("photographs",), about="64 x 64 to 256 x 256 (x4), 1 % noise; yours"
        ),
        "full_x2": Factor(
            instances=10,
            budget=7200,
            size=256,
            factor=2,
            data=("photographs",),
            about="128 x 128 to 256 x 256 (x2), 1 % noise; your photographs",
        ),
        "full_faces": Factor(
            instances=10,
            budget=7200,
            size=256,
            data=("photographs", "prior"),
            prior="prior",
            noise=0.025,
            about="256 x 256, 64 x 64 to 256 x 256 (x4), noise 0.025; photographs and prior yours",
        ),
    },
)


@task(SPEC)
class SuperResolution(PhotographTask):
    def make(self, preset: Factor, split: Split, index: int, generator: torch.Generator) -> Instance:
        x, name = self.photograph(preset, split, index, generator)  # (3, H, W)
        A = operators.Downsample(preset.factor, (3, preset.size, preset.size))
        y = A(x) + preset.noise * A.noise(generator)
        return self.instance(preset, A, y, preset.noise, x, name)
