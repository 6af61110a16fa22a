"""A figure of a paper as data: what is drawn, of which runs, and what was published beside it. Nothing is drawn here.

curves    the metric over steps, a line for each series
dots      a value with its interval for each category, a dot for each series
lines     a value with its interval against a number, such as a rank or a number of samples
scatter   a value against another value of the same runs, such as PSNR against network calls
map       a value for each cell of two fields, a panel for each series
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from benchmark.claims.paper import Quantity

Kind = Literal["curves", "dots", "lines", "scatter", "map"]
KINDS: tuple[Kind, ...] = ("curves", "dots", "lines", "scatter", "map")


@dataclass(frozen=True)
class Mark:
    """One curve, dot, point of a line or cell of a map.

    series   what it belongs to: a name of the legend, or of a panel
    of       what is read off runs
    at       its place along the first axis: a name for dots, a number for lines, either for maps
    up       its place along the second axis of a map
    less     what is subtracted from it, paired by (seed, instance)
    against  what gives its place along the first axis of a scatter
    """

    series: str
    of: Quantity
    at: float | str | None = None
    up: float | str | None = None
    less: Quantity | None = None
    against: Quantity | None = None

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """All that it reads."""
        return tuple(one for one in (self.of, self.less, self.against) if one is not None)


@dataclass(frozen=True)
class Published:
    """A value as published. Where `at` is None it belongs to the end of a curve."""

    series: str
    value: float
    at: float | str | None = None


@dataclass(frozen=True)
class Figure:
    """A picture of what the runs say.

    name       a short one, of its file
    title      what is seen, one sentence
    x, y       titles of the axes, with units; of a map y is the vertical field, and `z` the value
    published  values of the paper, drawn as hollow marks; `source` says where they are from and of what they are
    log        the axes that are logarithmic: "", "x", "y" or "xy"
    level      a value that a rule marks, as what chance gives; `level_name` says which
    each       draws that a score is the share of, where scores are shares of draws: intervals are Clopper's and Pearson's then
    drawn      whether every seed draws other data, so that each (seed, instance) counts as a draw of its own
    """

    name: str
    title: str
    kind: Kind
    marks: tuple[Mark, ...]
    x: str
    y: str
    z: str = ""
    published: tuple[Published, ...] = ()
    source: str = ""
    log: Literal["", "x", "y", "xy"] = ""
    level: float | None = None
    level_name: str = ""
    each: int | None = None
    drawn: bool = False

    def __post_init__(self) -> None:
        wrong = {
            "has no marks": not self.marks,
            "has published values without a source": bool(self.published) and not self.source,
            "draws curves of what is none": self.kind == "curves" and any(mark.of.what != "curve" for mark in self.marks),
            "has a mark without a place": self.kind in ("dots", "lines", "map") and any(mark.at is None for mark in self.marks),
            "has a cell without a height": self.kind == "map" and any(mark.up is None for mark in self.marks),
            "has a point without a place": self.kind == "scatter" and any(mark.against is None for mark in self.marks),
        }
        if found := [why for why, there in wrong.items() if there]:
            raise ValueError(f"figure {self.name} {found[0]}")

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its series, in order."""
        return tuple(dict.fromkeys(mark.series for mark in self.marks))


def over(series: str, of: Quantity, field: str, values: Iterable[Any], less: Quantity | None = None) -> tuple[Mark, ...]:
    """A mark for each value of a field of the preset's grid, which is its place along the first axis."""

    def cell(quantity: Quantity, value: Any) -> Quantity:
        return replace(quantity, cells={**quantity.cells, field: (value,)})

    return tuple(Mark(series, cell(of, v), v, less=None if less is None else cell(less, v)) for v in values)


def grid(series: str, of: Quantity, across: tuple[str, Iterable[Any]], up: tuple[str, Iterable[Any]]) -> tuple[Mark, ...]:
    """A mark for each pair of values of two fields of the preset's grid."""
    (first, firsts), (second, seconds) = across, up
    rows = list(seconds)
    return tuple(Mark(series, replace(of, cells={**of.cells, first: (a,), second: (b,)}), a, b) for a in firsts for b in rows)
