"""VICReg on video: two clips of a video lie near each other, while features vary and no two say the same; and ViDiDi in it.

    min over f, g   2 ( mean (z - z')^2 + mu (V(z) + V(z')) + nu (C(z) + C(z')) ),   z = g(f(a)), z' = g(f(b)) of two clips
    V(z) = mean_j relu(1 - sqrt(var_j(z) + 1e-4)) / 2,      C(z) = sum_{i != j} cov_ij(z)^2 / D

`vididi_vicreg` feeds a and b as frames, first or second temporal differences by a schedule (methods/videos/_orders.py); as
many steps of the same training (methods/videos/_training.py). Embedding: f of ten clips of a video, averaged.
Source: arXiv:2409.02371, after arXiv:2105.04906
"""

from functools import partial
from typing import Literal

from torch import Tensor

from benchmark import Clips, Context, Count, Fraction, NonNegative, Positive, Retrieval, method
from methods.videos._encoders import encoder_named, seeded
from methods.videos._losses import Joint
from methods.videos._losses import vicreg as vicreg_loss
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
    variance: NonNegative = 1.0,
    covariance: NonNegative = 0.04,
    width: Count = 2048,
) -> dict[str, Tensor]:
    network = encoder_named(encoder, ctx)
    model = seeded(ctx, lambda: Joint(network, width, partial(vicreg_loss, variance=variance, covariance=covariance)))
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
    "vicreg",
    solves="Retrieval",
    kind="self-supervised",
    paper="arXiv:2105.04906",
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
def vicreg(
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
    """VICReg: two clips of a video lie near each other, while features vary and say different things."""
    return embedded(problem, ctx, learnt, encoder, statistics, frames=frames, size=size, views=views, features=features)


@method(
    "vididi_vicreg",
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
def vididi_vicreg(
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
    """ViDiDi in VICReg: two clips of a video, as frames and as their temporal differences."""
    return embedded(problem, ctx, learnt, encoder, statistics, frames=frames, size=size, views=views, features=features)
