"""Moving strips: that they move, how large they are, and how right and wrong look."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from leaderboard.charts import clips

RIGHT = [True, False, True, False, False]


def moving(count: int = 6, length: int = 8, height: int = 16, width: int = 16) -> clips.Clips:
    """Grey clips with a bright column that goes from left to right."""
    found = np.full((count, length, height, width, 3), 90, np.uint8)
    for at in range(length):
        found[:, at, :, at % width] = 250
    return found


def frame(picture: bytes, at: int = 0) -> np.ndarray:
    image = Image.open(io.BytesIO(picture))
    image.seek(at)
    return np.asarray(image.convert("RGBA")).astype(int)


def test_a_strip_moves_in_step_and_for_ever():
    picture = clips.strip(moving(), RIGHT)
    image = Image.open(io.BytesIO(picture))
    assert (image.format, image.n_frames, image.info["loop"]) == ("WEBP", 8, 0)
    assert image.size == (clips.lefts(clips.TILE, 6)[-1] + clips.TILE + 2 * clips.BORDER, clips.TILE + 2 * clips.BORDER)
    image.load()
    assert image.info["duration"] == 100
    first, later = frame(picture), frame(picture, 4)
    for left in clips.lefts(clips.TILE, 6):
        tile = np.s_[40:-10, left + clips.BORDER : left + clips.BORDER + clips.TILE]
        assert np.abs(first[tile] - later[tile]).max() > 80


def test_long_clips_are_thinned_and_last_as_long():
    image = Image.open(io.BytesIO(clips.strip(moving(2, length=96), [True])))
    assert image.n_frames == clips.FRAMES
    image.load()
    assert image.info["duration"] == 300


def test_oblong_clips_keep_their_shape():
    image = Image.open(io.BytesIO(clips.strip(moving(2, height=12, width=24), [True])))
    assert image.height == clips.TILE // 2 + 2 * clips.BORDER


def test_right_and_wrong_differ_in_colour_and_in_mark():
    pixels = frame(clips.strip(moving(), RIGHT))
    lefts = clips.lefts(clips.TILE, 6)
    for left, colour in zip(lefts, [clips.QUERY, *(clips.RIGHT if one else clips.WRONG for one in RIGHT)], strict=True):
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.abs(pixels[60, left + 2, :3] - wanted).max() < 25
    assert pixels[60, lefts[1] - 8, 3] == 0  # between the query and its nearest nothing is drawn
    end = clips.TILE + 2 * clips.BORDER
    white = [(pixels[2:24, left + end - 24 : left + end - 2, :3].min(-1) > 200) for left in lefts]
    assert white[0].sum() == 0
    assert all(one.sum() > 20 for one in white[1:])
    assert (white[1] != white[2]).sum() > 20  # a check mark is no cross, whatever the colour


@pytest.mark.parametrize(
    ("found", "right"),
    [(moving(3), RIGHT), (moving()[0], RIGHT), (moving().astype(np.float32), RIGHT), (moving(length=0), RIGHT)],
)
def test_what_is_no_strip_is_refused(found, right):
    with pytest.raises(ValueError, match="clips"):
        clips.strip(found, right)


def test_a_figure_says_in_words_what_it_shows_and_trusts_no_name():
    html = clips.figure(clips.strip(moving(3), [True, False]), "3: walk", ["walk", '<b>"run"'], [True, False])
    assert 'alt="query 3: walk; nearest: walk (right), &lt;b&gt;&quot;run&quot; (wrong)"' in html
    assert "<b>" not in html
    assert re.findall(r"<span>(.*?)</span>", html) == ["walk", "&lt;b&gt;&quot;run&quot;"]
    assert "data:image/webp;base64," in html
