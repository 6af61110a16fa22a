"""The colours of a face: what each sample of a picture is, and how it is lit. Colours are mixed and lit in linear light."""

import torch
from torch import Tensor

from benchmark.datasets.face_shape import CURTAIN, EYE, SKIN, TEETH, TONGUE, Head, Shape, hairline, named

REGIONS = ("background", "skin", "lips", "eye", "brow", "hair", "mouth", "nose")
_SKINS = ((244, 206, 184), (234, 188, 160), (222, 172, 140), (196, 142, 108), (158, 106, 76), (118, 76, 54), (84, 54, 40))
_HAIRS = ((22, 18, 17), (48, 32, 24), (84, 54, 36), (128, 84, 52), (150, 78, 40), (146, 106, 66), (196, 152, 96), (150, 146, 142), (206, 204, 200))
_HAIR_PLACES = (0.0, 0.15, 0.3, 0.44, 0.51, 0.57, 0.68, 0.8, 1.0)
_IRISES = ((38, 22, 14), (78, 46, 24), (110, 84, 44), (92, 112, 70), (74, 112, 150), (120, 142, 158))
_LIPS = ((170, 40, 44), (196, 60, 84), (150, 36, 70))
_STRENGTH = 2.1  # of the lamp
_AMBIENT = 0.6
_SHOULDER = 0.6  # brightness above which it grows slower: bright skin keeps its shading


def _linear(colour: tuple[int, int, int]) -> list[float]:
    return [(one / 255) ** 2.2 for one in colour]


def _ramp(value: Tensor, colours: tuple[tuple[int, int, int], ...], places: tuple[float, ...] | None = None) -> Tensor:
    """(..., 3): the colour at a value in [0, 1] of a ramp."""
    table = torch.tensor([_linear(c) for c in colours], device=value.device)
    knots = torch.tensor(places or [k / (len(colours) - 1) for k in range(len(colours))], device=value.device)
    i = torch.searchsorted(knots, value.contiguous(), right=True).clamp(1, len(colours) - 1)
    share = ((value - knots[i - 1]) / (knots[i] - knots[i - 1]))[..., None]
    return table[i - 1] * (1 - share) + table[i] * share


def _mix(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    return a + (b - a) * share[..., None]


def _step(x: Tensor, width: float) -> Tensor:
    """0 below -width, 1 above width, smooth between."""
    t = (x / (2 * width) + 0.5).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _bump(*terms: tuple[Tensor, float, float]) -> Tensor:
    return torch.exp(-0.5 * torch.stack([((x - m) / s) ** 2 for x, m, s in terms]).sum(0))


def coloured(parameters: Tensor, shape: Shape, head: Head, seen: tuple[Tensor, Tensor, Tensor], of: Tensor) -> tuple[Tensor, Tensor]:
    """Colour (P, 3) in linear light and region (P,) of the samples that a raster has `seen`; of (P,): their face."""
    _, which, weights = seen
    corners = head.triangles[which]
    piece = head.pieces[which]
    p = {name: one[of] for name, one in named(parameters).items()}
    flat = torch.cat([shape.local, shape.normals, shape.turned], -1)
    moving = (flat.reshape(-1, 9)[of[:, None] * flat.shape[1] + corners] * weights[..., None]).sum(1)
    still = (torch.cat([head.points, head.masks], 1)[corners] * weights[..., None]).sum(1)
    local, normal, turned = moving.split(3, 1)
    at, (lips, inside, lids, ears, open_) = still[:, :3], still[:, 3:].unbind(1)
    x, y, z = at.unbind(1)
    wide = x.abs()
    normal = normal / normal.norm(dim=1, keepdim=True).clamp(min=1e-6)
    view = torch.tensor([0.0, 0.0, 11.0], device=of.device) - turned
    view = view / view.norm(dim=1, keepdim=True)
    behind = (normal * view).sum(1) < 0
    normal = torch.where((behind & (piece == CURTAIN))[:, None], -normal, normal)

    normal = torch.where((piece == TEETH)[:, None], torch.tensor([0.0, 0.0, 1.0], device=of.device) + 0.5 * turned * torch.tensor([1.0, 0.0, 0.0], device=of.device), normal)

    # what it is made of
    tone = _ramp(p["skin"], _SKINS)
    red = torch.tensor([0.62, 0.22, 0.2], device=of.device)
    face = _step(z - 0.25, 0.2)
    blush = 0.5 * _bump((wide, 0.42, 0.14), (y, -0.28, 0.14)) + 0.35 * _bump((wide, 0.0, 0.1), (y, -0.28, 0.1)) + 0.5 * ears
    skin = _mix(tone, tone * (0.55 + 0.45 * red / red.max()), 0.75 * blush * face.maximum(ears))
    socket = _bump((wide, 0.3, 0.13), (y, 0.06, 0.09)) * face
    skin = skin * (1 - 0.22 * socket)[:, None]
    fold = (wide - 0.17 - 0.42 * (-0.3 - y).clamp(0, 0.4)).abs() * 1.1
    folds = _bump((fold, 0.0, 0.02)) * _step(-0.28 - y, 0.03) * _step(y + 0.62, 0.05) + 0.5 * _bump((wide, 0.3, 0.12), (y, -0.1, 0.025))
    lines = (0.5 + 0.5 * torch.sin(62 * y + 2 * torch.cos(3 * x))) ** 3 * _bump((wide, 0, 0.3), (y, 0.52, 0.1))
    skin = skin * (1 - p["age"] * (0.35 * folds + 0.22 * lines) * face)[:, None]
    jaw = _step(-0.28 - y - 0.12 * _bump((wide, 0.0, 0.12)) + 0.5 * (wide - 0.28).clamp(0, 0.3), 0.12) * _step(y + 1.12, 0.1)
    beard = jaw * face * p["sex"].square() * (0.2 + 0.2 * p["brow darkness"]) * (1 - lips)
    hair = _ramp(p["hair colour"], _HAIRS, _HAIR_PLACES)
    skin = _mix(skin, skin * 0.35 + 0.1 * hair, beard)
    natural = skin * torch.tensor([0.8, 0.5, 0.5], device=of.device)
    painted = _ramp(p["lip hue"], _LIPS) * (0.7 + 0.3 * tone.mean(1, keepdim=True))
    mouth_colour = _mix(natural, painted, 0.75 * p["lip colour"])
    lip = _step(lips - 0.45, 0.3)
    stuff = _mix(skin, mouth_colour, lip)
    line = _bump((y, 0.12, 0.025)) * lids * face
    stuff = stuff * (1 - 0.75 * lids * _step(y - 0.06, 0.05))[:, None]

    # brows
    along = ((wide - 0.10) / 0.46).clamp(-0.5, 1.5)
    arch = 0.268 + 0.07 * torch.sin(along.clamp(0, 1) * 2.4) - 0.075 * along.clamp(0, 1)
    thick = (0.042 - 0.022 * along.clamp(0, 1) ** 2) * (0.8 + 0.5 * p["sex"])
    brow = _step(thick - (y - arch).abs(), 0.018) * _step(along, 0.1) * _step(1 - along, 0.08) * face * (piece == SKIN)
    brow_colour = hair * (0.75 - 0.45 * p["brow darkness"])[:, None] + 0.004
    stuff = _mix(stuff, brow_colour, brow * (0.55 + 0.4 * p["brow darkness"]))

    # the inside of the mouth
    deep = (inside > 0.5) & (piece == SKIN)
    stuff = torch.where(deep[:, None], torch.tensor(_linear((112, 40, 40)), device=of.device), stuff)
    stuff = torch.where((piece == TEETH)[:, None], torch.tensor(_linear((235, 228, 212)), device=of.device), stuff)
    stuff = torch.where((piece == TONGUE)[:, None], torch.tensor(_linear((190, 92, 92)), device=of.device), stuff)

    # hair
    line = hairline(at, p["bald"])
    grown = _step(line - 0.03, 0.035) * (1 - _step(ears - 0.3, 0.2)) * (piece == SKIN) * (inside < 0.5)
    grown = torch.where(piece == CURTAIN, torch.ones_like(grown), grown)
    angle = torch.atan2(x, z - 0.05 + 0.5 * (y - 0.9).clamp(min=0))
    strands = 0.5 * torch.sin(31 * angle + 3 * torch.sin(3 * y)) + 0.3 * torch.sin(67 * angle + 2 * y) + 0.2 * torch.sin(113 * angle)
    stuff = stuff * (1 - 0.35 * _step(line + 0.07, 0.07) * face.maximum(ears * 0) * (piece == SKIN))[:, None]
    hairs = hair * (1 + 0.22 * strands)[:, None]
    stuff = _mix(stuff, hairs, grown)

    # eyes
    ball = piece == EYE
    right = (x > 0).long()
    centre = shape.eyes[of, right]
    out = local - centre
    out = out / out.norm(dim=1, keepdim=True).clamp(min=1e-6)
    a = torch.deg2rad(p["gaze"] * 22 + torch.where(x > 0, -2.0, 2.0))
    look = torch.stack([a.sin(), torch.full_like(a, -0.02), a.cos()], 1)
    apart = torch.arccos((out * look).sum(1).clamp(-1, 1))
    iris = _ramp(p["iris"], _IRISES)
    iris = iris * (1.15 - 0.65 * _step(apart - 0.44, 0.06))[:, None]
    white = torch.tensor(_linear((232, 226, 222)), device=of.device)
    eye = _mix(white.expand_as(iris), iris, 1 - _step(apart - 0.5, 0.05))
    eye = eye * _step(apart - 0.18, 0.04)[:, None].clamp(min=0.02)
    lid = (local - centre)[:, 1]
    eye = eye * (1 - 0.55 * _step(lid - 0.045, 0.04))[:, None]
    stuff = torch.where(ball[:, None], eye, stuff)

    # light
    turn = torch.deg2rad(60 * p["light"])
    lamp = torch.stack([turn.sin() * 0.83, torch.full_like(turn, 0.5), turn.cos() * 0.83], 1)
    lamp = lamp / lamp.norm(dim=1, keepdim=True)
    facing = (normal * lamp).sum(1)
    soft = (piece == SKIN) & (grown < 0.5)
    wrap = torch.where(soft[:, None], torch.tensor([0.35, 0.22, 0.16], device=of.device), torch.tensor(0.15, device=of.device))
    direct = ((facing[:, None] + wrap) / (1 + wrap)).clamp(min=0)
    open_ = torch.where(piece == SKIN, open_, torch.ones_like(open_))
    closed = open_.clamp(0, 1)
    closed = torch.where(deep, 0.25 * torch.ones_like(closed), closed)
    closed = torch.where(piece >= TEETH, torch.where(piece == CURTAIN, torch.where(behind, 0.35, 1.0), 0.6), closed)
    closed = torch.where(ball, 0.8 * torch.ones_like(closed), closed)
    closed = _mix(closed[:, None], torch.ones_like(closed)[:, None], grown * (piece == SKIN))[:, 0]
    under = 1 - 0.6 * _step(-1.05 - y, 0.12) * (piece == SKIN) * (1 - 0.6 * _step(z - 0.9, 0.2))
    sky = 0.75 + 0.35 * normal[:, 1]
    light = _STRENGTH * 0.5 * direct * (0.35 + 0.65 * closed * under)[:, None] + (_AMBIENT * sky * closed * under)[:, None]
    half = lamp + view
    half = half / half.norm(dim=1, keepdim=True)
    shine = (normal * half).sum(1).clamp(min=0)
    gloss = torch.where(soft, 0.06 * shine**10 + 0.05 * shine**40, torch.zeros_like(shine)) * (1 + 1.2 * lip)
    ball_out = torch.where(ball[:, None], out @ torch.eye(3, device=of.device), normal)
    spot = (ball_out * half).sum(1).clamp(min=0)
    gloss = torch.where(ball, 0.9 * _step(spot - 0.985, 0.01), gloss) * closed
    tangent = torch.stack([torch.zeros_like(x), torch.ones_like(x), torch.zeros_like(x)], 1)
    tangent = tangent - normal * (tangent * normal).sum(1, keepdim=True)
    tangent = tangent / tangent.norm(dim=1, keepdim=True).clamp(min=0.2)
    band = (1 - (tangent * half).sum(1).square()).clamp(min=0).pow(12) * (normal * view).sum(1).abs().clamp(0, 1)
    gloss = torch.where(grown > 0.5, 0.08 * band * (1 + 0.6 * strands) * closed, gloss)
    colour = stuff * light + gloss[:, None] * torch.where((grown > 0.5)[:, None], 0.3 + hair / hair.amax(1, keepdim=True), 1.0)
    bright = colour.amax(1, keepdim=True)
    over = (bright - _SHOULDER).clamp(min=0)
    colour = colour / (bright / (bright - over + (1 - _SHOULDER) * (1 - torch.exp(-over / (1 - _SHOULDER))))).clamp(min=1)

    # regions, the later over the earlier
    region = torch.ones_like(piece)
    nose = (wide < 0.06 + 0.3 * (0.12 - y).clamp(0, 0.34) + 0.03) & (y > -0.46) & (y < 0.12) & (z > 0.86)
    region[nose] = 7
    region[(((wide - 0.308) / 0.22).abs() < 1) & ((y - 0.08).abs() < 0.12) & (z > 0.5)] = 3
    region[ball] = 3
    region[brow > 0.5] = 4
    region[(lip > 0.5) & (piece == SKIN)] = 2
    region[deep | (piece == TEETH) | (piece == TONGUE)] = 6
    region[grown > 0.5] = 5
    return colour, region
