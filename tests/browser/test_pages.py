"""Every page in a real browser, with a photograph of each in tests/browser/output/."""

import csv
import io
import re
from base64 import b64decode
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="playwright is not installed; get it with: pip install playwright")

from playwright.sync_api import Page, expect

from tests.browser.driver import MADE_UP, PLACE, follow, visit

CURVES = "?task=waves&preset=small"
pytestmark = pytest.mark.browser


def test_overview(page: Page, address: str, problems: list[str]) -> None:
    visit(page, f"{address}/overview", "overview")
    expect(page.get_by_role("heading", name="Methods on every board")).to_be_visible()
    expect(page.locator("ul.ldb-cards > li").first).to_be_visible()
    expect(page.get_by_text("Rank 1 is best. Methods share a rank if the test does not separate")).to_be_visible()
    assert problems == []


def test_task(page: Page, address: str, problems: list[str]) -> None:
    visit(page, f"{address}/task{PLACE}", "task")
    expect(page.get_by_role("region", name="ranks")).to_be_visible()
    expect(page.get_by_text("Quality against time")).to_be_visible()
    page.get_by_test_id("stPopover").get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("button", name="CSV", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    assert problems == []


def test_instance(page: Page, address: str, problems: list[str]) -> None:
    visit(page, f"{address}/instance{PLACE}", "instance")
    expect(page.get_by_text("How hard is this instance?")).to_be_visible()
    if MADE_UP:
        expect(page.get_by_test_id("stImage")).to_have_count(14)  # truth, six estimates, six errors, the colour scale
    assert problems == []


@pytest.mark.parametrize("name", ["overview", "task", "instance"])
def test_narrow(page: Page, address: str, problems: list[str], name: str) -> None:
    visit(page, f"{address}/{name if name == 'overview' else name + PLACE}", f"{name}_narrow", width=400)
    assert problems == []


@pytest.mark.skipif(not MADE_UP, reason="of the made-up database")
@pytest.mark.parametrize(("name", "width"), [("curves", 1400), ("curves_narrow", 640)])
def test_curves_are_drawn_as_lines(page: Page, address: str, problems: list[str], name: str, width: int) -> None:
    visit(page, f"{address}/instance{CURVES}&curve=2", name, width)
    expect(page.get_by_test_id("stImage")).to_have_count(0)
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(9)  # all, measured, six methods, how hard
    expect(page.get_by_text("RMSE of this curve 0.")).to_have_count(6)
    page.get_by_role("combobox", name="Curve").click()
    page.get_by_role("option", name="4", exact=True).click()
    expect(page.get_by_role("heading", name="Curve 4, method by method")).to_be_visible(timeout=30_000)
    assert "curve=4" in page.url
    assert problems == []


def frames(source: str) -> int:
    """How many frames the picture of a data URL has."""
    with Image.open(io.BytesIO(b64decode(source.partition(",")[2]))) as picture:
        return int(getattr(picture, "n_frames", 1))


@pytest.mark.skipif(not MADE_UP, reason="of the made-up database")
@pytest.mark.parametrize(("name", "width"), [("videos", 1400), ("videos_narrow", 640)])
def test_videos_move(page: Page, address: str, problems: list[str], name: str, width: int) -> None:
    visit(page, f"{address}/instance?task=moving&preset=small", name, width)
    strips = page.locator("figure img")
    expect(strips).to_have_count(10)  # two methods, five queries
    assert "; nearest: " in (strips.first.get_attribute("alt") or "")
    moving = strips.first.get_attribute("src") or ""
    assert frames(moving) > 1
    first, tries = strips.first.screenshot(), 0
    while strips.first.screenshot() == first:  # a busy browser may take long to the next frame
        tries += 1
        assert tries < 100
        page.wait_for_timeout(100)
    page.get_by_text("Play", exact=True).click()
    # The page draws its strips anew one by one, and a picture of one being replaced is of neither: so its source is read.
    expect(strips.first).not_to_have_attribute("src", moving)
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=30_000)
    expect(strips).to_have_count(10)
    assert [frames(one.get_attribute("src") or "") for one in strips.all()] == [1] * 10
    assert problems == []


@pytest.mark.skipif(not MADE_UP, reason="of the made-up database")
@pytest.mark.parametrize(("name", "width"), [("groups", 1400), ("groups_narrow", 640)])
def test_a_task_of_named_groups(page: Page, address: str, problems: list[str], name: str, width: int) -> None:
    visit(page, f"{address}/task{CURVES}", name, width)
    expect(page.get_by_role("heading", name="Scores by group")).to_be_visible()
    groups = page.get_by_test_id("stVegaLiteChart").first
    expect(groups.locator("path[opacity='0.12'][aria-roledescription=point]")).to_have_count(0)
    groups.locator(".role-legend-symbol path").first.click()
    expect(groups.locator("path[opacity='0.12'][aria-roledescription=point]")).to_have_count(15)  # five methods, three groups
    expect(page.get_by_text("Time to learn is not included: learner_wide 95.5 s, learner_plain 41 s")).to_have_count(2)
    assert problems == []


@pytest.mark.skipif(not MADE_UP, reason="clicks through the made-up database")
def test_from_the_overview_to_an_instance_and_the_link_says_where(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.goto(f"{address}/overview")
    page.get_by_role("link", name="Imaging (made up) / small", exact=True).click()
    expect(page.get_by_role("heading", name="Imaging (made up) / small")).to_be_visible(timeout=30_000)
    assert "task=imaging" in page.url
    assert "preset=small" in page.url
    page.get_by_text("See the instances of this board one by one").click()
    expect(page.get_by_role("heading", name="Imaging (made up) / small: slice 0")).to_be_visible(timeout=30_000)
    assert "instance=0" in page.url


@pytest.mark.skipif(not MADE_UP, reason="filters the made-up database")
def test_a_link_filters_the_overview_and_there_is_a_way_back(page: Page, address: str, problems: list[str]) -> None:
    visit(page, f"{address}/?tasks=imaging&presets=small", "overview_filtered")
    heads = page.locator("table.ldb thead th[scope=col]")
    expect(heads).to_have_text(["imaging small"])
    expect(page.get_by_text(re.compile(r"The filters hide \d"))).to_be_visible()
    page.get_by_role("combobox", name="Preset").click()
    page.get_by_role("option", name="tiny", exact=True).click()
    expect(heads).to_have_text(["imaging tiny", "imaging small"], timeout=30_000)
    page.wait_for_url("**presets=tiny**")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show everything").click()
    expect(page.get_by_text(re.compile(r"The filters hide \d"))).to_have_count(0, timeout=30_000)
    assert "presets" not in page.url
    assert problems == []


def saved(page: Page, name: str) -> tuple[str, str]:
    """Click the first menu's button that saves something of that kind: the file's name and contents."""
    page.get_by_test_id("stPopover").get_by_role("button", name="Save").first.click()
    with page.expect_download(timeout=30_000) as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name=name).first.click()
    page.keyboard.press("Escape")
    return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8")


@pytest.mark.skipif(not MADE_UP, reason="downloads from the made-up database")
def test_what_the_overview_saves_is_what_it_shows(page: Page, address: str) -> None:
    visit(page, f"{address}/overview?tasks=imaging", "overview_imaging")
    shown = page.locator("table.ldb tbody tr").evaluate_all(
        "lines => lines.map(line => Array.from(line.children).map(cell => cell.textContent))"
    )
    name, contents = saved(page, "CSV")
    assert name == "lowdimbench_ranks.csv"
    lines = list(csv.reader(contents.splitlines()))
    assert lines[0] == ["method", "complete on", "imaging / tiny", "imaging / small", "best", "about"]
    assert [line[:-2] for line in lines[1:]] == shown
    assert all("filters: task imaging" in line[-1] for line in lines[1:])
    name, picture = saved(page, "SVG")
    assert name == "lowdimbench_ranks.svg"
    assert picture.startswith("<svg")
    assert all(f">{line[0]}</text>" in picture for line in shown)


@pytest.mark.skipif(not MADE_UP, reason="of the made-up database")
def test_average_ranks_scroll_by_themselves_and_lead_to_their_methods(page: Page, address: str, problems: list[str]) -> None:
    visit(page, f"{address}/overview", "overview_ranks", width=400)
    page.get_by_text("Average ranks over tasks", exact=True).click()
    box = page.get_by_role("region", name="average ranks, preset small", exact=True)
    box.focus()
    assert box.evaluate("box => box.scrollWidth > box.clientWidth && document.body.scrollWidth <= innerWidth")
    expect(box.locator("td.span b")).to_have_count(2)
    follow(box.get_by_role("link", name="classic_cg"), "**/method?method=classic_cg")
    assert problems == []


@pytest.mark.skipif(not MADE_UP, reason="downloads from the made-up database")
def test_a_chart_saves_itself(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.goto(f"{address}/task{PLACE}")
    chart = page.get_by_test_id("stVegaLiteChart").first
    expect(chart).to_be_visible(timeout=30_000)
    expect(page.get_by_text("every number is computed from the raw scores")).to_be_visible(timeout=30_000)
    chart.hover()
    with page.expect_download(timeout=30_000) as download:
        page.get_by_role("button", name="Download as PNG").first.dispatch_event("click")  # it shows on hovering alone
    assert download.value.suggested_filename.endswith(".png")
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name="SVG").first.click()
    assert download.value.suggested_filename == "lowdimbench_imaging_v1_small_step.svg"
    picture = Path(download.value.path()).read_text(encoding="utf-8")
    assert picture.startswith("<svg")
    assert all(f">{text}</text>" in picture for text in ("psnr (dB), ↑ higher is better", "step", "net_guided"))


@pytest.mark.skipif(not MADE_UP, reason="downloads from the made-up database")
def test_csv_holds_what_is_shown(page: Page, address: str) -> None:
    page.goto(f"{address}/task{PLACE}")
    expect(page.get_by_text("every number is computed from the raw scores")).to_be_visible(timeout=30_000)
    name, contents = saved(page, "CSV")
    lines = contents.splitlines()
    assert name == "lowdimbench_imaging_v1_small.csv"
    assert lines[0].startswith("rank,method,psnr ↑ (dB),psnr 95 %,rank 95 %,n,Δ psnr (dB),Δ psnr 95 %,s / instance")
    assert len(lines) == 10
