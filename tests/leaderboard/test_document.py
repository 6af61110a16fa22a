"""The whole board as one file: the same numbers as the board, links that lead somewhere, and no text that is markup."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import String, select, update
from sqlalchemy.orm import Session
from typer.testing import CliRunner

pytest.importorskip("altair", reason="altair is not installed; get it with: pip install 'lowdimbench[leaderboard]'")

from benchmark.errors import UserError
from benchmark.report import boards, tables
from benchmark.report.verdict import verdict
from benchmark.store.models import Base
from leaderboard.artifacts.files import kept_files
from leaderboard.document import document, shell
from leaderboard.document.html import el, join, place, relinked
from runners import export
from tests.leaderboard import synthetic
from tests.leaderboard.test_hostile_texts import FIXED

EVIL = "<script>window.evil = 1</script>\"'><img src=x onerror=alert(1)> </script> &lt;b&gt;"


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Without Vega, which takes seconds to be bundled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shell, "vega", lambda: "window.vegaEmbed = () => Promise.resolve();")
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("document") / "a.db"
    engine = synthetic.make_full(path)
    with Session(engine) as session:
        text = document(session, path.parent, ["code abc"])
        board = boards.board(session, "imaging", "small")
        kept = [one.label for one in kept_files(session, board.rows, (0, 0), ["estimate"])]
    engine.dispose()
    return text, board, kept


def pages(text):
    """The id of each page and its HTML."""
    parts = re.split(r'<section class="page" id="([^"]+)"', text)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_a_board_has_the_numbers_of_the_board(made):
    text, board, _ = made
    page = unescape(pages(text)["task/imaging/small"])
    assert verdict(board)
    assert verdict(board) in page
    primary = board.task.primary
    for row in board.rows:
        mean = row.means[primary.name]
        assert tables.interval(mean, tables.primary_digits(board)) in page
        assert f">{row.label}<" in page


def test_every_link_leads_to_a_page_or_to_a_paper(made):
    text, *_ = made
    found = pages(text)
    links = [unescape(one) for one in re.findall(r'\bhref="([^"]*)"', text)]
    assert {"#papers", "#overview", "#tasks", "#methods"} <= set(links)
    inner = [one.removeprefix("#") for one in links if one.startswith("#") and one != "#main"]
    assert set(inner) <= set(found)
    assert {"task/imaging/small", "method/net_guided", "paper/2402.04097"} <= set(inner)
    assert all(one.startswith(("#", "https://arxiv.org/abs/", "https://doi.org/")) for one in links)
    assert {"task/imaging/small", "task/imaging/tiny", "method/net_guided"} <= set(found)


def test_nothing_is_fetched(made):
    text, *_ = made
    assert "default-src 'none'" in text
    assert all(one.startswith("data:image/") for one in re.findall(r'<img[^>]*\bsrc="([^"]*)"', text))
    assert not re.search(r"<(link|iframe|object|embed|base)\b", text)
    assert not re.search(r"<script[^>]*\bsrc=", text)


def test_every_picture_says_what_it_shows_and_every_chart_has_its_numbers(made):
    text, _, kept = made
    page = pages(text)["task/imaging/small"]
    pictures = [unescape(one) for one in re.findall(r'<img [^>]*\balt="([^"]*)"', page)]
    assert all(pictures)
    told = re.findall(r"estimate of (.+?): psnr [\d.]+ dB", "\n".join(pictures))
    assert sorted(told) == sorted(kept) != []
    assert len(pictures) == 1 + 2 * len(kept)
    assert page.count('<figure class="chart">') == page.count("Numbers of this chart") >= 3
    for one in re.findall(r'<script type="application/json" id="spec-\d+">(.*?)</script>', page, re.DOTALL):
        assert json.loads(one)["description"]


def test_texts_of_a_database_are_no_markup(tmp_path):
    engine = synthetic.make_full(tmp_path / "a.db")
    with Session(engine) as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, String) and not column.foreign_keys and (table.name, column.name) not in FIXED:
                    for key, value in session.execute(select(table.c.id, column)).all():
                        if value is not None:
                            session.execute(update(table).where(table.c.id == key).values({column.name: f"{value} {EVIL}"}))
        session.commit()
        text = document(session, tmp_path, [EVIL])
    engine.dispose()
    assert "window.evil" in text  # it is there, as text
    assert "<script>window.evil" not in text
    assert "<img src=x" not in text
    assert text.count("<script>") == 2
    assert text.count("</script>") == 2 + text.count('<script type="application/json"')


def test_a_program_cannot_be_ended_by_what_it_holds(monkeypatch):
    monkeypatch.setattr(shell, "vega", lambda: 'let a = "</script><b>";')
    text = shell.whole("t", [], join("m"), join("f"))
    assert 'let a = "<\\/script><b>";' in text


def test_elements_escape_what_is_not_made_here():
    assert el("p", "a < b", title='"x"', hidden=False, data_name="y") == '<p title="&quot;x&quot;" data-name="y">a &lt; b</p>'
    assert el("p", el("b", "&"), "&") == "<p><b>&amp;</b>&amp;</p>"
    assert place("method", "a/b c") == "method/a%2Fb%20c"
    known = frozenset({"task/mri/small", "method/dip"})
    links = '<a href="task?task=mri&amp;preset=small" target="_self">x</a><a class="q" href="run?run=3">run 3</a>'
    links += '<a href="method?name=dip">d</a><a href="https://arxiv.org/abs/1">p</a><a href="javascript:alert(1)">j</a>'
    assert relinked(links, known) == (
        '<a href="#task/mri/small">x</a><span>run 3</span><a href="#method/dip">d</a>'
        '<a href="https://arxiv.org/abs/1">p</a><span>j</span>'
    )


def run(*words):
    return CliRunner().invoke(export.app, [*map(str, words)])


def test_the_command_writes_it_and_says_how_large_it_is(tmp_path):
    synthetic.make_tiny(tmp_path / "a.db").dispose()
    file = tmp_path / "board.html"
    file.write_text("old")
    done = run("--html", file, "--db", tmp_path / "a.db")
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"{file}: ")
    assert "MB" in done.output
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert sorted(one.name for one in tmp_path.iterdir() if one.suffix not in (".db-wal", ".db-shm")) >= ["a.db", "board.html"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--html", "no/folder/board.html"], "there is no folder no/folder"),
        (["--html", "."], "that is a folder"),
        (["--html", "b.html", "--task", "mri"], "leave out --task"),
        (["--html", "b.html", "--format", "csv", "--view", "overview"], "leave out --format, --view"),
        (["--html", "b.html"], "holds no score"),
        (["--html", "b.html", "--db", "missing.db"], "missing.db"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    synthetic.make_empty(tmp_path / "empty.db").dispose()
    done = run(*words, *([] if "--db" in words else ["--db", "empty.db"]))
    assert isinstance(done.exception, UserError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not list(Path(tmp_path).glob("**/*.html*"))
