"""Which rows of a board beat one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy.orm import Session

from benchmark.report import boards
from benchmark.report.superior import superior
from benchmark.store.database import open_database


def test_only_what_is_certainly_better_counts_and_the_best_comes_first(made: Callable[[str], Path]) -> None:
    engine = open_database(str(made("full")), create=False)
    with Session(engine) as session:
        board = boards.board(session, "imaging", "small")
    engine.dispose()
    row = next(row for row in board.rows if row.label == "net_plain [steps=100]")
    found = superior(board, row)  # gains: net_guided 6.1, net_reference 6.0, net_plain 4.0, classic_wavelet 2.6
    names = [one.row.label for one in found]
    assert {"net_guided", "net_reference"} <= set(names)
    assert not {"classic_cg [steps=100]", "base_fill", row.label} & set(names)
    assert all(one.gain.low > 0 for one in found)
    assert [one.gain.mean for one in found] == sorted((one.gain.mean for one in found), reverse=True)

    metric = board.task.primary.model_copy(update={"better": "lower"})
    turned = replace(board, task=replace(board.task, metrics=(metric,)))
    assert "base_fill" in [one.row.label for one in superior(turned, row)]
