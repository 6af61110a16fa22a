"""Random encoder: an untrained network, the floor that learning must leave.

    z(v) = mean over clips c of v  f(c),    f of weights drawn at random (with each seed and instance anew)
Source: the usual control; in arXiv:2409.02371 a reference of retrieval
"""

from typing import Literal

from torch import Tensor

from benchmark import Context, Count, Retrieval, method
from methods.videos._embedding import embed
from methods.videos._encoders import encoder_named


@method(
    "random_encoder",
    solves="Retrieval",
    kind="untrained",
    paper="arXiv:2409.02371",
    settings={
        "video_retrieval/tiny": {"encoder": "conv4", "size": 16},
        "video_retrieval/small*": {"encoder": "conv4", "size": 24},
    },
)
def random_encoder(
    problem: Retrieval,
    ctx: Context,
    *,
    encoder: Literal["conv4", "r3d_18", "r2plus1d_18"] = "r3d_18",
    frames: Count = 8,
    size: Count = 112,
    views: Count = 10,
    features: Literal["frames", "differences", "both"] = "frames",
) -> Tensor:
    return embed(encoder_named(encoder, ctx), problem, ctx, frames=frames, size=size, views=views, features=features)
