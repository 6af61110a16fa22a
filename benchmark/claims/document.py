"""Verdicts as documents: a page for each paper, their index, and README's table. The same verdicts give the same text."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.claims import telling
from benchmark.claims.figure import Figure
from benchmark.claims.figures import Drawn, caption
from benchmark.claims.paper import UNKNOWN, Paper
from benchmark.claims.verdicts import Judged, Verdict
from benchmark.errors import UserError

FOLDER = "docs/papers"
BEGIN = "<!-- papers: python -m runners.claims --write -->"
END = "<!-- end of papers -->"
_MADE = "It is written by `python -m runners.claims --write` from the results that come with the suite."
Figures = Sequence[tuple[Figure, Drawn]]
_DATA = "<!-- data "
_HEADINGS = ("claim", "says", "published", "threshold", "here [95 %]", "verdict")


def pages(verdicts: Sequence[Verdict], drawn: Mapping[str, Figures]) -> dict[str, str]:
    """The text of each page by its name: ID.md for each paper, and index.md. `drawn` holds the figures by paper."""
    found = {f"{paper.id}.md": page(paper, of(paper, verdicts), drawn.get(paper.id, ())) for paper in papers(verdicts)}
    return {**found, "index.md": index(verdicts)}


def papers(verdicts: Sequence[Verdict]) -> list[Paper]:
    """The papers that the verdicts are on, each once."""
    return list({one.paper.id: one.paper for one in verdicts}.values())


def of(paper: Paper, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts on a paper."""
    return [one for one in verdicts if one.paper.id == paper.id]


def page(paper: Paper, verdicts: Sequence[Verdict], figures: Figures) -> str:
    """All that is said of a paper."""
    where = f"[arXiv:{paper.id}](https://arxiv.org/abs/{paper.id})" if _is_number(paper.id) else paper.id
    sections = [
        f"# {paper.title}",
        f"{', '.join(paper.authors)}. {paper.venue}{'' if str(paper.year) in paper.venue else f', {paper.year}'}. {where}",
        paper.about,
        f"**Here.** {paper.scale}" if paper.scale else "",
        f"**Verdicts.** {telling.counts(verdicts)}. {telling.headline(verdicts)}",
        _named("Tasks", paper.tasks) + _named("Methods", paper.methods),
        "## Claims",
        table(verdicts),
        *_figures(paper, figures),
        *(["## Notes", *paper.notes] if paper.notes else []),
        *_missing(verdicts),
        "## Citation",
        f"```bibtex\n{paper.bibtex}\n```",
        f"{_MADE} What the verdicts mean: [all papers](index.md).",
    ]
    return "\n\n".join(text for text in sections if text) + "\n"


def index(verdicts: Sequence[Verdict]) -> str:
    """The papers, and how verdicts are to be read."""
    from benchmark.claims import verdicts as module

    meanings = (module.__doc__ or "").partition("\n\n")[2].strip()
    sections = [
        "# What the papers claim, and what shows here",
        f"{_MADE}",
        summary(verdicts, ""),
        "## How to read a verdict",
        "A claim names runs, what is read off them, a rule and a threshold. A verdict is computed from stored runs; intervals "
        "are of 95 %.",
        f"```\n{meanings}\n```",
        "`ours` marks a question of this suite that the paper does not ask. A claim with several parts holds where each does. "
        "Where one training serves all instances, trainings are a sample beside instances.",
    ]
    return "\n\n".join(sections) + "\n"


def summary(verdicts: Sequence[Verdict], folder: str = f"{FOLDER}/") -> str:
    """A line for each paper: its name, how many verdicts of each kind, and what the claim that leads says."""
    lines = [_line(("paper", "claims", "for example")), "|---|---|---|"]
    for paper in papers(verdicts):
        these = of(paper, verdicts)
        name = f"[{_cell(paper.title)}]({folder}{paper.id}.md)"
        lines.append(_line((name, telling.counts(these), _cell(telling.headline(these)))))
    return "\n".join(lines)


def table(verdicts: Sequence[Verdict]) -> str:
    """A line for each claim."""
    return "\n".join([_line(_HEADINGS), "|" + "---|" * len(_HEADINGS), *(_line(_cells(one)) for one in verdicts)])


def spliced(text: str, table: str) -> str:
    """README with this table between its marks. Raises UserError where it does not have them, each once."""
    if [text.count(mark) for mark in (BEGIN, END)] != [1, 1] or text.index(BEGIN) > text.index(END):
        raise UserError(f"README.md needs the lines '{BEGIN}' and '{END}', once each, in this order")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}"


# --- figures ----------------------------------------------------------------------------------------------------------


def file_name(id: str, figure: Figure) -> str:
    """The name of a figure's file, in the folder figures beside the pages."""
    return f"{id}-{figure.name}.svg"


def comment(figure: Figure, found: Drawn) -> str:
    """What a figure draws, as a comment of XML: its bytes depend on the fonts that are there, and the data do not."""
    rows = [[_rounded(value) for value in row] for row in found.frame.itertuples(index=False)]
    axes = [figure.kind, figure.title, figure.x, figure.y, figure.z, figure.log]
    text = json.dumps({"axes": axes, "rows": rows}, separators=(",", ":")).replace("--", r"\u002d\u002d")
    return f"{_DATA}{text} -->"


def data(text: str) -> Any:
    """What the comment in a figure's file says. Raises ValueError where it has none."""
    _, there, rest = text.partition(_DATA)
    if not there:
        raise ValueError("the figure does not say what it draws")
    return json.loads(rest.partition(" -->")[0])


def _figures(paper: Paper, figures: Figures) -> list[str]:
    shown = [(figure, found) for figure, found in figures if not found.empty]
    lines = [
        f"![{figure.title.replace(']', '')}](figures/{file_name(paper.id, figure)})\n\n{_cell(caption(figure, found))}"
        for figure, found in shown
    ]
    return ["## Figures", *lines] if lines else []


def _rounded(value: Any) -> Any:
    if isinstance(value, str) or value is None:
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else str(float(value))


# --- a claim's line -----------------------------------------------------------------------------------------------------


def _cells(verdict: Verdict) -> list[str]:
    claim = verdict.claim
    says = [claim.sentence + (" (ours)" if claim.kind == "ours" else "")]
    says += [f"*{_cell(claim.caveat)}*"] if claim.caveat else []
    asked = list(dict.fromkeys(telling.threshold(one) for one in verdict.parts))
    here = [_told(one, verdict) for one in verdict.parts]
    word = f"**{verdict.word}**" + (f": {_cell(verdict.condition)}" if verdict.condition and _adds(verdict) else "")
    return [
        f"{claim.number}" + (f" ({_cell(claim.where)})" if claim.where else ""),
        "<br>".join([_cell(says[0]), *says[1:]]),
        "" if claim.published == UNKNOWN else _cell(claim.published),
        _cell(asked[0]) if len(asked) == 1 else "",
        "<br>".join(_cell(text) for text in here if text),
        word,
    ]


def _adds(verdict: Verdict) -> bool:
    """Whether the condition says more than the parts beside it."""
    if len(verdict.parts) == 1:
        return verdict.condition != verdict.parts[0].part.under
    return len({one.word for one in verdict.parts}) < 2 or bool(verdict.gaps)


def _told(judged: Judged, verdict: Verdict) -> str:
    """What a part gave; with its own threshold and verdict where parts differ in these."""
    if judged.measured is None:
        return ""
    several = len({telling.threshold(one) for one in verdict.parts}) > 1, len({one.word for one in verdict.parts}) > 1
    said = [text for text, told in zip((telling.threshold(judged), judged.word), several, strict=True) if told]
    return telling.told(judged) + (f" ({': '.join(said)})" if said else "")


def _missing(verdicts: Sequence[Verdict]) -> list[str]:
    """The commands that make missing runs. Runs at the paper's scale come last, because they need data or a GPU."""
    lacking = [one for one in verdicts if one.gaps]
    commands = telling.commands([gap for one in lacking for gap in one.gaps])
    if not commands:
        return []
    numbers = ", ".join(one.claim.number for one in lacking)
    id_ = lacking[0].paper.id
    return [
        "## What is missing",
        f"Claims {numbers} lack runs. `python -m runners.claims --paper {id_} --run` makes those of `small`, "
        "`--preset-scale full` also those of the paper's scale. They are:",
        "```\n" + "\n".join(sorted(commands, key=lambda text: "--preset full" in text)) + "\n```",
    ]


def _named(heading: str, names: Sequence[str]) -> str:
    return f"{heading}: {', '.join(f'`{name}`' for name in names)}. " if names else ""


def _is_number(text: str) -> bool:
    return text.replace(".", "").isdigit()


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Text in a table's cell, where a bar ends it and a star begins emphasis."""
    return " ".join(text.split()).replace("|", r"\|").replace("*", r"\*")
