"""Make the crops from which the prior `photographs64` is learned. They are not part of this repository.

    mkdir FOLDER && cd FOLDER
    apt-get download gcompris-qt-data lomiri-wallpapers-16.04 lxqt-themes mate-backgrounds plasma-workspace-wallpapers
    for PACKAGE in *.deb; do dpkg-deb -x $PACKAGE .; done
    python benchmark/datasets/scripts/make_crops.py FOLDER OUT.npz [SIZE [CAP]]

Writes `learn` and `held_out`, uint8 (N, 3, SIZE, SIZE), CAP crops of each photograph (64 and 32 where they are not given), from
seeds 0 and 1, and prints their numbers and SHA-256. A folder that is not complete is refused in one line.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import torch

from benchmark.datasets import wallpapers
from benchmark.errors import UserError


def main(folder: str, out: str, size: str = "64", cap: str = "32") -> None:
    """Cut the crops of both parts and write them to file `out`."""
    content = {}
    for seed, which in enumerate(("learn", "held_out")):
        generator = torch.Generator().manual_seed(seed)
        content[which] = wallpapers.crops(Path(folder), which, generator, int(size), int(cap)).numpy()
        print(which, *content[which].shape, hashlib.sha256(content[which].tobytes()).hexdigest())
    np.savez(out, **content)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except UserError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
