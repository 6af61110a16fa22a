"""A query video and its nearest ones are one moving picture, in which right and wrong ones are marked.

Tiles from left to right are the query in grey, a gap, then the neighbours, the nearest first. A right one is bluish green with
a check mark, a wrong one vermilion with a cross (Okabe and Ito 2008), so that nothing hangs on colour alone. All tiles of a
strip play in step because they are one animation. WebP takes an eighth of a GIF's size for photographs that stand still.
"""

import io
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from leaderboard.artifacts.nearest import Clips

QUERY, RIGHT, WRONG = "#8a8a8a", "#009E73", "#D55E00"
TILE = 112  # pixels of a clip's longer side
BORDER, GAP, LEAD = 5, 6, 20  # pixels: around a clip, between neighbours, between the query and them
FRAMES = 32  # the most frames of a strip, evenly spread over longer clips
_MARK = 26  # pixels of the disc in the corner
_FINE = 4  # a mark is drawn this many times larger, then reduced


def strip(clips: Clips, right: Sequence[bool], rate: float = 10.0) -> bytes:
    """An animated WebP of the query and its n nearest clips at `rate` frames a second.

    clips is uint8 (1 + n, T, H, W, 3), the query first. right says of each of the n others whether it is right. Raises
    ValueError for other shapes or types, and for a verdict too many or too few.
    """
    if clips.ndim != 5 or clips.shape[-1] != 3 or clips.dtype != np.uint8 or not all(clips.shape):
        raise ValueError(f"clips are {clips.dtype} {clips.shape}, not uint8 (clips, frames, height, width, 3)")
    if len(clips) != len(right) + 1:
        raise ValueError(f"{len(clips)} clips, but {len(right)} verdicts: one for each but the query")
    count, length, height, width = clips.shape[:4]
    scale = TILE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    ground = Image.new("RGBA", (lefts(size[0], count)[-1] + size[0] + 2 * BORDER, size[1] + 2 * BORDER))
    colours = [QUERY, *(RIGHT if one else WRONG for one in right)]
    draw = ImageDraw.Draw(ground)
    for left, colour in zip(lefts(size[0], count), colours, strict=True):
        draw.rounded_rectangle((left, 0, left + size[0] + 2 * BORDER - 1, ground.height - 1), 4, fill=colour)
    shown = np.unique(np.linspace(0, length - 1, min(length, FRAMES)).round().astype(int))
    frames = [_frame(ground, clips[:, at], right, size) for at in shown]
    pause = round(1000 * length / len(shown) / rate)  # milliseconds: thinned clips last as long
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "WEBP", save_all=True, append_images=frames[1:], duration=pause, loop=0, quality=70, alpha_quality=60, method=2
    )
    return buffer.getvalue()


def lefts(width: int, count: int) -> list[int]:
    """The left edges, in pixels, of the tiles of a strip of `count` clips that are `width` pixels wide."""
    step = width + 2 * BORDER + GAP
    return [0, *(LEAD - GAP + step * place for place in range(1, count))]


def _frame(ground: Image.Image, clips: Clips, right: Sequence[bool], size: tuple[int, int]) -> Image.Image:
    """One frame of clips (1 + n, H, W, 3) at one time."""
    frame = ground.copy()
    for place, left in enumerate(lefts(size[0], len(clips))):
        frame.paste(Image.fromarray(clips[place]).resize(size, Image.Resampling.LANCZOS), (left + BORDER, BORDER))
        if place:
            disc = _mark(right[place - 1])
            frame.paste(disc, (left + size[0] + 2 * BORDER - _MARK, 0), disc)
    return frame


def _mark(right: bool) -> Image.Image:
    """A white check mark or cross on a disc of its colour."""
    side = _MARK * _FINE
    disc = Image.new("RGBA", (side, side))
    draw = ImageDraw.Draw(disc)
    draw.ellipse((0, 0, side - 1, side - 1), fill=RIGHT if right else WRONG, outline="white", width=_FINE)
    lines = [((0.26, 0.53), (0.44, 0.7), (0.74, 0.33))] if right else [((0.3, 0.3), (0.7, 0.7)), ((0.3, 0.7), (0.7, 0.3))]
    for line in lines:
        points: list[Any] = [(side * x, side * y) for x, y in line]
        draw.line(points, fill="white", width=3 * _FINE, joint="curve")
    return disc.resize((_MARK, _MARK), Image.Resampling.LANCZOS)


def alternative(query: str, names: Sequence[str], right: Sequence[bool]) -> str:
    """What a strip shows in words: 'query walk; nearest: walk (right), run (wrong)'."""
    said = (f"{name} ({'right' if one else 'wrong'})" for name, one in zip(names, right, strict=True))
    return f"query {query}; nearest: {', '.join(said)}"


def figure(picture: bytes, query: str, names: Sequence[str], right: Sequence[bool]) -> str:
    """The HTML of a strip with a name under each tile. It is as wide as the strip, or as there is room."""
    width = Image.open(io.BytesIO(picture)).width
    tile = (width - LEAD - GAP * (len(names) - 1)) / (len(names) + 1)
    columns = f"minmax(0,{tile + LEAD - GAP:.1f}fr) repeat({len(names)},minmax(0,{tile:.1f}fr))"
    first = f'<strong style="padding-right:{LEAD - GAP}px">{escape(query)}</strong>'
    rest = "".join(f"<span>{escape(name)}</span>" for name in names)
    return (
        f'<figure style="margin:0;max-width:{width}px">'
        f'<img src="data:image/webp;base64,{b64encode(picture).decode()}" alt="{escape(alternative(query, names, right))}" '
        'style="display:block;width:100%;height:auto">'
        f'<figcaption style="display:grid;grid-template-columns:{columns};column-gap:{GAP}px;text-align:center;'
        f'overflow-wrap:anywhere;font-size:0.75rem;line-height:1.25;padding-top:2px">{first}{rest}</figcaption></figure>'
    )
