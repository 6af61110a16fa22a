"""Features of whole videos: the mean of an encoder's over clips that are spread evenly over the video.

    h(v) = mean_c f(v[s_c .. s_c + T - 1]),   s_c = (L - T) c / (C - 1),  c = 0..C-1   the whole frame, BN's running statistics

No normalisation before the mean. Of differences: f of each clip's. Source: the evaluation of arXiv:2409.02371
"""

from typing import Literal

import torch
from torch import Tensor, nn

from benchmark import Context, Retrieval
from benchmark.errors import UserError
from methods.videos._augmentation import plain
from methods.videos._orders import differentiate

Features = Literal["frames", "differences", "both"]
_CLIPS = 80  # at once


def starts(length: int, frames: int, views: int) -> list[int]:
    """First frames of the clips; fewer where the video has no more places."""
    return sorted({round((length - frames) * c / max(1, views - 1)) for c in range(views)})


@torch.no_grad()
def embed(
    encoder: nn.Module, problem: Retrieval, ctx: Context, *, frames: int, size: int, views: int, features: Features
) -> Tensor:
    """Features of gallery and queries, (G + Q, width), of `both` (G + Q, 2 width).

    Keeps `cosines`, of frames' and differences' features the cosine: its mean over the same video, and over two videos.
    Clips of one frame have no differences: their features are those of frames.
    """
    encoder.eval()
    orders = (0, 1) if frames > 1 else (0,)
    found = [torch.cat([_features(encoder, clips, ctx, frames, size, views, d) for clips in problem.shown()]) for d in orders]
    first, second = found[0], found[-1]
    if frames == 1:
        return first
    cosines = nn.functional.normalize(first, dim=1) @ nn.functional.normalize(second, dim=1).T
    same, n = cosines.diagonal().mean(), len(cosines)
    ctx.keep("cosines", torch.stack([same, (cosines.sum() - n * same) / (n * (n - 1))]))
    return {"frames": first, "differences": second, "both": torch.cat([first, second], 1)}[features]


def _features(encoder: nn.Module, videos: Tensor, ctx: Context, frames: int, size: int, views: int, order: int) -> Tensor:
    L = videos.shape[1]
    if frames > L:
        raise UserError(f"videos of {L} frames are shorter than a clip of {frames}; give fewer with --set frames={L}")
    places = torch.tensor(starts(L, frames, views))[:, None] + torch.arange(frames)  # (C, T)
    found, at_once = [], max(1, _CLIPS // len(places))
    for some in torch.split(videos, at_once):
        clips = some[:, places.to(some.device)].flatten(0, 1).to(ctx.device)  # (n C, T, H, W, 3)
        x = plain(clips, size)
        with torch.autocast(ctx.device.type, dtype=torch.bfloat16, enabled=ctx.device.type == "cuda"):
            h = encoder(differentiate(x) if order else x)
        found.append(h.float().unflatten(0, (len(some), -1)).mean(1))
    return torch.cat(found)
