"""Pictures of faces with known parameters: rendered, with the exact region of each pixel.

A face is 37 numbers (face_law.py) with 36 degrees of freedom, since the shares of the three races sum to one. They give the
shape of a mesh (face_shape.py), what of it is seen where (raster.py), and its colours and light (face_colour.py), in 3 x 3
samples a pixel. Faces of the parts `learn`, `tune` and `test` are drawn from one law, each face from a seed of its own: none is
in two parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import torch
from torch import Tensor

from benchmark.datasets.face_colour import REGIONS, coloured
from benchmark.datasets.face_law import DRAWS, NAMES, RANGES, parameters_of
from benchmark.datasets.face_shape import CURTAIN, TEETH, head, named, shaped
from benchmark.datasets.raster import raster
from benchmark.errors import unknown

__all__ = ["NAMES", "PARTS", "RANGES", "REGIONS", "Faces", "Part", "drawn", "parameters", "parameters_at", "render"]

Part = Literal["learn", "tune", "test"]
PARTS: tuple[Part, ...] = ("learn", "tune", "test")
_SAMPLES = 3  # a side of a pixel; odd, so that one is at its centre
_BATCH = {"cpu": 4}  # more faces at once leave a CPU's cache; elsewhere 64


@dataclass(frozen=True)
class Faces:
    """N pictures of faces.

    pictures    float32 (N, 3, H, W): RGB in [0, 1]
    labels      uint8 (N, H, W): what is at each pixel's centre, as a place in REGIONS. `eye` is a box about an eyeball, open or
                closed; `nose` is the front of the nose; neck and shoulders are `skin`
    parameters  float32 (N, 37): in the order of NAMES
    """

    pictures: Tensor
    labels: Tensor
    parameters: Tensor


def parameters(count: int, generator: torch.Generator) -> Tensor:
    """float32 (count, 37): faces drawn from the law. The generator's device is the CPU."""
    return parameters_of(torch.rand(count, DRAWS, generator=generator))


def parameters_at(part: Part, indices: Sequence[int]) -> Tensor:
    """float32 (N, 37): the faces at these places of a part, each a function of part and place alone.

    Raises UserError for a part that does not exist.
    """
    if part not in PARTS:
        raise unknown("part of the faces", part, PARTS)
    draws = torch.empty(len(indices), DRAWS)
    for row, index in zip(draws, indices, strict=True):
        seed = int.from_bytes(sha256(f"faces/{part}/{index}".encode()).digest()[:8]) >> 1
        torch.rand(DRAWS, generator=torch.Generator().manual_seed(seed), out=row)
    return parameters_of(draws)


def drawn(part: Part, first: int, count: int, size: int = 64, device: str | torch.device = "cpu") -> Faces:
    """Faces `first` to `first + count - 1` of a part, size x size pixels. Raises UserError for a part that does not exist."""
    return render(parameters_at(part, range(first, first + count)), size, device)


@torch.no_grad()
def render(parameters: Tensor, size: int = 64, device: str | torch.device = "cpu", batch: int | None = None) -> Faces:
    """The faces with these parameters (N, 37), size x size pixels, on a device; `batch` of them at once.

    A picture is the same, to rounding, on any device and in any batch. Raises ValueError for parameters of another shape, for
    no face, and for a size below 1.
    """
    if parameters.ndim != 2 or not len(parameters) or parameters.shape[1] != len(NAMES) or size < 1:
        raise ValueError(
            f"parameters {tuple(parameters.shape)} and size {size}: (N, {len(NAMES)}) with N, and size, at least 1"
        )
    device = torch.device(device)
    given = parameters.to(device, torch.float32)
    step = batch or _BATCH.get(device.type, 64)
    found = [_rendered(given[i : i + step], size) for i in range(0, len(given), step)]
    pictures, labels = (torch.cat(both) for both in zip(*found, strict=True))
    return Faces(pictures, labels, given)


def _rendered(parameters: Tensor, size: int) -> tuple[Tensor, Tensor]:
    n, side, device = len(parameters), size * _SAMPLES, parameters.device
    known = head(str(device))
    shape = shaped(parameters, known)
    both = (known.pieces == CURTAIN) | (known.pieces == TEETH)
    seen = raster(shape.screen * parameters.new_tensor([side, side, 1]), known.triangles, both, side)
    where = seen[0]
    colour, region = coloured(parameters, shape, known, seen, torch.div(where, side * side, rounding_mode="floor"))
    p = named(parameters)
    back = torch.stack([p[f"background {name}"] for name in ("red", "green", "blue")], 1).clamp(0, 1).pow(2.2)
    fall = torch.linspace(1.12, 0.88, side, device=device)  # a wall is lit from above
    samples = (back[:, None, None] * fall[:, None, None]).clamp(max=1).repeat(1, 1, side, 1)
    samples.view(-1, 3)[where] = colour.t()
    labels = torch.zeros(n * side * side, dtype=torch.uint8, device=device)
    labels[where] = region.to(torch.uint8)
    pixels = samples.reshape(n, size, _SAMPLES, size, _SAMPLES, 3).mean((2, 4))
    middle = labels.reshape(n, size, _SAMPLES, size, _SAMPLES)[:, :, _SAMPLES // 2, :, _SAMPLES // 2]
    return pixels.clamp(0, 1).pow(1 / 2.2).permute(0, 3, 1, 2).contiguous(), middle.contiguous()
