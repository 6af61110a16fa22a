"""The leaderboard: streamlit run leaderboard/app.py [-- --db PATH]"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # so that it starts from any folder

import streamlit as st
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from benchmark.errors import Halted, UserError
from benchmark.report import boards
from leaderboard.ui import cached, ends, opened
from leaderboard.ui.plain import plain

STYLE = """<style>
.block-container { padding-top: 3.6rem; padding-bottom: 1rem; max-width: 1500px; }
[data-testid="stImage"] img { image-rendering: pixelated; }
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p { color: #595959 !important;
  color: light-dark(#595959, #b5b3af) !important; opacity: 1 !important; }
[data-testid="stCaptionContainer"] a { color: #00568a !important; color: light-dark(#00568a, #7fc4f5) !important; }
[data-testid="stCode"] .token { color: inherit !important; }
</style>"""
EARLY = {"method", "run", "data", "submit"}  # pages that have something to show before the first score


def show(page) -> bool:  # type: ignore[no-untyped-def]  # the class of a page is not public
    """Run the page, or say what stands in its way. Returns whether the database is open."""
    name = opened.database_name()
    if opened.is_missing(name):
        ends.nothing_yet(f"There is no database {opened.short_name(name)} yet.")
        return False
    found = False
    try:
        engine = opened.engine()
        found = True
        if cached.known_boards() or page.url_path in EARLY:
            page.run()
        else:
            with Session(engine) as session:
                counts = boards.run_counts(session)
            runs = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
            ends.nothing_yet(f"The database holds no score{f' (runs: {plain(runs)})' if runs else ''}.")
    except (Halted, UserError) as error:
        st.error(plain(error))
    except DBAPIError as error:
        st.error(f"the database cannot be read ({plain(error.orig)}); reload the page, or start with another -- --db PATH")
    return found


st.set_page_config("LowDimBench", layout="wide")
st.html(STYLE)
# Not in a folder "pages": Streamlit would run a file of such a folder by itself on the first visit, without this one.
PAGES = [
    st.Page("views/papers.py", title="Papers", url_path="home", default=True),
    st.Page("views/papers.py", title="All papers", url_path="papers", visibility="hidden"),  # the first page by its own address
    st.Page("views/paper.py", title="Paper", url_path="paper", visibility="hidden"),
    st.Page("views/overview.py", title="Overview", url_path="overview"),
    st.Page("views/task.py", title="Task", url_path="task"),
    st.Page("views/instance.py", title="Instance", url_path="instance"),
    st.Page("views/compare.py", title="Compare", url_path="compare"),
    st.Page("views/method.py", title="Method", url_path="method"),
    st.Page("views/run.py", title="Run", url_path="run"),
    st.Page("views/data.py", title="Data", url_path="data"),
    st.Page("views/submit.py", title="Submit", url_path="submit"),
]
ends.footer(show(st.navigation(PAGES, position="top")))
