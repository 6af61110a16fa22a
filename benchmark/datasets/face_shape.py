"""The shape of a face: a mesh of known parameters, seen by a camera."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from benchmark.datasets.face_law import EXPRESSIONS, LOCAL, NAMES, RACES
from benchmark.datasets.sources import SOURCES, Asset

SKIN, EYE, TEETH, TONGUE, CURTAIN = range(5)
COLUMNS, ROWS = 56, 26  # of the curtain, whose points come last
YAW, PITCH = 25.0, 12.0  # degrees at 1
_NECK = (0.0, -1.0, -0.35)  # what the head turns about
_CAMERA = 11.0  # dm from the middle of the head
_HALF = 1.38  # dm that half a picture shows
_SHIFT = {"eye size": 0.45, "brow angle": 0.1}  # of the middle of a local shape: the mesh itself squints
_FACE = (0.0, -0.45, 0.8)  # where the middle between eyes and chin goes


@dataclass(frozen=True)
class Head:
    """The asset. points (V, 3) at rest; triangles (T, 3) and their pieces (T,); targets (45, V * 3); masks (V, 5): lips, inside of
    the mouth, eyelids, ears, openness; hair (V,): how far the hairline is below, in dm, where hair may grow.
    """

    points: Tensor
    triangles: Tensor
    pieces: Tensor
    names: tuple[str, ...]
    targets: Tensor
    masks: Tensor
    eyes: tuple[Tensor, Tensor]
    chin: Tensor

    def to(self, device: torch.device) -> "Head":
        """The same on a device."""
        moved = (one.to(device) for one in (self.points, self.triangles, self.pieces))
        points, triangles, pieces = moved
        eyes = self.eyes[0].to(device), self.eyes[1].to(device)
        rest = self.targets.to(device), self.masks.to(device), eyes, self.chin.to(device)
        return Head(points, triangles, pieces, self.names, *rest)


@cache
def head(device: str = "cpu") -> Head:
    """The asset on a device. Raises UserError if it is missing or damaged."""
    if device != "cpu":
        return head().to(torch.device(device))
    asset = SOURCES["head"]
    assert isinstance(asset, Asset)
    with np.load(asset.path()) as file:
        a = {name: file[name] for name in file.files}
    points = torch.from_numpy(a["points"]).float()
    targets = torch.zeros(len(a["targets"]), len(points), 3)
    for number, (start, end) in enumerate(zip(a["starts"][:-1], a["starts"][1:], strict=True)):
        targets[number, a["moved"][start:end].astype(np.int64)] = torch.from_numpy(a["by"][start:end]).float()
    masks = torch.from_numpy(np.stack([a[k] for k in ("lips", "inside_mouth", "eyelids", "ears", "openness")], 1)).float()
    triangles, pieces = torch.from_numpy(a["triangles"]).long(), torch.from_numpy(a["pieces"]).long()
    ball = triangles[pieces == EYE].unique()
    eyes = ball[points[ball, 0] < 0], ball[points[ball, 0] > 0]
    front = (points[:, 0].abs() < 0.1) & (points[:, 2] > 0.6) & (points[:, 1] < -0.9) & (points[:, 1] > -1.1)
    front[triangles[pieces != SKIN].unique()] = False
    return Head(points, triangles, pieces, tuple(map(str, a["targets"])), targets.flatten(1), masks, eyes, front.nonzero()[:, 0])


def named(parameters: Tensor) -> dict[str, Tensor]:
    """{name: (N,)} of parameters (N, 37)."""
    return dict(zip(NAMES, parameters.unbind(1), strict=True))


def weights(parameters: Tensor, names: tuple[str, ...]) -> Tensor:
    """(N, 45): how much of each target a face has."""
    p = named(parameters)
    sexes = {"female": 1 - p["sex"], "male": p["sex"]}
    ages = {"young": 1 - p["age"], "old": p["age"]}
    found = {f"{r}-{s}-{a}": p[r] * sexes[s] * ages[a] for r in RACES for s in sexes for a in ages}
    heavy, light = (2 * p["weight"] - 1).clamp(min=0), (1 - 2 * p["weight"]).clamp(min=0)
    of = {"min": light, "average": 1 - light - heavy, "max": heavy}
    found |= {f"{s}-{w}weight": sexes[s] * of[w] for s in sexes for w in of}
    for name in LOCAL:
        p[name] = p[name] + _SHIFT.get(name, 0.0)
        found |= {f"{name} -": (-p[name]).clamp(min=0), f"{name} +": p[name].clamp(min=0)}
    found |= {name: p[name] for name in EXPRESSIONS}
    return torch.stack([found[name] for name in names], 1)


def hairline(at: Tensor, bald: Tensor) -> Tensor:
    """How far, in dm, points at rest (3, ...) are inside the hair; bald broadcasts against (...)."""
    x, y, z = at
    line = _piecewise(z, _LINE) + 0.10 * torch.exp(-(((x.abs() - 0.42) / 0.16) ** 2)) * (z > 0.3)
    crown = ((y - 0.2) / 1.1).clamp(0, 1)
    return y - line - 0.008 * torch.sin(47 * x + 20 * z) - 0.008 * torch.sin(83 * x) - bald.square() * (0.35 + 1.6 * crown * (z + 0.9).clamp(0.2, 1.6)) - 1.5 * bald.pow(8)


_LINE = ((-1.6, -0.75), (-0.9, -0.62), (-0.5, -0.45), (-0.3, -0.3), (-0.1, -0.1), (0.05, 0.0), (0.2, 0.2), (0.4, 0.47), (0.6, 0.71), (0.8, 0.87), (0.95, 0.93))


def _piecewise(x: Tensor, knots: tuple[tuple[float, float], ...]) -> Tensor:
    found = torch.full_like(x, knots[0][1])
    for (a, low), (b, high) in zip(knots[:-1], knots[1:], strict=True):
        found = found + ((x - a) / (b - a)).clamp(0, 1) * (high - low)
    return found


@dataclass(frozen=True)
class Shape:
    """What the camera sees. screen (N, V, 3): x, y in [0, 1] from the left and the top, depth in [0, 1]; local (N, V, 3): before
    the head turns; normals (N, V, 3) and turned (N, V, 3) after it; eyes (N, 2, 3): the middles of the eyeballs, before it;
    camera (3,).
    """

    screen: Tensor
    local: Tensor
    normals: Tensor
    turned: Tensor
    eyes: Tensor
    camera: Tensor


def shaped(parameters: Tensor, head: Head) -> Shape:
    """The shapes of N faces."""
    p = named(parameters)
    n = len(parameters)
    mix = weights(parameters, head.names)
    still = mix.clone()
    still[:, [head.names.index(name) for name in EXPRESSIONS]] = 0
    marks = torch.cat([*head.eyes, head.chin])
    places = head.targets.reshape(len(head.names), -1, 3)[:, marks]
    marked = head.points[marks] + torch.einsum("nk,kvc->nvc", still, places)
    eye, chin = marked[:, : -len(head.chin)].mean(1), marked[:, -len(head.chin) :].mean(1)
    middle = (eye + chin) / 2
    scale = ((eye - chin)[:, 1] / 1.02).pow(-0.7)
    local = head.points + (mix @ head.targets).reshape(n, -1, 3)
    local = _grown(local, p, head)
    local = (local - middle[:, None]) * scale[:, None, None] + torch.tensor(_FACE, device=local.device)
    eyes = torch.stack([local[:, one].mean(1) for one in head.eyes], 1)
    turn = _turn(p["yaw"] * YAW, p["pitch"] * PITCH)
    pivot = torch.tensor(_NECK, device=local.device)
    height = head.points[:, 1]
    share = 0.15 + 0.85 * smooth((height + 1.75) / 0.75)
    stiff = (local - pivot) @ turn.transpose(1, 2)
    turned = local + share[:, None] * (stiff + pivot - local)
    normals = _normals(turned, head.triangles)
    away = _CAMERA - turned[..., 2]
    wide = _CAMERA * 0.5 / _HALF / away
    screen = torch.stack([0.5 + turned[..., 0] * wide, 0.5 - (turned[..., 1] - 0.13) * wide, (away - 6) / 10], -1)
    return Shape(screen, local, normals, turned, eyes, turned.new_tensor([0.0, 0.0, _CAMERA]))


def _grown(local: Tensor, p: dict[str, Tensor], head: Head) -> Tensor:
    """The scalp pushed out by what grows on it, and the curtain of long hair cut to its length."""
    bald, length = p["bald"][:, None], p["hair length"][:, None]
    inside = hairline(head.points.t(), bald)
    skin = torch.zeros(len(head.points), device=local.device)
    skin[head.triangles[head.pieces == SKIN].unique()] = 1
    skin = skin * (1 - head.masks[:, 3]) * (head.masks[:, 1] < 0.5)
    thick = 0.06 + 0.13 * (length / 0.4).clamp(max=1)
    out = head.points - torch.tensor([0.0, 0.2, 0.0], device=local.device)
    out = out / out.norm(dim=1, keepdim=True)
    local = local + (thick * smooth(inside / 0.28) * skin)[..., None] * out
    return torch.cat([local[:, : -COLUMNS * ROWS], _hung(local[:, -COLUMNS * ROWS :], length, bald, head)], 1)


def _hung(hair: Tensor, length: Tensor, bald: Tensor, head: Head) -> Tensor:
    """(N, COLUMNS * ROWS, 3): the curtain cut to its length; inside the skull where there is none."""
    rest = head.points[-COLUMNS * ROWS :]
    step = torch.linspace(0, 1, ROWS, device=hair.device)
    around = torch.atan2(rest[::ROWS, 0], rest[::ROWS, 2])
    longest = ((length - 0.25) / 0.75).clamp(min=0) ** 0.8
    end = (0.38 + 0.62 * longest + 0.02 * torch.sin(9 * around) + 0.006 * torch.sin(23 * around)).clamp(max=1)  # (N, COLUMNS)
    row = end[..., None] * step * (ROWS - 1)
    low = row.floor().clamp(max=ROWS - 2).long()
    columns = hair.reshape(len(hair), COLUMNS, ROWS, 3)
    above, below = (columns.gather(2, (low + k)[..., None].expand(-1, -1, -1, 3)) for k in (0, 1))
    cut = above + (row - low)[..., None] * (below - above)
    outward = rest.reshape(COLUMNS, ROWS, 3) * torch.tensor([1.0, 0.0, 1.0], device=hair.device)
    outward = outward / outward.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    front = ((1.9 - around.abs()) / 0.9).clamp(0, 1)  # the hair beside the face grows out last
    shown = (smooth((length - 0.25 - 0.15 * front) / 0.15) * smooth((0.75 - bald) / 0.15))[:, :, None]
    fall = row / (ROWS - 1)
    puff = shown * (0.08 + 0.1 * smooth(fall / 0.6) - 0.16 * smooth((step - 0.6) / 0.4)) - 0.3 * (1 - shown)
    return ((cut + puff[..., None] * outward) * (shown.amax((1, 2), keepdim=True)[..., None] > 0)).reshape(len(hair), -1, 3)


def smooth(x: Tensor) -> Tensor:
    """From 0 at 0 to 1 at 1, level at both."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


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
    return found / found.norm(dim=-1, keepdim=True).clamp(min=1e-12)
