"""What the tests in a browser share."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

OUTPUT = Path(__file__).parent / "output"
MADE_UP = "LOWDIMBENCH_SCREENSHOT_DB" not in os.environ
PLACE = "?task=imaging&preset=small" if MADE_UP else os.environ.get("LOWDIMBENCH_SCREENSHOT_QUERY", "")
TAKEN: set[str] = set()  # names of the pictures of this call of pytest
LOOKS = [  # width of the page and its colours; the last two repeat what the first two show
    (1400, "light"),
    (400, "dark"),
    pytest.param(1400, "dark", marks=pytest.mark.long),
    pytest.param(400, "light", marks=pytest.mark.long),
]
PATIENCE = 180_000  # milliseconds: a busy machine is slow, not wrong

expect.set_options(timeout=PATIENCE)


def click(button: Locator, then: Locator) -> None:
    """Click until the click shows. Streamlit loses one that falls into the drawing of the page, and a visitor clicks again."""
    for patience in (8_000, 20_000):
        button.click()
        try:
            expect(then).to_be_visible(timeout=patience)
        except AssertionError:
            continue
        return
    button.click()
    expect(then).to_be_visible()


def follow(link: Locator, url: str) -> None:
    """Click a link until its page is there, for the same reason."""
    for patience in (8_000, 20_000):
        link.click()
        with suppress(TimeoutError):
            link.page.wait_for_url(url, timeout=patience)
            return
    link.click()
    link.page.wait_for_url(url, timeout=PATIENCE)


def visit(page: Page, url: str, name: str, width: int = 1400) -> None:
    """Open an address, wait until the page is complete, check that nothing failed, and photograph all of it."""
    page.set_viewport_size({"width": width, "height": 1000})
    page.goto(url)
    complete(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_text("Traceback")).to_have_count(0)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": max(1000, height + 20)})
    page.wait_for_timeout(800)  # charts and tables draw themselves anew
    page.screenshot(path=picture(name))


def complete(page: Page) -> None:
    """Wait until a page is drawn to its end."""
    expect(page.get_by_text("every number is computed from the raw scores")).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)


def picture(name: str) -> Path:
    """Where a picture of a page belongs. That of the last call of pytest is kept in `before`, to be compared with."""
    path = OUTPUT / f"{name}.png"
    before = OUTPUT / "before" / path.name
    before.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and name not in TAKEN:
        path.replace(before)
    TAKEN.add(name)
    return path
