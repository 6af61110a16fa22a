"""Local editing: change one region of a picture by a diffusion prior, and leave the rest.

    x_t        of the first picture, at a time t of the method's choice
    v          a direction of norm 1 in x_t, found for each region, from the first picture alone
    x_0(s)     what the prior makes of x_t + s v, s in `strengths`, on the scale [-1, 1] of the prior's network

The others get the same direction: an edit that transfers changes them alike. Of a prior of latents x is what its autoencoder
makes of a picture, and v a direction in that.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from benchmark.priors.prior import Prior
from benchmark.problems._estimate import finite, tensor


@dataclass(frozen=True, kw_only=True)
class Editing:
    """R regions of P pictures at S strengths. A method returns float32 (R, P, S, C, H, W) on the pictures' scale: the edited
    pictures, where strength 0 is what the same way gives without an edit.

    prior      of pictures (C, H, W), or of latents that it encodes them to and decodes
    pictures   (P, C, H, W) float32, within prior.value_range; within [0, 1] where the prior is of latents
    regions    (P, R, H, W) bool: each region in each picture
    names      of the regions, in words; empty where they have none
    strengths  rising, 0 among them
    told       (P, n): numbers that describe the pictures, or embedded prompts, for a prior that can be told; None where it is
               told nothing
    wanted     (R, n): the same of the first picture as it is to be once each region is edited; None where nobody says

    Raises ValueError, with what is allowed, for pictures of another shape than the prior's, regions of another size, a region
    that is empty or all of the first picture, and strengths that do not rise or lack 0.
    """

    prior: Prior
    pictures: Tensor
    regions: Tensor
    strengths: tuple[float, ...]
    names: tuple[str, ...] = ()
    told: Tensor | None = None
    wanted: Tensor | None = None

    def __post_init__(self) -> None:
        shape = self.picture_shape
        if self.pictures.ndim != 4 or not len(self.pictures) or tuple(self.pictures.shape[1:]) != shape:
            raise ValueError(f"pictures has shape {tuple(self.pictures.shape)}, not (pictures, {', '.join(map(str, shape))})")
        P, (height, width) = len(self.pictures), shape[1:]
        if self.regions.ndim != 4 or not self.regions.shape[1] or self.regions.shape != (P, self.count, height, width):
            raise ValueError(f"regions has shape {tuple(self.regions.shape)}, not ({P}, regions, {height}, {width})")
        if self.regions.dtype != torch.bool:
            raise ValueError(f"regions has type {self.regions.dtype}, not torch.bool")
        sizes = self.regions[0].flatten(1).sum(1)
        if wrong := [i for i, size in enumerate(sizes.tolist()) if not 0 < size < height * width]:
            what = "is empty" if not sizes[wrong[0]] else "is the whole picture"
            raise ValueError(f"region {wrong[0]} {what}: an edit of it is not local")
        if 0 not in self.strengths or list(self.strengths) != sorted(set(self.strengths)):
            raise ValueError(f"strengths {self.strengths} have to rise, with 0 among them")
        if self.names and len(self.names) != self.count:
            raise ValueError(f"names {self.names} are not those of {self.count} regions")
        for name, rows in (("told", P), ("wanted", self.count)):
            found = getattr(self, name)
            if found is not None and (not self.prior.condition or tuple(found.shape) != (rows, self.prior.condition)):
                raise ValueError(f"{name} has shape {tuple(found.shape)}, not ({rows}, {self.prior.condition})")

    @property
    def count(self) -> int:
        """R."""
        return self.regions.shape[1]

    @property
    def picture_shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return tuple(getattr(self.prior, "picture_shape", self.prior.shape))

    @property
    def y(self) -> Tensor:
        """The pictures."""
        return self.pictures

    def to(self, device: torch.device | str) -> Self:
        """The same problem with its tensors on `device`."""
        return replace(
            self,
            prior=self.prior.to(device),
            pictures=self.pictures.to(device),
            regions=self.regions.to(device),
            told=None if self.told is None else self.told.to(device),
            wanted=None if self.wanted is None else self.wanted.to(device),
        )

    def shown(self) -> list[Tensor]:
        """Pictures, regions, strengths, and what is told of them."""
        told = [x for x in (self.told, self.wanted) if x is not None]
        return [self.pictures, self.regions, torch.tensor(self.strengths, dtype=torch.float64), *told]

    def check(self, estimate: object) -> Tensor:
        """The estimate, if it is a finite tensor of the right shape and type. Raises ValueError otherwise."""
        found = tensor(estimate)
        wanted = (self.count, len(self.pictures), len(self.strengths), *self.picture_shape)
        if tuple(found.shape) != wanted:
            raise ValueError(
                f"the estimate has shape {tuple(found.shape)}, not {wanted}: regions, pictures, strengths, picture"
            )
        return finite(found, torch.float32)

    def near(self, truth: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        """The truth with white Gaussian noise of standard deviation `scale`, of its own on every picture."""
        return truth + scale * torch.randn(truth.shape, dtype=truth.dtype, generator=generator)
