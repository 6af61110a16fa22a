"""Measured emission spectra of lamps, from the package luxpy: 264 of the set that came with IES TM-30-15.

Those of commercial lamps are for tests, those of experimental ones (mixtures of LEDs, most of them) for tuning; models and
theoretical spectra are left out, and of lamps whose spectra correlate above 0.999 all but the first.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.sources import SOURCES, Packaged
from benchmark.seeds import Split

Array = NDArray[np.float64]
_CATEGORY = {"test": "Commercial", "tuning": "Experimental"}
_ALIKE = 0.999


@dataclass(frozen=True)
class Lamps:
    """names and kinds of N lamps, and their spectra (N, 301) at 400, 401, ... 700 nm from 0 to 1, ordered by kind."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    spectra: Array


@cache
def lamps(split: Split) -> Lamps:
    """The lamps of a split. Raises UserError where the package's files are missing or are others."""
    source = SOURCES["lamps"]
    assert isinstance(source, Packaged)
    table = np.loadtxt(source.path("IESTM30_15_Sspds.dat"), delimiter=",")  # (401, 1 + 318): nm from 380, then the lamps
    lines = source.path("IESTM30_15_Sinfo.txt").read_text(encoding="utf-8").splitlines()[1:]
    about = [[part.strip() for part in line.split(",")] for line in lines]  # number, name, kind, category
    inside = (table[:, 0] >= 400) & (table[:, 0] <= 700)
    order = sorted((i for i, one in enumerate(about) if one[3] == _CATEGORY[split]), key=lambda i: (about[i][2], i))
    spectra = normalised(table[inside, 1:].T[order])
    alike = np.atleast_2d(np.corrcoef(spectra) > _ALIKE)
    kept: list[int] = []
    for i in range(len(order)):
        if not alike[i, kept].any():
            kept.append(i)
    chosen = [about[order[i]] for i in kept]
    return Lamps(tuple(one[1] for one in chosen), tuple(one[2] for one in chosen), spectra[kept])


def normalised(spectra: Array) -> Array:
    """Each of (N, n) from 0 to 1."""
    above = spectra - spectra.min(-1, keepdims=True)
    found: Array = above / above.max(-1, keepdims=True)
    return found
