"""Video retrieval: embed videos so that the nearest ones show the same motion."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from benchmark.problems._estimate import finite, tensor


@dataclass(frozen=True)
class Clips:
    """What a method learns from, `training` in its `fit`: videos without labels, (n, T, H, W, 3) uint8, RGB.

    Raises ValueError for videos of another shape or type, videos without frames, or none at all.
    """

    videos: Tensor

    def __post_init__(self) -> None:
        _check("videos", self.videos)

    def to(self, device: torch.device | str) -> Self:
        """The same clips on `device` if they fit in half of its free memory. Otherwise they stay, and batches are moved."""
        return replace(self, videos=self.videos.to(device)) if _fits(device, self.videos) else self


@dataclass(frozen=True, kw_only=True)
class Retrieval:
    """Embed `gallery` and `queries`. A method returns embeddings, float32 (G + Q, d): those of the gallery, then those of the
    queries, of any width d. They are compared by cosine. What it may learn from before is `Clips`.

    gallery   (G, T, H, W, 3) uint8, RGB
    queries   (Q, T, H, W, 3) uint8

    Raises ValueError, with the place, for videos of another shape or type, videos without frames, or none at all.
    """

    gallery: Tensor
    queries: Tensor

    def __post_init__(self) -> None:
        for where in ("gallery", "queries"):
            _check(where, getattr(self, where))
        first, second = (tuple(clips.shape[1:]) for clips in (self.gallery, self.queries))
        if first != second:
            raise ValueError(f"clips of queries have shape {second}, those of gallery {first}")

    @property
    def y(self) -> Tensor:
        """The queries."""
        return self.queries

    @property
    def count(self) -> int:
        """Rows of an estimate: G + Q."""
        return len(self.gallery) + len(self.queries)

    def split(self, estimate: Tensor) -> tuple[Tensor, Tensor]:
        """The gallery's rows and the queries' rows of an estimate, or of anything else with G + Q rows."""
        return estimate[: len(self.gallery)], estimate[len(self.gallery) :]

    def to(self, device: torch.device | str) -> Self:
        """The same problem on `device` if its clips fit in half of the free memory. Otherwise they stay, and batches are
        moved.
        """
        if not _fits(device, self.gallery, self.queries):
            return self
        return replace(self, gallery=self.gallery.to(device), queries=self.queries.to(device))

    def shown(self) -> list[Tensor]:
        """All clips."""
        return [self.gallery, self.queries]

    def check(self, estimate: object) -> Tensor:
        """The embeddings, if they are finite float32, one row a clip. Raises ValueError otherwise."""
        found = tensor(estimate)
        if found.ndim != 2 or len(found) != self.count or not found.shape[1]:
            raise ValueError(f"the estimate has shape {tuple(found.shape)}, not ({self.count}, d)")
        return finite(found, torch.float32)

    def near(self, truth: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        """Embeddings that tell the true classes, with noise of ten times `scale`. Truth: (G + Q,) int64, or (G + Q, k), whose
        first column is the class and the others what should not count (a background): that enters as the noise squared.
        """
        columns = truth.reshape(len(truth), -1).unbind(1)
        told = [torch.nn.functional.one_hot(column).float() for column in columns]
        noise = 10 * scale
        right = torch.cat([told[0], *(noise**2 * other for other in told[1:])], 1)
        return right + noise * torch.randn(right.shape, generator=generator)


def _check(where: str, clips: object) -> None:
    if not isinstance(clips, Tensor):
        raise ValueError(f"{where} is a {type(clips).__name__}, not a tensor")
    shape = tuple(clips.shape)
    if len(shape) != 5 or shape[-1] != 3:
        raise ValueError(f"{where} has shape {shape}, not (clips, frames, height, width, 3)")
    if clips.dtype != torch.uint8:
        raise ValueError(f"{where} has type {clips.dtype}, not torch.uint8")
    if not shape[0]:
        raise ValueError(f"{where} has no clips")
    if not shape[1]:
        raise ValueError(f"clips of {where} have no frames")
    if not shape[2] * shape[3]:
        raise ValueError(f"frames of {where} have no pixels")


def _fits(device: torch.device | str, *clips: Tensor) -> bool:
    device = torch.device(device)
    if device.type != "cuda":
        return True
    return sum(x.numel() for x in clips) < torch.cuda.mem_get_info(device)[0] // 2
