"""Symmetric matrices of a user's own: .npy, or text of numbers separated by commas. Imports no torch."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from benchmark.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ASYMMETRY = 1e-9  # of the largest entry


def read(file: Path) -> "NDArray[np.float64]":
    """float64 (n, n), symmetric. Raises UserError that names the file, and the entry, for anything else."""
    import numpy as np

    try:
        if file.suffix.lower() == ".npy":
            matrix = np.load(file, allow_pickle=False)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an empty file is refused below
                matrix = np.loadtxt(file, delimiter=",", ndmin=2, encoding="utf-8-sig")
        if np.iscomplexobj(matrix):
            raise TypeError("complex numbers")
        matrix = np.asarray(matrix, np.float64)
    except (OSError, EOFError, BadZipFile, ValueError, TypeError) as error:
        raise UserError(f"{file.name} cannot be read as a matrix ({str(error).partition(chr(10))[0]})") from None
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise UserError(f"{file.name} has shape {matrix.shape}; a symmetric matrix has as many rows as columns")
    if not np.isfinite(matrix).all():
        i, j = np.argwhere(~np.isfinite(matrix))[0]
        raise UserError(f"{file.name}: entry ({i}, {j}) is {matrix[i, j]}, not a finite number")
    far = np.abs(matrix - matrix.T) > _ASYMMETRY * np.abs(matrix).max()
    if far.any():
        i, j = np.argwhere(far)[0]
        raise UserError(
            f"{file.name} is not symmetric: entry ({i}, {j}) is {matrix[i, j]:g}, entry ({j}, {i}) {matrix[j, i]:g}"
        )
    symmetric: NDArray[np.float64] = (matrix + matrix.T) / 2  # without what rounding left
    return symmetric


def check(file: Path) -> None:
    """Raises UserError for a file that holds no symmetric matrix."""
    read(file)
