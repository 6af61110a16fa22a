"""Local editing: change one region of a picture by a diffusion prior, at several strengths, and leave the rest as it is.

Given   pictures (P, 3, H, W), regions (P, R, H, W), strengths -s, -s/2, 0, s/2, s, a diffusion prior; where the prior is told
        what pictures show, the 37 numbers of each face (or prompts), and what is wanted of each region
Answer  edited pictures (R, P, S, 3, H, W); the direction of a region is found on the first picture alone
Score   success: share of regions whose own numbers move by a standard deviation at some strength while no other moves by more
        than half of one, each by twice the error of reading it where that is more (benchmark/editing); leak outside, effect
        inside, linearity, oddness, transfer; SSIM and LPIPS-squeeze (Caffe) of what is outside. All against the picture without
        an edit of the same way
Truth   the ideal edit, which no prior makes: the face rendered with one number of the region moved, up to 2 standard
        deviations. Of a user's photographs the photograph, for nobody knows
Data    tiny, small*: rendered faces of known parameters and exact regions (benchmark/datasets/faces.py), others for tests than
        for tuning. full: a user's photographs and masks in --data-dir (benchmark/datasets/region_masks.py)
Prior   a diffusion prior of such faces; --source prior=FOLDER puts another in its place. full: yours. full_text: yours, told
        numbers, or prompts: a folder of StableDiffusionPipeline or LatentConsistencyModelPipeline (unet, vae, scheduler,
        text_encoder, tokenizer), whose size the pictures get; told/PHOTOGRAPH.csv holds either (benchmark/datasets/wishes.py).
        Of a prior of latents regions are of pixels, directions of latents
Source  arXiv:2409.02374, whose success rate people judged on CelebA-HQ; nobody judges here
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from benchmark import Axis, Count, Editing, Instance, Metric, Picture, Positive, Preset, TaskSpec, UserError, task
from benchmark.datasets import faces, photographs, region_masks, wishes
from benchmark.datasets.sources import SOURCES, Folder
from benchmark.editing import attributes, rendered, scores
from benchmark.editing.outline import outlined
from benchmark.metrics.image import psnr, ssim
from benchmark.metrics.perceptual import lpips_squeeze_caffe
from benchmark.priors import shipped
from benchmark.priors.prior import Prior
from benchmark.seeds import Split


class Edits(Preset):
    """size: pixels a side; strength: the largest, in x_t on the scale [-1, 1]."""

    size: Count
    strength: Positive

    @property
    def strengths(self) -> tuple[float, ...]:
        """The strengths of the edits, rising."""
        return (-self.strength, -self.strength / 2, 0.0, self.strength / 2, self.strength)


class Faces(Edits):
    """regions: those of benchmark/editing/attributes.py; others: further faces to which each direction is taken."""

    size: Count = 64
    strength: Positive = 8.0
    regions: tuple[Literal["mouth", "eyes", "brows", "nose", "hair", "skin"], ...] = (
        "mouth",
        "eyes",
        "brows",
        "nose",
        "hair",
        "skin",
    )
    others: int = 0
    data: tuple[str, ...] = ("head", "face_reader", "face_reader_card")
    prior: str = "faces64"

    @model_validator(mode="after")
    def _can_be_scored(self) -> Self:
        if not self.regions or len(set(self.regions)) < len(self.regions):
            raise ValueError(f"regions {self.regions}: one or more, each once")
        if self.others < 0 or (self.others > 0) == ("others" in self.lacks):
            raise ValueError(f"others {self.others}: 1 or more, or it lacks them")
        return self


class Own(Edits):
    """A user's photographs with masks, and a user's prior. latents: the largest strength where the prior is of latents."""

    latents: Positive = 10.0
    data: tuple[str, ...] = ("photographs", "masks", "prior")
    prior: str = "prior"


# Of photographs that nobody knows the numbers of.
_SEEN = (
    "local",
    "leak",
    "effect",
    "linearity",
    "doubling",
    "oddness",
    "ssim_outside",
    "lpips_outside",
    "reconstruction",
    "network_calls",
    "network_gradients",
)
_STRENGTH = Axis(name="share of the largest strength", start=-1.0, step=0.5)
_ABOUT = (
    "The picture at each strength; in the middle without an edit, with the region outlined. truth: one number of it rendered"
)

SPEC = TaskSpec(
    name="image_editing",
    version=1,
    title="Local image editing",
    poses="Editing",
    baseline="random_direction",
    source="arXiv:2409.02374",
    offers=("image", "range", "prior", "told", "others"),
    metrics=(
        Metric(
            name="success",
            better="higher",
            least=0.0,
            most=1.0,
            primary=True,
            tolerance=0.34,
            description="share of regions of which at some strength a number that belongs to it moves by 1 standard deviation "
            "over faces or more, and every other by 0.5 at most, each by twice its reading's error where that is more; numbers "
            "are read off the edited pictures by a network, only those that it reads well (R2 above 0.6), and only regions "
            "with such a number are counted; 0 without an edit",
        ),
        Metric(
            name="named",
            better="higher",
            least=0.0,
            most=1.0,
            of="told",
            tolerance=0.34,
            description="share of regions of which at some strength the number that was to change moves by 1 standard "
            "deviation or more, and every number of other regions, or of none, by 0.5 at most; errors as above; 0 without one",
        ),
        Metric(
            name="local",
            better="higher",
            least=0.0,
            most=1.0,
            tolerance=0.34,
            description="share of regions whose edit can be seen and stays there: effect 0.03 or more, leak 0.5 or less; 0 "
            "without an edit",
        ),
        Metric(
            name="leak",
            better="lower",
            least=0.0,
            most=10.0,
            tolerance=1.0,
            description="change outside the region over change inside it, at the largest strength, both signs, 10 at most and "
            "where nothing changes; median over regions",
        ),
        Metric(
            name="effect",
            better="higher",
            least=0.0,
            tolerance=0.05,
            description="root mean square of the change inside the region that turns with the sign of the strength, at the "
            "largest strength, range 1, mean over regions",
        ),
        Metric(
            name="linearity",
            better="higher",
            least=-1.0,
            most=1.0,
            tolerance=0.1,
            description="cosine of the change at the largest strength and at half of it, mean over regions",
        ),
        Metric(
            name="doubling",
            better="lower",
            least=0.0,
            tolerance=0.3,
            description="| size of the change at the largest strength over that at half of it - 2 |, mean over regions; 0 "
            "where the edit is linear",
        ),
        Metric(
            name="oddness",
            better="higher",
            least=-1.0,
            most=1.0,
            tolerance=0.1,
            description="cosine of the change at the largest strength and of minus that at its opposite, mean over regions",
        ),
        Metric(
            name="ssim_outside",
            better="higher",
            least=-1.0,
            most=1.0,
            tolerance=0.05,
            description="structural similarity of edited and unedited picture, the region left out, at plus and minus the "
            "largest strength, mean over regions, range 1",
        ),
        Metric(
            name="lpips_outside",
            better="lower",
            least=0.0,
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
            least=-1.0,
            most=1.0,
            of="others",
            tolerance=0.1,
            description="cosine of the change of the first picture and of the change of another by the same direction, mean "
            "over regions and other pictures",
        ),
        Metric(
            name="transfer_success",
            better="higher",
            least=0.0,
            most=1.0,
            of="others",
            tolerance=0.2,
            description="share of regions and other pictures in which the number that moves most in the first picture moves "
            "the same way, by half as much or more",
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
    ),
    pictures=(
        Picture(
            kind="strip",
            title="every region",
            about="The picture without an edit, then with each region edited in turn, at the largest strength",
            low=0.0,
            high=1.0,
        ),
        Picture(name="mouth", kind="strip", title="mouth", about=_ABOUT, axis=_STRENGTH, low=0.0, high=1.0),
        Picture(name="eyes", kind="strip", title="eyes", about=_ABOUT, axis=_STRENGTH, low=0.0, high=1.0),
        Picture(name="brows", kind="strip", title="brows", about=_ABOUT, axis=_STRENGTH, low=0.0, high=1.0),
        Picture(name="nose", kind="strip", title="nose", about=_ABOUT, axis=_STRENGTH, low=0.0, high=1.0),
        Picture(name="hair", kind="strip", title="hair", about=_ABOUT, axis=_STRENGTH, low=0.0, high=1.0),
        Picture(name="skin", kind="strip", title="skin", about=_ABOUT, axis=_STRENGTH, low=0.0, high=1.0),
    ),
    presets={
        "tiny": Faces(
            instances=2, budget=10, regions=("mouth", "hair"), lacks=("others",), about="64 x 64, rendered faces, two regions"
        ),
        "small": Faces(instances=6, budget=240, lacks=("others", "told"), about="64 x 64, rendered faces, six regions"),
        "small_text": Faces(
            instances=6,
            budget=240,
            lacks=("others",),
            about="64 x 64, rendered faces, six regions; the prior is told the face's 37 numbers, and a wish for each region",
        ),
        "small_transfer": Faces(
            instances=4,
            budget=240,
            others=3,
            lacks=("told",),
            about="64 x 64, rendered faces, six regions; each direction on three other faces too",
        ),
        "full": Own(
            instances=10,
            budget=7200,
            size=256,
            strength=15.0,
            lacks=("others", "told"),
            metrics=_SEEN,
            about="256 x 256; photographs, masks and prior yours",
        ),
        "full_text": Own(
            instances=10,
            budget=7200,
            size=256,
            strength=15.0,
            data=("photographs", "masks", "told", "prior"),
            lacks=("others",),
            metrics=_SEEN,
            about="256 x 256, or as a prior that takes prompts has it; photographs, masks, prior, what it is told of each and "
            "what is wanted yours",
        ),
    },
)


@task(SPEC)
class ImageEditing:
    data_dir: Path | None = None  # set by the runner

    def make(self, preset: Any, split: Split, index: int, generator: torch.Generator) -> Instance:
        prior = (_in_words(self.data_dir) if "told" in preset.data else None) or shipped.prior(
            preset.prior, (3, preset.size, preset.size), self.data_dir
        )
        return self._of_faces(preset, prior, split, index) if "head" in preset.data else self._own(preset, prior, split, index)

    def _of_faces(self, preset: Faces, prior: Prior, split: Split, index: int) -> Instance:
        count = 1 + preset.others
        made = faces.drawn("test" if split == "test" else "tune", index * count, count, preset.size)
        told = bool(prior.condition) and "told" not in preset.lacks
        if "told" not in preset.lacks and prior.condition != len(faces.NAMES):
            raise UserError(f"the prior is told {prior.condition} numbers; this preset needs one that is told the 37 of a face")
        problem = Editing(
            prior=prior,
            pictures=made.pictures,
            regions=torch.stack([attributes.mask(made.labels, name) for name in preset.regions], 1),  # (P, R, H, W)
            names=preset.regions,
            strengths=preset.strengths,
            told=made.parameters if told else None,
            wanted=rendered.wanted(made.parameters[0], preset.regions) if told else None,
        )
        ideal = [rendered.ideal(made.parameters, name, preset.strengths, preset.size) for name in preset.regions]
        return Instance(problem=problem, truth=torch.stack(ideal), label=f"{split} face {index * count}")

    def _own(self, preset: Own, prior: Any, split: Split, index: int) -> Instance:
        file = photographs.pick(preset.data, split, index, self.data_dir)
        of_latents = hasattr(prior, "picture_shape")
        size = prior.picture_shape[1] if of_latents else preset.size
        found = region_masks.regions(file, self._files("masks"), size)
        told, wanted = self._said(file, tuple(found), prior) if "told" in preset.data else (None, None)
        picture = photographs.square(file, size)
        strengths = (preset.model_copy(update={"strength": preset.latents}) if of_latents else preset).strengths
        problem = Editing(
            prior=prior,
            pictures=picture[None],
            regions=torch.stack(list(found.values()))[None],
            names=tuple(found),
            strengths=strengths,
            told=told,
            wanted=wanted,
        )
        truth = picture.expand(len(found), 1, len(strengths), *picture.shape)
        return Instance(problem=problem, truth=truth.clone(), label=file.stem)

    def _said(self, file: Path, regions: tuple[str, ...], prior: Prior) -> tuple[Tensor, Tensor]:
        """The words for the photograph (1, n) and for each region (R, n): numbers, or prompts for a prior that embeds them."""
        tables = self._files("told")
        if not hasattr(prior, "embedded"):
            return wishes.of(file, tables, regions, prior.condition)
        shown, wanted = wishes.in_words(file, tables, regions)
        try:
            found = prior.embedded([shown, *wanted])
        except ValueError as error:
            raise UserError(f"told/{file.stem}.csv: {error}") from None
        return found[:1], found[1:]

    def _files(self, name: str) -> list[Path]:
        source = SOURCES[name]
        assert isinstance(source, Folder)
        return source.files(self.data_dir)

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        problem, strengths, estimate = instance.problem, instance.problem.strengths, estimate.clamp(0, 1)
        found = scores.local(estimate, problem.regions, strengths)
        edited, none = scores.outside_alone(estimate, problem.regions, strengths)
        unedited = estimate[0, 0, strengths.index(0.0)]
        return {
            **_success(instance, estimate),
            **found,
            "doubling": abs(found["doubling"] - 2),
            "ssim_outside": float(ssim(edited, none, 1.0).mean()),
            "lpips_outside": float(lpips_squeeze_caffe(edited, none).mean()),
            "reconstruction": float(psnr(unedited.flatten(0, 1), problem.pictures[0].flatten(0, 1), 1.0).clamp(max=99)),
        }

    def quality(self, instance: Instance, estimate: Tensor) -> float:
        """The share of regions whose edit succeeds; of a user's photographs, is local."""
        found, problem = _success(instance, estimate), instance.problem
        return found["success"] if found else scores.local(estimate.clamp(0, 1), problem.regions, problem.strengths)["local"]

    def facts(self, instance: Instance, kept: Mapping[str, Tensor]) -> dict[str, float]:
        """How often the prior's network was called."""
        forward, backward = kept.get("network_calls", torch.zeros(2)).tolist()
        return {"network_calls": forward, "network_gradients": backward}

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """The first picture with each region edited in turn, and of each region at all strengths."""
        problem, seen = instance.problem, estimate[:, 0].clamp(0, 1)  # (R, S, 3, H, W)
        none = problem.strengths.index(0.0)
        strips = {}
        for name, region, strip in zip(problem.names, problem.regions[0], seen.clone(), strict=True):
            strip[none] = outlined(strip[none], region)
            strips[name] = strip
        return {"image": torch.cat([seen[:1, none], seen[:, -1]]), **strips}


def _in_words(data_dir: Path | None) -> Prior | None:
    """The user's prior where it takes prompts. By name, so that its code is in the key of runs with a user's prior alone."""
    found: Prior | None = import_module("benchmark.priors.text.folder").prior("prior", data_dir)
    return found


def _success(instance: Instance, estimate: Tensor) -> dict[str, float]:
    """Shares of regions as a reader of rendered faces sees them; nothing of a user's photographs."""
    problem, strengths = instance.problem, instance.problem.strengths
    if bool((instance.truth == instance.truth[:, :, :1]).all()):  # nobody knows an ideal edit
        return {}
    own, numbers = rendered.readable(problem.names), rendered.read(estimate)

    def share(regions: Iterable[int], named: Sequence[int] | None = None) -> float:
        which = list(regions)
        return float(
            scores.success(numbers[which], [own[i] for i in which], strengths, rendered.errors(), named)[:, 0].float().mean()
        )

    found = {"success": share(own)}
    if problem.wanted is not None:
        named = rendered.named(problem.names)
        found["named"] = share(named, list(named.values()))
    if estimate.shape[1] > 1:
        found["transfer_success"] = float(scores.same_way(numbers[list(own)], list(own.values()), strengths).float().mean())
    return found
