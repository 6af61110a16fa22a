"""Pictures of faces with known parameters."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import torch
from torch import Tensor

from benchmark.datasets.face_colour import REGIONS, coloured
from benchmark.datasets.face_law import DRAWS, NAMES, RANGES, parameters_of
from benchmark.datasets.face_shape import head, shaped
from benchmark.datasets.raster import raster

__all__ = ["NAMES", "RANGES", "REGIONS", "Faces", "Part", "drawn", "parameters", "render"]

Part = Literal["learn", "tune", "test"]
_SAMPLES = 3  # a side of a pixel; odd, so that one is at its centre


@dataclass(frozen=True)
class Faces:
    """N pictures. pictures float32 (N, 3, H, W) in [0, 1]; labels uint8 (N, H, W), places in REGIONS; parameters float32 (N, 37)."""

    pictures: Tensor
    labels: Tensor
    parameters: Tensor


def parameters(count: int, generator: torch.Generator) -> Tensor:
    """float32 (count, 37): faces drawn from the law."""
    return parameters_of(torch.rand(count, DRAWS, generator=generator))


def drawn(part: Part, first: int, count: int, size: int, device: str = "cpu") -> Faces:
    """Faces `first` to `first + count - 1` of a part."""
    return render(parameters_at(part, range(first, first + count)), size, device)


def parameters_at(part: Part, indices: range) -> Tensor:
    rows = []
    for index in indices:
        seed = int.from_bytes(sha256(f"faces/{part}/{index}".encode()).digest()[:8]) >> 1
        rows.append(torch.rand(DRAWS, generator=torch.Generator().manual_seed(seed)))
    return parameters_of(torch.stack(rows))


@torch.no_grad()
def render(parameters: Tensor, size: int = 64, device: str = "cpu", batch: int = 16) -> Faces:
    parts = [_rendered(part.to(device), size, device) for part in parameters.split(batch)]
    return Faces(torch.cat([a for a, _ in parts]), torch.cat([b for _, b in parts]), parameters)


def _rendered(p: Tensor, size: int, device: str) -> tuple[Tensor, Tensor]:
    n, side = len(p), size * _SAMPLES
    known = head(device)
    shape = shaped(p, known)
    screen = shape.screen * torch.tensor([side, side, 1.0], device=p.device)
    both = (known.pieces == 4) | (known.pieces == 2)
    where, which, weights = raster(screen, known.triangles, both, side)
    of = where // (side * side)
    colour, region = coloured(p, shape, known, (where, which, weights), of)
    back = p[:, [NAMES.index(f"background {c}") for c in ("red", "green", "blue")]].clamp(min=0.001).pow(2.2)
    down = torch.linspace(1.12, 0.88, side, device=p.device)
    picture = (back[:, None, None] * down[None, :, None, None]).expand(n, side, side, 3).reshape(-1, 3).clone()
    picture[where] = colour.t()
    label = torch.zeros(n * side * side, dtype=torch.uint8, device=p.device)
    label[where] = region.to(torch.uint8)
    picture = picture.clamp(0.0, 1.0).reshape(n, size, _SAMPLES, size, _SAMPLES, 3).mean((2, 4)).clamp(min=1e-6).pow(1 / 2.2)
    middle = _SAMPLES // 2
    label = label.reshape(n, size, _SAMPLES, size, _SAMPLES)[:, :, middle, :, middle]
    return picture.permute(0, 3, 1, 2).contiguous(), label.contiguous()
