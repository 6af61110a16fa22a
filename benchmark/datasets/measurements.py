"""Spectra of the user's own, and what a device measured of them: files of one name in spectra/ and in currents/."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets import spectrometer
from benchmark.datasets.lamps import normalised
from benchmark.datasets.spectrometer import WAVELENGTHS, covers, numbers
from benchmark.errors import UserError

Array = NDArray[np.float64]


def check(file: Path) -> None:
    """Raises UserError unless the file holds a spectrum, or in a folder `currents` a row of numbers."""
    spectrometer.check_separators(file)
    if file.parent.name == "currents":
        currents(file)
    else:
        spectrum(file)


def spectrum(file: Path) -> Array:
    """(301,) from 0 to 1 at 400 to 700 nm, interpolated from rows of wavelength (nm) and intensity.

    Raises UserError for a file that holds none, that does not cover the grid, or that is constant on it.
    """
    table = numbers(file)
    if table.shape[1] != 2 or len(table) < 2:
        raise UserError(
            f"{file.name} holds a table {table.shape[0]} x {table.shape[1]}; allowed: rows of wavelength, intensity"
        )
    covers(file, table[:, 0])
    found = np.interp(WAVELENGTHS, table[:, 0], table[:, 1])
    if found.max() <= found.min():
        raise UserError(f"{file.name} is constant from 400 to 700 nm: there is nothing to recover")
    return normalised(found)


def currents(file: Path) -> Array:
    """(d,) photocurrents; zero and below, as after dark subtraction, are allowed. Raises UserError for no row of numbers."""
    table = numbers(file)
    if 1 not in table.shape:
        raise UserError(f"{file.name} holds a table {table.shape[0]} x {table.shape[1]}; allowed: one number for each detector")
    return table.ravel()


def pair(spectra: list[Path], measured: list[Path], index: int) -> tuple[Path, Path]:
    """The files of the measurement `index`, by name. Raises UserError where there is none, or half of one."""
    by_name = {file.stem: file for file in measured}
    if index >= len(spectra):
        raise UserError(f"spectra holds {len(spectra)} files; instance {index} needs another one")
    chosen = spectra[index]
    if chosen.stem not in by_name:
        raise UserError(f"currents holds no file for {chosen.name}: name it {chosen.stem}.txt")
    return chosen, by_name[chosen.stem]
