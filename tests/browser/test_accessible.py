"""Every page of the board by axe-core, wide and narrow, light and dark; and by the keys alone."""

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed; get it with: pip install playwright")

from playwright.sync_api import Page

from tests.browser.axe import program, violations
from tests.browser.driver import PLACE, visit
from tests.browser.test_details import PAGES

EVERY = {
    "papers": "papers",
    "paper": "paper?id=2402.04097",
    "overview": "overview",
    "task": f"task{PLACE}",
    "instance": f"instance{PLACE}",
    **PAGES,
    "submit": "submit",
}
LOOKS = [(1400, "light"), (400, "dark"), (1400, "dark"), (400, "light")]
pytestmark = pytest.mark.browser


def test_no_page_breaks_a_rule_of_axe(page: Page, address: str) -> None:
    program()
    found = []
    for name, path in EVERY.items():
        for width, scheme in LOOKS:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            if (width, scheme) == LOOKS[0]:
                visit(page, f"{address}/{path}", f"axe_{name}", width)
            else:
                page.set_viewport_size({"width": width, "height": 1000})
                page.wait_for_timeout(1500)
            found += [f"{name} {width} {scheme}: {line}" for line in violations(page)]
    assert not found, "\n".join(found)
