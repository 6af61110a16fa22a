"""Every page of the board by axe-core, wide and narrow, light and dark; and by keys alone."""

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed; get it with: pip install playwright")

from playwright.sync_api import Page, expect

from tests.browser.axe import program, violations
from tests.browser.driver import MADE_UP, PLACE, visit
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


@pytest.mark.long
@pytest.mark.timeout(1800)  # forty looks at pages
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


WITHOUT = """() => [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')].filter(chart => {
    const whole = chart.closest('[data-testid="stFullScreenFrame"]');
    return !whole?.querySelector('[aria-label^="Show data"], [title^="Show data"]');
}).map(chart => chart.getAttribute("aria-label") ?? chart.textContent.slice(0, 80))"""


@pytest.mark.parametrize("name", ["task", "instance", "method"])
def test_every_chart_has_a_table_of_its_numbers(page: Page, address: str, name: str) -> None:
    visit(page, f"{address}/{EVERY[name]}", f"numbers_{name}")
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    assert page.evaluate(WITHOUT) == []


@pytest.mark.skipif(not MADE_UP, reason="of the made-up database")
def test_from_the_overview_to_a_task_and_a_method_by_keys_alone(page: Page, address: str) -> None:
    visit(page, f"{address}/overview", "keys")
    reach(page, "Imaging (made up) / small")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Imaging (made up) / small")).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    reach(page, "net_guided")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="net_guided", exact=True)).to_be_visible()


def reach(page: Page, text: str) -> None:
    """Tab until the link with this text has the focus."""
    for _ in range(400):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.tagName === 'A' && document.activeElement.textContent.trim()") == text:
            return
    pytest.fail(f"no Tab reaches the link {text}")
