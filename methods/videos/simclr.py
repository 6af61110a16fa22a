"""SimCLR on video: two clips of a video are told from those of all other videos; with or without ViDiDi inputs.

    min over f, g   L(a, b) + L(b, a),   L(a, b) = -mean_i log( exp(cos(z_i, z'_i) / tau) / sum_j exp(cos(z_i, z'_j) / tau) )
    z = g(f(a)), z' = g(f(b)),    a, b two augmented clips of a video, j over the batch (B - 1 negatives, all of the other clip)

`vididi_simclr` feeds a and b as frames, first or second temporal differences by a schedule (methods/videos/_orders.py); as
many steps of the same training (methods/videos/_training.py). `first_frame` is SimCLR on single frames, which sees no motion.
Embedding: f of ten clips of a video, averaged; `features` and `statistics` as in methods/videos/_embedding.py and training.py.
Source: arXiv:2409.02371, after arXiv:2002.05709
"""

from dataclasses import dataclass
from functools import partial

from torch import Tensor

from benchmark import Clips, Context, Count, Positive, Retrieval, method
from methods.videos._encoders import encoder_named, seeded
from methods.videos._losses import Joint, info_nce
from methods.videos._training import COMMON, SMALL, TINY, VIDIDI, Reading, Recipe, embedded, pretrain

_SETTINGS = {"video_retrieval/tiny": {**TINY, "width": 256}, "video_retrieval/small*": {**SMALL, "width": 256}}
_VIDIDI = {"*": VIDIDI, **_SETTINGS}


@dataclass(frozen=True)
class SimCLR(Recipe):
    """Training, InfoNCE's temperature, and the projector's width."""

    temperature: Positive = 0.1
    width: Count = 2048


def train(training: Clips, ctx: Context, given: SimCLR) -> dict[str, Tensor]:
    network = encoder_named(given.encoder, ctx)
    model = seeded(ctx, lambda: Joint(network, given.width, partial(info_nce, temperature=given.temperature)))
    return pretrain(training, ctx, model, given)


@method("simclr", paper="arXiv:2002.05709", settings=_SETTINGS, fit=train, learns=SimCLR, parameters=Reading, **COMMON)
def simclr(problem: Retrieval, ctx: Context, learnt: dict[str, Tensor], given: Reading) -> Tensor:
    """SimCLR: tells two clips of a video from those of all other videos."""
    return embedded(problem, ctx, learnt, given)


@method("vididi_simclr", paper="arXiv:2409.02371", settings=_VIDIDI, fit=train, learns=SimCLR, parameters=Reading, **COMMON)
def vididi_simclr(problem: Retrieval, ctx: Context, learnt: dict[str, Tensor], given: Reading) -> Tensor:
    """ViDiDi in SimCLR: two clips of a video, as frames and as their temporal differences."""
    return embedded(problem, ctx, learnt, given)


@method(
    "first_frame",
    paper="arXiv:2002.05709",
    settings={"*": {"frames": 1, "views": 1}, **_SETTINGS},
    fit=train,
    learns=SimCLR,
    parameters=Reading,
    **COMMON,
)
def first_frame(problem: Retrieval, ctx: Context, learnt: dict[str, Tensor], given: Reading) -> Tensor:
    """SimCLR on single frames; a video is its first frame."""
    return embedded(problem, ctx, learnt, given)
