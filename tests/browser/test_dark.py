"""Every page for a reader whose system is dark: it follows, nothing fails, and it is photographed; two also narrow."""

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed; get it with: pip install playwright")

from playwright.sync_api import Page

from tests.browser.driver import PLACE, visit
from tests.browser.test_details import PAGES

EVERY = {"overview": "overview", "task": f"task{PLACE}", "instance": f"instance{PLACE}", **PAGES, "submit": "submit"}
BRIGHTNESS = """
    [...getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor.matchAll(/[0-9.]+/g)]
        .slice(0, 3).reduce((sum, part) => sum + Number(part[0]) / 3, 0)
"""  # of the page, 0 to 255
pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.mark.parametrize(("name", "width"), [*((name, 1400) for name in EVERY), ("overview", 400), ("instance", 400)])
def test_a_page_follows_a_dark_system(page: Page, address: str, problems: list[str], name: str, width: int) -> None:
    page.emulate_media(color_scheme="dark")
    visit(page, f"{address}/{EVERY[name]}", f"{name}_dark" if width == 1400 else f"{name}_dark_narrow", width)
    assert page.evaluate(BRIGHTNESS) < 60
    assert problems == []


def test_and_a_light_one(page: Page, address: str) -> None:
    page.emulate_media(color_scheme="light")
    visit(page, f"{address}/data", "data_light")
    assert page.evaluate(BRIGHTNESS) > 200
