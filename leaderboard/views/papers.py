"""The papers: what each claims, how many of its claims hold, and what its figure looks like here."""

import streamlit as st

from benchmark.claims import telling
from benchmark.report import filters, tables
from leaderboard.charts import paper_tables, verdict_bars
from leaderboard.ui import cached, claimed, downloads
from leaderboard.ui.plain import plain

OVERVIEW = (*filters.BOARD_FILTERS, *filters.ROW_FILTERS, "show")  # its words in an address: it was the first page once
if old := {name: st.query_params.get_all(name) for name in OVERVIEW if name in st.query_params}:
    st.switch_page("views/overview.py", query_params=old)

found, problems = claimed.every()
verdicts = [verdict for one in found for verdict in one.verdicts]
st.header("LowDimBench")
st.write(
    f"The suite checks {tables.count(len(verdicts), 'claim')} of {tables.count(len(found), 'paper')} on low-dimensional "
    "structure. Each verdict is computed from the runs in this database."
)
st.html(verdict_bars.STYLE + verdict_bars.bar(verdicts) + verdict_bars.legend(verdicts))
for line in problems:
    st.warning(plain(line))
pictures = claimed.pictures(one.paper for one in found)
st.html(
    paper_tables.STYLE
    + verdict_bars.STYLE
    + paper_tables.papers(
        [(one.paper, one.verdicts, pictures[one.paper.id]) for one in found], {task for task, _ in cached.known_boards()}
    )
)
st.caption(
    "A claim holds if the whole 95 % interval is on the right side of its threshold. It is open if the interval contains the "
    "threshold. A claim with several parts holds if each part holds, and in part if some do. Not run: runs are missing, or are "
    "of older code; the paper's page has the commands. Needs full: it needs runs at the paper's own scale."
)
about = downloads.about("page: papers", telling.counts(verdicts))
downloads.buttons(lambda: downloads.simple("Claims", telling.frame(verdicts), {}, about), "claims")
