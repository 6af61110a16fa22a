"""Parts that several pages share: links to other pages, facts, tables with links."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from benchmark import environment
from benchmark.report.formats import View
from benchmark.report.tables import Column
from leaderboard.addresses import address, query
from leaderboard.ui import opened
from leaderboard.ui.plain import plain

_IDENTIFIER = re.compile(r"(arxiv|doi):[\w./;()-]+", re.IGNORECASE)
_LINES = """<style>
table.lines { width: 100%; border-collapse: collapse; font-size: 0.875rem; }
table.lines th, table.lines td { text-align: left; vertical-align: top; padding: 0.3rem 0.75rem 0.3rem 0;
  border-bottom: 1px solid rgba(128, 128, 128, 0.3); overflow-wrap: anywhere; font-weight: normal; }
table.lines th { font-weight: 600; overflow-wrap: normal; }
table.lines tbody th { width: 8.5rem; }
</style>"""
OPEN = "open"


def go(page: str, label: str, **words: object) -> None:
    """A link to a page, in this tab. The label is plain text."""
    st.page_link(f"views/{page}.py", label=f":blue[{plain(label)}]", query_params=query(page, **words))


def run_links(numbers: Iterable[int]) -> str:
    """Markdown: 'run 3 · run 4', each a link, in one piece of text, because a board may have a thousand."""
    return " · ".join(f"[run {number}]({address('run', run=number)})" for number in numbers)


def paper(source: str) -> str:
    """Markdown of a source: a link for 'arXiv:...' or 'doi:...' of an ordinary form, else plain text."""
    return link(source) if _IDENTIFIER.fullmatch(source) else plain(source)


def link(source: str) -> str:
    """Markdown link of a paper given as 'arXiv:...' or 'doi:...'; other text as it is."""
    kind, _, rest = source.partition(":")
    home = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}.get(kind.lower())
    return f"[{source}]({home}{rest})" if home and rest else source


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Names and values in two columns, without those that have no value."""
    lines([pair for pair in pairs if pair[1]])


def lines(rows: Sequence[Sequence[str]], head: Sequence[str] = ()) -> None:
    """A table of texts whose first column names the line; cells wrap, so that nothing is cut on a narrow screen."""
    top = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
    body = ""
    for name, *cells in rows:
        body += f'<tr><th scope="row">{_coded(name)}</th>'
        body += "".join(f"<td>{_coded(cell)}</td>" for cell in cells) + "</tr>"
    st.html(f'{_LINES}<table class="lines">{f"<thead><tr>{top}</tr></thead>" if top else ""}<tbody>{body}</tbody></table>')


def _coded(text: str) -> str:
    """HTML of a text; what stands between backticks is code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def table(view: View, links: Sequence[str] | None = None) -> None:
    """The table of a view, sortable. links: the address that each line leads to, in a new tab; it stands first and stays."""
    config: dict[str, Any] = {}
    for name, column in view.columns.items():
        if name not in view.frame:
            continue
        longest = max(map(len, [name, *view.printed(name)]))
        about: Any = {"help": plain(column.help) or None, "width": min(column.width, 26 + 7 * longest)}
        if column.format is None:
            config[name] = st.column_config.TextColumn(**about)
        else:
            config[name] = st.column_config.NumberColumn(**about, format=column.format)
    frame = view.frame
    if links is not None:
        frame = frame.copy()
        frame.insert(0, OPEN, list(links))
        config[OPEN] = st.column_config.LinkColumn(OPEN, help="Opens in a new tab", display_text="open", width=58, pinned=True)
    st.dataframe(frame, hide_index=True, column_config=config, width="stretch", placeholder="")


def numbers(frame: pd.DataFrame, columns: dict[str, Column], pinned: str = "method") -> None:
    """A sortable table; numbers stay numbers. Columns without a description are shown as they are."""
    config: dict[str, Any] = {}
    for name, column in columns.items():
        stuck = name in ("rank", pinned)
        if column.format is None:
            config[name] = st.column_config.TextColumn(help=column.help, width=column.width, pinned=stuck)
        else:
            config[name] = st.column_config.NumberColumn(
                help=column.help, width=column.width, pinned=stuck, format=column.format
            )
    st.dataframe(frame, hide_index=True, column_config=config, width="stretch", placeholder="")


def view(title: str, frame: pd.DataFrame, columns: Mapping[str, Column]) -> View:
    """A table whose lines are not ranked; its files name the code and the database that it came from."""
    code = f"code: commit {environment.commit_text(*environment.commit())}"
    return View(title, frame, columns, None, frozenset(), (code, f"database: {opened.short_name(opened.database_name())}"))
