"""Denoising: recover a colour photograph from a noisy one.

    y = x + n            x (3, H, W) in [0, 1];  n white Gaussian of standard deviation `noise`; y is not clipped
    y ~ Poisson(p x) / p in the Poisson variant, p photons at value 1

Given   y, A = I, the noise's standard deviation (Poisson: its root mean square, sqrt(mean(y) / p)), value range
Score   PSNR, SSIM, LPIPS-squeeze (Caffe) of the estimate clipped to [0, 1]; range 1
Data    tiny, small*: ten photographs of scikit-image and scikit-learn for tests, six others for tuning, central square resized
        with antialiasing; the noise is simulated. full*: a user's folder of photographs in --data-dir, noise simulated as well.
        *_faces*: rendered faces of known parameters (benchmark/datasets/faces.py), others for tests than for tuning.
        small_exact: drawn from its prior, a mixture of Gaussians (benchmark/priors/exact.py), and scored by the distance to the
        exact posterior (benchmark/photograph_tasks/exact.py)
Prior   for the methods that ask for one: small* of photographs (photographs64), *_faces* of faces, tiny one for tests.
        --source prior=FOLDER puts another in its place. full_faces: yours. small_exact: that which its pictures are drawn from
Source  sigma 25/255 and 50/255 are the field's usual levels; arXiv:2406.05288 takes 25.5/255 (and clips y)
"""

import torch

from benchmark import (
    EXACT_METRICS,
    PHOTOGRAPH_METRICS,
    PHOTOGRAPH_TRAITS,
    Instance,
    NonNegative,
    Photographs,
    PhotographTask,
    TaskSpec,
    operators,
    task,
)
from benchmark.seeds import Split


class Noise(Photographs):
    """photons: p of the Poisson variant; 0 for Gaussian noise alone."""

    noise: NonNegative = 25 / 255
    photons: NonNegative = 0.0


SPEC = TaskSpec(
    name="denoising",
    version=1,
    title="Denoising",
    poses="LinearInverse",
    baseline="nl_means",
    source="arXiv:2406.05288",
    offers=("image", "range", "direct", "prior", "exact", "svd"),
    metrics=PHOTOGRAPH_METRICS,
    traits=PHOTOGRAPH_TRAITS,
    presets={
        "tiny": Noise(instances=2, budget=10, size=32, prior="photographs32", about="32 x 32, sigma 25/255"),
        "small": Noise(instances=10, budget=120, size=64, prior="photographs64", about="64 x 64, sigma 25/255"),
        "small_50": Noise(
            instances=10, budget=120, size=64, prior="photographs64", noise=50 / 255, about="64 x 64, sigma 50/255"
        ),
        "small_poisson": Noise(
            instances=10,
            budget=120,
            size=64,
            prior="photographs64",
            noise=0.0,
            photons=50,
            about="64 x 64, 50 photons at white",
        ),
        # Nearer to the paper of `oes`, whose pictures are 512 x 512. A method that learns a mask takes half an hour each.
        "small_128": Noise(instances=3, budget=7200, size=128, about="128 x 128, sigma 25/255, networks of 16 to 64 channels"),
        "small_faces": Noise(
            instances=10, budget=240, size=64, data=("head",), prior="faces64", about="64 x 64, rendered faces, sigma 25/255"
        ),
        "small_exact": Noise(
            instances=10,
            budget=120,
            size=32,
            data=("mixture32",),
            prior="mixture32",
            metrics=EXACT_METRICS,
            about="32 x 32, drawn from an exact prior, sigma 25/255",
        ),
        "full": Noise(instances=10, budget=7200, size=512, data=("photographs",), about="512 x 512, 25/255; your photographs"),
        "full_50": Noise(
            instances=10, budget=7200, size=512, noise=50 / 255, data=("photographs",), about="512 x 512, 50/255; yours"
        ),
        "full_faces": Noise(
            instances=10,
            budget=7200,
            size=256,
            data=("photographs", "prior"),
            prior="prior",
            noise=0.1,
            about="256 x 256, noise 0.1; photographs and prior yours",
        ),
    },
)


@task(SPEC)
class Denoising(PhotographTask):
    def make(self, preset: Noise, split: Split, index: int, generator: torch.Generator) -> Instance:
        x, name = self.photograph(preset, split, index, generator)  # (3, H, W)
        A = operators.Identity(tuple(x.shape))
        y, noise = x, preset.noise
        if preset.photons:
            y = torch.poisson(preset.photons * x, generator) / preset.photons
            noise = (noise**2 + y.mean().item() / preset.photons) ** 0.5
        if preset.noise:
            y = y + preset.noise * A.noise(generator)
        return self.instance(preset, A, y, noise, x, name)
