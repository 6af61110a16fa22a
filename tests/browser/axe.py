"""What axe-core finds on a page: the rules that a reader with a keyboard, a magnifier or a screen reader needs to be kept."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Page

PACKAGE = "axe_playwright_python"  # carries axe.min.js
# st.file_uploader gives its place for a dropped file a role and a name; the button in it has both a name and the focus.
LEFT_OUT = {
    "presentation-role-conflict": '[data-testid="stFileUploaderDropzone"]',
}
RUN = """async (left) => {
    const found = await axe.run(document, { resultTypes: ["violations"] });
    const counts = (rule, node) => !(rule in left && document.querySelector(node.target.join(" "))?.closest(left[rule]));
    return found.violations.flatMap(one => one.nodes.filter(node => counts(one.id, node)).map(node =>
        one.id + ": " + node.target.join(" ") + ": " + node.html.slice(0, 160) + ": "
        + [...node.any, ...node.all, ...node.none].map(check => check.message).join("; ").slice(0, 240)));
}"""


def program() -> str:
    """axe-core, or the test is skipped."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        pytest.skip(f"axe-core is not installed; get it with: pip install {PACKAGE.replace('_', '-')}")
    return Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """A line for each place that breaks a rule, besides those of LEFT_OUT: rule -> places that are Streamlit's."""
    page.evaluate(program())
    found: list[str] = page.evaluate(RUN, LEFT_OUT)
    return found
