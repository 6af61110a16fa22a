"""One paper: its claims, which of them hold here, its figures from our runs, and the commands that make missing runs."""

from functools import partial

import streamlit as st

from benchmark.claims import figures, finding, telling
from benchmark.claims.paper import Paper
from benchmark.errors import UserError
from benchmark.report import superior, tables
from benchmark.report.board import Board, Row
from leaderboard.addresses import address
from leaderboard.charts import paper_figures, paper_tables, verdict_bars
from leaderboard.ui import cached, claimed, downloads, drawing, widgets
from leaderboard.ui.claimed import Found
from leaderboard.ui.plain import coded, plain
from leaderboard.views.instance_parts import of_paper

BEATING = 4  # names in one line


def asked() -> Paper | None:
    """The paper of the link, by its number or a method of its. Says in a line what stands in the way."""
    name = st.query_params.get("id", "").strip()
    if not name:
        st.info("The address names no paper. These are all papers:")
        for paper in finding.papers().values():
            widgets.go("paper", f"{paper.id} {paper.title}", id=paper.id)
        return None
    try:
        return finding.get_paper(name)
    except UserError as error:
        st.error(plain(error))
        return None


def describe(found: Found) -> None:
    """The paper, its verdict in a sentence, and the difference between its setting and ours."""
    paper = found.paper
    st.header(plain(paper.title))
    place = paper.venue if str(paper.year) in paper.venue else f"{paper.venue}, {paper.year}"
    st.write(f"{plain(', '.join(paper.authors))} · {plain(place)} · {widgets.paper(f'arXiv:{paper.id}')}")
    st.write(plain(paper.about))
    st.html(verdict_bars.STYLE + verdict_bars.bar(found.verdicts) + verdict_bars.legend(found.verdicts))
    st.markdown(f"**{plain(telling.headline(found.verdicts))}**")
    st.markdown(f"**How our setting differs.** {coded(paper.scale)}")
    with st.container(horizontal=True, gap="xsmall"):
        for task in dict.fromkeys(task for task, _ in cached.known_boards() if task in paper.tasks):
            widgets.go("task", f"task {task}", task=task)
        for method in paper.methods:
            widgets.go("method", f"method {method}", method=method)


def claims(found: Found) -> None:
    """The table of claims, and its export."""
    st.subheader("Claims")
    st.html(paper_tables.STYLE + verdict_bars.STYLE + paper_tables.claims(found.verdicts, found.links))
    about = downloads.about(f"page: {address('paper', id=found.paper.id)}", telling.counts(found.verdicts))
    view = partial(downloads.simple, found.paper.title, telling.frame(found.verdicts), {}, about)
    downloads.buttons(view, f"claims_{found.paper.id}", label="Save the claims")


def drawings(paper: Paper) -> None:
    """Its figures from our runs, two beside each other."""
    every = claimed.drawn(paper)
    if not every:
        return
    st.subheader("Figures from our runs")
    columns = st.columns(2) if len(every) > 1 else [st.container()]
    for number, (figure, found) in enumerate(every):
        with columns[number % len(columns)]:
            if found.empty:
                st.markdown(f"**{plain(figure.title)}** Not run yet. These commands make its runs:")
                st.code("\n".join(found.commands), language="bash", wrap_lines=True)
                continue
            drawing.show(paper_figures.chart(figure, found.frame), f"{paper.id}_{figure.name}")
            st.caption(plain(figures.caption(figure, found)))


def boards(found: Found) -> list[tuple[Board, Row]]:
    """The boards that the claims look at, each with the row of the paper's method there."""
    known, shown = set(cached.known_boards()), []
    places = dict.fromkeys((runs.task, runs.preset) for one in found.verdicts for runs in one.claim.runs)
    for place in (place for place in places if place in known):
        board = cached.outline(*place)
        rows = tables.representatives(board)
        shown += [(board, rows[method]) for method in found.paper.methods if method in rows]
    return shown


def beaten(rows: list[tuple[Board, Row]]) -> None:
    """Who is better than the paper's method, on each board."""
    st.subheader("Beaten by")
    if not rows:
        st.write("No board has a result of the paper's methods.")
        return
    lines = [(f"{board.task.name} / {board.preset}", row.label, _rank(board, row), _beating(board, row)) for board, row in rows]
    widgets.lines(lines, ("board", "method", "rank", "certainly better rows, and the difference"))
    st.caption(
        "By the board's primary metric. Certainly better: the whole 95 % interval of the paired difference over instances is "
        "on the better side; each interval is for its pair alone. A board's page marks methods that see more than others."
    )


def _rank(board: Board, row: Row) -> str:
    return f"{row.rank} of {len(board.rows)}" if row.rank is not None else "not ranked"


def _beating(board: Board, row: Row) -> str:
    better, primary = superior.superior(board, row), board.task.primary
    unit = f" {primary.unit}" if primary.unit else ""
    shown = [f"{one.row.label} ({one.gain.mean:+.3g}{unit})" for one in better[:BEATING]]
    shown += [f"{len(better) - BEATING} more"] * (len(better) > BEATING)
    return ", ".join(shown) or "none"


def caveats(found: Found) -> None:
    """What limits the claims."""
    lines = [(one.claim.number, one.claim.caveat) for one in found.verdicts if one.claim.caveat]
    if lines or found.paper.notes:
        st.subheader("Caveats")
    if lines:
        widgets.lines(lines, ("claim", "what limits it"))
    for note in found.paper.notes:
        st.markdown(note)


def commands(found: Found) -> None:
    """Commands that show the verdicts and make the missing runs, and the time that the stored runs took."""
    st.subheader("Commands")
    st.code(f"python -m runners.claims --paper {found.paper.id}", language="bash", wrap_lines=True)
    gaps = [gap for one in found.verdicts for gap in one.gaps]
    for what, full in (("missing at the suite's scale", False), ("missing at the paper's scale", True)):
        lacking = [gap for gap in gaps if gap.runs.preset.startswith("full") == full]
        if lacking:
            st.caption(f"These commands make the runs that are {what}:")
            st.code("\n".join(telling.commands(lacking)), language="bash", wrap_lines=True)
    if found.links:
        widgets.lines(times(found), ("board", "seconds an instance, by method", "time of all runs"))


def times(found: Found) -> list[tuple[str, str, str]]:
    """What the runs behind the claims took of the methods' own time, a line for each board."""
    lines = []
    for place in dict.fromkeys((runs.task, runs.preset) for runs in found.links):
        here = [runs for runs in found.links if (runs.task, runs.preset) == place]
        each = dict.fromkeys(f"{runs.label.split(' ', 1)[1]} {found.seconds[runs]:.2g}" for runs in here)
        lines.append((" / ".join(place), ", ".join(each), _span(sum(found.spent[runs] for runs in here))))
    return lines


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def show(paper: Paper) -> None:
    """The whole page."""
    found = claimed.one(paper.id)
    rows = boards(found)
    describe(found)
    claims(found)
    drawings(paper)
    of_paper.show(found, rows)
    beaten(rows)
    caveats(found)
    commands(found)
    st.subheader("Citation")
    st.code(paper.bibtex, language=None, wrap_lines=True)


widgets.go("papers", "← All papers")
if (chosen := asked()) is not None:
    show(chosen)
