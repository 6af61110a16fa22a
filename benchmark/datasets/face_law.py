"""The 37 numbers that a face is made of: names, ranges, laws.

    number                            meaning                                            law
    sex                               0 female, 1 male                                   within 0.3 of either end
    african, asian, caucasian         shares, which sum to one                           most faces are mostly one
    age                               0 young, 1 old                                     to 0.9, young more often
    weight                            0 thin, 0.5 average, 1 heavy                       normal, 0.42 +- 0.15
    11 local shapes                   -1 and 1 are the targets of the mesh               normal, +- 0.33, at most 0.75
    smile, frown, jaw, blink,         0 at rest, 1 the whole movement                    normal, 0 for most; no frown in a smile
    brows up
    yaw, pitch                        1 is 25 and 12 degrees                             normal, 11 and 5 degrees
    skin                              from light to dark                                 by race, +- 0.1
    lip colour, lip hue               how much lipstick; from red to rose to wine        more on women; uniform
    iris                              brown, hazel, green, blue, grey                    beyond brown mostly on caucasians
    hair colour                       black, brown, red, blond, grey, white              by race; grey with age
    hair length                       0 cropped, 0.25 over the ears, 1 to the shoulders  from 0.25 on women, to 0.45 on men
    bald                              0 all hair, 1 none                                 to 0.15 on women; more on old men
    brow darkness                     0 faint, 1 strong                                  normal, 0.6 +- 0.2
    background red, green, blue       sRGB                                               a grey of any brightness, +- 0.1 each
    light                             1 is a lamp 60 degrees to the right                normal, +- 0.5
    gaze                              1 is 22 degrees to the right                       normal, +- 0.35

Right is the picture's.
"""

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
_UNIT, _SIGNED = (0.0, 1.0), (-1.0, 1.0)
RANGES: dict[str, tuple[float, float]] = (
    dict.fromkeys(("sex", *RACES, "age", "weight"), _UNIT)
    | dict.fromkeys(LOCAL, _SIGNED)
    | dict.fromkeys(EXPRESSIONS, _UNIT)
    | dict.fromkeys(("yaw", "pitch"), _SIGNED)
    | dict.fromkeys(("skin", "lip colour", "lip hue", "iris", "hair colour", "hair length", "bald", "brow darkness"), _UNIT)
    | dict.fromkeys(("background red", "background green", "background blue"), _UNIT)
    | dict.fromkeys(("light", "gaze"), _SIGNED)
)
NAMES = tuple(RANGES)
DRAWS = 48  # uniform numbers that a face is drawn from, the last few of no use


def parameters_of(uniform: Tensor) -> Tensor:
    """float32 (N, 37), within RANGES, from uniform numbers (N, DRAWS) in [0, 1)."""
    u = iter(uniform.double().clamp(1e-6, 1 - 1e-6).unbind(1))

    def normal(mean: float, spread: float, low: float, high: float) -> Tensor:
        found: Tensor = torch.special.ndtri(next(u))
        return (mean + spread * found).clamp(low, high)

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
    dark = shares[:, 0] + shares[:, 1]  # of hair and eyes
    tone = (shares * shares.new_tensor([0.8, 0.3, 0.18])).sum(1)
    p["skin"] = (tone + normal(0, 0.1, -0.25, 0.25)).clamp(0, 1)
    p["lip colour"] = (0.6 * (1 - p["sex"]) * next(u) + 0.25 * next(u)).clamp(0, 1)
    p["lip hue"] = next(u)
    p["iris"] = (next(u).pow(0.8) * (1 - 0.75 * dark)).clamp(0, 1)
    young = next(u).pow(0.8) * (1 - 0.85 * dark)
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
