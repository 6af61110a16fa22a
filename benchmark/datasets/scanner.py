"""A simulated MRI scanner: magnitude slices get a phase, coils, a mask and noise. And what a method may learn from with it.

x = m exp(i phase),   y = M F S x + n        m (H, W) from 0 to 1
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from benchmark.operators.mri import MultiCoilMRI, column_mask, ring_of_coils


def smooth_phase(size: int, generator: torch.Generator) -> Tensor:
    """float32 (size, size), radians: a random quadratic in the coordinates, each coefficient N(0, 0.7^2)."""
    axis = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    terms = torch.stack([x, y, x * y, x.square() - 0.5, y.square() - 0.5])  # (5, H, W)
    return torch.einsum("k,khw->hw", 0.7 * torch.randn(5, generator=generator), terms)


def scan(
    magnitude: Tensor, coils: int, acceleration: int, noise: float, generator: torch.Generator
) -> tuple[Tensor, MultiCoilMRI, Tensor]:
    """x complex (H, W), A and y complex (C, H, W) of a square slice (H, W). noise: sqrt(E|n|^2) relative to max |x|."""
    size = len(magnitude)
    x = torch.polar(magnitude, smooth_phase(size, generator))
    A = MultiCoilMRI(ring_of_coils(coils, size, generator), column_mask(size, acceleration, generator))
    return x, A, A(x) + noise * A.noise(generator)


@dataclass(frozen=True)
class Slices:
    """What a method may learn from: slices, and the scanner that measures them.

    images                       (N, H, W) float32, each of maximum 1
    coils, acceleration, noise   of the scanner, as of `scan`
    generator                    where `scanned` gets its randomness, one stream for each preset and seed
    """

    images: Tensor
    coils: int
    acceleration: int
    noise: float
    generator: torch.Generator

    def scanned(self, count: int) -> tuple[Tensor, Tensor]:
        """Pairs (count, H, W) float32 of |A^H y| and |x|, on the device of the images: slices drawn at random, turned by
        quarters and mirrored at random, each with a phase, coils, a mask and noise of its own.
        """
        pairs = [self._pair() for _ in range(count)]
        seen, true = (torch.stack(part).to(self.images.device) for part in zip(*pairs, strict=True))
        return seen, true

    def _pair(self) -> tuple[Tensor, Tensor]:
        number, quarters, mirrored = (int(torch.randint(0, n, (), generator=self.generator)) for n in (len(self.images), 4, 2))
        image = torch.rot90(self.images[number].cpu(), quarters)
        image = (image.flip(1) if mirrored else image).contiguous()
        _, A, y = scan(image, self.coils, self.acceleration, self.noise, self.generator)
        return A.H(y).abs(), image

    def to(self, device: torch.device | str) -> Self:
        """The same with its slices on `device`."""
        return replace(self, images=self.images.to(device))
