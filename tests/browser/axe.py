"""What axe-core finds on a page: the rules that a reader with a keyboard, a magnifier or a screen reader needs to be kept."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Page

PACKAGE = "axe_playwright_python"  # carries axe.min.js
RUN = """async (left) => {
    const found = await axe.run({ exclude: left.map(one => [one.selector]) }, { resultTypes: ["violations"] });
    return found.violations.flatMap(one => one.nodes.map(node =>
        one.id + ": " + node.target.join(" ") + ": " + node.html.slice(0, 160) + ": "
        + [...node.any, ...node.all, ...node.none].map(check => check.message).join("; ").slice(0, 240)));
}"""


def program() -> str:
    """axe-core, or the test is skipped."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        pytest.skip(f"axe-core is not installed; get it with: pip install {PACKAGE.replace('_', '-')}")
    return Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, left_out: tuple[str, ...] = ()) -> list[str]:
    """A line for each place that breaks a rule; `left_out`: selectors of places that are not looked at."""
    page.evaluate(program())
    found: list[str] = page.evaluate(RUN, [{"selector": one} for one in left_out])
    return found
