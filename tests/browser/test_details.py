"""Compare, Method, Run and Data in a real browser: photographs, clicks from one to the next, permalinks, downloads."""

import json
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy.orm import Session

pytest.importorskip("playwright.sync_api", reason="playwright is not installed; get it with: pip install playwright")

from playwright.sync_api import Page, TimeoutError, expect

from benchmark.report import boards, comparison
from benchmark.store.database import open_database
from tests.browser.driver import MADE_UP, PATIENCE, PLACE, complete, visit

PAIR = "&first=net_guided&second=net_reference"
PAGES = {
    "compare": f"compare{PLACE}{PAIR if MADE_UP else ''}",
    "method": "method?method=net_guided" if MADE_UP else "method?method=dip",
    "run": "run?run=1",
    "data": "data?source=colin27",
}
made_up = pytest.mark.skipif(not MADE_UP, reason="of the made-up database")
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("name", list(PAGES))
def test_page(page: Page, address: str, problems: list[str], name: str, width: int) -> None:
    visit(page, f"{address}/{PAGES[name]}", name if width == 1400 else f"{name}_narrow", width)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
    assert problems == []


@made_up
def test_runs_that_there_are(page: Page, address: str, problems: list[str]) -> None:
    visit(page, f"{address}/run?run=nothing", "run_unknown")
    expect(page.get_by_text("no run 'nothing'")).to_be_visible()
    expect(page.get_by_role("heading", name="Runs in this database")).to_be_visible()
    page.get_by_role("textbox", name="Run").fill("2")
    page.get_by_role("textbox", name="Run").press("Enter")
    expect(page.get_by_role("heading", name="Run 2: ")).to_be_visible()
    assert "run=2" in page.url
    assert problems == []


@made_up
def test_from_a_board_to_a_method_to_a_comparison_to_an_instance(page: Page, address: str, problems: list[str]) -> None:
    visit(page, f"{address}/task{PLACE}", "task_with_links")
    page.get_by_role("link", name="net_guided", exact=True).click()
    expect(page.get_by_role("heading", name="net_guided")).to_be_visible()
    assert "method=net_guided" in page.url
    page.get_by_text("Compare it, instance by instance").click()
    page.get_by_role("link", name="imaging / small: net_guided against").click()
    expect(page.get_by_role("heading", name="net_guided against")).to_be_visible()
    assert "first=net_guided" in page.url
    page.locator("path[aria-roledescription=point]").first.click(force=True)  # another may lie upon it
    expect(page.get_by_text("How hard is this instance?")).to_be_visible()
    assert "/instance?task=imaging&preset=small&seed=" in page.url
    assert problems == []


@made_up
def test_a_line_of_a_table_opens_its_page(page: Page, address: str) -> None:
    visit(page, f"{address}/method?method=net_guided", "method")
    table = page.get_by_test_id("stDataFrame").first.bounding_box()
    assert table is not None
    for _ in range(30):
        page.mouse.click(table["x"] + 22, table["y"] + 52)  # the link of the first line, once the table is drawn
        page.wait_for_timeout(1000)
        if len(page.context.pages) > 1:
            break
    opened = page.context.pages[-1]
    expect(opened.get_by_role("heading", name="Imaging (made up) / tiny")).to_be_visible()
    assert opened.url.endswith("/task?task=imaging&preset=tiny")
    for other in page.context.pages[1:]:
        other.close()


@made_up
def test_a_link_shows_the_same_comparison_to_somebody_else(page: Page, address: str) -> None:
    visit(page, f"{address}/compare{PLACE}{PAIR}", "compare")
    page.get_by_role("combobox", name="Metric").click()
    page.get_by_role("option", name="nmse", exact=True).click()
    expect(page.get_by_role("heading", name="nmse ↓: net_guided − net_reference")).to_be_visible()
    said = page.get_by_role("heading", name="nmse ↓").inner_text()
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("heading", name=said)).to_be_visible()
    other.close()


def save(page: Page, kind: str) -> None:
    """Save the table of instances. What opens while the page still grows may lie outside it; a visitor opens it again."""
    complete(page)
    choice = page.get_by_test_id("stDownloadButton").get_by_role("button", name=kind, exact=True)
    for patience in (8_000, 20_000, PATIENCE):
        page.get_by_role("button", name="Save instances").click()
        try:
            choice.click(timeout=patience)
        except TimeoutError:
            if patience == PATIENCE:
                raise
            page.keyboard.press("Escape")
            expect(choice).to_have_count(0)
            continue
        break
    page.keyboard.press("Escape")


@made_up
def test_downloads_hold_what_is_shown(page: Page, address: str, database: str) -> None:
    engine = open_database(database, create=False)
    with Session(engine) as session:
        board = boards.board(session, "imaging", "small")
    engine.dispose()
    rows = {row.label: row for row in board.rows}
    frame, _ = comparison.instances(comparison.duel(board, rows["net_guided"], rows["net_reference"], board.task.primary))
    page.goto(f"{address}/compare{PLACE}{PAIR}")
    with page.expect_download(timeout=PATIENCE) as download:
        save(page, "CSV")
    assert download.value.suggested_filename == "lowdimbench_compare_imaging_small_net_guided_net_reference_instances.csv"
    pd.testing.assert_frame_equal(pd.read_csv(Path(download.value.path())).drop(columns="about"), frame)
    with page.expect_download(timeout=PATIENCE) as download:
        save(page, "JSON")
    with page.expect_download(timeout=PATIENCE) as latex:
        save(page, "LaTeX")
    assert r"\caption{imaging version 1, small: net\_guided against net\_reference.}" in Path(latex.value.path()).read_text()
    content = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert content["title"] == "imaging version 1, small: net_guided against net_reference"
    assert [line["instance"] for line in content["rows"]] == frame["instance"].tolist()
    assert set(content["columns"]) == set(frame.columns)
