"""Verdicts for readers: a table, lines of text, and what changed between two states of a database."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.claims.evidence import Gap
from benchmark.claims.paper import Runs
from benchmark.claims.rules import Measured
from benchmark.claims.verdicts import WORDS, Judged, Verdict
from benchmark.report.decimals import decimals

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("paper", "claim", "sentence", "kind", "threshold", "here", "verdict", "condition", "published")


def frame(verdicts: Sequence[Verdict]) -> "pd.DataFrame":
    """A line for each claim: paper, title, claim, sentence, where, kind, published, verdict, condition, caveat, threshold,
    here, value, low, high, n, unit (of the first part), command (that makes what is missing; empty where nothing is).
    """
    import pandas as pd

    return pd.DataFrame([_record(verdict) for verdict in verdicts])


def _record(verdict: Verdict) -> dict[str, Any]:
    claim, first = verdict.claim, next((one.measured for one in verdict.parts if one.measured), None)
    return {
        "paper": verdict.paper.id,
        "title": verdict.paper.title,
        "claim": claim.number,
        "sentence": claim.sentence,
        "where": claim.where,
        "kind": claim.kind,
        "published": claim.published,
        "verdict": verdict.word,
        "condition": verdict.condition,
        "caveat": claim.caveat,
        "threshold": "; ".join(dict.fromkeys(threshold(one) for one in verdict.parts)),
        "here": "; ".join(told(one) for one in verdict.parts if one.measured),
        "value": first.value if first else float("nan"),
        "low": first.low if first else float("nan"),
        "high": first.high if first else float("nan"),
        "n": first.n if first else 0,
        "unit": first.unit if first else "",
        "command": command(verdict) if verdict.gaps else "",
    }


def threshold(judged: Judged) -> str:
    """What a part must keep, as '>= 3'."""
    part = judged.part
    if part.at_least is not None and part.at_most is not None:
        return f"{part.at_least:g}" if part.at_least == part.at_most else f"{part.at_least:g} to {part.at_most:g}"
    return f">= {part.at_least:g}" if part.at_most is None else f"<= {part.at_most:g}"


def told(judged: Judged) -> str:
    """What a part gave, as 'at 2 d: 0.041 [0.031, 0.052] dB, n = 10'."""
    if judged.measured is None:
        return ""
    name = f"{judged.part.under}: " if judged.part.under else ""
    return name + number(judged.measured)


def number(found: Measured) -> str:
    """A value with its interval, its unit and n; digits follow the interval."""
    wide = found.high - found.low
    size = wide if 0 < wide < math.inf else abs(found.value) / 100
    places = decimals(size) if 0 < size < math.inf else 0

    def text(value: float) -> str:
        if math.isnan(value) or math.isinf(value):
            return "never" if math.isinf(value) else "?"
        if found.low == found.high and value.is_integer():
            return f"{value:g}"
        return f"{value:.2g}" if 0 < abs(value) < 1e-5 else f"{value:.{places}f}"

    interval = "" if found.low == found.high == found.value else f" [{text(found.low)}, {text(found.high)}]"
    interval = " [no interval]" if math.isnan(found.low) else interval
    unit = f" {found.unit}" if found.unit else ""
    return f"{text(found.value)}{interval}{unit}, n = {found.n}" + ("" if found.counted == "instances" else f" {found.counted}")


_PLURAL = {"holds": "hold", "does not hold": "do not hold", "needs full": "need full"}


def counts(verdicts: Sequence[Verdict]) -> str:
    """How many of each, as '12 hold, 1 does not hold'."""
    found = ((word, sum(one.word == word for one in verdicts)) for word in WORDS)
    return ", ".join(f"{count} {word if count == 1 else _PLURAL.get(word, word)}" for word, count in found if count)


def headline(verdicts: Sequence[Verdict]) -> str:
    """The verdict on the claim that leads its paper, in one line: "Ours is 1 dB ahead: holds (2.2 [1.6, 3.0] dB, n = 8)."."""
    leads = verdicts[0].paper.leads
    lead = next((one for one in verdicts if one.claim.number == leads), verdicts[0])
    told = [number(one.measured) for one in lead.parts if one.measured]
    if len(lead.parts) > 1:
        good = sum(one.word == "holds" for one in lead.parts)
        told = [f"{good} of {len(lead.parts)} parts"] if lead.word in ("holds", "in part", "does not hold", "open") else []
    return f"{lead.claim.sentence.removesuffix('.')}: {lead.word}{f' ({told[0]})' if told else ''}."


def command(verdict: Verdict) -> str:
    """The command that makes what a claim lacks."""
    return f"python -m runners.claims --paper {verdict.paper.id} --claim {verdict.claim.number} --run"


def commands(gaps: Sequence[Gap]) -> list[str]:
    """The commands of `runners.run` that make missing runs. Methods of one task and preset share a command."""
    places: dict[tuple[str, str, tuple[str, ...], int], list[str]] = {}
    for runs in dict.fromkeys(gap.runs for gap in gaps):
        methods = places.setdefault((runs.task, runs.preset, tuple(runs.words()), runs.seeds), [])
        methods += [runs.method] if runs.method not in methods else []
    return [
        " ".join(
            [
                f"python -m runners.run --task {task} --preset {preset}",
                *(f"--method {method}" for method in methods),
                *words,
                *([f"--seeds {seeds}"] if seeds > 1 else []),
                "--no-baseline",
            ]
        )
        for (task, preset, words, seeds), methods in places.items()
    ]


def missing(verdicts: Sequence[Verdict]) -> list[Runs]:
    """The runs that lack, each once."""
    return list(dict.fromkeys(gap.runs for verdict in verdicts for gap in verdict.gaps))


# --- between two states -----------------------------------------------------------------------------------------------

State = Mapping[tuple[str, str], str]  # (paper, claim) -> verdict


def state(verdicts: Sequence[Verdict]) -> State:
    """The verdicts alone."""
    return {(one.paper.id, one.claim.number): one.word for one in verdicts}


def state_of_json(text: str) -> State:
    """The verdicts of a table that was saved as JSON. Raises ValueError for a text that is none."""
    try:
        rows = json.loads(text)["rows"]
        return {(str(row["paper"]), str(row["claim"])): str(row["verdict"]) for row in rows}
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is no table of claims ({error})") from None


def changes(before: State, now: State) -> list[tuple[str, str, str, str]]:
    """(paper, claim, verdict before, verdict now) of those that differ; '' where a state does not have the claim."""
    keys = sorted(before.keys() | now.keys())
    return [(*key, before.get(key, ""), now.get(key, "")) for key in keys if before.get(key, "") != now.get(key, "")]
