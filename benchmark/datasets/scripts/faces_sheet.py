"""A sheet of faces, the last row their regions.

python -m benchmark.datasets.scripts.faces_sheet OUT.png [--part test] [--size 64] [--rows 6] [--columns 12]
"""

import argparse

import torch
from PIL import Image

from benchmark.datasets import faces

COLOURS = torch.tensor(
    [[0, 0, 0], [222, 170, 145], [220, 30, 60], [70, 110, 230], [130, 80, 30], [255, 200, 0], [110, 0, 110], [0, 190, 0]]
)


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--part", choices=("learn", "tune", "test"), default="test")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rows", type=int, default=6)
    parser.add_argument("--columns", type=int, default=12)
    a = parser.parse_args()
    found = faces.drawn(a.part, a.first, a.rows * a.columns, a.size)
    shown = (255 * found.pictures).round().byte().permute(0, 2, 3, 1)
    shown = torch.cat([shown, COLOURS.byte()[found.labels[: a.columns].long()]])
    grid = shown.reshape(a.rows + 1, a.columns, a.size, a.size, 3).permute(0, 2, 1, 3, 4)
    Image.fromarray(grid.reshape((a.rows + 1) * a.size, a.columns * a.size, 3).numpy()).save(a.out)


if __name__ == "__main__":
    main()
