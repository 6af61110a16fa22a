import io
import json

from rich.console import Console
from sqlalchemy.orm import Session

from benchmark.report import boards
from benchmark.spec import TaskSpec
from runners.table import result_table
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
