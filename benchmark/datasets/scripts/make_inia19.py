"""Make assets/inia19_slices.npz from the volume inia19-t1-brain.nii.gz of the Debian package mricron-data.

    apt-get download mricron-data && dpkg-deb -x mricron-data_*.deb x
    python -m benchmark.datasets.scripts.make_inia19 x/usr/share/mricron/templates/inia19-t1-brain.nii.gz

Prints the SHA-256 that benchmark/datasets/sources.py and SOURCES.md hold.
"""

import gzip
import hashlib
import struct
import sys
from pathlib import Path

import numpy as np

SIDE = 168  # pixels of 0.5 mm; the brain is at most 78 mm long
AXIS = {"coronal": 1, "axial": 2}
POSITIONS = {"axial": range(24, 88, 9), "coronal": range(30, 122, 13)}  # from the brain's edge, in voxels
WHITE = 99.9  # percentile of the brain that becomes 255: a few voxels at its rim are three times as bright


def volume(file: str) -> np.ndarray:
    """float32 (X, Y, Z): the voxels of a single NIfTI-1 file of that type. Raises ValueError for another."""
    content = gzip.decompress(Path(file).read_bytes())
    shape, kind, offset = struct.unpack("<8h", content[40:56])[1:4], content[70:72], int(*struct.unpack("<f", content[108:112]))
    if struct.unpack("<h", kind) != (16,):
        raise ValueError(f"{file} does not hold float32")
    return np.frombuffer(content, np.float32, offset=offset)[: np.prod(shape)].reshape(shape, order="F")


def cropped(head: np.ndarray) -> np.ndarray:
    """The smallest box that holds all that is not zero."""
    spans = [np.flatnonzero(head.any(tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    return head[tuple(slice(one[0], one[-1] + 1) for one in spans)]


def canvas(plane: np.ndarray) -> np.ndarray:
    """uint8 (SIDE, SIDE): the slice seen with the front or the top of the brain up, centred on zeros."""
    image = np.rot90(plane)
    out = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (SIDE - image.shape[0]) // 2, (SIDE - image.shape[1]) // 2
    out[top : top + image.shape[0], left : left + image.shape[1]] = image
    return out


def main(source: str) -> None:
    """Cut the slices out of the volume in file `source`."""
    brain = cropped(volume(source))
    grey = np.round(255 * np.clip(brain / np.percentile(brain[brain > 0], WHITE), 0, 1)).astype(np.uint8)
    arrays = {}
    for name, positions in POSITIONS.items():
        arrays[name] = np.stack([canvas(grey.take(p, AXIS[name])) for p in positions])
        arrays[f"{name}_position"] = np.array(positions, np.int16) / np.float32(2)  # mm
    target = Path(__file__).parents[1] / "assets" / "inia19_slices.npz"
    np.savez_compressed(target, **arrays)
    print(target.name, target.stat().st_size, hashlib.sha256(target.read_bytes()).hexdigest())


if __name__ == "__main__":
    main(sys.argv[1])
