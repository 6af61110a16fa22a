"""Inpainting: recover a colour photograph from a part of its pixels.

    y = m * x + n        x (3, H, W) in [0, 1];  m in {0, 1}^(H, W), one mask for all channels;  y = 0 where m = 0

Given   y, the mask m (A.mask), noise level, value range
Score   PSNR, SSIM, LPIPS-squeeze (Caffe) of the estimate clipped to [0, 1], over all pixels, seen and unseen; range 1
Data    tiny, small*: ten photographs of scikit-image and scikit-learn for tests, six others for tuning, central square resized
        with antialiasing. Noise is simulated where a preset has some. full*: a user's folder of photographs in --data-dir.
        *_faces*: rendered faces of known parameters (benchmark/datasets/faces.py), others for tests than for tuning.
        small_exact: drawn from its prior, a mixture of Gaussians (benchmark/priors/exact.py), and scored by the distance to the
        exact posterior (benchmark/photograph_tasks/exact.py)
Prior   for the methods that ask for one: small* of photographs (photographs64), *_faces* of faces, tiny one for tests.
        --source prior=FOLDER puts another in its place. full_faces: yours. small_exact: that which its pictures are drawn from
Source  random masks, a box and text are the usual forms of the problem (arXiv:1711.10925, arXiv:2402.04097)
"""

from typing import Literal, Self

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from pydantic import model_validator
from torch import Tensor

from benchmark import (
    EXACT_METRICS,
    PHOTOGRAPH_METRICS,
    PHOTOGRAPH_TRAITS,
    Count,
    Instance,
    Photographs,
    PhotographTask,
    Rate,
    TaskSpec,
    operators,
    task,
)
from benchmark.seeds import Split

WORDS = "untrained networks fill what was never seen "  # of the text mask


class Holes(Photographs):
    """What is hidden. random: a share `missing` of the pixels; box: a square of `box` pixels a side; text: lines of letters,
    `letters` times the size of a 6 x 11 bitmap font.
    """

    holes: Literal["random", "box", "text"] = "random"
    missing: Rate = 0.5
    box: Count = 1
    letters: Count = 1

    @model_validator(mode="after")
    def _part_is_seen(self) -> Self:
        if self.holes == "random" and (1 - self.missing) * self.size**2 < 1:
            raise ValueError(f"missing {self.missing} hides all {self.size} x {self.size} pixels")
        if self.holes == "box" and self.box >= self.size:
            raise ValueError(f"box {self.box} hides all {self.size} x {self.size} pixels")
        if self.holes == "text" and 12 * self.letters > self.size:
            raise ValueError(
                f"letters {self.letters}: a line of text is {12 * self.letters} pixels high, the picture {self.size}"
            )
        return self


SPEC = TaskSpec(
    name="inpainting",
    version=1,
    title="Inpainting",
    poses="LinearInverse",
    baseline="biharmonic",
    source="arXiv:1711.10925",
    offers=("image", "range", "mask", "prior", "exact", "svd"),
    metrics=PHOTOGRAPH_METRICS,
    traits=PHOTOGRAPH_TRAITS,
    presets={
        "tiny": Holes(instances=2, budget=10, size=32, prior="photographs32", about="32 x 32, 50 % of the pixels missing"),
        "small": Holes(instances=10, budget=120, size=64, prior="photographs64", about="64 x 64, 50 % of the pixels missing"),
        "small_80": Holes(
            instances=10, budget=120, size=64, prior="photographs64", missing=0.8, about="64 x 64, 80 % of the pixels missing"
        ),
        "small_box": Holes(
            instances=10,
            budget=120,
            size=64,
            prior="photographs64",
            holes="box",
            box=16,
            about="64 x 64, a box of 16 x 16 missing",
        ),
        "small_text": Holes(
            instances=10, budget=120, size=64, prior="photographs64", holes="text", about="64 x 64, text written over it"
        ),
        "small_faces": Holes(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64",
            missing=0.7,
            noise=0.025,
            about="64 x 64, rendered faces, 70 % of the pixels missing, noise 0.025",
        ),
        "small_faces_noiseless": Holes(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64",
            missing=0.7,
            about="64 x 64, rendered faces, 70 % of the pixels missing",
        ),
        "small_box_faces": Holes(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64",
            holes="box",
            box=25,
            noise=0.025,
            about="64 x 64, rendered faces, a box of 25 x 25 missing, noise 0.025",
        ),
        "small_box_faces_noiseless": Holes(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64",
            holes="box",
            box=25,
            about="64 x 64, rendered faces, a box of 25 x 25 missing",
        ),
        "small_box_faces_latent": Holes(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64_latent",
            prior_of="latents",
            holes="box",
            box=25,
            noise=0.0,
            about="64 x 64, rendered faces, a box of 25 x 25 missing, no noise; a prior of latents",
        ),
        "small_box_faces_consistency": Holes(
            instances=10,
            budget=240,
            size=64,
            data=("head",),
            prior="faces64_consistency",
            prior_of="jumps",
            holes="box",
            box=25,
            noise=0.0,
            about="64 x 64, rendered faces, a box of 25 x 25 missing, no noise; a consistency model",
        ),
        "small_exact": Holes(
            instances=10,
            budget=120,
            size=32,
            data=("mixture32",),
            prior="mixture32",
            metrics=EXACT_METRICS,
            holes="box",
            box=20,
            noise=0.05,
            about="32 x 32, drawn from an exact prior, a box of 20 x 20 missing, noise 0.05",
        ),
        "full": Holes(
            instances=10, budget=7200, size=256, data=("photographs",), about="256 x 256, 50 % missing; your photographs"
        ),
        "full_90": Holes(
            instances=10, budget=7200, size=256, missing=0.9, data=("photographs",), about="256 x 256, 90 % missing; yours"
        ),
        "full_box": Holes(
            instances=10,
            budget=7200,
            size=256,
            holes="box",
            box=96,
            data=("photographs",),
            about="256 x 256, a box of 96; yours",
        ),
        "full_text": Holes(
            instances=10, budget=7200, size=256, holes="text", letters=2, data=("photographs",), about="256 x 256, text; yours"
        ),
        "full_faces": Holes(
            instances=10,
            budget=7200,
            size=256,
            data=("photographs", "prior"),
            prior="prior",
            missing=0.7,
            noise=0.025,
            about="256 x 256, 70 % of the pixels missing, noise 0.025; photographs and prior yours",
        ),
        "full_box_faces": Holes(
            instances=10,
            budget=7200,
            size=256,
            data=("photographs", "prior"),
            prior="prior",
            holes="box",
            box=128,
            noise=0.025,
            about="256 x 256, a box of 128 x 128 missing, noise 0.025; photographs and prior yours",
        ),
    },
)


@task(SPEC)
class Inpainting(PhotographTask):
    def make(self, preset: Holes, split: Split, index: int, generator: torch.Generator) -> Instance:
        x, name = self.photograph(preset, split, index, generator)  # (3, H, W)
        A = operators.Mask(seen(preset, generator))
        y = A(x) + preset.noise * A.noise(generator)
        return self.instance(preset, A, y, preset.noise, x, name)


def seen(preset: Holes, generator: torch.Generator) -> Tensor:
    """bool (size, size): true where a pixel is seen. Random holes hide exactly round(missing * size^2) pixels."""
    size = preset.size
    mask = torch.ones(size, size, dtype=torch.bool)
    if preset.holes == "random":
        order = torch.randperm(size * size, generator=generator)
        mask.view(-1)[order[: round(preset.missing * size * size)]] = False
    elif preset.holes == "box":
        top, left = torch.randint(0, size - preset.box + 1, (2,), generator=generator).tolist()
        mask[top : top + preset.box, left : left + preset.box] = False
    else:
        mask = ~written(size, preset.letters, int(torch.randint(0, len(WORDS), (1,), generator=generator)))
    return mask


def written(size: int, scale: int, start: int) -> Tensor:
    """bool (size, size): true on the letters of WORDS, from letter `start` on, in lines down the picture."""
    side = -(-size // scale)
    canvas = Image.new("1", (side, side))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default_imagefont()
    text = (WORDS[start:] + WORDS) * (1 + side // 60)
    for line, top in enumerate(range(1, side, 12)):
        draw.text((0, top), text[7 * line :], fill=1, font=font)
    letters = torch.from_numpy(np.array(canvas))
    return letters.repeat_interleave(scale, 0).repeat_interleave(scale, 1)[:size, :size]
