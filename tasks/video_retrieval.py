"""Video retrieval: embed videos, having learnt from videos without labels, so that the nearest ones show the same motion.

    z = f(v),    nearest(q) = argmax_g <z_q, z_g> / (||z_q|| ||z_g||)          f learns on training videos alone

Given   training videos without labels; gallery and queries (videos, T, H, W, 3), uint8
Score   R@k: share of queries with a video of their class among their k nearest of the gallery (k = 1 ranks); background R@k:
        the same by the background's identity, the shortcut that must not be taken (lower is better); accuracy on the queries
        of logistic regression that learns on the gallery's embeddings (`probe`); cos(h(v), h(Dv)) over the same video less
        that over two videos, Dv the temporal difference, of methods that tell it (`consistency`)
Data    15 actions of motion capture, rendered, before photographs that stand still, out of focus (by 4 pixels) and in haze
        (30 % of their contrast): 24 frames, 10 a second, a window of 32 pixels around the body. Training videos: 40 views a
        class, each before four backgrounds of its own. Gallery and queries: 10 other views a class each, before 15 crops of
        other photographs: `clean`, whatever the class, or `biased`, where 9 of 10 gallery videos have the background of their
        class and no query has. A class is one take by one performer. Full: UCF101, HMDB51
Tuning  queries and gallery of further views, before other crops of the training photographs (the grey ones that are left for
        tuning elsewhere tell too little of backgrounds in colour); of UCF101 and HMDB51, training videos: those of every
        fifth group of takes are the queries, the rest the gallery, and all are learnt from
Source  arXiv:2409.02371
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from benchmark import Clips, Count, Fraction, Instance, Metric, NonNegative, Preset, Retrieval, TaskSpec, task
from benchmark.datasets import motions
from benchmark.datasets.sources import SOURCES, Folder
from benchmark.datasets.user_videos import Decoded, decode
from benchmark.datasets.video_splits import Name, Video
from benchmark.datasets.video_splits import split as official
from benchmark.metrics import retrieval
from benchmark.seeds import Split

_BACKGROUNDS = 15  # behind gallery and queries: one for each class where they agree
_SHOWN = 10  # nearest videos that a picture holds
_FRAMES, _STRIDE, _SIZE = 48, 3, 112  # of a filmed video


class Videos(Preset):
    """Every layout of backgrounds is a cell with `repeats` draws.

    videos: where they are from. Of rendered ones: views of each class in gallery and in queries; train_views of each class to
    learn from, each before `scenes` backgrounds; side of the window in pixels; focus: standard deviation in pixels of the
    backgrounds' blur; contrast: what is left of theirs. number: of the official split of filmed ones
    """

    grid: tuple[str, ...] = ("layout",)
    layout: tuple[Literal["clean", "biased", "as filmed"], ...] = ("clean", "biased")
    repeats: Count = 1
    videos: Literal["motions", "ucf101", "hmdb51"] = "motions"
    views: Count = 10
    train_views: Count = 40
    scenes: Count = 4
    side: Count = 32
    focus: NonNegative = 4.0
    contrast: Fraction = 0.3
    number: Count = 1

    @model_validator(mode="after")
    def _cells_fit(self) -> Self:
        self.check_cells(self.repeats)
        if (self.videos == "motions") == ("as filmed" in self.layout):
            raise ValueError(f"layout: videos of {self.videos} are not {', '.join(self.layout)}")
        return self


_HIGHER: dict[str, Any] = {"better": "higher", "tolerance": 0.1}
_LOWER: dict[str, Any] = {"better": "lower", "tolerance": 0.1}
_RENDERED = ("motions", "skimage_photographs", "sklearn_photographs")
_FILMED: dict[str, Any] = {
    "instances": 1,
    "budget": 7200,
    "fit_budget": 1e6,
    "layout": ("as filmed",),
    "metrics": ("recall_1", "recall_5", "recall_10", "probe", "consistency"),
}

SPEC = TaskSpec(
    name="video_retrieval",
    version=1,
    title="Video retrieval",
    poses="Retrieval",
    baseline="random_encoder",
    source="arXiv:2409.02371",
    offers=("training",),
    metrics=(
        Metric(
            name="recall_1",
            **_HIGHER,
            primary=True,
            description="R@1: share of queries whose nearest gallery video shows the same motion",
        ),
        Metric(
            name="recall_5", **_HIGHER, description="R@5: share of queries with their motion among the 5 nearest gallery videos"
        ),
        Metric(name="recall_10", **_HIGHER, description="R@10: the same among the 10 nearest"),
        Metric(
            name="background_1",
            **_LOWER,
            description="share of queries whose nearest gallery video has the same background: the shortcut",
        ),
        Metric(name="background_5", **_LOWER, description="the same background among the 5 nearest"),
        Metric(name="background_10", **_LOWER, description="the same background among the 10 nearest"),
        Metric(
            name="probe", **_HIGHER, description="accuracy on the queries of logistic regression on the gallery's embeddings"
        ),
        Metric(
            name="consistency",
            **_HIGHER,
            description="cosine of the features of a video and of its temporal difference less that over two videos; 0: untold",
        ),
    ),
    presets={
        "tiny": Videos(
            instances=2,
            budget=10,
            fit_budget=10,
            data=_RENDERED,
            views=2,
            train_views=2,
            scenes=1,
            about="2 views a class, 30 videos to learn from",
        ),
        "small": Videos(
            instances=6,
            budget=60,
            fit_budget=900,
            data=_RENDERED,
            repeats=3,
            about="15 rendered actions, 2,400 videos to learn from",
        ),
        "full": Videos(
            **_FILMED,
            data=("ucf101",),
            videos="ucf101",
            about="UCF101, split 1: its training videos are learnt from and are the gallery",
        ),
        "full_hmdb51": Videos(
            **_FILMED,
            data=("hmdb51", "ucf101"),
            videos="hmdb51",
            learns_as="full",
            about="HMDB51, split 1, after learning from UCF101",
        ),
    },
)


@task(SPEC)
class VideoRetrieval:
    classes: tuple[str, ...] = motions.CLASSES  # of the last instance made
    data_dir: Path | None = None  # set by the runner

    def make(self, preset: Videos, split: Split, index: int, generator: torch.Generator) -> Instance:
        if preset.videos != "motions":
            return self._filmed(preset.videos, preset.number, split)
        cells = preset.cells()
        (layout,) = cells[index % len(cells)]
        self.classes = motions.CLASSES
        part = "test" if split == "test" else "tuning train"
        views = motions.framed(motions.load(part), preset.side, generator)
        halves = _halves(views.labels, preset.views, generator)
        photographs = "test" if split == "test" else "train"
        scenes = motions.backgrounds(photographs, _BACKGROUNDS, generator, preset.side, preset.focus, preset.contrast)
        shares = (None, None) if layout == "clean" else (motions.AGREE["gallery"], motions.AGREE["queries"])
        shown = torch.cat(
            [
                motions.assign(views.labels[half], _BACKGROUNDS, generator, share)
                for half, share in zip(halves, shares, strict=True)
            ]
        )
        which, G = torch.cat(halves), len(halves[0])
        videos = motions.compose(views, which, scenes[shown])
        label = f"{layout} backgrounds ({index // len(cells) + 1})" + (", tuning" if split == "tuning" else "")
        return Instance(
            problem=Retrieval(gallery=videos[:G], queries=videos[G:]),
            truth=torch.stack([views.labels[which], shown], 1),
            label=label,
        )

    def training(self, preset: Videos, generator: torch.Generator) -> Clips:
        if preset.videos != "motions":
            _, train, _ = self._parts(preset.videos, preset.number, "test")
            return Clips(train.videos)
        views = motions.framed(motions.load("train"), preset.side, generator)
        each = [(views.labels == c).nonzero()[: preset.train_views, 0] for c in range(len(motions.CLASSES))]
        which = torch.cat(each).repeat(preset.scenes)
        scenes = motions.backgrounds("train", len(which), generator, preset.side, preset.focus, preset.contrast)
        return Clips(motions.compose(views, which, scenes))

    def _filmed(self, name: Name, number: int, split: Split) -> Instance:
        labels, gallery, queries = self._parts(name, number, split)
        label = f"{name}, split {number}" + (", tuning" if split == "tuning" else "")
        label += f": {len(gallery.videos)} + {len(queries.videos)} videos"
        if left := len(gallery.broken) + len(queries.broken):
            label += f", {left} left out"
        if padded := gallery.padded + queries.padded:
            label += f", {padded} looped"
        problem = Retrieval(gallery=gallery.videos, queries=queries.videos)
        return Instance(problem=problem, truth=labels, label=label)

    def _parts(self, name: Name, number: int, split: Split) -> tuple[Tensor, Decoded, Decoded]:
        """Labels (G + Q, 1), gallery and queries."""
        source = SOURCES[name]
        assert isinstance(source, Folder)
        folder = source.folder(self.data_dir)
        found = official(folder, name, number)
        self.classes = found.classes
        parts = (found.train, found.test) if split == "test" else _held_out(found.train)
        gallery, queries = (decode(part, _FRAMES, _STRIDE, _SIZE, folder / "decoded") for part in parts)
        labels = [
            torch.tensor([video.label for video in part])[done.kept]
            for part, done in zip(parts, (gallery, queries), strict=True)
        ]
        return torch.cat(labels)[:, None], gallery, queries

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        problem, truth = instance.problem, instance.truth
        nearest = _nearest(instance, estimate)
        found: dict[str, float] = {}
        for column, name in enumerate(("recall", "background")[: truth.shape[1]]):
            gallery, queries = problem.split(truth[:, column])
            shares = retrieval.recall(nearest, gallery, queries, (1, 5, 10))
            found |= {f"{name}_{k}": share for k, share in shares.items()}
        return found | {"probe": retrieval.probe(*problem.split(estimate), *problem.split(truth[:, 0]))}

    def quality(self, instance: Instance, estimate: Tensor) -> float:
        gallery, queries = instance.problem.split(instance.truth[:, 0])
        return retrieval.recall(_nearest(instance, estimate), gallery, queries, (1,))[1]

    def facts(self, instance: Instance, kept: Mapping[str, Tensor]) -> dict[str, float]:
        same, other = kept.get("cosines", torch.zeros(2)).tolist()
        return {"consistency": same - other}

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """Places in the gallery of the nearest ten of each query, (Q, 10); of the truth, of ten of the query's class."""
        if estimate.is_floating_point():
            return {"image": _nearest(instance, estimate).float()}
        gallery, queries = instance.problem.split(instance.truth[:, 0])
        k = min(_SHOWN, len(gallery))
        same = [(gallery == c).nonzero()[:, 0] for c in queries.tolist()]
        return {"image": torch.stack([mine[torch.arange(k) % len(mine)] for mine in same]).float()}


def _nearest(instance: Instance, estimate: Tensor) -> Tensor:
    gallery, queries = instance.problem.split(estimate)
    return retrieval.nearest(gallery, queries, min(_SHOWN, len(gallery)))


def _halves(labels: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Places of `count` views of each class for the gallery and of as many for the queries, of those there are half each."""
    found = []
    for c in range(len(motions.CLASSES)):
        mine = (labels == c).nonzero()[:, 0]
        each = min(count, len(mine) // 2)
        found.append(mine[torch.randperm(len(mine), generator=generator)[: 2 * each]].view(2, each))
    gallery, queries = torch.cat(found, 1)
    return gallery, queries


def _held_out(train: tuple[Video, ...]) -> tuple[tuple[Video, ...], tuple[Video, ...]]:
    """Training videos for tuning: gallery, and as queries those of every fifth group of takes of each class."""
    groups: dict[int, dict[str, None]] = {}
    for video in train:
        groups.setdefault(video.label, {})[_group(video)] = None
    asked = {(label, group) for label, mine in groups.items() for group in sorted(mine)[::5] if len(mine) > 1}
    parts: tuple[list[Video], list[Video]] = ([], [])
    for video in train:
        parts[(video.label, _group(video)) in asked].append(video)
    return tuple(parts[0]), tuple(parts[1])


def _group(video: Video) -> str:
    """What a video was cut from: UCF101's v_CLASS_gNN_cNN up to the group, HMDB51's FILM_CLASS_... up to the class."""
    stem = video.path.stem
    return stem.rpartition("_c")[0] or stem.partition(f"_{video.path.parent.name}_")[0]
