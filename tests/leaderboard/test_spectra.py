"""Singular values that methods kept: read and drawn."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards
from leaderboard.artifacts import spectra
from leaderboard.charts import spectrum_charts
from tests.leaderboard import synthetic


def test_singular_values_are_read_by_method_step_and_number(
    session_of: Callable[[str], Session], made: Callable[[str], Path]
) -> None:
    session = session_of("completion")
    board = boards.board(session, "completion", "small")
    found = spectra.spectra(session, made("completion").parent, board.rows, (0, 0))
    mine = found[found["label"] == "steady"]
    assert len(mine) == 10
    assert mine[mine["number"] == 1]["value"].tolist() == pytest.approx(np.geomspace(1, 1e-3, 5).tolist())
    assert spectrum_charts.spectra_chart(found, board).to_dict()["spec"]["encoding"]["y"]["scale"]["type"] == "log"


def test_kept_files_that_are_missing_or_foreign_are_left_out(tmp_path: Path) -> None:
    engine = synthetic.make_completion(tmp_path / "a.db")
    files = sorted((tmp_path / "kept").iterdir())
    files[0].unlink()
    np.save(files[1], np.full((2, 3), np.nan))
    with Session(engine) as session:
        board = boards.board(session, "completion", "small")
        labels = {label for seed in (0, 1) for label in spectra.spectra(session, tmp_path, board.rows, (seed, 0))["label"]}
    engine.dispose()
    assert labels == {"steady"}
