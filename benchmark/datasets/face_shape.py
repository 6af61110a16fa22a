"""The shape of a face: a mesh of known parameters, seen by a camera.

Lengths are decimetres; x is to the right of the picture, y up, z towards the camera.
"""

from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
import torch
from torch import Tensor

from benchmark.datasets import face_hair
from benchmark.datasets.face_law import EXPRESSIONS, LOCAL, NAMES, RACES
from benchmark.datasets.sources import SOURCES, Asset

SKIN, EYE, TEETH, TONGUE, CURTAIN = range(5)  # pieces of the mesh
_MASKS = ("lips", "inside_mouth", "eyelids", "ears", "openness")
_YAW, _PITCH = 25.0, 12.0  # degrees at 1
_NECK = (0.0, -1.0, -0.35)  # what the head turns about
_CAMERA = 11.0  # where the camera is
_HALF, _MIDDLE = 1.38, 0.13  # what half a picture shows, and the height in its middle
_FACE = (0.0, -0.45, 0.8)  # where the middle between eyes and chin goes
_TALL, _ALIKE = 1.02, 0.7  # from the eyes to the chin, and how far each face is brought to that
_SHIFT = {"eye size": 0.45, "brow angle": 0.1}  # of the middle of a local shape: the mesh itself squints


@dataclass(frozen=True)
class Head:
    """The asset. points (V, 3) at rest, the curtain of long hair last; triangles (T, 3) and their pieces (T,); targets
    (45, V * 3) and their names; masks (V, 5): lips, inside of the mouth, eyelids, ears, share of the light that gets there;
    scalp (V,): 1 where hair may grow; left, right (E,) and chin (C,): vertices of the eyeballs and of the chin.
    """

    points: Tensor
    triangles: Tensor
    pieces: Tensor
    names: tuple[str, ...]
    targets: Tensor
    masks: Tensor
    scalp: Tensor
    left: Tensor
    right: Tensor
    chin: Tensor


@cache
def head(device: str = "cpu") -> Head:
    """The asset on a device. Raises UserError if it is missing or damaged."""
    if device != "cpu":
        known = head()
        tensors = {one.name: getattr(known, one.name) for one in fields(Head) if one.name != "names"}
        return replace(known, **{name: tensor.to(device) for name, tensor in tensors.items()})
    asset = SOURCES["head"]
    assert isinstance(asset, Asset)
    with np.load(asset.path()) as file:
        a = {name: file[name] for name in file.files}
    points = torch.from_numpy(a["points"]).float()
    targets = torch.zeros(len(a["targets"]), len(points), 3)
    for target, start, end in zip(targets, a["starts"][:-1], a["starts"][1:], strict=True):
        target[a["moved"][start:end].astype(np.int64)] = torch.from_numpy(a["by"][start:end]).float()
    masks = torch.from_numpy(np.stack([a[name] for name in _MASKS], 1)).float()
    triangles, pieces = torch.from_numpy(a["triangles"]).long(), torch.from_numpy(a["pieces"]).long()
    skin = torch.zeros(len(points), dtype=torch.bool)
    skin[triangles[pieces == SKIN].flatten()] = True
    x, y, z = points.unbind(1)
    ball = torch.from_numpy(np.unique(triangles[pieces == EYE].numpy()))
    chin = (skin & (x.abs() < 0.1) & (z > 0.6) & (y < -0.9) & (y > -1.1)).nonzero()[:, 0]
    scalp = skin * (1 - masks[:, 3]) * (masks[:, 1] < 0.5)
    names = tuple(str(name) for name in a["targets"])
    return Head(points, triangles, pieces, names, targets.flatten(1), masks, scalp, ball[x[ball] < 0], ball[x[ball] > 0], chin)


@dataclass(frozen=True)
class Shape:
    """What the camera sees. screen (N, V, 3): x, y in [0, 1] from the left and the top, depth in [0, 1]; local (N, V, 3):
    before the head turns; normals (N, V, 3), of unit length, and turned (N, V, 3) after it; eyes (N, 2, 3): the middles of the
    eyeballs before it; camera (3,).
    """

    screen: Tensor
    local: Tensor
    normals: Tensor
    turned: Tensor
    eyes: Tensor
    camera: Tensor


def named(parameters: Tensor) -> dict[str, Tensor]:
    """{name: (N,)} of parameters (N, 37)."""
    return dict(zip(NAMES, parameters.unbind(1), strict=True))


def weights(parameters: Tensor, names: tuple[str, ...]) -> Tensor:
    """(N, 45): how much of each target a face has."""
    p = named(parameters)
    sexes = {"female": 1 - p["sex"], "male": p["sex"]}
    ages = {"young": 1 - p["age"], "old": p["age"]}
    found = {f"{r}-{s}-{a}": p[r] * sexes[s] * ages[a] for r in RACES for s in sexes for a in ages}
    thin, heavy = (1 - 2 * p["weight"]).clamp(min=0), (2 * p["weight"] - 1).clamp(min=0)
    shares = {"min": thin, "average": 1 - thin - heavy, "max": heavy}
    found |= {f"{s}-{w}weight": sexes[s] * shares[w] for s in sexes for w in shares}
    for name in LOCAL:
        amount = p[name] + _SHIFT.get(name, 0.0)
        found |= {f"{name} -": (-amount).clamp(min=0), f"{name} +": amount.clamp(min=0)}
    found |= {name: p[name] for name in EXPRESSIONS}
    return torch.stack([found[name] for name in names], 1)


def shaped(parameters: Tensor, head: Head) -> Shape:
    """The shapes of N faces."""
    p = named(parameters)
    mix = weights(parameters, head.names)
    local = head.points + _product(mix, head.targets).reshape(len(mix), -1, 3)
    local = face_hair.grown(local, head.points, head.scalp, p["hair length"], p["bald"])
    middle, scale = _framing(mix, head)
    local = (local - middle[:, None]) * scale[:, None, None] + local.new_tensor(_FACE)
    eyes = torch.stack([local[:, one].mean(1) for one in (head.left, head.right)], 1)
    pivot = local.new_tensor(_NECK)
    stiff = (local - pivot) @ _turn(p["yaw"] * _YAW, p["pitch"] * _PITCH).transpose(1, 2) + pivot
    follows = 0.15 + 0.85 * face_hair.smooth((head.points[:, 1] + 1.75) / 0.75)  # shoulders hardly do
    turned = torch.lerp(local, stiff, follows[:, None].expand_as(local))
    away = _CAMERA - turned[..., 2]
    wide = _CAMERA * 0.5 / _HALF / away
    screen = torch.stack([0.5 + turned[..., 0] * wide, 0.5 - (turned[..., 1] - _MIDDLE) * wide, (away - 6) / 10], -1)
    return Shape(screen, local, _normals(turned, head.triangles), turned, eyes, local.new_tensor([0.0, 0.0, _CAMERA]))


def _product(mix: Tensor, targets: Tensor) -> Tensor:
    """mix @ targets. A product of one row is rounded in another way than one of more, so there are always more."""
    return (torch.cat([mix, mix[:1]]) @ targets)[:-1]


def _framing(mix: Tensor, head: Head) -> tuple[Tensor, Tensor]:
    """The middle between eyes and chin (N, 3) and the scale (N,) that bring faces, whatever they express, to one place and near
    one size.
    """
    still = mix.clone()
    still[:, [head.names.index(name) for name in EXPRESSIONS]] = 0
    marks = torch.cat([head.left, head.right, head.chin])
    places = head.targets.reshape(len(head.names), -1, 3)[:, marks].flatten(1)
    at = head.points[marks] + _product(still, places).reshape(len(mix), -1, 3)
    eye, chin = at[:, : -len(head.chin)].mean(1), at[:, -len(head.chin) :].mean(1)
    return (eye + chin) / 2, ((eye - chin)[:, 1] / _TALL).pow(-_ALIKE)


def _turn(yaw: Tensor, pitch: Tensor) -> Tensor:
    """Rotations (N, 3, 3): a positive yaw looks to the right of the picture, a positive pitch up."""
    a, b = torch.deg2rad(yaw), torch.deg2rad(-pitch)
    one, zero = torch.ones_like(a), torch.zeros_like(a)
    about = torch.stack([a.cos(), zero, a.sin(), zero, one, zero, -a.sin(), zero, a.cos()], 1).reshape(-1, 3, 3)
    nod = torch.stack([one, zero, zero, zero, b.cos(), -b.sin(), zero, b.sin(), b.cos()], 1).reshape(-1, 3, 3)
    return about @ nod


def _normals(points: Tensor, triangles: Tensor) -> Tensor:
    a, b, c = (points[:, triangles[:, k]] for k in range(3))
    across = torch.linalg.cross(b - a, c - a)
    found = torch.zeros_like(points)
    for k in range(3):
        found.index_add_(1, triangles[:, k], across)
    return torch.nn.functional.normalize(found, dim=-1)
