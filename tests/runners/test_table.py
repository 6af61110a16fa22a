import io
import json

import pytest
from rich.console import Console
from sqlalchemy import update
from sqlalchemy.orm import Session

from benchmark.report import boards
from benchmark.spec import TaskSpec
from benchmark.statistics import Estimate
from benchmark.store.models import Environment
from runners.table import result_table, show
from tests.leaderboard import synthetic


def spec_of(given: dict) -> TaskSpec:
    return TaskSpec.model_validate_json(json.dumps(given))


def cells(table) -> list[list[str]]:
    return [list(row) for row in zip(*(column.cells for column in table.columns), strict=True)]


def test_the_table_of_the_command_and_the_board_agree(tmp_path):
    engine = synthetic.make_full(tmp_path / "a.db")
    with Session(engine) as session:
        table = result_table(session, spec_of(synthetic.imaging()), "small")
        board = boards.board(session, "imaging", "small")
    engine.dispose()
    rows = cells(table)
    assert [column.header for column in table.columns][:3] == ["rank", "95 %", "method"]
    found = [(row[0], row[1], row[2].replace("\\[", "[")) for row in rows]
    assert found == [(f"{row.rank or '–'}", row.standing.interval or "–", row.label) for row in board.rows]
    p = [row.standing.p for row in board.rows]
    assert [row[6] for row in rows] == ["–" if one is None else f"{one:.2g}" for one in p]
    assert [row[5] for row in rows].count("baseline") == 1
    assert [row[-1] for row in rows] == [f"{row.trials or '–'}" for row in board.rows]
    assert str(table.columns[-1].header) == "trials"
    assert {row.method: row.trials for row in board.rows if row.trials} == {"classic_cg": 1}
    base = next(row for row, shown in zip(board.rows, rows, strict=True) if shown[5] == "baseline")
    assert base is board.baseline


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(26.312, 25.9, 26.8, 8), "26.31 [25.90, 26.80]"),
        (Estimate(26.312, 16.0, 36.0, 8), "26 [16, 36]"),
        (Estimate(0.5, 0.5, 0.5, 8), "0.500 [0.500, 0.500]"),
        (Estimate(0.123456, float("nan"), float("nan"), 2), "0.123"),
    ],
)
def test_a_cell_has_as_many_digits_as_its_interval_deserves(estimate, text):
    assert show(estimate) == text.replace("[", r"\[")
    assert show(estimate, signed=True).startswith("+" + text.partition(" ")[0])


def test_the_caption_says_how_ranks_and_p_are_made(tmp_path):
    engine = synthetic.make_tiny(tmp_path / "a.db")
    with Session(engine) as session:
        table = result_table(session, spec_of(synthetic.imaging()), "tiny")
    engine.dispose()
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table)
    text = " ".join(console.export_text().split())
    assert "sign-flip test over instances of all pairs at once" in text
    assert "Holm's correction" in text
    assert "[95 % bootstrap-t interval over instances]" in text
    assert {row[0] for row in cells(table)} == {"–"}  # two instances give no rank


@pytest.mark.parametrize("commit", ["unknown", "0" * 40])
def test_the_caption_says_what_an_unknown_commit_is(tmp_path, commit):
    engine = synthetic.make_tiny(tmp_path / "a.db")
    with Session(engine) as session:
        session.execute(update(Environment).values(commit=commit))
        table = result_table(session, spec_of(synthetic.imaging()), "tiny")
    engine.dispose()
    assert ("unknown commit" in " ".join(row[2] for row in cells(table))) is (commit == "unknown")
    assert ("unknown commit: made by an installed package" in str(table.caption)) is (commit == "unknown")
