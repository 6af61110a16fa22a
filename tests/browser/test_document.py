"""The board as one file, opened from disk in a real browser without a network: it fails nowhere, and its links lead on."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed; get it with: pip install playwright")

from playwright.sync_api import Page, expect

from tests.browser.axe import violations
from tests.browser.conftest import QUIET, ROOT
from tests.browser.driver import MADE_UP, PATIENCE, picture

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not MADE_UP, reason="of the made-up database")]


@pytest.fixture(scope="module")
def file(database: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its address, of the made-up database."""
    path = tmp_path_factory.mktemp("document") / "board.html"
    command = [sys.executable, "-m", "runners.export", "--html", str(path), "--db", database]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return path.as_uri()


@pytest.fixture(scope="module")
def alone(chromium: str) -> "Iterator[Page]":
    """A page of a browser that has no network."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.set_offline(True)
        found = context.new_page()
        found.set_default_timeout(PATIENCE)
        yield found
        browser.close()


def test_it_opens_without_a_network_and_leads_from_page_to_page(alone: Page, file: str) -> None:
    found: list[str] = []
    asked: list[str] = []
    alone.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    alone.on("pageerror", lambda error: found.append(str(error)))
    alone.on("request", lambda request: asked.append(request.url[:200]))
    alone.goto(file)
    expect(alone.get_by_role("heading", name="LowDimBench: papers")).to_be_visible()
    expect(alone.locator("section.page:visible")).to_have_count(1)
    alone.get_by_role("link", name="Tasks", exact=True).click()
    alone.get_by_role("link", name="Imaging (made up) / small").click()
    expect(alone.get_by_role("heading", name="Imaging (made up) / small")).to_be_visible()
    charts = alone.locator("section.page:visible .vega")
    for place in charts.all():
        place.scroll_into_view_if_needed()
        expect(place.locator("svg")).to_have_count(1)
    assert charts.count() >= 3
    assert min(one["height"] for one in (chart.bounding_box() or {"height": 0} for chart in charts.all())) > 150
    numbers = alone.locator("section.page:visible summary", has_text="Numbers of this chart").first
    numbers.focus()
    alone.keyboard.press("Enter")
    expect(alone.locator("section.page:visible .numbers table").first).to_contain_text("net_guided")
    alone.screenshot(path=picture("document_task"), full_page=True)
    ranks = alone.get_by_role("region", name="ranks on imaging / small")
    ranks.get_by_role("link", name="net_guided", exact=True).focus()
    alone.keyboard.press("Enter")
    expect(alone.get_by_role("heading", name="net_guided", exact=True)).to_be_visible()
    expect(alone.get_by_role("heading", name="net_guided", exact=True)).to_be_focused()
    alone.go_back()
    expect(alone.get_by_role("heading", name="Imaging (made up) / small")).to_be_visible()
    assert found == []
    assert {url.partition(":")[0] for url in asked} <= {"file", "data", "blob"}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_no_page_of_it_breaks_a_rule_of_axe(alone: Page, file: str) -> None:
    alone.goto("about:blank")
    found = []
    for name in ("papers", "overview", "tasks", "methods", "task/imaging/small", "method/net_guided", "paper/2402.04097"):
        for width, scheme in ((1400, "light"), (400, "dark")):
            alone.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            alone.set_viewport_size({"width": width, "height": 1000})
            alone.goto("about:blank")
            alone.goto(f"{file}#{name}")
            alone.wait_for_timeout(500)
            assert alone.evaluate("document.documentElement.scrollWidth") <= width
            found += [f"{name} {width} {scheme}: {line}" for line in violations(alone)]
    assert not found, "\n".join(found)
