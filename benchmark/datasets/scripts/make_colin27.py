"""Make assets/colin27_slices.npz from the volume ch2.nii.gz of the Debian package mricron-data.

    apt-get download mricron-data && dpkg-deb -x mricron-data_*.deb x
    python benchmark/datasets/scripts/make_colin27.py x/usr/share/mricron/templates/ch2.nii.gz

Needs nibabel. Prints the SHA-256 that benchmark/datasets/sources.py and SOURCES.md hold.
"""

import hashlib
import sys
from pathlib import Path

import nibabel
import numpy as np

SIDE = 224  # pixels of 1 mm; the head is at most 217 mm long
AXIS = {"sagittal": 0, "coronal": 1, "axial": 2}
# Positions in mm. A reference is a slice of the same orientation, 6 mm further on.
POSITIONS = {
    "axial": range(34, 133, 14),
    "coronal": range(48, 147, 14),
    "sagittal": range(32, 150, 4),
}


def canvas(plane: np.ndarray) -> np.ndarray:
    """uint8 (SIDE, SIDE): the slice seen with the front or the top of the head up, centred on zeros."""
    image = np.rot90(plane)
    out = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - image.shape[0]) // 2, (SIDE - image.shape[1]) // 2
    out[top : top + image.shape[0], left : left + image.shape[1]] = image
    return out


def main(source: str) -> None:
    """Cut the slices out of the volume in file `source`."""
    volume = np.asanyarray(nibabel.load(source).dataobj)  # uint8 (181, 217, 181), 1 mm
    arrays = {}
    for name, positions in POSITIONS.items():
        arrays[name] = np.stack([canvas(volume.take(p, AXIS[name])) for p in positions])
        arrays[f"{name}_position"] = np.array(positions, np.int16)
        if name != "sagittal":
            arrays[f"{name}_reference"] = np.stack([canvas(volume.take(p + 6, AXIS[name])) for p in positions])
    target = Path(__file__).parents[1] / "assets" / "colin27_slices.npz"
    np.savez_compressed(target, **arrays)
    print(target.name, target.stat().st_size, hashlib.sha256(target.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1])
