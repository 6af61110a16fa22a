"""Simulated spectra of one to three lines on a grid of 1 nm: all that a method of `spectral` learns from, and test data.

    x = sum_j a_j l((nm - mu_j) / width_j),  then from 0 to 1      l: the line's shape, 1 at its centre and 1/2 at +-1

Number of lines uniform in {1, 2, 3}; half-widths at half maximum U(10, 25) nm; heights U(0.6, 1.4); centres uniform over the
first 205 points of the grid (400 to 604 nm), each drawn until it is 10 nm or more from those before it.
Source: arXiv:2403.12354 and the authors' generator (Lorentzian lines); the other shapes are this suite's
"""

from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
from torch import Tensor

Shape = Literal["lorentzian", "gaussian", "asymmetric"]
CENTRES = (0, 205)  # points of the grid
_APART = 10  # nm
_WIDTHS, _HEIGHTS = (10.0, 25.0), (0.6, 1.4)
_LEFT, _RIGHT = (7.0, 15.0), (0.4, 1.8)  # asymmetric lines: left half-width in nm, and the right one over it
_MOST = 3  # lines
_TRIES = 200
# Wavelengths in nm of the paper's 15 measured sources: one peak each, then two.
_SINGLE = (400.66, 426.08, 453.36, 467.03, 475.3, 520.74, 561.0, 569.25, 592.36, 631.49)
_DOUBLE = ((399.92, 504.55), (465.09, 593.45), (402.09, 576.79), (467.22, 570.99), (467.57, 569.28))
_BEGINS, _PASSES, _EDGE = (420.0, 550.0), (40.0, 100.0), 4.0  # band-pass filters: nm
_SHARES = (0.25, 1.0)  # of a lamp beside lines
_BROAD = (426.08, 480.0)  # the second single source is broad and has a second hump


def uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """float64 on [low, high)."""
    return low + (high - low) * torch.rand(shape, dtype=torch.float64, generator=generator)


def line(shape: Shape, offset: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Height at `offset` nm from the centre, for half-widths to the left and to the right in nm; all broadcast."""
    t = (offset / (left if left is right else torch.where(offset < 0, left, right))).square()
    if shape == "lorentzian":
        return t.add_(1).reciprocal_()
    gaussian = torch.exp2(-t)
    return gaussian if shape == "gaussian" else 0.5 * gaussian + 0.5 / (1 + t)


def normalised(x: Tensor) -> Tensor:
    """Each of (..., n) from 0 to 1."""
    low, high = x.aminmax(dim=-1, keepdim=True)
    return (x - low) / (high - low)


def centres(counts: Tensor, between: tuple[int, int], generator: torch.Generator) -> Tensor:
    """(N, 3) points of the grid, of which the first `counts` (N,) are apart: one after the other, drawn until it is."""
    found = torch.randint(*between, (len(counts), _MOST), generator=generator)
    for j in range(1, _MOST):
        todo = (counts > j).nonzero()[:, 0]
        for _ in range(_TRIES):
            near = (found[todo, :j] - found[todo, j, None]).abs() < _APART
            todo = todo[near.any(1)]
            if not len(todo):
                break
            found[todo, j] = torch.randint(*between, (len(todo),), generator=generator)
        else:  # there was no room left between the ones before
            found[todo] = centres(counts[todo], between, generator)
    return found


def spectra(
    count: int,
    wavelengths: Tensor,
    generator: torch.Generator,
    shape: Shape = "lorentzian",
    between: tuple[int, int] = CENTRES,
    numbers: Tensor | None = None,
) -> Tensor:
    """(count, n) of the type and on the device of `wavelengths` (n,) nm. What is random is drawn on the CPU.

    numbers: of lines in each; drawn where it is None
    """
    counts = torch.randint(1, _MOST + 1, (count,), generator=generator) if numbers is None else numbers
    at = centres(counts, between, generator).to(wavelengths.device)
    heights = uniform(*_HEIGHTS, (count, _MOST), generator) * (torch.arange(_MOST) < counts[:, None])
    if shape == "asymmetric":
        left = uniform(*_LEFT, (count, _MOST), generator)
        right = left * uniform(*_RIGHT, (count, _MOST), generator)
    else:
        left = right = uniform(*_WIDTHS, (count, _MOST), generator)
    heights, left = heights.to(wavelengths)[:, None], left.to(wavelengths)[..., None]
    right = right.to(wavelengths)[..., None] if shape == "asymmetric" else left
    offset = wavelengths - wavelengths[at][..., None]  # (N, 3, n)
    return normalised(torch.bmm(heights, line(shape, offset, left, right))[:, 0])


def measured_sources(wavelengths: Tensor, generator: torch.Generator) -> Tensor:
    """(15, n) from 0 to 1: asymmetric lines where the paper's 15 measured sources have their peaks, and noise of 1 %."""
    made = []
    for at in (*((one,) for one in _SINGLE), *_DOUBLE):
        left = uniform(*_LEFT, (2, 1), generator)
        right = left * uniform(*_RIGHT, (2, 1), generator)
        heights = uniform(*_HEIGHTS, (2, 1), generator)
        if at[0] == _BROAD[0]:
            at, left, right = _BROAD, left.fill_(25.0), right.fill_(25.0)
            heights = torch.tensor([[1.0], [0.6]], dtype=torch.float64)
        centres = torch.tensor(at, dtype=torch.float64)[:, None]
        some = slice(len(at))
        made.append((heights[some] * line("asymmetric", wavelengths - centres, left[some], right[some])).sum(0))
    x = normalised(torch.stack(made))
    return normalised((x + 0.01 * torch.randn(x.shape, dtype=x.dtype, generator=generator)).clamp_min(0))


def filtered(x: Tensor, wavelengths: Tensor, generator: torch.Generator) -> Tensor:
    """(B, n) from 0 to 1: each of x (B, n) behind a band-pass filter of its own that begins at 420 to 550 nm and is 40 to 100
    nm wide between its halves, with edges of some 20 nm.
    """
    begin, width = uniform(*_BEGINS, (len(x), 1), generator), uniform(*_PASSES, (len(x), 1), generator)
    passed = torch.sigmoid((wavelengths - begin) / _EDGE) * torch.sigmoid((begin + width - wavelengths) / _EDGE)
    return normalised(x * passed)


def mixed(x: Tensor, wavelengths: Tensor, generator: torch.Generator) -> Tensor:
    """(B, n) from 0 to 1: each of x (B, n), at 0.25 to 1 of its height, with one or two asymmetric lines beside it, the higher
    one of height 1.
    """
    share = uniform(*_SHARES, (len(x), 1), generator)
    numbers = torch.randint(1, 3, (len(x),), generator=generator)
    return normalised(share * x + spectra(len(x), wavelengths, generator, "asymmetric", CENTRES, numbers))


@dataclass(frozen=True)
class SimulatedSpectra:
    """What a method may learn from: the responsivity that it is told, and as many simulated spectra as it wants.

    matrix, wavelengths   as of the operator Spectrometer: (d, n), (n,) nm
    generator             where `draw` gets its randomness, one stream for each preset and seed
    """

    matrix: Tensor
    wavelengths: Tensor
    generator: torch.Generator

    def draw(self, count: int) -> Tensor:
        """(count, n) float32 spectra from 0 to 1, new ones each time, on the device of the matrix."""
        return spectra(count, self.wavelengths.float(), self.generator)

    def to(self, device: torch.device | str) -> Self:
        """The same with its tensors on `device`."""
        return replace(self, matrix=self.matrix.to(device), wavelengths=self.wavelengths.to(device))
