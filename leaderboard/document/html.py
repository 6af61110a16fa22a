"""HTML in which no text is markup unless it was made here: elements, tables, and addresses within one file."""

import re
from collections.abc import Mapping, Sequence
from html import escape, unescape
from urllib.parse import parse_qs, quote, urlsplit

from benchmark.report.formats import View

_LINK = re.compile(r'<a\b([^>]*?)\bhref="([^"]*)"([^>]*)>(.*?)</a>', re.DOTALL)
_VOID = {"img", "meta", "br"}
_IDENTIFIER = re.compile(r"(arxiv|doi):[\w./;()-]+", re.IGNORECASE)
_HOMES = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}


class Markup(str):
    """HTML. Every other text is escaped before it stands in a page."""

    __slots__ = ()


def el(name: str, /, *content: str, **attributes: str | int | bool | None) -> Markup:
    """An element. Attributes are named as in HTML, with a trailing underscore after words of Python and others for hyphens."""
    named = [(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value not in (None, False)]
    head = "".join(f" {key}" if value is True else f' {key}="{escape(str(value))}"' for key, value in named)
    return Markup(f"<{name}{head}>" if name in _VOID else f"<{name}{head}>{join(*content)}</{name}>")


def join(*content: str) -> Markup:
    """Pieces one after the other."""
    return Markup("".join(piece if isinstance(piece, Markup) else escape(piece) for piece in content))


def place(*names: str) -> str:
    """The id of a page, such as task/mri/small; nothing in it needs to be escaped in an address."""
    return "/".join(quote(name, safe="") for name in names)


def link(text: str, *names: str, known: frozenset[str]) -> Markup:
    """A link to a page of this file, or the text where there is none."""
    target = place(*names)
    return el("a", text, href=f"#{target}") if target in known else join(text)


def source(text: str) -> Markup:
    """A link for 'arXiv:...' or 'doi:...', else the text."""
    kind, _, rest = text.partition(":")
    return el("a", text, href=_HOMES[kind.lower()] + rest) if _IDENTIFIER.fullmatch(text) else join(text)


def relinked(html: str, known: frozenset[str]) -> Markup:
    """HTML of the board whose links lead to pages of this file. A link to a page that is not in it becomes its text."""

    def turned(found: re.Match[str]) -> str:
        target = _target(unescape(found[2]))
        if target in known:
            attributes = re.sub(r'\s*\btarget="[^"]*"', "", found[1] + found[3])
            return f'<a{attributes.rstrip()} href="#{target}">{found[4]}</a>'
        return found[0] if found[2].startswith("https://") else f"<span>{found[4]}</span>"

    return Markup(_LINK.sub(turned, html))


def _target(address: str) -> str:
    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if parts.scheme or parts.netloc:
        return ""
    if parts.path in ("task", "instance"):
        return place("task", query.get("task", ""), *([query["preset"]] if "preset" in query else []))
    if parts.path == "method":
        return place("method", query.get("method", query.get("name", "")))
    return place("paper", query.get("id", "")) if parts.path == "paper" else ""


def table(
    view: View, head: str, known: frozenset[str], links: Mapping[str, Sequence[Sequence[str]]] | None = None, label: str = ""
) -> Markup:
    """The table of a view. The column `head` names the lines; links: column -> the page that each of its cells leads to."""
    names = [str(name) for name in view.frame.columns]
    tops = []
    for name in names:
        about = view.columns[name].help if name in view.columns else ""
        tops.append(el("th", name or "\N{NO-BREAK SPACE}", scope="col", title=about or None, class_=_side(view, name)))
    cells = {name: view.printed(name) for name in names}
    lines = []
    for at in range(len(view.frame)):
        line = []
        for name in names:
            text = cells[name][at]
            shown: str = link(text, *links[name][at], known=known) if links and name in links else text
            line.append(el("th", shown, scope="row") if name == head else el("td", shown, class_=_side(view, name)))
        lines.append(el("tr", *line))
    inner = el("table", el("thead", el("tr", *tops)), el("tbody", *lines))
    return el("div", inner, class_="wide", tabindex=0, role="region", aria_label=label or view.title)


def _side(view: View, name: str) -> str | None:
    return "number" if view.is_number(name) else None


def lines(rows: Sequence[Sequence[str]], heads: Sequence[str], label: str) -> Markup:
    """A table of texts, whose first column names the lines."""
    top = [el("th", name, scope="col") for name in heads]
    body = [el("tr", el("th", first, scope="row"), *(el("td", cell) for cell in rest)) for first, *rest in rows]
    inner = el("table", el("thead", el("tr", *top)), el("tbody", *body), class_="texts")
    return el("div", inner, class_="wide", tabindex=0, role="region", aria_label=label)


def folded(summary: str, *content: str, open_: bool = False) -> Markup:
    """A part of the page that opens on a click."""
    return el("details", el("summary", summary), *content, open=open_)
