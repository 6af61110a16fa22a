"""What a paper claims, as data: runs, what is read off them, a rule, a threshold.

A claim has parts; each holds where the whole interval of its rule's value is on the right side of its thresholds. A module of
benchmark/claims/papers makes one PAPER of these; a package of yours may bring more (entry point `lowdimbench.claims`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from benchmark.claims.rules import OF_CURVES, RULES, Measured

if TYPE_CHECKING:
    from benchmark.claims.figure import Figure

Kind = Literal["published", "ours"]
Scale = Literal["small", "full"]
UNKNOWN = "not known"


@dataclass(frozen=True)
class Runs:
    """Runs of a method with these hyperparameters, others as recommended, for the seeds 0, 1, ... `seeds` - 1.

    training   names of hyperparameters whose product is the step at which the curve's training begins; before it a curve shows
               something else, such as the search for a mask. Empty where all of it is training
    """

    task: str
    preset: str
    method: str
    seeds: int = 3
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    training: tuple[str, ...] = ()

    def set(self, **parameters: Any) -> "Runs":
        """The same with these hyperparameters."""
        return replace(self, parameters={**self.parameters, **parameters})

    def words(self) -> list[str]:
        """The options of `runners.run` that make these runs, but for method and seeds."""
        return [f"--set {name}={_written(value)}" for name, value in self.parameters.items()]

    @property
    def label(self) -> str:
        given = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.task}/{self.preset} {self.method}" + (f" [{given}]" if given else "")


@dataclass(frozen=True)
class Quantity:
    """What is read off runs, by (seed, instance).

    what     score; seconds, the method's own; curve; or a number of each curve: start, before, peak, end, reached, slopes
    metric   of a score, or a trait; the primary one where empty
    cells    values of fields of the preset's grid: these instances alone
    options  of what is read off curves, such as {"to": -2.5, "axis": "steps"}; "as_long_as": runs, after whose number of steps
             of training curves are cut, so that what trained longer is read at equal steps
    series   whose curves: the estimate's, or those that the task or the method records beside them, by name
    """

    runs: Runs
    what: str = "score"
    metric: str = ""
    cells: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    series: str = "estimate"

    def __post_init__(self) -> None:
        if self.what not in ("score", "seconds", "curve", *OF_CURVES):
            raise ValueError(f"'{self.what}' is nothing that is read off runs")

    @property
    def of_curves(self) -> bool:
        return self.what == "curve" or self.what in OF_CURVES

    @property
    def of_time(self) -> bool:
        """Whether seconds count, which are the method's own only where nobody else had the processors."""
        return self.what == "seconds" or self.options.get("axis") == "seconds"


@dataclass(frozen=True)
class Part:
    """A rule applied to quantities, and the thresholds that its value must keep.

    rule      a name of benchmark/claims/rules.py; or a function of the quantities, where a claim needs something special
    at_least, at_most   thresholds; one of them at least
    under     the condition under which this part looks, as "at the paper's rate"; said where parts disagree
    unit      of the value, where it is not that of the metric
    options   of the rule
    """

    rule: str | Callable[..., Measured]
    of: tuple[Quantity, ...]
    at_least: float | None = None
    at_most: float | None = None
    under: str = ""
    unit: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.rule, str) and self.rule not in RULES:
            raise ValueError(f"there is no rule '{self.rule}'; there are {', '.join(RULES)}")
        if self.at_least is None and self.at_most is None:
            raise ValueError("a part needs a threshold")

    @property
    def runs(self) -> tuple[Runs, ...]:
        return tuple(quantity.runs for quantity in self.of)

    @property
    def name(self) -> str:
        return self.rule if isinstance(self.rule, str) else self.rule.__name__.replace("_", " ")


@dataclass(frozen=True)
class Claim:
    """One statement of a paper.

    number     of the paper's card; text, because some have halves ("4b")
    where      section or figure of the paper; empty where it is not known
    sentence   in our own words
    published  the value as published, or "not known"
    kind       published, or ours: a question of this suite
    parts      what must hold
    needs      why runs alone cannot tell, where there are no parts: what does, such as a script or a test
    caveat     how far the setting here is from the paper's, for this claim
    """

    number: str
    sentence: str
    parts: tuple[Part, ...] = ()
    where: str = ""
    published: str = UNKNOWN
    kind: Kind = "published"
    needs: str = ""
    caveat: str = ""

    def __post_init__(self) -> None:
        if bool(self.parts) == bool(self.needs):
            raise ValueError(f"claim {self.number}: either parts, or what else it needs")

    @property
    def runs(self) -> tuple[Runs, ...]:
        """The runs that it needs, each once."""
        found: list[Runs] = []
        for part in self.parts:
            found += [runs for runs in part.runs if runs not in found]
        return tuple(found)


@dataclass(frozen=True)
class Paper:
    """A paper and its claims.

    id        its arXiv number
    about     what it is about, in two sentences
    scale     how our setting differs from its own
    figures   what its page shows of our runs (benchmark/claims/figure.py)
    leads     the number of the claim that tells most in one line; the first where empty
    notes     what else is to be known, in Markdown, a paragraph each; no verdict stands here
    """

    id: str
    title: str
    authors: tuple[str, ...]
    venue: str
    year: int
    tasks: tuple[str, ...]
    methods: tuple[str, ...]
    about: str
    scale: str
    claims: tuple[Claim, ...]
    figures: "tuple[Figure, ...]" = ()
    leads: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        numbers = [claim.number for claim in self.claims]
        if self.leads and self.leads not in numbers:
            raise ValueError(f"{self.id}: there is no claim {self.leads} to lead")
        if twice := {number for number in numbers if numbers.count(number) > 1}:
            raise ValueError(f"{self.id}: claim {', '.join(sorted(twice))} is there twice")
        names = [figure.name for figure in self.figures]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"{self.id}: figure {', '.join(sorted(twice))} is there twice")

    @property
    def bibtex(self) -> str:
        """Its entry for a list of references."""
        first = self.authors[0].split()[-1].lower()
        fields = {
            "title": self.title,
            "author": " and ".join(self.authors),
            "year": str(self.year),
            "eprint": self.id,
            "archivePrefix": "arXiv",
            "note": self.venue,
        }
        safe = {name: text.replace("&", r"\&") for name, text in fields.items()}
        lines = ",\n".join(f"  {name} = {{{text}}}" for name, text in safe.items())
        return f"@misc{{{first}{self.year},\n{lines}\n}}"


def score(runs: Runs, metric: str = "", **cells: Any) -> Quantity:
    """A metric of runs, the primary one where none is named; of the cells with these values alone."""
    return Quantity(runs, "score", metric, _cells(cells))


def curve(runs: Runs, *, series: str = "estimate", **cells: Any) -> Quantity:
    """The curves of runs."""
    return Quantity(runs, "curve", cells=_cells(cells), series=series)


def of_curve(
    what: str, runs: Runs, cells: Mapping[str, Any] | None = None, *, series: str = "estimate", **options: Any
) -> Quantity:
    """One number of each curve: start, before, peak, end, reached, slopes."""
    return Quantity(runs, what, cells=_cells(cells or {}), options=options, series=series)


def _cells(given: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {name: value if isinstance(value, tuple) else (value,) for name, value in given.items()}


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
