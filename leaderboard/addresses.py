"""The address of every page: all links are made here. No Streamlit.

A page and the words that it reads in its address stand in READS, so that no link can use a word that its page does not read.
"""

from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

from benchmark.report.board import Board
from benchmark.report.filters import BOARD_FILTERS, ROW_FILTERS

_BOARD = ("task", "preset")
READS: Mapping[str, tuple[str, ...]] = {
    "home": (),
    "papers": (),
    "paper": ("id",),
    "overview": (*BOARD_FILTERS, *ROW_FILTERS, "show"),
    "task": (*_BOARD, "truncated", "sees"),
    "instance": (*_BOARD, "seed", "instance", "first", "second", "curve", "query"),
    "compare": (*_BOARD, "first", "second", "metric"),
    "method": ("method",),
    "run": ("run",),
    "data": ("source",),
    "submit": ("state",),
}


def query(page: str, **words: object) -> dict[str, str | list[str]]:
    """The words of an address as texts. Raises ValueError for a page that is not there and for a word that it does not read."""
    if page not in READS:
        raise ValueError(f"there is no page {page}")
    if unknown := sorted(words.keys() - set(READS[page])):
        raise ValueError(f"the page {page} does not read {', '.join(unknown)}")
    return {name: [str(one) for one in word] if isinstance(word, list | tuple) else str(word) for name, word in words.items()}


def address(page: str, **words: object) -> str:
    """The relative address of a page: `run?run=3`. Raises ValueError as `query` does."""
    found = query(page, **words)
    return f"{page}?{urlencode(found, doseq=True)}" if found else page


def of_board(board: Board) -> str:
    """The address of a board's page."""
    return address("task", task=board.task.name, preset=board.preset)


def of_method(name: str) -> str:
    """The address of a method's page."""
    return address("method", method=name)


def anchor(where: str, text: str, title: str = "") -> str:
    """HTML of a link in this tab; the text cannot be markup."""
    about = f' title="{escape(title)}"' if title else ""
    return f'<a href="{escape(where)}" target="_self"{about}>{escape(text)}</a>'
