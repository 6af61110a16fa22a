"""SimCLR on video: two clips of a video are told from those of all other videos; and ViDiDi in it.

    min over f, g   L(a, b) + L(b, a),   L(a, b) = -mean_i log( exp(cos(z_i, z'_i) / tau) / sum_j exp(cos(z_i, z'_j) / tau) )
    z = g(f(a)), z' = g(f(b)),    a, b two augmented clips of a video, j over the batch (B - 1 negatives, all of the other clip)

`vididi_simclr` feeds a and b as frames, first or second temporal differences by a schedule (methods/videos/_orders.py); as
many steps of the same training (methods/videos/_training.py). `first_frame` is SimCLR on single frames, which sees no motion.
Embedding: f of ten clips of a video, averaged; `features` and `statistics` as in methods/videos/_embedding.py and training.py.
Source: arXiv:2409.02371, after arXiv:2002.05709
"""

from functools import partial
from typing import Literal

from torch import Tensor

from benchmark import Clips, Context, Count, Fraction, NonNegative, Positive, Retrieval, method
from methods.videos._encoders import encoder_named, seeded
from methods.videos._losses import Joint, info_nce
from methods.videos._training import Recipe, embedded, pretrain


def train(
    training: Clips,
    ctx: Context,
    *,
    encoder: Literal["conv4", "r3d_18", "r2plus1d_18"] = "r3d_18",
    frames: Count = 8,
    size: Count = 112,
    orders: Literal["schedule", "random", "same", "mixed", "frames"] = "frames",
    coin: bool = False,
    placing: Literal["adjacent", "random"] = "adjacent",
    jitter: Literal["clip", "frame"] = "clip",
    least: Fraction = 0.08,
    share: Fraction = 1.0,
    cycles: Count = 100,
    batch: Count = 64,
    optimiser: Literal["adam", "lars"] = "lars",
    lr: Positive = 1.2,
    weight_decay: NonNegative = 1e-6,
    warmup: NonNegative = 0.0,
    temperature: Positive = 0.1,
    width: Count = 2048,
) -> dict[str, Tensor]:
    network = encoder_named(encoder, ctx)
    model = seeded(ctx, lambda: Joint(network, width, partial(info_nce, temperature=temperature)))
    recipe = Recipe(
        frames=frames,
        size=size,
        cycles=cycles,
        batch=batch,
        optimiser=optimiser,
        lr=lr,
        weight_decay=weight_decay,
        warmup=warmup,
        least=least,
        jitter=jitter,
        placing=placing,
        share=share,
        orders=orders,
        coin=coin,
    )
    return pretrain(training, ctx, model, recipe)


@method(
    "simclr",
    solves="Retrieval",
    kind="self-supervised",
    paper="arXiv:2002.05709",
    fit=train,
    settings={
        "video_retrieval/tiny": {
            "encoder": "conv4",
            "size": 16,
            "batch": 8,
            "cycles": 1,
            "optimiser": "adam",
            "least": 0.5,
            "lr": 1e-3,
            "width": 256,
        },
        "video_retrieval/small*": {
            "encoder": "conv4",
            "size": 24,
            "placing": "random",
            "batch": 32,
            "cycles": 12,
            "optimiser": "adam",
            "least": 0.5,
            "lr": 1e-3,
            "width": 256,
        },
    },
)
def simclr(
    problem: Retrieval,
    ctx: Context,
    learnt: dict[str, Tensor],
    *,
    encoder: Literal["conv4", "r3d_18", "r2plus1d_18"] = "r3d_18",
    frames: Count = 8,
    size: Count = 112,
    views: Count = 10,
    features: Literal["frames", "differences", "both"] = "frames",
    statistics: Literal["running", "frames"] = "running",
) -> Tensor:
    """SimCLR: tells two clips of a video from those of all other videos."""
    return embedded(problem, ctx, learnt, encoder, statistics, frames=frames, size=size, views=views, features=features)


@method(
    "vididi_simclr",
    solves="Retrieval",
    kind="self-supervised",
    paper="arXiv:2409.02371",
    fit=train,
    settings={
        "*": {"orders": "schedule", "coin": True},
        "video_retrieval/tiny": {
            "encoder": "conv4",
            "size": 16,
            "batch": 8,
            "cycles": 1,
            "optimiser": "adam",
            "least": 0.5,
            "lr": 1e-3,
            "width": 256,
        },
        "video_retrieval/small*": {
            "encoder": "conv4",
            "size": 24,
            "placing": "random",
            "batch": 32,
            "cycles": 12,
            "optimiser": "adam",
            "least": 0.5,
            "lr": 1e-3,
            "width": 256,
        },
    },
)
def vididi_simclr(
    problem: Retrieval,
    ctx: Context,
    learnt: dict[str, Tensor],
    *,
    encoder: Literal["conv4", "r3d_18", "r2plus1d_18"] = "r3d_18",
    frames: Count = 8,
    size: Count = 112,
    views: Count = 10,
    features: Literal["frames", "differences", "both"] = "frames",
    statistics: Literal["running", "frames"] = "running",
) -> Tensor:
    """ViDiDi in SimCLR: two clips of a video, as frames and as their temporal differences."""
    return embedded(problem, ctx, learnt, encoder, statistics, frames=frames, size=size, views=views, features=features)


@method(
    "first_frame",
    solves="Retrieval",
    kind="self-supervised",
    paper="arXiv:2002.05709",
    fit=train,
    settings={
        "*": {"frames": 1, "views": 1},
        "video_retrieval/tiny": {
            "encoder": "conv4",
            "size": 16,
            "batch": 8,
            "cycles": 1,
            "optimiser": "adam",
            "least": 0.5,
            "lr": 1e-3,
            "width": 256,
        },
        "video_retrieval/small*": {
            "encoder": "conv4",
            "size": 24,
            "placing": "random",
            "batch": 32,
            "cycles": 12,
            "optimiser": "adam",
            "least": 0.5,
            "lr": 1e-3,
            "width": 256,
        },
    },
)
def first_frame(
    problem: Retrieval,
    ctx: Context,
    learnt: dict[str, Tensor],
    *,
    encoder: Literal["conv4", "r3d_18", "r2plus1d_18"] = "r3d_18",
    frames: Count = 8,
    size: Count = 112,
    views: Count = 10,
    features: Literal["frames", "differences", "both"] = "frames",
    statistics: Literal["running", "frames"] = "running",
) -> Tensor:
    """SimCLR on single frames; a video is its first frame."""
    return embedded(problem, ctx, learnt, encoder, statistics, frames=frames, size=size, views=views, features=features)
