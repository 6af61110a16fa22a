"""The Submit page in a real browser: a bundle is scored, a bad one refused, code kept, a submission taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

pytest.importorskip("playwright.sync_api", reason="playwright is not installed; get it with: pip install playwright")

from playwright.sync_api import Page, expect

from benchmark import registry
from benchmark.report import boards
from benchmark.store.database import open_database
from benchmark.submissions import store
from benchmark.submissions.entry import made_entry
from tests.benchmark.submission_bundles import adjoint, files_of, packed
from tests.browser.conftest import serve
from tests.browser.driver import click, visit

pytestmark = pytest.mark.browser


@pytest.fixture
def empty(tmp_path: Path) -> str:
    path = str(tmp_path / "results.db")
    open_database(path).dispose()
    return path


@pytest.fixture
def place(chromium: str, empty: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(empty, tmp_path_factory.mktemp("app")) as found:
        yield found


def upload(page: Page, number: int, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.locator("input[type=file]").nth(number).set_input_files(file)  # type: ignore[arg-type]
    expect(page.get_by_text(name, exact=True)).to_be_visible()


def states(database: str) -> dict[str, str]:
    engine = open_database(database)
    with Session(engine) as session:
        found = {row.method: row.state for row in store.listed(session)}
    engine.dispose()
    return found


def rows(database: str) -> list[str]:
    engine = open_database(database)
    with Session(engine) as session:
        found = [row.label for row in boards.board(session, "mri", "tiny").rows]
    engine.dispose()
    return found


def test_from_an_empty_database_to_a_scored_row_and_back(page: Page, place: str, empty: str, problems: list[str]) -> None:
    content = packed(files_of(registry.get_task("mri").load(), estimate=adjoint))
    visit(page, f"{place}/submit", "submit_empty")
    upload(page, 0, "bundle.zip", content)
    page.get_by_role("button", name="Check and score").click()
    expect(page.get_by_text("Submission 1 is scored")).to_be_visible()
    token = page.get_by_test_id("stCode").last.inner_text().strip()
    assert states(empty) == {"their_method": "scored"}
    visit(page, f"{place}/task?task=mri&preset=tiny", "submit_board")
    assert rows(empty) == ["their_method"]
    visit(page, f"{place}/submit", "submit")
    page.get_by_text("Withdraw a submission").click()
    page.get_by_label("Its token (without a token").fill("ada@example.org")
    click(page.get_by_role("button", name="Withdraw", exact=True), page.get_by_text("submission 1 has another token"))
    page.get_by_label("Its token (without a token").fill(token)
    page.get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.get_by_text("Submission 1 is withdrawn")).to_be_visible()
    assert states(empty) == {"their_method": "withdrawn"}
    assert problems == []


def test_a_bad_bundle_is_refused_with_the_rule_and_the_table_says_so(page: Page, place: str, empty: str) -> None:
    engine = open_database(empty)
    with Session(engine) as session:
        entry = made_entry({"method": "kept", "authors": ["Ada"], "contact": "ada@example.org"})
        folder = Path(empty).parent
        store.receive_code(session, b"x = 1\n", entry, task="mri", preset="tiny", seeds=1, folder=folder, name="kept.py")
    engine.dispose()
    files = files_of(registry.get_task("mri").load(), estimate=adjoint, method="bad_bundle") | {"../outside": b"x"}
    visit(page, f"{place}/submit", "submit")
    upload(page, 0, "<b>bundle</b>.zip", packed(files))
    page.get_by_role("button", name="Check and score").click()
    expect(page.get_by_text("its name leads out of the bundle").first).to_be_visible()
    assert "refused" in states(empty).values()
    visit(page, f"{place}/submit?state=refused", "submit_refused")
    expect(page.get_by_text("1 of 2; 1 in other states are hidden")).to_be_visible()
    assert page.locator("b", has_text="bundle").count() == 0  # a file's name is text


@pytest.mark.parametrize("width", [1400, pytest.param(400, marks=pytest.mark.long)])
def test_code_is_kept_and_does_not_run(page: Page, place: str, empty: str, tmp_path: Path, width: int) -> None:
    mark = tmp_path / "ran"
    visit(page, f"{place}/submit", "submit" if width == 1400 else "submit_narrow", width)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= width
    upload(page, 1, f"code_{width}.py", f"open({str(mark)!r}, 'w')".encode())
    page.get_by_role("button", name="Submit the code").click()
    expect(page.get_by_text("authors").last).to_be_visible()  # nobody is named yet: one line says so
    page.get_by_label("Authors (separate with ;)").fill("Ada Example; Eve Example")
    page.get_by_label("Contact (for the maintainers; not shown)").fill("ada@example.org")
    page.get_by_role("button", name="Submit the code").click()
    expect(page.get_by_text("is received")).to_be_visible()
    assert states(empty)[f"code_{width}"] == "received"
    assert not mark.exists()
