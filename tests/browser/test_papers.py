"""The papers and a paper's page in a real browser, wide and narrow, light and dark, each photographed."""

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed; get it with: pip install playwright")

from playwright.sync_api import Page, expect

from tests.browser.conftest import serve
from tests.browser.driver import LOOKS, follow, visit
from tests.leaderboard.synthetic_papers import PAPER, make_papers

pytestmark = pytest.mark.browser
WIDE = "document.querySelector('[data-testid=stMain]').scrollWidth"
PLOTS = """
    [...document.querySelectorAll('[data-testid=stVegaLiteChart] svg, [data-testid=stVegaLiteChart] canvas')]
        .map(drawn => drawn.getBoundingClientRect().height)
"""


@pytest.fixture(scope="module")
def papers(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app on a database of its own, in which a paper's claims have runs."""
    folder = tmp_path_factory.mktemp("papers")
    make_papers(folder / "papers.db").dispose()
    with serve(str(folder / "papers.db"), tmp_path_factory.mktemp("app")) as found:
        yield found


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_first_page_and_a_paper(page: Page, papers: str, problems: list[str], width: int, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for name, address in {"papers": papers, "paper": f"{papers}/paper?id={PAPER}"}.items():
        visit(page, address, f"{name}_{scheme}_{width}", width)
        assert page.evaluate(WIDE) <= width
    plots = page.evaluate(PLOTS)
    assert len(plots) >= 2
    assert min(plots) > 150  # none has collapsed beneath its legend
    for one in page.locator(".ldb-claims .word").all()[:3]:
        box = one.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width  # no verdict is cut off
    assert problems == []


def test_from_the_list_to_a_paper_to_a_run_and_old_addresses(page: Page, papers: str, problems: list[str]) -> None:
    page.emulate_media(color_scheme="light")
    visit(page, f"{papers}/papers", "papers_address")
    follow(page.get_by_role("link", name="Analysis of Deep Image Prior"), f"**/paper?id={PAPER}")
    expect(page.get_by_role("heading", name="Figures from our runs")).to_be_visible()
    page.locator(".ldb-claims a[href^='run?']").first.click()
    expect(page.get_by_role("heading", name="Run ")).to_be_visible()
    page.goto(f"{papers}/?tasks=mri")  # as links were when the overview was the first page
    page.wait_for_url("**/overview?tasks=mri")
    expect(page.get_by_role("heading", name="Methods on every board")).to_be_visible()
    assert problems == []
