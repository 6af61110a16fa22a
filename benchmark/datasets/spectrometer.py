"""Responsivity of a spectrometer of 16 GaN photodetectors, 400 to 700 nm, and of the user's own.

The measured matrix of arXiv:2403.12354 is not part of this repository. Its stand-in goes through the 13 knots below, read off
the authors' published matrix to two digits: log R linear between knots, times exp(0.15 w), w white Gaussian noise along each
row, smoothed with sigma = 3 nm and scaled to unit deviation. Without that ripple the rows would be 20 times too alike: the
condition number of R with rows of unit norm is 125 (measured device: 136), without ripple 2566.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from benchmark.errors import UserError

Array = NDArray[np.float64]
WAVELENGTHS: Array = np.arange(400.0, 701.0)  # nm
_KNOTS = np.arange(400.0, 701.0, 25.0)
_RIPPLE, _SMOOTH = 0.15, 3.0  # of log R; nm
_RESPONSIVITY = (  # at the knots, by detector
    (7.2e-8, 1.4e-7, 1.6e-7, 5.7e-8, 4.0e-9, 2.1e-9, 6.9e-10, 5.7e-10, 4.3e-10, 2.6e-10, 2.4e-10, 3.2e-10, 3.3e-10),
    (4.4e-7, 3.2e-7, 2.1e-7, 1.7e-7, 6.5e-8, 5.6e-9, 1.1e-9, 7.8e-10, 4.4e-10, 2.1e-10, 2.2e-10, 2.7e-10, 2.4e-10),
    (2.0e-7, 1.4e-7, 1.4e-7, 3.1e-8, 1.7e-8, 2.6e-9, 1.9e-9, 1.5e-9, 1.1e-9, 5.2e-10, 4.6e-10, 4.3e-10, 4.6e-10),
    (1.0e-7, 1.1e-7, 2.1e-7, 4.7e-8, 1.7e-8, 1.1e-8, 6.8e-9, 2.0e-9, 7.8e-10, 4.9e-10, 3.2e-10, 3.8e-10, 3.6e-10),
    (1.0e-7, 1.7e-7, 1.8e-7, 5.9e-8, 3.3e-8, 1.6e-8, 9.5e-9, 4.7e-9, 6.8e-10, 3.9e-10, 2.7e-10, 3.4e-10, 3.5e-10),
    (1.0e-6, 1.6e-6, 1.4e-6, 8.4e-7, 6.7e-7, 2.9e-7, 2.5e-8, 1.0e-8, 1.5e-9, 1.3e-10, 1.3e-10, 1.6e-10, 1.9e-10),
    (1.9e-7, 1.7e-7, 1.8e-7, 3.8e-8, 2.0e-8, 1.2e-8, 9.7e-9, 4.7e-9, 2.5e-9, 3.0e-10, 1.3e-10, 1.4e-10, 1.6e-10),
    (3.0e-7, 4.3e-7, 5.8e-7, 2.0e-7, 3.4e-8, 1.7e-8, 6.9e-9, 1.9e-9, 1.3e-9, 1.0e-9, 4.6e-10, 5.8e-10, 7.2e-10),
    (2.3e-6, 2.9e-6, 2.0e-6, 3.6e-7, 1.2e-7, 7.4e-8, 4.3e-8, 2.4e-8, 7.7e-10, 4.7e-10, 6.2e-10, 7.5e-10, 8.3e-10),
    (2.2e-6, 4.6e-6, 5.7e-6, 4.3e-6, 3.7e-6, 1.1e-6, 2.2e-9, 1.8e-10, 1.9e-10, 1.8e-10, 1.7e-10, 2.1e-10, 2.4e-10),
    (5.0e-6, 1.1e-5, 2.4e-5, 1.4e-5, 1.1e-5, 3.5e-6, 2.9e-6, 2.6e-6, 6.2e-7, 1.9e-9, 2.6e-10, 3.1e-10, 2.6e-10),
    (6.7e-6, 1.1e-5, 2.0e-5, 2.0e-5, 1.8e-5, 1.3e-5, 1.2e-5, 9.9e-6, 2.0e-6, 1.2e-9, 7.3e-10, 3.1e-10, 3.1e-10),
    (3.0e-6, 1.1e-5, 2.5e-5, 2.1e-5, 1.8e-5, 1.7e-5, 1.6e-5, 1.1e-5, 1.8e-8, 1.6e-9, 7.4e-10, 8.7e-10, 6.8e-10),
    (3.8e-5, 1.2e-4, 3.1e-4, 2.6e-4, 2.3e-4, 1.9e-4, 1.4e-5, 2.6e-7, 5.0e-8, 2.3e-9, 1.8e-9, 1.8e-9, 2.1e-9),
    (5.3e-5, 1.2e-4, 4.4e-4, 4.1e-4, 2.2e-4, 2.5e-5, 4.5e-6, 2.7e-6, 8.8e-8, 5.6e-9, 3.0e-9, 3.6e-9, 2.6e-9),
    (3.9e-5, 1.6e-4, 3.7e-4, 1.3e-4, 1.1e-5, 9.2e-6, 7.6e-6, 3.6e-6, 1.4e-6, 6.1e-7, 6.5e-8, 1.2e-8, 7.7e-9),
)


@cache
def stand_in() -> Array:
    """R (16, 301), positive."""
    smooth = np.array([np.interp(WAVELENGTHS, _KNOTS, np.log(row)) for row in _RESPONSIVITY])
    white = np.random.default_rng(0).standard_normal(smooth.shape)
    ripple = gaussian_filter1d(white, _SMOOTH, axis=1)
    found: Array = np.exp(smooth + _RIPPLE * ripple / ripple.std(1, keepdims=True))
    return found


def check(file: Path) -> None:
    """Raises UserError unless `read` can read the file."""
    check_separators(file)
    read(file)


def check_separators(file: Path) -> None:
    """Raises UserError, with the line, for a text whose values are apart by semicolons, as where a comma is a decimal point."""
    if file.suffix.lower() == ".npy":
        return
    for number, line in enumerate(file.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        if ";" in line:
            raise UserError(
                f"{file.name}, line {number}: values are apart by ';'; use commas or spaces, and a point before decimals"
            )


def read(file: Path) -> Array:
    """R (d, 301) from a table of numbers (.csv, .txt, .npy), in one of two forms: a row of 301 values, 400 to 700 nm, for each
    detector; or a row for each wavelength, which comes first, in nm, rising, and then a value for each detector: these are
    interpolated to the grid.

    Raises UserError, with the place, for another shape, wavelengths that do not rise or do not cover 400 to 700 nm, entries
    that are negative or no numbers, and a detector that sees nothing.
    """
    table = numbers(file)
    if table.shape[1] == len(WAVELENGTHS):
        found = table
    elif table.shape[0] >= 2 and table.shape[1] >= 3:
        nm = table[:, 0]
        covers(file, nm)
        found = np.array([np.interp(WAVELENGTHS, nm, column) for column in table[:, 1:].T])
    else:
        raise UserError(
            f"{file.name} holds a table {table.shape[0]} x {table.shape[1]}; allowed: detectors x {len(WAVELENGTHS)} values at "
            "400 to 700 nm, or a row for each wavelength (nm, then a value for each detector)"
        )
    if len(found) < 2:
        raise UserError(f"{file.name} has one detector; two or more are needed")
    for detector, row in enumerate(found):
        if (row < 0).any():
            nm_at = WAVELENGTHS[int((row < 0).argmax())]
            raise UserError(f"{file.name}: the responsivity of detector {detector} is negative at {nm_at:.0f} nm")
        if not row.any():
            raise UserError(f"{file.name}: the responsivity of detector {detector} is zero everywhere")
    return found


def numbers(file: Path) -> Array:
    """A table of finite numbers, (rows, columns). Raises UserError, with the place, for anything else."""
    try:
        if file.suffix.lower() == ".npy":
            table = np.atleast_2d(np.load(file, allow_pickle=False).astype(float))
        else:
            lines = [line for line in file.read_text(encoding="utf-8-sig").replace(",", " ").splitlines() if line.strip()]
            if lines and not _is_number(lines[0].split()[0]):
                del lines[0]  # headings
            table = np.array([[float(word) for word in line.split()] for line in lines])
    except (OSError, ValueError) as error:
        raise UserError(f"{file.name} is no table of numbers ({str(error).splitlines()[0]})") from None
    if table.ndim != 2 or not table.size:
        raise UserError(f"{file.name} is no table of numbers")
    if not np.isfinite(table).all():
        row, column = (int(index) for index in np.argwhere(~np.isfinite(table))[0])
        raise UserError(f"{file.name}: row {row + 1}, column {column + 1} is {table[row, column]}, not a finite number")
    return table


def covers(file: Path, nm: Array) -> None:
    """Raises UserError unless wavelengths rise and reach from 400 to 700 nm."""
    if (np.diff(nm) <= 0).any():
        row = int((np.diff(nm) <= 0).argmax()) + 1
        raise UserError(f"{file.name}: wavelengths must rise, but row {row + 1} has {nm[row]:g} nm after {nm[row - 1]:g} nm")
    if nm[0] > WAVELENGTHS[0] or nm[-1] < WAVELENGTHS[-1]:
        raise UserError(f"{file.name} covers {nm[0]:g} to {nm[-1]:g} nm; 400 to 700 nm are needed")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
