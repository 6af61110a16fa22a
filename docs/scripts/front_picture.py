"""The picture of README, from the results that came with the suite:  python docs/scripts/front_picture.py

Above, what methods make of one slice of mri/small; below, the board. The numbers that it shows are kept in the file, so that
a test sees when the rows have changed since.
"""

import json
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import altair as alt  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import vl_convert  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin  # noqa: E402
from sqlalchemy.orm import Session  # noqa: E402

from benchmark.report.board import Board  # noqa: E402
from benchmark.report.boards import board  # noqa: E402
from benchmark.report.frames import board_frame  # noqa: E402
from benchmark.store.database import open_database  # noqa: E402
from leaderboard.artifacts.files import kept_files, load  # noqa: E402
from leaderboard.charts.svg import FONT, spec  # noqa: E402
from runners.load import merge_reference  # noqa: E402

FILE = ROOT / "docs/images/front.png"
PLACE = ("mri", "small")
SHOWN = ("zero_filled", "l1_wavelet", "dip", "self_guided_dip")  # beside the truth
KEY = (0, 0)  # seed and instance of the slice
_WIDTH, _GAP, _TEXT, _SCALE = 1200, 12, 30, 2  # pixels; the chart is drawn at _SCALE
_INK, _BAR = "#333333", "#2f5d8a"


def numbers(found: Board) -> list[list[object]]:
    """What the chart draws: label, estimate, lower, upper of each row, rounded to what can be seen."""
    frame = board_frame(found)[["label", "estimate", "lower", "upper"]]
    return [[row.label, *(round(float(one), 2) for one in (row.estimate, row.lower, row.upper))] for row in frame.itertuples()]


def chart(found: Board) -> Image.Image:
    """A line for each method: the mean over instances and its 95 % interval."""
    frame = pd.DataFrame(numbers(found), columns=["method", "psnr", "low", "high"])
    room = 30 + 8 * max(map(len, frame["method"]))  # pixels of the longest label
    y = alt.Y("method:N", sort=None, title=None, axis=alt.Axis(labelFontSize=13, labelLimit=room, ticks=False, domain=False))
    scale = alt.Scale(zero=False, nice=True)
    title = "PSNR [dB]: mean over 8 slices, 95 % interval"
    x = alt.X("low:Q", scale=scale, title=title, axis=alt.Axis(titleFontSize=13, labelFontSize=12, titleFontWeight="normal"))
    base = alt.Chart(frame).properties(width=_WIDTH // _SCALE - room, height=26 * len(frame))
    drawn = base.mark_rule(color=_BAR, strokeWidth=3).encode(y=y, x=x, x2="high:Q") + base.mark_point(
        color=_BAR, filled=True, size=90, opacity=1
    ).encode(y=y, x=alt.X("psnr:Q", scale=scale))
    png = vl_convert.vegalite_to_png({**spec(drawn), "config": {"font": FONT, "view": {"stroke": None}}}, scale=_SCALE)
    return Image.open(BytesIO(png)).convert("RGB")


def pictures(session: Session, found: Board, folder: Path) -> list[tuple[str, NDArray[np.float64]]]:
    """(caption, values in [0, 1]) of the truth and of each method's estimate."""
    kept = {(one.label, one.kind): one.path for one in kept_files(session, found.rows, KEY, ("estimate", "truth"))}
    truth = next(path for (_, kind), path in kept.items() if kind == "truth")
    scores = {row.label: row.scores["psnr"][KEY] for row in found.rows if KEY in row.scores["psnr"]}
    named = [("truth", truth)] + [(f"{name}, {scores[name]:.1f} dB", kept[name, "estimate"]) for name in SHOWN]
    arrays = [(caption, load(folder, path)) for caption, path in named]
    return [(caption, np.clip(np.asarray(array, float), 0, 1)) for caption, array in arrays]


def drawn() -> tuple[Image.Image, list[list[object]]]:
    """The picture, and the numbers in it."""
    with TemporaryDirectory() as text:
        target = str(Path(text) / "reference.db")
        with Session(open_database(target)) as session:
            merge_reference(session, [PLACE], target)
            found = board(session, *PLACE)
            tiles, below = pictures(session, found, Path(text)), chart(found)
            side = (_WIDTH - _GAP * (len(tiles) + 1)) // len(tiles)
            whole = Image.new("RGB", (_WIDTH, _TEXT + side + 2 * _GAP + below.height), "white")
            pen, font = ImageDraw.Draw(whole), ImageFont.load_default(19)
            for place, (caption, array) in enumerate(tiles):
                left = _GAP + place * (side + _GAP)
                pen.text((left, 4), caption, fill=_INK, font=font)
                tile = Image.fromarray((array * 255).astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
                whole.paste(tile, (left, _TEXT))
            whole.paste(below, ((_WIDTH - below.width) // 2, _TEXT + side + 2 * _GAP))
            return whole, numbers(found)


if __name__ == "__main__":
    image, told = drawn()
    about = PngImagePlugin.PngInfo()
    about.add_text("numbers", json.dumps(told))
    FILE.parent.mkdir(exist_ok=True)
    image.quantize(192, dither=Image.Dither.NONE).save(FILE, optimize=True, pnginfo=about)
    print(FILE.relative_to(ROOT), f"{FILE.stat().st_size / 1000:.0f} kB")
