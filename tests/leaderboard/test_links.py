"""Every link of every page, followed: the page that answers is about what the link names."""

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from leaderboard import addresses
from tests.leaderboard.words import bodies, raw, words

STARTS = {
    "overview": {},
    "task": {"task": "imaging", "preset": "small"},
    "instance": {"task": "imaging", "preset": "small", "seed": "0", "instance": "1"},
    "compare": {"task": "imaging", "preset": "small"},
    "method": {"method": "net_plain"},
    "run": {},
    "data": {},
    "paper": {},
    "papers": {},
}
RUNS = 3  # of the many links to runs


def links(app: AppTest) -> Iterator[tuple[str, str]]:
    """(page, query) of each link within the app: in HTML, in Markdown, in tables, and of its own kind."""
    found = [html.unescape(one) for body in bodies(app) for one in re.findall(r'href="([^"]*)"', body)]
    found += re.findall(r"\]\(([^)\s]+)\)", raw(app))
    found += [str(one) for table in app.dataframe if "open" in table.value for one in table.value["open"]]
    for one in found:
        if not re.match(r"[a-z]+:|#", one):
            page, _, query = one.partition("?")
            yield page, query
    for link in app.get("page_link"):
        yield Path(link.proto.page).stem, link.proto.query_string


def names(query: str) -> dict[str, list[str]]:
    return parse_qs(query, strict_parsing=True) if query else {}


@pytest.fixture
def followed(open_page: Callable[..., AppTest], made: Callable[[str], Path]) -> list[tuple[str, dict[str, list[str]], AppTest]]:
    """Each link that some page shows, once, and the page that answers."""
    every: dict[tuple[str, str], None] = {}
    for start, query in STARTS.items():
        app = open_page(made("full"), start, **query)
        assert not app.exception
        runs = [one for one in links(app) if one[0] == "run"]
        every |= dict.fromkeys([one for one in links(app) if one[0] != "run"] + runs[:RUNS])
    few: dict[tuple[str, tuple[str, ...]], list[tuple[str, str]]] = {}
    for page, query in every:
        kind = (page or "papers", tuple(names(query)))
        few.setdefault(kind, []).append((page or "papers", query))
    chosen = [one for several in few.values() for one in several[:: max(1, len(several) - 1)][:2]]
    return [(page, names(query), open_page(made("full"), page, **names(query))) for page, query in chosen]


def about(page: str, query: dict[str, list[str]], app: AppTest) -> bool:
    """Whether a page is about what its address names."""
    heads = "\n".join(str(one.value).replace("\\", "") for one in (*app.header, *app.subheader))
    chosen = {str(box.value) for box in app.selectbox}
    if page == "method":
        return query["method"][0] in heads
    if page == "run":
        return not query or f"Run {query['run'][0]}:" in heads
    if page == "data":
        return not query or query["source"][0] in heads
    if page == "overview":
        shown = {str(value) for box in app.multiselect for value in box.value}
        return all(set(values) <= shown for values in query.values())
    if page == "paper":
        return f"arXiv:{query['id'][0]}" in words(app)
    if page == "compare":
        return " against ".join(query[name][0] for name in ("first", "second")) in heads
    return all(value in chosen or any(text.startswith(f"{value}: ") for text in chosen) for [value] in query.values())


def test_every_link_leads_to_what_it_names(followed: list[tuple[str, dict[str, list[str]], AppTest]]) -> None:
    kinds = {(page, *query) for page, query, _ in followed}
    assert {page for page, *_ in kinds} >= {"task", "instance", "compare", "method", "run", "data", "paper", "papers"}
    for page, query, app in followed:
        assert not app.exception, (page, query)
        assert not [one for one in (*app.warning, *app.error) if "the link asks for" in str(one.value)], (page, query)
        assert set(query) <= set(addresses.READS[page]), (page, query)
        assert about(page, query, app), (page, query)


def test_an_address_with_a_word_that_its_page_does_not_read_is_refused() -> None:
    assert addresses.address("method", method="a b") == "method?method=a+b"
    assert addresses.address("overview", tasks=["a", "b"]) == "overview?tasks=a&tasks=b"
    with pytest.raises(ValueError, match="the page method does not read name"):
        addresses.address("method", name="dip")
    with pytest.raises(ValueError, match="there is no page board"):
        addresses.address("board")
