"""The list of the papers and the table of a paper's claims, in HTML that a narrow screen shows as one column."""

import re
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from html import escape

from benchmark.claims import telling
from benchmark.claims.paper import UNKNOWN, Paper, Runs
from benchmark.claims.verdicts import Judged, Verdict
from leaderboard.addresses import address, anchor
from leaderboard.charts.verdict_bars import SIGNS, bar, chip

STYLE = """<style>
ul.ldb-papers { list-style: none; margin: 0 !important; padding: 0 !important; }
ul.ldb-papers > li { display: grid; grid-template-columns: 150px minmax(0, 1fr) 330px; gap: .2rem 1.2rem;
  align-items: start; padding: .85rem 0; margin: 0 !important; border-top: 1px solid rgba(128, 128, 128, .3); }
.ldb-papers a, .ldb-claims a { color: inherit; text-decoration: underline; text-decoration-thickness: 1px;
  text-underline-offset: 2px; }
.ldb-papers .picture { grid-row: 1 / span 2; width: 150px; height: 84px; display: flex; align-items: center;
  justify-content: center; text-align: center; font-size: .8rem; text-decoration: none; border-radius: 4px;
  background: rgba(128, 128, 128, .09); }
.ldb-papers .picture img { width: 100%; height: 100%; object-fit: contain; image-rendering: auto; }
.ldb-papers h3 { font-size: 1.05rem; font-weight: 600; line-height: 1.3; margin: 0; padding: 0; }
.ldb-papers p { margin: .15rem 0 0; font-size: .875rem; line-height: 1.4; }
.ldb-papers .where, .ldb-papers .scale { font-size: .8rem; }
.ldb-papers .says { grid-column: 2; }
.ldb-papers .side { grid-column: 3; grid-row: 1 / span 2; }
ul.ldb-short { list-style: none; margin: 0 !important; padding: 0 !important; display: grid; gap: .35rem 1.6rem;
  grid-template-columns: repeat(auto-fill, minmax(min(34rem, 100%), 1fr)); font-size: .875rem; }
ul.ldb-short > li { margin: 0 !important; display: grid; grid-template-columns: minmax(0, 1fr) 13rem; gap: .8rem;
  align-items: center; }
.ldb-short a { color: inherit; text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 2px; }
.ldb-claims { width: 100%; table-layout: fixed; border-collapse: collapse; font-size: .875rem; line-height: 1.4; }
.ldb-claims th, .ldb-claims td { text-align: left; vertical-align: top; padding: .45rem .8rem .45rem 0; font-weight: 400;
  border-bottom: 1px solid rgba(128, 128, 128, .3); overflow-wrap: anywhere; }
.ldb-claims thead th { font-weight: 600; white-space: nowrap; }
.ldb-claims thead th:nth-child(1) { width: 3.6rem; }
.ldb-claims thead th:nth-child(2) { width: 29%; }
.ldb-claims thead th:nth-child(3) { width: 6.2rem; }
.ldb-claims thead th:nth-child(5) { width: 23%; }
.ldb-claims thead th:nth-child(6) { width: 12rem; }
.ldb-claims small { display: block; font-size: .8rem; }
.ldb-claims .here, .ldb-claims .asked { font-variant-numeric: tabular-nums; }
.ldb-claims .word { white-space: nowrap; font-weight: 600; }
.ldb-claims .word i { display: inline-block; min-width: 1.3rem; padding: 0 .2rem; margin-right: .35rem; border-radius: 3px;
  font-style: normal; text-align: center; box-sizing: border-box; }
@media (max-width: 760px) {
  ul.ldb-papers > li { grid-template-columns: 96px minmax(0, 1fr); gap: .2rem .8rem; }
  .ldb-papers .picture { grid-row: 1; width: 96px; height: 54px; }
  ul.ldb-short > li { grid-template-columns: minmax(0, 1fr); gap: .1rem; }
  .ldb-papers .says, .ldb-papers .side { grid-column: 1 / -1; grid-row: auto; }
  .ldb-claims, .ldb-claims tbody { display: block; }
  .ldb-claims thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .ldb-claims tr { display: block; padding: .6rem 0; border-bottom: 1px solid rgba(128, 128, 128, .3); }
  .ldb-claims th, .ldb-claims td { display: block; padding: .1rem 0; border: 0; }
  .ldb-claims th.number { font-weight: 600; }
  .ldb-claims th.number::before { content: "claim "; }
  .ldb-claims td[data-name]::before { content: attr(data-name) ": "; font-size: .8rem; }
  .ldb-claims td.empty { display: none; }
}
</style>"""
Links = Mapping[Runs, Sequence[int]]  # numbers of the runs in the database
_SHOWN = 6  # links to runs of one claim


def papers(found: Sequence[tuple[Paper, Sequence[Verdict], str]], boards: Collection[str]) -> str:
    """A line for each (paper, its verdicts, its picture as SVG or empty). boards: the tasks that have results, to link to."""
    return f'<ul class="ldb-papers">{"".join(_paper(*one, boards) for one in found)}</ul>'


def short(found: Sequence[tuple[Paper, Sequence[Verdict]]]) -> str:
    """A line for each paper: its title and how many claims hold."""
    lines = "".join(
        f"<li>{anchor(address('paper', id=paper.id), paper.title)}{bar(verdicts)}</li>" for paper, verdicts in found
    )
    return f'<ul class="ldb-short">{lines}</ul>'


def _paper(paper: Paper, verdicts: Sequence[Verdict], picture: str, boards: Collection[str]) -> str:
    where_to = address("paper", id=paper.id)
    tasks = ", ".join(anchor(address("task", task=name), name) if name in boards else escape(name) for name in paper.tasks)
    methods = escape(", ".join(paper.methods))
    parts = (("arXiv:", escape(paper.id)), (_plural("task", paper.tasks), tasks), (_plural("method", paper.methods), methods))
    where = " · ".join(f"{name}{text}" for name, text in parts if text)
    seen = f'<img alt="" src="{_data(picture)}">' if picture else "<span>no runs yet</span>"
    return (
        f'<li><a class="picture" href="{escape(where_to)}" target="_self" tabindex="-1" aria-hidden="true">{seen}</a>'
        f'<div class="name"><h3><a href="{escape(where_to)}" target="_self">{escape(paper.title)}</a></h3>'
        f'<p class="where">{where}</p></div>'
        f'<p class="says">{escape(telling.headline(verdicts))}</p>'
        f'<div class="side">{bar(verdicts)}<p class="scale">Setting here: {_code(paper.scale)}</p></div></li>'
    )


def _plural(word: str, names: Sequence[str]) -> str:
    return f"{word} " if len(names) == 1 else f"{word}s "


def _code(text: str) -> str:
    """HTML of a text: what stands between backticks is code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))


def _data(svg: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


def claims(verdicts: Sequence[Verdict], links: Links) -> str:
    """A line for each claim. links: the runs behind it."""
    heads = ("claim", "says", "threshold", "here [95 %]", "verdict", "evidence")
    top = "".join(f'<th scope="col">{name}</th>' for name in heads)
    lines = "".join(_claim(verdict, links) for verdict in verdicts)
    return f'<table class="ldb-claims"><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>'


def _claim(verdict: Verdict, links: Links) -> str:
    claim = verdict.claim
    small = [claim.where, "a question of this suite" if claim.kind == "ours" else "", claim.caveat]
    small += [f"published: {claim.published}"] if claim.published != UNKNOWN else []
    says = escape(claim.sentence) + "".join(f"<small>{_code(text)}</small>" for text in small if text)
    asked = list(dict.fromkeys(_asked(one) for one in verdict.parts))
    here = [_told(one, len(verdict.parts) > 1, len(asked) > 1) for one in verdict.parts if one.measured]
    word = f'<span class="word">{chip(verdict.word)}{escape(verdict.word)}</span>'
    condition = f"<small>{escape(verdict.condition)}</small>" if verdict.condition and _adds(verdict) else ""
    cells = (
        ("asked", "threshold", "<br>".join(map(escape, asked))),
        ("here", "here [95 %]", "<br>".join(map(escape, here))),
        ("", "", word + condition),
        ("evidence", "evidence", _evidence(verdict, links)),
    )
    body = "".join(
        f'<td class="{kind if text else "empty"}"{f" data-name={chr(34)}{name}{chr(34)}" if name else ""}>{text}</td>'
        for kind, name, text in cells
    )
    return f'<tr><th scope="row" class="number">{escape(claim.number)}</th><td>{says}</td>{body}</tr>'


def _adds(verdict: Verdict) -> bool:
    """Whether the condition says more than the parts beside it."""
    return len(verdict.parts) != 1 or verdict.condition != verdict.parts[0].part.under


def _asked(judged: Judged) -> str:
    return (
        telling.threshold(judged)
        .replace(">= ", "\N{GREATER-THAN OR EQUAL TO}\N{NO-BREAK SPACE}")
        .replace("<= ", "\N{LESS-THAN OR EQUAL TO}\N{NO-BREAK SPACE}")
    )


def _told(judged: Judged, several: bool, apart: bool) -> str:
    """Value and interval of a part, with the sign of its own verdict where there are several, and its threshold where they
    have their own.
    """
    sign = f"{SIGNS[judged.word]} " if several else ""
    return f"{sign}{telling.told(judged)}" + (f" (threshold: {_asked(judged)})" if apart else "")


def _evidence(verdict: Verdict, links: Links) -> str:
    """Links to the boards of a claim, and to the runs."""
    boards = dict.fromkeys((runs.task, runs.preset) for runs in verdict.claim.runs)
    found = [
        anchor(address("task", task=task, preset=preset), f"{task}/{preset}")
        for task, preset in boards
        if any((runs.task, runs.preset) == (task, preset) and links.get(runs) for runs in verdict.claim.runs)
    ]
    every = list(dict.fromkeys(number for runs in verdict.claim.runs for number in links.get(runs, ())))
    shown = " ".join(anchor(address("run", run=number), str(number)) for number in every[:_SHOWN])
    if not every:
        return ""
    rest = [anchor(address("run", run=number), str(number)) for number in every[_SHOWN:]]
    more = f"<details><summary>{len(rest)} more</summary>{' '.join(rest)}</details>" if rest else ""
    return f"{', '.join(found)}<small>runs {shown}{more}</small>"
