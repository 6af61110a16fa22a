"""The instance page in a real browser: pictures that a task declares, and two pictures on top of each other."""

import io
from typing import Literal

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed; get it with: pip install playwright")

from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.driver import MADE_UP, PLACE, click, visit

pytestmark = [pytest.mark.browser, pytest.mark.skipif(not MADE_UP, reason="of the made-up database")]
PAIR = "&first=base_fill&second=truth"


@pytest.mark.parametrize("width", [1400, 400])
def test_declared_pictures(page: Page, address: str, problems: list[str], width: int) -> None:
    visit(page, f"{address}/instance?task=grouping&preset=tiny", "figures" if width == 1400 else "figures_narrow", width)
    for title in ("Affinity", "Singular values by class", "Basis", "Edits"):
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.get_by_test_id("stImage")).to_have_count(13)
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(3)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
    assert problems == []


def left_of(stage: Locator) -> np.ndarray:
    """What the left half of the picture shows, between its rim and the edge."""
    pixels = np.asarray(Image.open(io.BytesIO(stage.screenshot())).convert("L"), float)
    return pixels[:, : pixels.shape[1] // 2 - 4]


def brightness(page: Page, selector: str, what: str) -> float:
    """Of a colour of an element, 0 to 255."""
    parts = page.locator(selector).evaluate(f"one => getComputedStyle(one).{what}").strip("rgba()").split(",")
    return sum(map(float, parts[:3])) / 3


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (400, "dark")])
def test_the_slider_wipes_from_one_picture_to_the_other(
    page: Page, address: str, problems: list[str], width: int, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    visit(page, f"{address}/instance{PLACE}{PAIR}", f"wipe_{scheme}_{width}", width)
    assert abs(brightness(page, "figcaption", "color") - brightness(page, "[data-testid=stApp]", "backgroundColor")) > 120
    stage, slider = page.locator(".stage"), page.get_by_role("slider", name="From base_fill on the left to truth on the right")
    expect(slider).to_have_value("50")
    half = left_of(stage)
    slider.focus()
    page.keyboard.press("End")
    expect(slider).to_have_value("100")
    np.testing.assert_array_equal(left_of(stage), half)  # it was on the left of the edge, and still is
    page.keyboard.press("Home")
    expect(slider).to_have_value("0")
    assert np.abs(left_of(stage) - half).mean() > 3  # of 255: now the truth is there, without noise
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("1")
    box = stage.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.2 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], middle, steps=4)
    page.mouse.up()
    expect(slider).to_have_value("75")
    np.testing.assert_array_equal(left_of(stage), half)
    assert problems == []


def test_the_link_says_which_two(page: Page, address: str, problems: list[str]) -> None:
    page.emulate_media(color_scheme="light")
    visit(page, f"{address}/instance{PLACE}{PAIR}", "wipe_linked")
    guided = page.get_by_role("option", name="net_guided", exact=True)
    click(page.get_by_role("combobox", name="Right"), guided)
    guided.click()
    expect(page.get_by_role("slider", name="From base_fill on the left to net_guided on the right")).to_be_visible()
    page.wait_for_url("**second=net_guided**")
    page.get_by_text("Compare these two over all instances").click()
    expect(page.get_by_role("heading", name="base_fill against net_guided")).to_be_visible()
    assert problems == []
