"""What a figure draws, as a tidy frame: read off stored runs, with intervals, and with missing runs and their commands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.claims.evidence import Evidence, Gap
from benchmark.claims.figure import Figure, Mark
from benchmark.claims.paper import Part, Quantity
from benchmark.claims.telling import commands
from benchmark.claims.verdicts import measure

if TYPE_CHECKING:
    import pandas as pd

HERE, PUBLISHED = "here", "published"
COLUMNS = ("source", "series", "at", "up", "value", "low", "high", "n")


@dataclass(frozen=True)
class Drawn:
    """The frame of a figure, and what it lacks.

    frame   columns: source (here or published), series, at, up, value, low, high, n. Of curves, `at` is the step, `value` the
            mean over instances, low and high the middle half of them; else low and high are the 95 % interval, NaN for none
    gaps    runs that cannot speak for the figure, each once; the frame holds of them what there is
    """

    frame: "pd.DataFrame"
    gaps: tuple[Gap, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing of our own is there to be drawn."""
        return not (self.frame["source"] == HERE).any()

    @property
    def missing(self) -> str:
        """What lacks, in a sentence; empty where nothing does."""
        return "; ".join(f"{gap.runs.label}: {gap.why}" for gap in self.gaps)

    @property
    def commands(self) -> list[str]:
        """The commands that make what lacks."""
        return commands(self.gaps)


_HOW = {
    "curves": "Lines: means over instances. Bands: the middle half of the instances.",
    "map": "Numbers: means over the runs of a cell.",
}
_USUAL = "Bars: 95 % intervals."


def caption(figure: Figure, found: Drawn) -> str:
    """What is seen, how to read it, what the hollow marks are, and how much has not been run. Plain text."""
    said = [figure.title, _HOW.get(figure.kind, _USUAL)]
    if (found.frame["source"] == PUBLISHED).any():
        said.append(f"Hollow: as published ({figure.source}).")
    if lacking := {gap.runs.label for gap in found.gaps if gap.why == "not run"}:
        every = {quantity.runs.label for mark in figure.marks for quantity in mark.quantities}
        said.append(f"{len(lacking)} of its {len(every)} kinds of runs are not run yet.")
    return " ".join(said)


def drawn(figure: Figure, evidence: Evidence) -> Drawn:
    """The part of a figure that a database holds. Raises UserError for a figure that names what is not there."""
    import pandas as pd

    gaps = dict.fromkeys(gap for mark in figure.marks for quantity in mark.quantities for gap in evidence.gaps(quantity))
    rows = [row for mark in figure.marks for row in (_curve if figure.kind == "curves" else _value)(figure, mark, evidence)]
    ends = {row["series"]: row["at"] for row in rows}
    rows += [
        _row(PUBLISHED, one.series, ends.get(one.series) if one.at is None else one.at, one.value)
        for one in figure.published
        if one.at is not None or one.series in ends
    ]
    return Drawn(pd.DataFrame(rows, columns=list(COLUMNS)), tuple(gaps))


def _value(figure: Figure, mark: Mark, evidence: Evidence) -> Iterator[dict[str, Any]]:
    nan = float("nan")
    try:
        found = measure(_part(figure, *[one for one in (mark.of, mark.less) if one is not None]), evidence)
        at = mark.at if mark.against is None else measure(_part(figure, mark.against), evidence).value
    except ValueError:
        return
    bare = mark.up is not None or found.low == found.high == found.value  # a cell of a map shows no interval
    low, high = (nan, nan) if bare else (found.low, found.high)
    yield _row(HERE, mark.series, at, found.value, mark.up, low, high, found.n)


def _part(figure: Figure, *of: Quantity) -> Part:
    if len(of) > 1:
        return Part("ahead", of, at_least=0.0, options={"drawn": True} if figure.drawn else {})
    if figure.each is not None:
        return Part("share", of, at_least=0.0, options={"each": figure.each})
    return Part("level", of, at_least=0.0, options={"drawn": True} if figure.drawn else {})


def _curve(figure: Figure, mark: Mark, evidence: Evidence) -> Iterator[dict[str, Any]]:
    import pandas as pd

    from benchmark.report.curves import summarise

    parts = [
        pd.DataFrame(points, columns=["step", "seconds", "value"]).assign(label=mark.series, series="", seed=seed, instance=at)
        for (seed, at), points in evidence.curves(mark.of).items()
    ]
    if not parts:
        return
    for row in summarise(pd.concat(parts, ignore_index=True)).to_dict("records"):
        yield _row(HERE, mark.series, float(row["step"]), row["mean"], None, row["low"], row["high"], row["n"])


def _row(
    source: str,
    series: str,
    at: Any,
    value: Any,
    up: Any = None,
    low: Any = float("nan"),
    high: Any = float("nan"),
    n: int = 0,
) -> dict[str, Any]:
    return dict(zip(COLUMNS, (source, series, at, up, value, low, high, n), strict=True))
