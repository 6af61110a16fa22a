"""Local editing: change one region of a face by a diffusion prior, at several strengths, and leave the rest as it is.

Given   pictures (P, 3, H, W), regions (P, R, H, W), strengths, a diffusion prior; with `told` what the pictures show, as
        the 37 numbers of a face, and what is wanted of each region
Answer  edited pictures (R, P, S, 3, H, W); the direction of a region is found on the first picture alone
Score   success: share of regions whose own numbers move by a standard deviation at some strength while no other moves by more
        than half of one, as read off the pictures (benchmark/editing); leak outside, effect inside, linearity, oddness,
        transfer; SSIM and LPIPS-squeeze (Caffe) of what is outside. All against the unedited picture of the same way
Truth   the ideal edit, which no prior makes: the face rendered with one number of the region moved, up to 1.5 standard
        deviations
Data    rendered faces of known parameters and exact regions (benchmark/datasets/faces.py), others for tests than for tuning.
        full: a user's pictures and masks in --data-dir
Prior   a diffusion prior of such faces; --source prior=FOLDER puts another in its place. full: yours
Source  arXiv:2409.02374, whose success rate people judged on CelebA-HQ; nobody judges here
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from benchmark import Count, Editing, Instance, Metric, Picture, Preset, TaskSpec, task
from benchmark.datasets import faces
from benchmark.editing import attributes, scores
from benchmark.editing.shipped import card, face_reader
from benchmark.metrics.image import psnr, ssim
from benchmark.metrics.perceptual import lpips_squeeze_caffe
from benchmark.priors import shipped
from benchmark.seeds import Split

_SPREAD = 1.5  # standard deviations that the ideal edit moves a number at the largest strength
# The number of a region that the ideal edit moves.
_IDEAL = {
    "mouth": "jaw",
    "eyes": "blink",
    "brows": "brow darkness",
    "nose": "nose width",
    "hair": "hair colour",
    "skin": "skin",
}


_ABOUT = "from the most negative strength to the most positive; in the middle without an edit"


class Faces(Preset):
    """size: pixels a side; regions: those of benchmark/editing/attributes.py; strengths: of the edits; others: further faces to
    which each direction is taken.
    """

    size: Count = 64
    regions: tuple[Literal["mouth", "eyes", "brows", "nose", "hair", "skin"], ...] = (
        "mouth",
        "eyes",
        "brows",
        "nose",
        "hair",
        "skin",
    )
    strengths: tuple[float, ...] = (-8.0, -4.0, -2.0, 0.0, 2.0, 4.0, 8.0)
    others: int = 0
    data: tuple[str, ...] = ("head", "face_reader", "face_reader_card")
    prior: str = "faces64"

    @model_validator(mode="after")
    def _can_be_scored(self) -> Self:
        if not self.regions or len(set(self.regions)) < len(self.regions):
            raise ValueError(f"regions {self.regions}: one or more, each once")
        if not any({s, s / 2, -s / 2, -s, 0.0} <= set(self.strengths) for s in self.strengths if s > 0):
            raise ValueError(f"strengths {self.strengths}: 0, and some s with s / 2, -s / 2 and -s")
        return self


SPEC = TaskSpec(
    name="image_editing",
    version=1,
    title="Local image editing",
    poses="Editing",
    baseline="random_direction",
    source="arXiv:2409.02374",
    offers=("image", "range", "prior", "told"),
    metrics=(
        Metric(
            name="success",
            better="higher",
            primary=True,
            tolerance=0.34,
            description="share of regions of which at some strength a number that belongs to it moves by 1 standard deviation "
            "or more, and every other by 0.5 at most; numbers are read off the edited pictures, those that can be read (R2 0.6)",
        ),
        Metric(
            name="leak",
            better="lower",
            tolerance=1.0,
            description="change outside the region over change inside it, at the largest strength, both signs; median over "
            "regions",
        ),
        Metric(
            name="effect",
            better="higher",
            tolerance=0.05,
            description="root mean square of the change inside the region, range 1, at the largest strength, mean over regions",
        ),
        Metric(
            name="linearity",
            better="higher",
            tolerance=0.1,
            description="cosine of the change at the largest strength and at half of it, mean over regions",
        ),
        Metric(
            name="doubling",
            better="lower",
            tolerance=0.3,
            description="| size of the change at the largest strength over that at half of it - 2 |, mean over regions; 0 "
            "where the edit is linear",
        ),
        Metric(
            name="oddness",
            better="higher",
            tolerance=0.1,
            description="cosine of the change at the largest strength and of minus that at its opposite, mean over regions",
        ),
        Metric(
            name="ssim_outside",
            better="higher",
            tolerance=0.05,
            description="structural similarity of edited and unedited picture, the region left out, at plus and minus the "
            "largest strength, mean over regions, range 1",
        ),
        Metric(
            name="lpips_outside",
            better="lower",
            tolerance=0.05,
            description="perceptual distance of SqueezeNet features (Caffe weights, LPIPS heads) of the same; not the "
            "published LPIPS",
        ),
        Metric(
            name="reconstruction",
            unit="dB",
            better="higher",
            tolerance=2.0,
            description="peak signal-to-noise ratio of the unedited picture of the same way to the one that was given, range 1",
        ),
        Metric(
            name="transfer",
            better="higher",
            of="others",
            tolerance=0.1,
            description="cosine of the change of the first picture and of the change of another by the same direction, mean "
            "over regions and other pictures",
        ),
        Metric(
            name="transfer_success",
            better="higher",
            of="others",
            tolerance=0.2,
            description="share of regions and other pictures in which the number that moves most in the first picture moves "
            "the same way, by half as much or more",
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
    ),
    pictures=(
        Picture(kind="image", title="faces as given", about="the picture that directions are found on, and those they go to"),
        Picture(name="mouth", kind="strip", title="mouth", about=_ABOUT),
        Picture(name="eyes", kind="strip", title="eyes", about=_ABOUT),
        Picture(name="brows", kind="strip", title="brows", about=_ABOUT),
        Picture(name="nose", kind="strip", title="nose", about=_ABOUT),
        Picture(name="hair", kind="strip", title="hair", about=_ABOUT),
        Picture(name="skin", kind="strip", title="skin", about=_ABOUT),
    ),
    presets={
        "tiny": Faces(
            instances=2,
            budget=10,
            regions=("mouth", "hair"),
            strengths=(-8.0, -4.0, 0.0, 4.0, 8.0),
            lacks=("others",),
            about="64 x 64, rendered faces, two regions",
        ),
        "small": Faces(instances=10, budget=240, lacks=("others",), about="64 x 64, rendered faces, six regions"),
        "small_transfer": Faces(
            instances=10, budget=240, others=3, about="64 x 64, rendered faces, each direction on three other faces too"
        ),
    },
)


@cache
def _counted() -> tuple[str, ...]:
    """The numbers of a face that can be read off a picture."""
    return card().counts


@task(SPEC)
class ImageEditing:
    def make(self, preset: Faces, split: Split, index: int, generator: torch.Generator) -> Instance:
        part: faces.Part = "test" if split == "test" else "tune"
        count = 1 + preset.others
        made = faces.drawn(part, index * count, count, preset.size)
        prior = shipped.prior(preset.prior, (3, preset.size, preset.size), self.data_dir)
        regions = torch.stack([attributes.mask(made.labels, name) for name in preset.regions], 1)  # (P, R, H, W)
        ideal = torch.stack([ideal_edits(made.parameters, name, preset) for name in preset.regions])
        problem = Editing(
            prior=prior,
            pictures=made.pictures,
            regions=regions,
            names=preset.regions,
            strengths=preset.strengths,
            told=made.parameters if prior.condition else None,
            wanted=wanted(made.parameters[0], preset) if prior.condition else None,
        )
        return Instance(problem=problem, truth=ideal, label=f"face {index * count}")

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        problem, strengths = instance.problem, instance.problem.strengths
        numbers, own = read(estimate), readable(problem.names)
        found = scores.local(estimate, problem.regions, strengths)
        edited, none = scores.outside_alone(estimate, problem.regions, strengths)
        unedited = estimate[0, 0, strengths.index(0.0)]
        told = {
            "success": float(scores.success(numbers, own, strengths)[:, 0].float().mean()),
            **{name: found[name] for name in ("leak", "effect", "linearity", "oddness")},
            "doubling": abs(found["doubling"] - 2),
            "ssim_outside": float(ssim(edited, none, 1.0).mean()),
            "lpips_outside": float(lpips_squeeze_caffe(edited, none).mean()),
            "reconstruction": float(psnr(unedited.flatten(0, 1), problem.pictures[0].flatten(0, 1), 1.0).clamp(max=99)),
        }
        if estimate.shape[1] > 1:
            told["transfer"] = found["transfer"]
            told["transfer_success"] = float(scores.same_way(numbers, own, strengths).float().mean())
        return told

    def quality(self, instance: Instance, estimate: Tensor) -> float:
        """The share of regions of which an edit succeeds."""
        own = readable(instance.problem.names)
        return float(scores.success(read(estimate), own, instance.problem.strengths)[:, 0].float().mean())

    def facts(self, instance: Instance, kept: Mapping[str, Tensor]) -> dict[str, float]:
        """How often the prior's network was called."""
        forward, backward = kept.get("network_calls", torch.zeros(2)).tolist()
        return {"network_calls": forward, "network_gradients": backward}

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """The faces as given, beside each other, and of each region the first picture at all strengths."""
        problem = instance.problem
        strips = {name: one[0].clamp(0, 1) for name, one in zip(problem.names, estimate, strict=True)}
        return {"image": torch.cat(list(problem.pictures), 2), **strips}


def readable(names: Sequence[str]) -> list[list[int]]:
    """For each region the places of its numbers among those that can be read."""
    counted = _counted()
    return [[counted.index(one) for one in attributes.ATTRIBUTES[name] if one in counted] for name in names]


def read(pictures: Tensor) -> Tensor:
    """(..., n): the numbers that can be read, in standard deviations over faces, of pictures (..., 3, H, W)."""
    reader = face_reader()
    found = reader.numbers(pictures.clamp(0, 1).flatten(0, -4)) / reader.spread
    places = attributes.places(_counted())
    return found[:, places].reshape(*pictures.shape[:-3], len(places))


def ideal_edits(parameters: Tensor, name: str, preset: Faces) -> Tensor:
    """(P, S, 3, H, W): faces (P, 37) rendered with the number that stands for a region moved, as far as its range goes."""
    [place] = attributes.places((_IDEAL[name],))
    step = _SPREAD * face_reader().spread[place] / max(map(abs, preset.strengths))
    moved = parameters[:, None].repeat(1, len(preset.strengths), 1)
    moved[..., place] += step * torch.tensor(preset.strengths)
    made = faces.render(attributes.valid(moved.flatten(0, 1)), preset.size).pictures
    return made.reshape(len(parameters), len(preset.strengths), *made.shape[1:])


def wanted(parameters: Tensor, preset: Faces) -> Tensor:
    """(R, 37): a face (37,) with the number that stands for a region moved towards the farther end of its range."""
    places = attributes.places(tuple(_IDEAL[name] for name in preset.regions))
    found = parameters.repeat(len(places), 1)
    for row, place in zip(found, places, strict=True):
        low, high = faces.RANGES[faces.NAMES[place]]
        row[place] = high if row[place] < (low + high) / 2 else low
    return found
