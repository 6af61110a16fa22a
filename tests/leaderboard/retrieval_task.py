"""A small task of retrieval for the tests of the leaderboard: 15 motions, and backgrounds that mislead who goes by them."""

import torch
from torch import Tensor

from benchmark import Count, Instance, Metric, Preset, Retrieval, TaskSpec, UserError, task
from benchmark.datasets import motions
from benchmark.seeds import Split


class Sizes(Preset):
    """Videos of each class: in the gallery, and as queries; frames of each, and every which of them."""

    gallery: Count = 4
    queries: Count = 2
    every: Count = 1
    own_data: bool = False


SPEC = TaskSpec(
    name="moving",
    version=1,
    title="Moving (for tests)",
    poses="Retrieval",
    baseline="mean_colour",
    source="none",
    metrics=(Metric(name="nearest_right", better="higher", primary=True, description="share of the queries"),),
    presets={
        "tiny": Sizes(instances=1, budget=10, gallery=2, queries=1, every=6),
        "small": Sizes(instances=2, budget=10),
        "full": Sizes(instances=1, budget=10, own_data=True),
    },
)


@task(SPEC)
class Moving:
    classes = motions.CLASSES
    data_dir = None

    def make(self, preset: Sizes, split: Split, index: int, generator: torch.Generator) -> Instance:
        if preset.own_data:
            raise UserError("needs your own videos: --data-dir FOLDER")
        found = motions.load("test")
        views = len(found.labels) // len(motions.CLASSES)
        drawn = torch.stack([views * c + torch.randperm(views, generator=generator) for c in range(len(motions.CLASSES))])
        parts = drawn[:, : preset.gallery].flatten(), drawn[:, preset.gallery : preset.gallery + preset.queries].flatten()
        crops = motions.backgrounds("test", len(motions.CLASSES), generator)
        clips, truth = [], []
        for part, agree in zip(parts, motions.AGREE.values(), strict=True):
            mine = part[torch.randperm(len(part), generator=generator)]
            grounds = motions.assign(found.labels[mine], len(crops), generator, agree)
            clips.append(motions.compose(found, mine, crops[grounds])[:, :: preset.every])
            truth.append(torch.stack([found.labels[mine], grounds], 1))
        return Instance(problem=Retrieval(gallery=clips[0], queries=clips[1]), truth=torch.cat(truth), label="15 motions")

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        nearest = self.picture(instance, estimate)["image"][:, 0].long()
        mine = instance.problem.split(instance.truth[:, 0])[1]
        return {"nearest_right": float((instance.truth[nearest, 0] == mine).float().mean())}

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        """The ten nearest of each query; of the truth, videos of its class, which come first if only classes count."""
        rows = torch.nn.functional.one_hot(estimate[:, 0]).float() if estimate.dtype == torch.int64 else estimate
        gallery, queries = instance.problem.split(torch.nn.functional.normalize(rows, dim=1))
        return {"image": (queries @ gallery.T).topk(10, dim=1).indices.float()}
