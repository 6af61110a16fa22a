"""BYOL on video: from one clip of a video guess what a running average of the network makes of the other; and ViDiDi in it.

    min over f, g, q   2 - 2 cos(q(g(f(a))), g'(f'(b)))  +  the same with a and b swapped,    theta' <- m theta' + (1 - m) theta

`vididi_byol` feeds a and b as frames, first or second temporal differences by a schedule (methods/videos/_orders.py); as
many steps of the same training (methods/videos/_training.py). Embedding: f of ten clips of a video, averaged.
Source: arXiv:2409.02371, after arXiv:2006.07733
"""

from typing import Literal

from torch import Tensor

from benchmark import Clips, Context, Count, Fraction, NonNegative, Positive, Retrieval, method
from methods.videos._encoders import encoder_named, seeded
from methods.videos._losses import Byol
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
    warmup: NonNegative = 40.0,
    decay: Fraction = 0.99,
    hidden: Count = 4096,
    width: Count = 256,
) -> dict[str, Tensor]:
    network = encoder_named(encoder, ctx)
    model = seeded(ctx, lambda: Byol(network, hidden, width, decay))
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
    "byol",
    solves="Retrieval",
    kind="self-supervised",
    paper="arXiv:2006.07733",
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
            "hidden": 256,
            "width": 128,
            "warmup": 1.0,
        },
        # R@1 of vididi_byol, tuning, half as many steps: .269; hidden 256, width 128, decay of weights 1e-6: .194.
        "video_retrieval/small*": {
            "encoder": "conv4",
            "size": 24,
            "placing": "random",
            "batch": 32,
            "cycles": 12,
            "optimiser": "adam",
            "least": 0.5,
            "lr": 1e-3,
            "hidden": 1024,
            "width": 256,
            "weight_decay": 1e-4,
            "warmup": 1.0,
        },
    },
)
def byol(
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
    """BYOL: from one clip of a video guess what a running average of the network makes of the other."""
    return embedded(problem, ctx, learnt, encoder, statistics, frames=frames, size=size, views=views, features=features)


@method(
    "vididi_byol",
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
            "hidden": 256,
            "width": 128,
            "warmup": 1.0,
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
            "hidden": 1024,
            "width": 256,
            "weight_decay": 1e-4,
            "warmup": 1.0,
        },
    },
)
def vididi_byol(
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
    """ViDiDi in BYOL: two clips of a video, as frames and as their temporal differences."""
    return embedded(problem, ctx, learnt, encoder, statistics, frames=frames, size=size, views=views, features=features)
