"""BYOL on video: from one clip of a video guess what a running average of the network makes of the other; with or without
ViDiDi inputs.

    min over f, g, q   2 - 2 cos(q(g(f(a))), g'(f'(b)))  +  the same with a and b swapped,    theta' <- m theta' + (1 - m) theta

`vididi_byol` feeds a and b as frames, first or second temporal differences by a schedule (methods/videos/_orders.py); as
many steps of the same training (methods/videos/_training.py). Embedding: f of ten clips of a video, averaged.
Source: arXiv:2409.02371, after arXiv:2006.07733
"""

from dataclasses import dataclass

from torch import Tensor

from benchmark import Clips, Context, Count, Fraction, NonNegative, Retrieval, method
from methods.videos._encoders import encoder_named, seeded
from methods.videos._losses import Byol
from methods.videos._training import COMMON, SMALL, TINY, VIDIDI, Reading, Recipe, embedded, pretrain

_SETTINGS = {
    "video_retrieval/tiny": {**TINY, "hidden": 256, "width": 128, "warmup": 1.0},
    # R@1 of vididi_byol, tuning, half as many steps: .269; hidden 256, width 128, decay of weights 1e-6: .194.
    "video_retrieval/small*": {**SMALL, "hidden": 1024, "width": 256, "weight_decay": 1e-4, "warmup": 1.0},
}
_VIDIDI = {"*": VIDIDI, **_SETTINGS}


@dataclass(frozen=True)
class BYOL(Recipe):
    """Training, the running average's m, and the widths of projector and predictor."""

    warmup: NonNegative = 40.0
    decay: Fraction = 0.99
    hidden: Count = 4096
    width: Count = 256


def train(training: Clips, ctx: Context, given: BYOL) -> dict[str, Tensor]:
    network = encoder_named(given.encoder, ctx)
    model = seeded(ctx, lambda: Byol(network, given.hidden, given.width, given.decay))
    return pretrain(training, ctx, model, given)


@method("byol", paper="arXiv:2006.07733", settings=_SETTINGS, fit=train, learns=BYOL, parameters=Reading, **COMMON)
def byol(problem: Retrieval, ctx: Context, learnt: dict[str, Tensor], given: Reading) -> Tensor:
    """BYOL: from one clip of a video guess what a running average of the network makes of the other."""
    return embedded(problem, ctx, learnt, given)


@method("vididi_byol", paper="arXiv:2409.02371", settings=_VIDIDI, fit=train, learns=BYOL, parameters=Reading, **COMMON)
def vididi_byol(problem: Retrieval, ctx: Context, learnt: dict[str, Tensor], given: Reading) -> Tensor:
    """ViDiDi in BYOL: two clips of a video, as frames and as their temporal differences."""
    return embedded(problem, ctx, learnt, given)
