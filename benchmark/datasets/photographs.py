"""Colour photographs as float32 (3, H, W) in [0, 1]: those that scikit-image and scikit-learn carry, or a user's folder.

Ten colour photographs are for tests, six grey ones for tuning: no scene is in both. Each is cut to its central square and
resized with antialiasing.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.datasets import pictures
from benchmark.datasets.sources import SOURCES, Folder, Packaged
from benchmark.errors import UserError
from benchmark.seeds import Split

TEST = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "hubble_deep_field.jpg",
    "retina.jpg",
    "ihc.png",
    "motorcycle_left.png",
    "china.jpg",
    "flower.jpg",
)
TUNING = ("camera.png", "coins.png", "brick.png", "gravel.png", "moon.png", "cell.png")


def named(name: str) -> Path:
    """The file of a photograph of TEST or TUNING by its name without suffix, such as "camera"."""
    packages = [source for source in SOURCES.values() if isinstance(source, Packaged)]
    return next(one.path(file) for one in packages for file in one.files if Path(file).stem == name)


def pick(sources: Sequence[str], split: Split, index: int, data_dir: Path | None) -> Path:
    """The file of instance `index`. Of a user's folder every third photograph is for tuning, the others are for tests.

    Raises UserError where the folder holds too few.
    """
    source = SOURCES[sources[0]]
    if isinstance(source, Folder):
        files = source.files(data_dir)
        chosen = [file for number, file in enumerate(files) if (number % 3 == 2) == (split == "tuning")]
        if index >= len(chosen):
            raise UserError(
                f"{source.subfolder} holds {len(files)} photographs, {len(chosen)} of them for {split} (every third is for "
                f"tuning, the others for tests); instance {index} needs another one, none is used twice"
            )
        return chosen[index]
    names = TEST if split == "test" else TUNING
    name = names[index % len(names)]
    packages = [found for one in sources if isinstance(found := SOURCES[one], Packaged)]
    return next(package.path(name) for package in packages if name in package.files)


def square(file: Path, size: int) -> Tensor:
    """float32 (3, size, size): the central square of a photograph. Raises UserError for one smaller than that."""
    image = torch.from_numpy(pictures.read(file)).permute(2, 0, 1)
    height, width = image.shape[1:]
    side = min(height, width)
    if side < size:
        raise UserError(f"{file.name} has {width} x {height} pixels; this preset needs {size} a side")
    top, left = (height - side) // 2, (width - side) // 2
    crop = image[:, top : top + side, left : left + side]
    return F.interpolate(crop[None], (size, size), mode="bicubic", antialias=True)[0].clamp(0, 1)
