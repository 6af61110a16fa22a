"""What a page says, for the tests of pages."""

import html
import re

from streamlit.testing.v1 import AppTest

_KINDS = ("markdown", "caption", "header", "subheader", "error", "warning", "info", "code")


def raw(app: AppTest) -> str:
    """Every text as the page hands it over: Markdown, code and HTML."""
    texts = [str(element.value) for kind in _KINDS for element in getattr(app, kind)]
    return "\n".join(texts + bodies(app))


def bodies(app: AppTest) -> list[str]:
    """The HTML of a page."""
    return [element.proto.body for element in app.get("html")]


def words(app: AppTest) -> str:
    """What a reader sees of them: without the marks that keep text from being markup."""
    return html.unescape(re.sub(r"\\(?=[^A-Za-z0-9\s])", "", raw(app)))
