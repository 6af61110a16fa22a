"""What the runs say of the papers, computed once for each state of the runs that a paper needs. Shared between visitors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from sqlalchemy.orm import Session

from benchmark.claims import figures, finding
from benchmark.claims.evidence import Evidence
from benchmark.claims.figure import Figure
from benchmark.claims.figures import Drawn
from benchmark.claims.paper import Paper, Runs
from benchmark.claims.verdicts import Verdict, judge
from benchmark.errors import UserError
from benchmark.report import outlines
from benchmark.store.queries import Entry
from leaderboard.charts import paper_figures
from leaderboard.ui.opened import database_name, engine

Places = tuple[tuple[str, str, outlines.State | None], ...]


@dataclass(frozen=True)
class Found:
    """A paper, the verdicts on its claims, and of the runs behind them the numbers and the methods' own seconds.

    seconds   of one instance, the median of those that nobody else slowed, or of all where others always had the processors
    spent     of all instances, with what was learnt once
    """

    paper: Paper
    verdicts: tuple[Verdict, ...]
    links: Mapping[Runs, tuple[int, ...]]
    seconds: Mapping[Runs, float]
    spent: Mapping[Runs, float]


@st.cache_resource(max_entries=128, show_spinner=False)
def _found(name: str, places: Places, id: str) -> Found:
    paper = finding.papers()[id]
    with Session(engine()) as session:
        evidence = Evidence(session)
        verdicts = tuple(judge(paper, claim, evidence) for claim in paper.claims)
        needed = dict.fromkeys(runs for claim in paper.claims for runs in claim.runs)
        rows = {runs: row for runs in needed if (row := evidence.row(runs)) is not None}
        return Found(
            paper,
            verdicts,
            links={runs: tuple(run.id for run in row.runs) for runs, row in rows.items()},
            seconds={runs: _usual(row) for runs, row in rows.items()},
            spent={runs: _sum(row) for runs, row in rows.items()},
        )


def _usual(row: Entry) -> float:
    fair = [value for key, value in row.seconds.items() if key not in row.contended]
    return float(np.median(fair or list(row.seconds.values()) or [0.0]))


def _sum(row: Entry) -> float:
    return float(sum(row.seconds.values()) + sum(run.fit_seconds or 0.0 for run in row.runs))


@st.cache_resource(max_entries=256, show_spinner=False)
def _drawn(name: str, places: Places, id: str, figure: str) -> Drawn:
    with Session(engine()) as session:
        return figures.drawn(_figure(id, figure), Evidence(session))


@st.cache_resource(max_entries=128, show_spinner=False)
def _picture(name: str, places: Places, id: str) -> str:
    for figure in finding.papers()[id].figures:
        found = _drawn(name, places, id, figure.name)
        if not found.empty:
            return paper_figures.small(figure, found.frame)
    return ""


def every() -> tuple[list[Found], list[str]]:
    """Every paper, and a line for each that cannot be judged."""
    found, problems = [], finding.problems()
    states = _states()
    for paper in finding.papers().values():
        try:
            found.append(_found(database_name(), _places(paper, states), paper.id))
        except UserError as error:
            problems.append(f"left out {paper.id}: {error}")
    return found, problems


def one(id: str) -> Found:
    """One paper. Raises UserError for a paper that names what is not there."""
    paper = finding.papers()[id]
    return _found(database_name(), _places(paper, _states()), id)


def drawn(paper: Paper) -> list[tuple[Figure, Drawn]]:
    """The figures of a paper, in order."""
    places = _places(paper, _states())
    return [(figure, _drawn(database_name(), places, paper.id, figure.name)) for figure in paper.figures]


def pictures(papers: Iterable[Paper]) -> dict[str, str]:
    """The small picture of each paper by its id, as SVG: its first figure of which something is there, or an empty text."""
    states = _states()
    return {paper.id: _picture(database_name(), _places(paper, states), paper.id) for paper in papers}


def _states() -> dict[tuple[str, str], outlines.State]:
    with Session(engine()) as session:
        return outlines.states(session)


def _places(paper: Paper, states: Mapping[tuple[str, str], outlines.State]) -> Places:
    """What a paper looks at, with the state of each: all that its verdicts and figures depend on."""
    runs = [runs for claim in paper.claims for runs in claim.runs]
    runs += [quantity.runs for figure in paper.figures for mark in figure.marks for quantity in mark.quantities]
    places = sorted({(one.task, one.preset) for one in runs})
    return tuple((*place, states.get(place)) for place in places)


def _figure(id: str, name: str) -> Figure:
    return next(figure for figure in finding.papers()[id].figures if figure.name == name)
