"""Verdicts, computed from stored runs and never typed.

holds           the intervals of all parts are on the right side of their thresholds
does not hold   none holds, and one is wholly on the wrong side
in part         some hold and some do not; the conditions say which
open            an interval spans its threshold, or there is none: not "no"
not run         rows are missing, or of older code, or truncated, or, for times, contended
needs full      the same, of a preset of the paper's scale
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark import registry
from benchmark.claims.evidence import Evidence, Gap, begin
from benchmark.claims.paper import Claim, Paper, Part
from benchmark.claims.rules import LEARNING, RULES, Measured
from benchmark.statistics import MINIMUM

Word = Literal["holds", "does not hold", "in part", "open", "not run", "needs full"]
WORDS: tuple[Word, ...] = ("holds", "does not hold", "in part", "open", "not run", "needs full")


@dataclass(frozen=True)
class Judged:
    """A part, what its rule gives of what there is, and its own verdict."""

    part: Part
    measured: Measured | None
    word: Word
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The verdict of the runs on a claim. `condition` says where the claim holds and where not, or which runs are missing."""

    paper: Paper
    claim: Claim
    word: Word
    condition: str
    parts: tuple[Judged, ...] = ()

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The reasons why runs do not count, each once."""
        return tuple(dict.fromkeys(gap for one in self.parts for gap in one.gaps))


def judge(paper: Paper, claim: Claim, evidence: Evidence) -> Verdict:
    """The verdict on a claim. Raises UserError for a part that names what is not there."""
    parts = tuple(judge_part(part, evidence) for part in claim.parts)
    word = combined([one.word for one in parts])
    return Verdict(paper, claim, word, _condition(claim, word, parts), parts)


def judge_part(part: Part, evidence: Evidence) -> Judged:
    """The verdict on a part; what there is, is measured even where gaps leave it without one."""
    gaps = tuple(dict.fromkeys(gap for quantity in part.of for gap in evidence.gaps(quantity)))
    try:
        measured = measure(part, evidence)
    except ValueError:
        measured = None
    if gaps or measured is None:
        full = bool(gaps) and all(gap.runs.preset.startswith("full") for gap in gaps)
        return Judged(part, measured, "needs full" if full else "not run", gaps)
    return Judged(part, measured, decided(part, measured))


def measure(part: Part, evidence: Evidence) -> Measured:
    """The result of a part's rule. Raises ValueError if the runs lack its quantities."""
    given = [evidence.read(quantity) for quantity in part.of]
    options = dict(part.options)
    if part.rule in LEARNING and any(_learns(quantity.runs.method) for quantity in part.of):
        options["learns"] = True
    first = part.of[0]
    if part.rule == "falls" and first.runs.training:
        options["after"] = begin(first.runs)
    rule = RULES[part.rule] if isinstance(part.rule, str) else part.rule
    found = rule(*given, **options)
    return Measured(found.value, found.low, found.high, found.n, found.counted, _unit(part, evidence), found.note)


def decided(part: Part, measured: Measured) -> Word:
    """holds, does not hold or open, by where the interval lies."""
    low, high = measured.low, measured.high
    if math.isnan(low) or math.isnan(high):
        return "open"
    least = -math.inf if part.at_least is None else part.at_least
    most = math.inf if part.at_most is None else part.at_most
    if least <= low and high <= most:
        return "holds"
    return "does not hold" if high < least or low > most else "open"


def combined(words: Sequence[Word]) -> Word:
    """The verdict on a claim with parts of these verdicts. Every part must hold, so that one missing leaves it without any."""
    there = set(words)
    if not there or "not run" in there:
        return "not run"
    if "needs full" in there:
        return "needs full"
    if "does not hold" in there:
        return "in part" if "holds" in there else "does not hold"
    return "open" if "open" in there else "holds"


def _condition(claim: Claim, word: Word, parts: Sequence[Judged]) -> str:
    if claim.needs:
        return claim.needs
    if word in ("not run", "needs full"):
        return "; ".join(dict.fromkeys(f"{gap.runs.label}: {gap.why}" for one in parts for gap in one.gaps))
    if len({one.word for one in parts}) > 1:
        told = [(one.word, one.part.under or one.part.name) for one in parts]
        named = {name: dict.fromkeys(under for word, under in told if word == name) for name in WORDS}
        return "; ".join(f"{name}: {', '.join(under)}" for name, under in named.items() if under)
    few = [one.measured for one in parts if one.measured and math.isnan(one.measured.low)]
    if notes := [one.measured.note for one in parts if one.measured and one.measured.note]:
        return "; ".join(dict.fromkeys(notes))
    if word == "open" and few:
        least = min(one.n for one in few)
        return (
            f"{least} instances are too few for an interval" if least < MINIMUM else "one training alone: another is not known"
        )
    return parts[0].part.under if len(parts) == 1 else ""


def _learns(method: str) -> bool:
    return registry.get_method(method).spec.learns is not None


def _unit(part: Part, evidence: Evidence) -> str:
    if part.unit is not None:
        return part.unit
    first = part.of[0]
    if part.rule in ("ratio", "share", "onset", "rank"):
        return "times" if part.rule == "ratio" else ""
    if first.of_time:
        return "s"
    if first.what == "reached" or part.rule == "reaches":
        return "steps"
    name, spec = evidence.metric(first), registry.get_task(first.runs.task).spec
    units = {one.name: one.unit for one in spec.traits} | {one.name: one.unit for one in spec.metrics}
    return units.get(name, "")
