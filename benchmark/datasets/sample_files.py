"""Samples with labels of a user's own: .npz with `samples` and `labels`, or .npy whose last column is the label.

Imports no torch.
"""

from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from benchmark.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read(file: Path) -> "tuple[NDArray[np.float64], NDArray[np.int64]]":
    """Samples (N, n) and labels (N,), 0 to K - 1 in the order of what the file calls them, of at least one sample each.

    Raises UserError that names the file, and the place, for anything else.
    """
    import numpy as np

    try:
        found = np.load(file, allow_pickle=False)
        if file.suffix.lower() == ".npz":
            if missing := {"samples", "labels"} - set(found.files):
                raise UserError(f"{file.name} holds {', '.join(found.files) or 'nothing'}; {min(missing)} is missing")
            samples, labels = found["samples"], found["labels"]
        else:
            if found.ndim != 2 or found.shape[1] < 2:
                raise UserError(f"{file.name} has shape {found.shape}; samples are rows, and the last column is the label")
            samples, labels = found[:, :-1], found[:, -1]
        if np.iscomplexobj(samples):
            raise TypeError("complex numbers")
        samples = np.asarray(samples, np.float64)
    except (OSError, EOFError, BadZipFile, ValueError, TypeError) as error:
        raise UserError(f"{file.name} cannot be read as samples ({str(error).partition(chr(10))[0]})") from None
    if samples.ndim != 2 or not samples.size:
        raise UserError(f"{file.name}: samples have shape {samples.shape}, not (samples, dimensions)")
    if labels.shape != samples.shape[:1]:
        raise UserError(f"{file.name}: labels have shape {labels.shape}, not ({len(samples)},): one for each sample")
    if not np.isfinite(samples).all():
        i, j = np.argwhere(~np.isfinite(samples))[0]
        raise UserError(f"{file.name}: entry {j} of sample {i} is {samples[i, j]}, not a finite number")
    if not (np.asarray(labels) == labels).all():
        raise UserError(f"{file.name}: label {np.argmax(labels != labels)} is {labels[labels != labels][0]}, not a class")
    names, numbers = np.unique(labels, return_inverse=True)
    if len(names) == len(samples) > 1:
        raise UserError(
            f"{file.name}: each of the {len(samples)} samples has a label of its own; classes need two samples each"
        )
    return samples, numbers.astype(np.int64)


def check(file: Path) -> None:
    """Raises UserError for a file that holds no samples with labels."""
    read(file)
