"""What `python -m leaderboard` does before the first visitor comes."""

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from benchmark.report import outlines
from benchmark.store import database
from leaderboard import starting as command


def test_the_first_visitor_finds_the_papers_and_the_overview_computed(
    made: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["app.py"])
    monkeypatch.setenv("LOWDIMBENCH_DB", str(made("varied")))
    command.prepare()
    monkeypatch.setattr(outlines, "outline", None)  # whoever computes one now fails
    monkeypatch.setattr(command.claimed, "judge", None)
    assert command.cached.overview()
    assert command.claimed.every()[0]


def test_what_stands_in_the_way_is_left_to_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["app.py"])
    for path in (tmp_path / "none.db", tmp_path / "notes.db", tmp_path / "empty.db"):
        monkeypatch.setenv("LOWDIMBENCH_DB", str(path))
        if path.name == "notes.db":
            path.write_text("no database at all" * 100)
        if path.name == "empty.db":
            database.open_database(str(path)).dispose()
        command.prepare()
    assert not (tmp_path / "none.db").exists()


def test_the_database_is_named_once_and_the_rest_is_for_streamlit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["leaderboard", "--db", "theirs.db", "--server.port=1"])
    monkeypatch.setenv("LOWDIMBENCH_DB", "mine.db")
    monkeypatch.setattr(command, "prepare", lambda: None)
    seen: list[list[str]] = []
    monkeypatch.setattr(command.cli, "main", lambda: seen.append(command.sys.argv))
    command.main()
    assert seen == [["streamlit", "run", str(command.SERVER), "--server.port=1", *command.flags(None, None, [])]]
    assert command.opened.database_name() == "theirs.db"


@pytest.mark.parametrize(("patience", "expected"), [(60.0, ["prepared", "served"]), (0.05, ["served"])])
def test_the_server_answers_when_it_is_prepared_but_does_not_wait_for_ever(
    monkeypatch: pytest.MonkeyPatch, patience: float, expected: list[str]
) -> None:
    seen: list[str] = []
    slow = Event()

    def prepare() -> None:
        slow.wait(0.2 if patience > 1 else 20)
        seen.append("prepared")

    monkeypatch.setattr("sys.argv", ["leaderboard"])
    monkeypatch.setattr(command, "PATIENCE", patience)
    monkeypatch.setattr(command, "prepare", prepare)
    monkeypatch.setattr(command.cli, "main", lambda: seen.append("served"))
    command.main()
    assert seen == expected
    slow.set()
