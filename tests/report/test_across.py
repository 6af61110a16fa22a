from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session

from benchmark.report import boards as reading
from benchmark.report.across import Across, across, by_preset, letters, shared
from benchmark.report.board import Board
from benchmark.report.tables import representatives
from benchmark.statistics import Aggregate, aggregate, critical_difference
from benchmark.store.database import open_database


@pytest.fixture
def boards(made: Callable[[str], Path]) -> list[Board]:
    engine = open_database(str(made("full")), create=False)
    with Session(engine) as session:
        found = [reading.board(session, *place) for place in reading.boards(session)]
    engine.dispose()
    return found


@pytest.fixture
def found(boards: list[Board]) -> Across:
    [group] = by_preset(boards).values()
    return across(group)


def test_only_presets_with_results_on_two_tasks_are_ranked_across(boards: list[Board], found: Across) -> None:
    assert found.preset == "small"
    assert found.tasks == ("imaging", "sorting")
    assert by_preset([board for board in boards if board.task.name == "imaging"]) == {}


def test_average_ranks_are_those_of_the_scores(boards: list[Board], found: Across) -> None:
    small = {board.task.name: board for board in boards if board.preset == "small"}

    def means(task: str, metric: str) -> np.ndarray:
        rows = [representatives(small[task])[name] for name in ("base_fill", "classic_cg")]
        seeds = len(rows[0].runs)
        return np.array([[np.mean([r.scores[metric][s, i] for s in range(seeds)]) for i in range(8)] for r in rows])

    expected = aggregate([means("imaging", "psnr"), -means("sorting", "error")])
    frame = found.frame.set_index("method")
    assert frame.loc["base_fill", "remark"] == ""
    assert frame.loc["classic_cg", "remark"] == "not at the recommended hyperparameters on imaging"
    for at, name in enumerate(("base_fill", "classic_cg")):
        assert frame.loc[name, "average rank"] == pytest.approx(expected.average_rank[at])
        assert frame.loc[name, "tasks"] == "2 of 2"
    assert list(found.frame["method"][:2]) == ["classic_cg", "base_fill"]
    assert list(found.frame.columns) == list(found.columns)


def test_no_interval_reaches_beyond_what_ranks_can_be(boards: list[Board], monkeypatch: pytest.MonkeyPatch) -> None:
    def wide(scores: list[np.ndarray]) -> Aggregate:
        one, beyond = aggregate(scores), np.array([-9.0, 9.0])
        return replace(
            one, average_rank_interval=one.average_rank_interval + beyond, borda_interval=one.borda_interval + beyond
        )

    monkeypatch.setattr("benchmark.statistics.aggregate", wide)
    found = across([board for board in boards if board.preset == "small"])
    assert {ends[1:] for ends in found.intervals.values()} == {(1.0, 2.0)}
    assert set(found.frame["rank 95 %"][:2]) == {"[1.00, 2.00]"}
    assert set(found.frame["Borda 95 %"][:2]) == {"[0.0, 2.0]"}  # two methods on two tasks


def test_methods_without_complete_results_follow_unranked_and_say_why(found: Across) -> None:
    rest = found.frame.iloc[2:]
    assert sorted(rest["method"]) == ["classic_wavelet", "net_guided", "net_plain", "net_reference"]
    assert rest["average rank"].isna().all()
    assert set(rest["rank 95 %"]) == {""}
    assert set(rest["tasks"]) == {"1 of 2"}
    assert all(text.startswith("not ranked: no results on sorting") for text in rest["remark"])


def test_incomplete_rows_are_named_with_their_count(boards: list[Board]) -> None:
    small = [board for board in boards if board.preset == "small"]
    partial = next(row for row in small[1].rows if row.method == "classic_cg")
    partial.done -= 3
    found = across(small)
    frame = found.frame.set_index("method")
    assert frame.loc["classic_cg", "remark"].startswith("not ranked: incomplete on sorting (5 of 8);")
    assert frame.loc["base_fill", "average rank"] == 1  # alone
    assert found.sentences == ["Fewer than two methods are complete on every task, so there are no average ranks."]


def test_sentences_name_the_critical_difference_and_its_groups(found: Across) -> None:
    assert f"{critical_difference(2, 2):.2f}" in found.sentences[0]
    assert "classic_cg, base_fill" in found.sentences[0]
    assert len(found.sentences) == 1  # Friedman's test needs three methods
    assert list(found.frame["tie"]) == ["a", "a", "", "", "", ""]


def test_methods_that_are_further_apart_than_the_critical_difference_share_no_letter() -> None:
    ranks = np.array([1.0, 2.0, 2.5, np.nan, 9.0, 9.2])
    blank = np.full((6, 2), np.nan)
    found = Aggregate(ranks, blank, ranks, blank, np.full(6, 9), 9, np.zeros((9, 6)))
    assert critical_difference(5, 9) == pytest.approx(2.03, abs=0.01)
    assert letters(found) == {0: "a", 1: "a", 2: "a", 4: "b", 5: "b"}
    ranks[1:3] = 2.9, 4.5
    assert letters(found) == {0: "a", 1: "a b", 2: "b", 4: "c", 5: "c"}


def test_some_methods_keep_the_ranks_that_they_have_among_all(found: Across) -> None:
    some = found.only(["base_fill", "net_plain", "unknown"])
    assert list(some.frame["method"]) == ["base_fill", "net_plain"]
    assert some.hidden == 4
    assert some.intervals == {"base_fill": found.intervals["base_fill"]}


def test_tasks_that_methods_share(made: Callable[[str], Path]) -> None:
    engine = open_database(str(made("varied")), create=False)
    with Session(engine) as session:
        found = [reading.board(session, *place) for place in reading.boards(session)]
    engine.dispose()
    assert shared(found) == [(("alpha", "beta"), 3)]
    assert shared(found[:1]) == []
