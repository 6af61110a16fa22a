"""Photographs of five Debian packages as crops uint8 (N, 3, size, size), from which the prior `photographs64` is learned.

Each photograph gives `cap` crops, so that no large or flat one rules. The first crop is what the tasks on photographs do: the
central square, resized with antialiasing. The others are squares anywhere in it, with a side of 4**-u times its shorter side, u
uniform in [0, 1]: from the whole down to a quarter, but no fewer than SHARP pixels of it for one of the crop where it has them.

Photographs are split, not crops: none gives crops to both parts. Those of places are all in `learn`, because two containers
show the same places, and so are all others of `categorization`, whose numbered series show the same things.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from benchmark.datasets import rcc
from benchmark.errors import UserError

GCOMPRIS = "gcompris-qt-data"
CONTAINER = "usr/share/gcompris-qt/rcc/{}.rcc"
CONTAINERS = {  # of GCOMPRIS: the photographs taken from each; drawn pictures, and those with holes, are in the others
    "categorization": 103,
    "erase": 33,
    "explore_farm_animals": 9,
    "explore_monuments": 48,
    "explore_world_animals": 15,
    "explore_world_music": 9,
}
LEARN_ONLY = ("categorization", "explore_monuments")
SKIPPED = {  # of the containers, besides what has a side below SMALLEST
    "cut out, or lit until white: on a background of one colour": (
        "categorization/baseball",
        "categorization/blackslate",
        "categorization/cuttingTool",
        "categorization/fish18",
        "categorization/fish25",
        "categorization/hammer2",
        "categorization/hammer8",
        "categorization/hammer9",
        "categorization/measuringTape1",
        "categorization/measuringTape2",
        "categorization/measuringTape3",
        "categorization/measuringTape4",
        "categorization/screwDriver3",
        "categorization/spray",
        "categorization/volleyball",
        "categorization/weighingMachine",
        "categorization/wrench",
    ),
    "a smaller copy of one in explore_monuments": (
        "categorization/brandenburgGate",
        "categorization/colosseum",
        "categorization/greatPyramid",
    ),
    "shows the frame of its slide": ("explore_monuments/georgeWashingtonBirthplace",),
}
FILES = {  # of the other packages: the folder and the photographs in it; what is not named is computer art or a copy
    "lomiri-wallpapers-16.04": (
        "usr/share/backgrounds",
        (
            "Bridge_by_Sander_Klootwijk.jpg",
            "Dragonfly_by_Bolly.jpg",
            "Picture_0B_by_freespace.jpg",
            "Picture_1A_by_freespace.jpg",
            "Wine_by_Jakkub_Mede.jpg",
            "aitzgorri_by_Aitzol_Berasategi.jpg",
            "free_by_Peter_Nerlich.jpg",
            "friends_by_Aitzol_Berasategi.jpg",
            "greentock_by_Peter_Nerlich.jpg",
            "life_by_Aitzol_Berasategi.jpg",
            "picosdeeuropa_by_Aitzol_Berasategi.jpg",
            "seeding_by_Clements_Engelhardt.jpg",
            "sunset_by_Aitzol_Berasategi.jpg",
        ),
    ),
    "lxqt-themes": (
        "usr/share/lxqt/wallpapers",
        (
            "Butterfly-Kenneth-Wimer.jpg",
            "Valendas.png",
            "after-the-rain.jpg",
            "appleflower.png",
            "beam.png",
            "butterfly.png",
            "cloud.png",
            "drop.png",
            "flowers.png",
            "fog.jpg",
            "this-is-not-windows.jpg",
        ),
    ),
    "mate-backgrounds": (
        "usr/share/backgrounds/mate/nature",
        (
            "Aqua.jpg",
            "Blinds.jpg",
            "Dune.jpg",
            "FreshFlower.jpg",
            "Garden.jpg",
            "GreenMeadow.jpg",
            "LadyBird.jpg",
            "RainDrops.jpg",
            "Storm.jpg",
            "TwoWings.jpg",
            "Wood.jpg",
            "YellowFlower.jpg",
        ),
    ),
    "plasma-workspace-wallpapers": (
        "usr/share/wallpapers",
        tuple(
            f"{name}/contents/images/2560x1600.jpg"
            for name in (
                "BytheWater",
                "ColdRipple",
                "ColorfulCups",
                "DarkestHour",
                "EveningGlow",
                "FallenLeaf",
                "Grey",
                "Kite",
                "OneStandsOut",
                "Path",
                "summer_1am",
            )
        ),
    ),
}
SMALLEST = 200  # pixels of the shorter side; below, a crop would have been enlarged or would show the compression
SHARP = 1.5  # pixels of a photograph for one of a crop, at least, where the photograph has as many
HELD_OUT = 6  # of the photographs that may be held out every sixth is

Part = Literal["learn", "held_out"]


@dataclass(frozen=True)
class Photograph:
    """A photograph by package and name; `source` is its file or the content of one."""

    package: str
    name: str
    source: Path | bytes

    @property
    def learn_only(self) -> bool:
        """Whether it is never held out."""
        return self.package == GCOMPRIS and self.name.partition("/")[0] in LEARN_ONLY

    def read(self) -> Tensor:
        """uint8 (3, H, W). Raises UserError that names it where it is no picture."""
        try:
            with Image.open(io.BytesIO(self.source) if isinstance(self.source, bytes) else self.source) as opened:
                return torch.from_numpy(np.array(opened.convert("RGB"))).permute(2, 0, 1)
        except (OSError, SyntaxError, ValueError):
            raise UserError(f"{self.name} of {self.package} cannot be read as a picture; {_how()}") from None


def _how() -> str:
    packages = " ".join((GCOMPRIS, *FILES))
    return f"get the packages of Debian 12 (apt-get download {packages}) and unpack each there (dpkg-deb -x PACKAGE.deb FOLDER)"


def _members(folder: Path, container: str) -> list[Photograph]:
    file = folder / CONTAINER.format(container)
    if not file.is_file():
        raise UserError(f"{folder} lacks {file.relative_to(folder)} of {GCOMPRIS}: {_how()}")
    skipped = {name for names in SKIPPED.values() for name in names}
    found = []
    for path, content in sorted(rcc.members(file).items()):
        name = f"{container}/{Path(path).stem}"
        if Path(path).suffix != ".webp" or name in skipped:
            continue
        one = Photograph(GCOMPRIS, name, content)
        if min(one.read().shape[1:]) >= SMALLEST:
            found.append(one)
    if len(found) != CONTAINERS[container]:
        raise UserError(
            f"{file.name} holds {len(found)} photographs where {GCOMPRIS} 3.1 has {CONTAINERS[container]}; {_how()}"
        )
    return found


def photographs(folder: Path) -> list[Photograph]:
    """All photographs of a folder into which the packages are unpacked, in one order.

    Raises UserError, with the names of the packages and how to get them, where one is missing or is another version.
    """
    if not folder.is_dir():
        raise UserError(f"the folder {folder} does not exist: {_how()}")
    found = [one for container in CONTAINERS for one in _members(folder, container)]
    for package, (place, names) in FILES.items():
        for name in names:
            if not (folder / place / name).is_file():
                raise UserError(f"{folder} lacks {place}/{name} of {package}: {_how()}")
            found.append(Photograph(package, name, folder / place / name))
    return found


def part(found: Sequence[Photograph], which: Part) -> list[Photograph]:
    """The pictures of `learn` or of `held_out`. Every sixth picture that may be held out is held out."""
    held_out = [one for one in found if not one.learn_only][HELD_OUT // 2 :: HELD_OUT]
    return held_out if which == "held_out" else [one for one in found if one not in held_out]


def cut(image: Tensor, count: int, size: int, generator: torch.Generator) -> Tensor:
    """uint8 (count, 3, size, size): the central square of uint8 (3, H, W) and count - 1 squares anywhere in it."""
    height, width = image.shape[1:]
    shorter = min(height, width)
    least = min(shorter, round(SHARP * size))
    found = []
    for number in range(count):
        u, down, right = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
        side = max(round(shorter * 4**-u), least) if number else shorter
        top = round(down * (height - side)) if number else (height - side) // 2
        left = round(right * (width - side)) if number else (width - side) // 2
        crop = image[None, :, top : top + side, left : left + side].float()
        found.append(F.interpolate(crop, (size, size), mode="bicubic", antialias=True)[0])
    return torch.stack(found).round().clamp(0, 255).to(torch.uint8)


def crops(folder: Path, which: Part, generator: torch.Generator, size: int = 64, cap: int = 32) -> Tensor:
    """uint8 (N, 3, size, size), `cap` crops of each photograph of a part, in the order of `photographs`; flips are the
    trainer's. All randomness is the generator's.

    Raises UserError where the folder is not complete.
    """
    return torch.cat([cut(one.read(), cap, size, generator) for one in part(photographs(folder), which)])
