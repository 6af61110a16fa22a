"""The 37 numbers that a face is made of: their names, ranges and laws."""

import torch
from torch import Tensor

LOCAL = (
    "nose width",
    "nose length",
    "mouth width",
    "mouth height",
    "brow height",
    "brow angle",
    "chin width",
    "chin height",
    "head width",
    "cheeks",
    "eye size",
)
EXPRESSIONS = ("smile", "frown", "jaw", "blink", "brows up")
RACES = ("african", "asian", "caucasian")
RANGES: dict[str, tuple[float, float]] = (
    {"sex": (0.0, 1.0)}
    | {name: (0.0, 1.0) for name in RACES}
    | {"age": (0.0, 1.0), "weight": (0.0, 1.0)}
    | {name: (-1.0, 1.0) for name in LOCAL}
    | {name: (0.0, 1.0) for name in EXPRESSIONS}
    | {"yaw": (-1.0, 1.0), "pitch": (-1.0, 1.0)}
    | {name: (0.0, 1.0) for name in ("skin", "lip colour", "lip hue", "iris", "hair colour", "hair length", "bald", "brow darkness")}
    | {name: (0.0, 1.0) for name in ("background red", "background green", "background blue")}
    | {"light": (-1.0, 1.0), "gaze": (-1.0, 1.0)}
)
NAMES = tuple(RANGES)
DRAWS = 48  # uniform numbers that a face is drawn from


def parameters_of(uniform: Tensor) -> Tensor:
    """float32 (N, 37) from uniform numbers (N, DRAWS) in [0, 1)."""
    u = iter(uniform.double().clamp(1e-6, 1 - 1e-6).unbind(1))

    def normal(mean: float, spread: float, low: float, high: float) -> Tensor:
        return (mean + spread * torch.special.ndtri(next(u))).clamp(low, high)

    p: dict[str, Tensor] = {}
    side, off = next(u), next(u)
    p["sex"] = torch.where(side < 0.5, 0.3 * off, 1 - 0.3 * off)
    shares = torch.stack([-next(u).log() for _ in RACES], 1).square()
    shares = shares / shares.sum(1, keepdim=True)
    p |= dict(zip(RACES, shares.unbind(1), strict=True))
    p["age"] = 0.9 * next(u).pow(1.4)
    p["weight"] = normal(0.42, 0.15, 0.05, 0.9)
    for name in LOCAL:
        p[name] = normal(0, *{"brow angle": (0.25, -0.5, 0.5), "brow height": (0.3, -0.6, 0.6)}.get(name, (0.33, -0.75, 0.75)))
    p["smile"] = normal(0.25, 0.32, 0, 0.9)
    p["frown"] = normal(-0.15, 0.3, 0, 0.7) * (1 - p["smile"])
    p["jaw"] = normal(-0.05, 0.3, 0, 0.8)
    p["blink"] = normal(-0.45, 0.45, 0, 1)
    p["brows up"] = normal(0.05, 0.3, 0, 0.8)
    p["yaw"] = normal(0, 0.45, -1, 1)
    p["pitch"] = normal(0, 0.4, -1, 1)
    tone = (shares * torch.tensor([0.8, 0.3, 0.18], dtype=torch.float64)).sum(1)
    p["skin"] = (tone + normal(0, 0.1, -0.25, 0.25)).clamp(0, 1)
    p["lip colour"] = (0.6 * (1 - p["sex"]) * next(u) + 0.25 * next(u)).clamp(0, 1)
    p["lip hue"] = next(u)
    p["iris"] = (next(u).pow(0.8) * (1 - 0.75 * (shares[:, 0] + shares[:, 1]))).clamp(0, 1)
    young = next(u).pow(0.8) * (1 - 0.85 * (shares[:, 0] + shares[:, 1]))
    grey = ((p["age"] - 0.5) / 0.3 + normal(0, 0.3, -1, 1)).clamp(0, 1)
    p["hair colour"] = 0.7 * young * (1 - grey) + grey * (0.75 + 0.25 * next(u))
    p["hair length"] = torch.where(p["sex"] < 0.5, 0.25 + 0.75 * next(u), 0.45 * next(u).pow(1.5))
    p["bald"] = torch.where(p["sex"] < 0.5, 0.15 * next(u), next(u).pow(3.5 - 2 * p["age"]))
    p["brow darkness"] = normal(0.6, 0.2, 0.1, 1)
    level = 0.15 + 0.75 * next(u)
    for name in ("red", "green", "blue"):
        p[f"background {name}"] = (level + normal(0, 0.1, -0.25, 0.25)).clamp(0.02, 0.98)
    p["light"] = normal(0, 0.5, -1, 1)
    p["gaze"] = normal(0, 0.35, -1, 1)
    return torch.stack([p[name] for name in NAMES], 1).float()
