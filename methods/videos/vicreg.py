"""VICReg on video: two clips of a video lie near each other, while features vary and no two say the same; with or without
ViDiDi inputs.

    min over f, g   2 ( mean (z - z')^2 + mu (V(z) + V(z')) + nu (C(z) + C(z')) ),   z = g(f(a)), z' = g(f(b)) of two clips
    V(z) = mean_j relu(1 - sqrt(var_j(z) + 1e-4)) / 2,      C(z) = sum_{i != j} cov_ij(z)^2 / D

`vididi_vicreg` feeds a and b as frames, first or second temporal differences by a schedule (methods/videos/_orders.py); as
many steps of the same training (methods/videos/_training.py). Embedding: f of ten clips of a video, averaged.
Source: arXiv:2409.02371, after arXiv:2105.04906
"""

from dataclasses import dataclass
from functools import partial

from torch import Tensor

from benchmark import Clips, Context, Count, NonNegative, Retrieval, method
from methods.videos._encoders import encoder_named, seeded
from methods.videos._losses import Joint
from methods.videos._losses import vicreg as vicreg_loss
from methods.videos._training import COMMON, SMALL, TINY, VIDIDI, Reading, Recipe, embedded, pretrain

_SETTINGS = {"video_retrieval/tiny": {**TINY, "width": 256}, "video_retrieval/small*": {**SMALL, "width": 256}}
_VIDIDI = {"*": VIDIDI, **_SETTINGS}


@dataclass(frozen=True)
class VICReg(Recipe):
    """Training, the weights mu and nu, and the projector's width."""

    variance: NonNegative = 1.0
    covariance: NonNegative = 0.04
    width: Count = 2048


def train(training: Clips, ctx: Context, given: VICReg) -> dict[str, Tensor]:
    network = encoder_named(given.encoder, ctx)
    model = seeded(
        ctx, lambda: Joint(network, given.width, partial(vicreg_loss, variance=given.variance, covariance=given.covariance))
    )
    return pretrain(training, ctx, model, given)


@method("vicreg", paper="arXiv:2105.04906", settings=_SETTINGS, fit=train, learns=VICReg, parameters=Reading, **COMMON)
def vicreg(problem: Retrieval, ctx: Context, learnt: dict[str, Tensor], given: Reading) -> Tensor:
    """VICReg: two clips of a video lie near each other, while features vary and say different things."""
    return embedded(problem, ctx, learnt, given)


@method("vididi_vicreg", paper="arXiv:2409.02371", settings=_VIDIDI, fit=train, learns=VICReg, parameters=Reading, **COMMON)
def vididi_vicreg(problem: Retrieval, ctx: Context, learnt: dict[str, Tensor], given: Reading) -> Tensor:
    """ViDiDi in VICReg: two clips of a video, as frames and as their temporal differences."""
    return embedded(problem, ctx, learnt, given)
