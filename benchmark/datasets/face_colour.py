"""The colours of a face: what each sample of a picture is made of, and how it is lit.

Colours are mixed and lit in linear light. Where something is on the skin (a brow, the hairline, a cheek) is said in the places
of the mesh at rest, so that it moves with every shape and expression. Lengths are decimetres.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.datasets.face_hair import hairline, smooth
from benchmark.datasets.face_shape import CURTAIN, EYE, SKIN, TEETH, TONGUE, Head, Shape, named

REGIONS = ("background", "skin", "lips", "eye", "brow", "hair", "mouth", "nose")
_SKINS = ((244, 206, 184), (234, 188, 160), (222, 172, 140), (196, 142, 108), (158, 106, 76), (118, 76, 54), (84, 54, 40))
_HAIRS = (
    (0.0, (22, 18, 17)),  # black
    (0.15, (48, 32, 24)),
    (0.3, (84, 54, 36)),
    (0.44, (128, 84, 52)),
    (0.51, (150, 78, 40)),  # red
    (0.57, (146, 106, 66)),
    (0.68, (196, 152, 96)),  # blond
    (0.8, (150, 146, 142)),  # grey
    (1.0, (206, 204, 200)),
)
_IRISES = ((38, 22, 14), (78, 46, 24), (110, 84, 44), (92, 112, 70), (74, 112, 150), (120, 142, 158))
_LIPS = ((170, 40, 44), (196, 60, 84), (150, 36, 70))
_WHITE, _TEETH, _TONGUE, _MOUTH = (232, 226, 222), (235, 228, 212), (190, 92, 92), (112, 40, 40)
_LAMP, _AMBIENT = 1.05, 0.6  # strengths
_SHOULDER = 0.6  # brightness above which it grows slower, so that bright skin keeps its shading
_EYE = 0.308, 0.08  # where an eye is at rest: from the middle, up
_EDGE = 0.25  # share of a soft border from which a sample belongs to brows or lips


@dataclass(frozen=True)
class Samples:
    """P samples of a picture; the last axis is theirs, because sums over a short last axis are slow. of (P,): the face; piece
    (P,); at (3, P) at rest; masks (5, P) of Head; local, normals (towards the viewer) and view (3, P), the last two of unit
    length; behind (P,): seen from behind.
    """

    of: Tensor
    piece: Tensor
    at: Tensor
    masks: Tensor
    local: Tensor
    normals: Tensor
    view: Tensor
    behind: Tensor

    def picked(self, places: Tensor) -> "Samples":
        """Those at `places` (Q,)."""
        return Samples(**{name: one.index_select(-1, places) for name, one in vars(self).items()})


@dataclass(frozen=True)
class Stuff:
    """What samples are made of. colour (3, P); region (P,); hairy, lips (P,): shares of hair and of lips; open (P,):
    share of the light that reaches them.
    """

    colour: Tensor
    region: Tensor
    hairy: Tensor
    lips: Tensor
    open: Tensor


def coloured(
    parameters: Tensor, shape: Shape, head: Head, seen: tuple[Tensor, Tensor, Tensor], of: Tensor
) -> tuple[Tensor, Tensor]:
    """Colour (3, P) in linear light, in [0, 1], and region (P,), places in REGIONS, of what a raster has `seen`.

    of (P,): the face of each sample.
    """
    s = _sampled(shape, head, seen, of)
    paint = _paints(parameters)
    skin, eye, rest = ((s.piece == SKIN), (s.piece == EYE), (s.piece >= TEETH))
    parts = []
    for where, made in ((skin, _skin), (eye, _eye), (rest, _rest)):
        places = where.nonzero()[:, 0]
        parts.append((places, made(s.picked(places), paint, shape)))
    order = torch.cat([places for places, _ in parts]).argsort()
    stuff = Stuff(*(torch.cat([getattr(made, k) for _, made in parts], -1)[..., order] for k in Stuff.__dataclass_fields__))
    return _lit(s, stuff, paint, shape), stuff.region


def _sampled(shape: Shape, head: Head, seen: tuple[Tensor, Tensor, Tensor], of: Tensor) -> Samples:
    _, which, weights = seen
    corners = head.triangles.index_select(0, which)
    vertices = shape.local.shape[1]
    moving = torch.cat([shape.local, shape.normals, shape.turned], -1).flatten(0, 1)
    still = torch.cat([head.points, head.masks], 1)
    moving, still = (
        _total([table.index_select(0, places[:, k]) * weights[:, k : k + 1] for k in range(3)]).t().contiguous()
        for table, places in ((moving, (of * vertices)[:, None] + corners), (still, corners))
    )
    local, normals, turned = moving.chunk(3)
    piece = head.pieces.index_select(0, which)
    view = shape.camera[:, None] - turned
    view = view / _length(view)
    normals = normals / _length(normals)
    behind = (normals * view).sum(0) < 0
    normals = torch.where(behind & (piece == CURTAIN), -normals, normals)
    return Samples(of, piece, still[:3], still[3:], local, normals, view, behind)


def _paints(parameters: Tensor) -> dict[str, Tensor]:
    """The colours (3, N) of each face, its numbers (N,), and where its lamp is (3, N)."""
    p = named(parameters)
    places, colours = zip(*_HAIRS, strict=True)
    skin = _ramp(p["skin"], _SKINS)
    natural = skin * _vector(0.8, 0.5, 0.5, skin)
    stick = _ramp(p["lip hue"], _LIPS) * (0.7 + 0.3 * skin.mean(0))
    turn = torch.deg2rad(60 * p["light"])
    lamp = torch.stack([0.83 * turn.sin(), torch.full_like(turn, 0.5), 0.83 * turn.cos()])
    return p | {
        "skin colour": skin,
        "lips": torch.lerp(natural, stick, 0.75 * p["lip colour"]),
        "hair": _ramp(p["hair colour"], colours, places),
        "iris colour": _ramp(p["iris"], _IRISES),
        "lamp": lamp / _length(lamp),
    }


def _skin(s: Samples, paint: dict[str, Tensor], shape: Shape) -> Stuff:
    """The body: skin with what is painted on it, lips, brows, short hair, the inside of the mouth."""
    of = s.of
    x, y, z = s.at
    wide = x.abs()
    lips, inside, lids, ears, open_ = s.masks
    face = _step(z - 0.25, 0.2)
    male, age, dark = (paint[name][of] for name in ("sex", "age", "brow darkness"))
    hair = paint["hair"].index_select(1, of)

    colour = paint["skin colour"].index_select(1, of)
    blush = 0.5 * _bump((wide, 0.42, 0.14), (y, -0.28, 0.14)) + 0.35 * _bump((wide, 0.0, 0.1), (y, -0.28, 0.1)) + 0.5 * ears
    blush = 0.75 * blush * torch.maximum(face, ears)
    colour = colour * (1 - blush * _vector(0.0, 0.29, 0.305, colour))
    shade = 0.22 * _bump((wide, 0.3, 0.13), (y, 0.06, 0.09))  # the hollow of the eye
    folds = (
        _bump(((wide - 0.17 - 0.42 * (-0.3 - y).clamp(0, 0.4)) * 1.1, 0.0, 0.02))
        * _step(-0.28 - y, 0.03)
        * _step(y + 0.62, 0.05)
    )
    bags = _bump((wide, 0.3, 0.12), (y, -0.1, 0.025))
    lines = (0.5 + 0.5 * torch.sin(62 * y + 2 * torch.cos(3 * x))) ** 3 * _bump((wide, 0.0, 0.3), (y, 0.52, 0.1))
    colour = colour * ((1 - shade * face) * (1 - age * (0.35 * folds + 0.17 * bags + 0.22 * lines) * face))
    beard = -0.28 - y - 0.12 * _bump((wide, 0.0, 0.12)) + 0.5 * (wide - 0.28).clamp(0, 0.3)
    beard = _step(beard, 0.12) * _step(y + 1.12, 0.1) * face * male.square() * (0.2 + 0.2 * dark) * (1 - lips)
    colour = _mix(colour, 0.35 * colour + 0.1 * hair, beard)

    lip = _step(lips - 0.45, 0.3)
    colour = _mix(colour, paint["lips"].index_select(1, of), lip)
    colour = colour * (1 - 0.75 * lids * _step(y - 0.06, 0.05))  # lashes

    along = (wide - 0.10) / 0.46
    held = along.clamp(0, 1)
    arch = 0.268 + 0.07 * torch.sin(held * 2.4) - 0.075 * held
    thick = (0.042 - 0.022 * held.square()) * (0.8 + 0.5 * male)
    brow = _step(thick - (y - arch).abs(), 0.018) * _step(along, 0.1) * _step(1 - along, 0.08) * face
    colour = _mix(colour, hair * (0.75 - 0.45 * dark) + 0.004, brow * (0.55 + 0.4 * dark))

    deep = inside > 0.5
    colour = torch.where(deep, _constant(_MOUTH, colour), colour)

    line = hairline(s.at, paint["bald"][of])
    colour = colour * (1 - 0.35 * _step(line + 0.07, 0.07) * face)  # shadow of the hair
    hairy = _step(line - 0.03, 0.035) * (1 - _step(ears - 0.3, 0.2)) * ~deep
    colour = _mix(colour, hair * (1 + 0.22 * _strands(s.at)), hairy)

    open_ = torch.where(deep, torch.full_like(open_, 0.25), open_.clamp(0, 1))
    open_ = torch.lerp(open_, torch.ones_like(open_), hairy)
    region = torch.ones_like(s.piece)
    nose = (wide < 0.09 + 0.3 * (0.12 - y).clamp(0, 0.34)) & (y > -0.46) & (y < 0.12) & (z > 0.86)
    eye = ((wide - _EYE[0]).abs() < 0.22) & ((y - _EYE[1]).abs() < 0.12) & (z > 0.5)
    for where, name in (
        (nose, "nose"),
        (eye, "eye"),
        (brow > _EDGE, "brow"),
        (lip > _EDGE, "lips"),
        (deep, "mouth"),
        (hairy > 0.5, "hair"),
    ):
        region = region.masked_fill(where, REGIONS.index(name))
    return Stuff(colour, region, hairy, lip, open_)


def _eye(s: Samples, paint: dict[str, Tensor], shape: Shape) -> Stuff:
    """An eyeball: pupil and iris around where it looks, white elsewhere, darker under the upper lid."""
    out = _from_middle(s, shape)
    height, out = out[1], out / _length(out)
    inwards = torch.where(s.at[0] > 0, -2.0, 2.0)
    a = torch.deg2rad(paint["gaze"][s.of] * 22 + inwards)
    look = torch.stack([a.sin(), torch.full_like(a, -0.02), a.cos()])
    apart = torch.arccos((out * look).sum(0).clamp(-1, 1))
    iris = paint["iris colour"].index_select(1, s.of) * (1.15 - 0.65 * _step(apart - 0.44, 0.06))
    colour = _mix(_constant(_WHITE, iris), iris, 1 - _step(apart - 0.5, 0.05))
    colour = colour * (_step(apart - 0.18, 0.04).clamp(min=0.02) * (1 - 0.55 * _step(height - 0.045, 0.04)))
    nothing = torch.zeros_like(a)
    return Stuff(colour, torch.full_like(s.piece, REGIONS.index("eye")), nothing, nothing, nothing + 0.8)


def _rest(s: Samples, paint: dict[str, Tensor], shape: Shape) -> Stuff:
    """Teeth, tongue and the curtain of long hair."""
    hairy = s.piece == CURTAIN
    colour = torch.where(s.piece == TONGUE, _constant(_TONGUE, s.local), _constant(_TEETH, s.local))
    colour = torch.where(hairy, paint["hair"].index_select(1, s.of) * (1 + 0.22 * _strands(s.at)), colour)
    open_ = torch.where(hairy, torch.where(s.behind, 0.35, 1.0), 0.6)
    region = torch.where(hairy, REGIONS.index("hair"), REGIONS.index("mouth"))
    return Stuff(colour, region, hairy.float(), torch.zeros_like(open_), open_)


def _lit(s: Samples, stuff: Stuff, paint: dict[str, Tensor], shape: Shape) -> Tensor:
    """(3, P): the light that comes from the samples. A lamp, light from the sky, gloss; what goes into skin comes out red."""
    hairy = stuff.hairy > 0.5
    x, y, z = s.at
    soft = (s.piece == SKIN) & ~hairy
    lamp = paint["lamp"].index_select(1, s.of)
    teeth = torch.stack([0.5 * s.local[0], torch.zeros_like(x), torch.ones_like(x)])  # as one arch
    normals = torch.where(s.piece == TEETH, teeth, s.normals)
    wrap = torch.where(soft, _vector(0.35, 0.22, 0.16, lamp), _vector(0.15, 0.15, 0.15, lamp))
    direct = (((normals * lamp).sum(0) + wrap) / (1 + wrap)).clamp(min=0)
    under = 1 - 0.6 * _step(-1.05 - y, 0.12) * (s.piece == SKIN) * (1 - 0.6 * _step(z - 0.9, 0.2))  # the shadow of the chin
    reach = stuff.open * under
    light = _LAMP * direct * (0.35 + 0.65 * reach) + _AMBIENT * (0.75 + 0.35 * normals[1]) * reach
    half = lamp + s.view
    half = half / _length(half)
    shine = (normals * half).sum(0).clamp(min=0)
    gloss = (0.06 * shine**10 + 0.05 * shine**40) * soft * (1 + 1.2 * stuff.lips) * stuff.open
    places = (s.piece == EYE).nonzero()[:, 0]
    out = _from_middle(s.picked(places), shape)
    wet = 0.9 * _step((out / _length(out) * half[:, places]).sum(0) - 0.985, 0.01) * stuff.open[places]
    colour = stuff.colour * light + gloss.index_add(0, places, wet)
    places = hairy.nonzero()[:, 0]
    colour = colour.index_add(1, places, _sheen(s.picked(places), half[:, places], stuff.open[places], paint["hair"]))
    bright = colour.amax(0).clamp(min=1e-6)
    room = 1 - _SHOULDER
    held = bright.clamp(max=_SHOULDER) + room * (1 - torch.exp(-(bright - _SHOULDER).clamp(min=0) / room))
    return (colour * (held / bright)).clamp(0, 1)


def _sheen(s: Samples, half: Tensor, open_: Tensor, hair: Tensor) -> Tensor:
    """(3, P): what strands that hang down throw back, a band across the hair."""
    tangent = _vector(0.0, 1.0, 0.0, half) - s.normals * s.normals[1]
    tangent = tangent / _length(tangent).clamp(min=0.2)
    band = (1 - (tangent * half).sum(0).square()).clamp(min=0).pow(12) * (s.normals * s.view).sum(0).abs()
    tint = 0.3 + hair / hair.amax(0)
    return 0.08 * band * (1 + 0.6 * _strands(s.at)) * open_ * tint.index_select(1, s.of)


def _from_middle(s: Samples, shape: Shape) -> Tensor:
    """(3, P): of samples of eyeballs, from the middle of theirs."""
    return s.local - shape.eyes[s.of, (s.at[0] > 0).long()].t()


def _strands(at: Tensor) -> Tensor:
    """(P,) in [-1, 1]: brighter and darker strands, by their direction from the axis of the head."""
    x, y, z = at
    angle = torch.atan2(x, z - 0.05 + 0.5 * (y - 0.9).clamp(min=0))
    return (
        0.5 * torch.sin(31 * angle + 3 * torch.sin(3 * y)) + 0.3 * torch.sin(67 * angle + 2 * y) + 0.2 * torch.sin(113 * angle)
    )


def _linear(colour: tuple[int, int, int]) -> list[float]:
    return [(one / 255) ** 2.2 for one in colour]


def _vector(x: float, y: float, z: float, like: Tensor) -> Tensor:
    return like.new_tensor([x, y, z])[:, None]


def _constant(colour: tuple[int, int, int], like: Tensor) -> Tensor:
    return like.new_tensor(_linear(colour))[:, None].expand_as(like)


def _ramp(value: Tensor, colours: tuple[tuple[int, int, int], ...], places: tuple[float, ...] | None = None) -> Tensor:
    """(3, N): the colour at each value (N,) in [0, 1], mixed from those at `places`, evenly spread if None."""
    table = value.new_tensor([_linear(c) for c in colours])
    knots = value.new_tensor(places or [k / (len(colours) - 1) for k in range(len(colours))])
    i = torch.searchsorted(knots, value.contiguous(), right=True).clamp(1, len(colours) - 1)
    return torch.lerp(table[i - 1].t(), table[i].t(), (value - knots[i - 1]) / (knots[i] - knots[i - 1]))


def _mix(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    return torch.lerp(a, b, share.expand_as(a))


def _step(x: Tensor, width: float) -> Tensor:
    """0 below -width, 1 above width, smooth between."""
    return smooth(x / (2 * width) + 0.5)


def _bump(*terms: tuple[Tensor, float, float]) -> Tensor:
    """A bell, 1 at its middle: of (value, middle, spread) each."""
    return torch.exp(-0.5 * _total([((x - middle) / spread).square() for x, middle, spread in terms]))


def _total(terms: list[Tensor]) -> Tensor:
    found = terms[0]
    for term in terms[1:]:
        found = found + term
    return found


def _length(x: Tensor) -> Tensor:
    return x.square().sum(0).sqrt().clamp(min=1e-6)
