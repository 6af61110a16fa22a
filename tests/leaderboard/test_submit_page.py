"""The Submit page without a browser: what it says to a newcomer, and what strangers' words do there (nothing)."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from streamlit import config
from streamlit.testing.v1 import AppTest

from benchmark.report import formats, submissions_table
from benchmark.store.database import open_database
from benchmark.submissions import store
from benchmark.submissions.entry import made_entry
from tests.benchmark.submission_bundles import ENTRY

pytestmark = pytest.mark.slow

CODE = b"raise SystemExit('it was run')\n"
HTML, FORMULA, MARKDOWN = "<script>alert(1)</script>", "=HYPERLINK(1)", "![x](https://example.org/a.png)"


@pytest.fixture
def page(open_page: Callable[..., AppTest], tmp_path: Path) -> Callable[[], AppTest]:
    open_database(str(tmp_path / "results.db")).dispose()
    return lambda: open_page(tmp_path / "results.db", "submit")


def send(app: AppTest, button: str) -> list[str]:
    """What a click on a button brings: errors, else good news."""
    next(one for one in app.button if one.label == button).click().run()
    assert not app.exception
    return [box.value.replace("\\", "") for box in (app.error or app.success)]


def fill(app: AppTest, label: str, text: str) -> None:
    next(one for one in app.text_input if one.label.startswith(label)).set_value(text)


def test_what_is_missing_is_said(page: Callable[[], AppTest]) -> None:
    app = page()
    assert send(app, "Check and score") == ["Choose a file first."]
    app.get("file_uploader")[1].set_value(("mine.py", CODE, "text/x-python"))
    assert send(app, "Submit the code") == ["the form: 'authors': at least 1 is needed"]
    fill(app, "Authors", "Ada; Bo")
    app.get("file_uploader")[1].set_value(("mine.py", CODE, "text/x-python"))
    assert send(app, "Submit the code") == ["the form: 'contact': it is empty"]
    fill(app, "Contact", "ada@example.org")
    app.get("file_uploader")[1].set_value(("my-code.py", CODE, "text/x-python"))
    assert "'method': a name has lower-case letters, digits and _, and begins with a letter" in send(app, "Submit the code")[0]
    app.get("file_uploader")[1].set_value(("mine.py", CODE, "text/x-python"))
    assert send(app, "Submit the code") == [f"Submission 1 is received: {submissions_table.STATES['received']}."]


def test_a_file_that_is_no_bundle_is_refused_by_name(page: Callable[[], AppTest]) -> None:
    app = page()
    app.get("file_uploader")[0].set_value(("a<b>.zip", b"no zip", "application/zip"))
    assert "a<b>.zip: it is no zip file" in send(app, "Check and score")[0]


def test_html_formulas_and_markdown_of_strangers_do_nothing(page: Callable[[], AppTest], tmp_path: Path) -> None:
    told = {"authors": [HTML, MARKDOWN], "description": HTML, "licence": FORMULA, "hardware": HTML, "method": "mine"}
    engine = open_database(str(tmp_path / "results.db"))
    with Session(engine) as session:
        entry = made_entry({**ENTRY, **told})
        row = store.receive_code(session, CODE, entry, task="mri", preset="tiny", seeds=1, folder=tmp_path)
        store.withdraw(session, row.id, FORMULA)
        found = submissions_table.table(session, list(store.STATES))
    engine.dispose()
    app = page()
    assert not app.exception
    assert all(HTML not in element.proto.body for element in app.get("html"))
    assert all(HTML not in box.value and MARKDOWN not in box.value for box in app.markdown)
    assert app.dataframe[0].value["authors"].tolist() == [f"{HTML}; {MARKDOWN}"]  # a cell of a table is text
    text = formats.to_csv(formats.View("Submissions", found, submissions_table.COLUMNS, None, frozenset(), ()))
    lines = [line for line in text.splitlines() if "withdrawn" in line]
    assert f"'{FORMULA}" in lines[0]
    assert f",{FORMULA}" not in lines[0]
    assert ENTRY["contact"] not in text


def hand_in_code(app: AppTest, number: int, token: str = "") -> list[str]:
    fill(app, "Authors", "Ada")
    fill(app, "Contact", "ada@example.org")
    next(one for one in app.text_input if one.key == "token_code").set_value(token)
    app.get("file_uploader")[1].set_value(("mine.py", f"x = {number}\n".encode(), "text/x-python"))
    return send(app, "Submit the code")


def withdraw(app: AppTest, number: int, proof: str) -> list[str]:
    app.number_input[1].set_value(number)
    fill(app, "Its token", proof)
    return send(app, "Withdraw")


def test_a_token_is_shown_once_and_takes_back_what_it_was_shown_for(page: Callable[[], AppTest]) -> None:
    app = page()
    assert "is received" in hand_in_code(app, 1)[0]
    assert "shown this once" in app.warning[0].value
    token = app.code[-1].value
    assert "it is taken by an earlier submission" in hand_in_code(app, 2)[0]
    assert "is received" in hand_in_code(app, 3, token)[0]
    assert not app.warning  # its owner has it
    assert token not in [box.value for box in app.code]
    assert "has another token" in withdraw(app, 1, "ada@example.org")[0]
    assert "is withdrawn" in withdraw(app, 1, token)[0]


def test_an_hour_takes_so_many(page: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOWDIMBENCH_HAND_INS", "2")
    app = page()
    for _ in range(2):  # a refused one counts: it was work
        app.get("file_uploader")[0].set_value(("a.zip", b"no zip", "application/zip"))
        assert "it is no zip file" in send(app, "Check and score")[0]
    assert "this board takes 2 submissions an hour" in hand_in_code(app, 1)[0]
    assert "2 submissions an hour" in hand_in_code(page(), 1)[0]  # from all visitors together
    monkeypatch.setenv("LOWDIMBENCH_HAND_INS", "3")
    assert "is received" in hand_in_code(page(), 1)[0]


@pytest.mark.parametrize(("address", "opened"), [("127.0.0.1", False), ("0.0.0.0", True), ("192.168.0.7", True), (None, True)])
def test_an_open_page_says_who_may_write(
    page: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch, address: str | None, opened: bool
) -> None:
    ask = config.get_option
    monkeypatch.setattr(config, "get_option", lambda name: address if name == "server.address" else ask(name))
    app = page()
    assert any("every machine that reaches" in box.value for box in app.info) == opened
    assert any("Only this machine reaches this page" in box.value for box in app.caption) != opened
