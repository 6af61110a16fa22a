"""Scores of one method in an array, for boards with so many that a dictionary of them would take seconds."""

from collections.abc import Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Key = tuple[int, int]  # (seed, instance)
Floats = NDArray[np.float64]


class Grid(Mapping[Key, float]):
    """A mapping (seed, instance) -> score.

    numbers (n,) and seeds (r,), ascending, name the entries of the array (n, r); NaN where there is no score. The grids of a
    board share the arrays of numbers and seeds, by which it is seen that their values can be subtracted as they are.
    """

    def __init__(self, numbers: NDArray[np.int64], seeds: NDArray[np.int64], array: Floats) -> None:
        self.numbers, self.seeds, self.array = numbers, seeds, array

    def fits(self, other: object) -> bool:
        """Whether the other one has the same instances and seeds at the same places."""
        return isinstance(other, Grid) and other.numbers is self.numbers and other.seeds is self.seeds

    @cached_property
    def count(self) -> int:
        """How many scores there are."""
        return int(np.isfinite(self.array).sum())

    @cached_property
    def _entries(self) -> dict[Key, float]:
        at = np.argwhere(np.isfinite(self.array.T))  # by seed, then by instance
        keys = zip(self.seeds[at[:, 0]].tolist(), self.numbers[at[:, 1]].tolist(), strict=True)
        return dict(zip(keys, self.array[at[:, 1], at[:, 0]].tolist(), strict=True))

    def __getitem__(self, key: Key) -> float:
        return self._entries[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def __len__(self) -> int:
        return self.count
