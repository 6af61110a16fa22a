import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from benchmark.errors import UserError
from benchmark.report import boards, outlines, tables
from benchmark.report.board import Board, first_line, last_line
from benchmark.report.order import pareto
from benchmark.spec import Metric
from benchmark.statistics import compare, holm, paired_difference, separated, table
from benchmark.store.database import open_database
from benchmark.store.models import Instance, Run, Score
from leaderboard.artifacts.figures import read_figures
from leaderboard.artifacts.files import load
from leaderboard.charts import pixels
from tests.leaderboard import synthetic


@pytest.fixture
def session(made: Callable[[str], Path]) -> Iterator[Session]:
    engine = open_database(str(made("full")), create=False)
    with Session(engine) as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def board(session: Session) -> Board:
    return boards.board(session, "imaging", "small")


def row(board: Board, label: str):
    return next(row for row in board.rows if row.label == label)


def test_boards_are_listed_in_the_order_of_the_presets(session: Session) -> None:
    assert boards.boards(session) == [("imaging", "tiny"), ("imaging", "small"), ("sorting", "small")]


def test_rows_are_best_first_with_the_incomplete_at_the_end(board: Board) -> None:
    complete = [row.means["psnr"].mean for row in board.rows if row.complete]
    assert complete == sorted(complete, reverse=True)
    assert [row.complete for row in board.rows] == [True] * 8 + [False]
    assert board.rows[-1].rank is None


def test_rows_of_one_rank_are_not_separable_from_its_first_and_others_are(board: Board) -> None:
    ranked = [row for row in board.rows if row.rank]
    apart = separated(table([row.scores["psnr"] for row in ranked]))
    first = 0
    for at, row in enumerate(ranked[1:], start=1):
        if apart[first, at]:
            first = at
        assert row.rank == first + 1
    assert 1 < len({row.rank for row in ranked}) < len(ranked)
    for row in ranked:
        low, high = row.standing.low, row.standing.high
        assert 1 <= low <= row.rank <= high <= len(ranked)


def test_p_of_the_difference_to_the_baseline_is_corrected_for_all_complete_rows(board: Board) -> None:
    tested = [r for r in board.rows if r.complete and r is not board.baseline]
    raw = [compare(r.scores["psnr"], board.baseline.scores["psnr"]).p for r in tested]
    assert [r.standing.p for r in tested] == pytest.approx(list(holm(np.array(raw))))
    assert {r.standing.p for r in board.rows if r not in tested} == {None}


def test_lower_is_better_ranks_the_smallest_first(session: Session) -> None:
    found = boards.board(session, "sorting", "small")
    assert [row.method for row in found.rows] == ["classic_cg", "base_fill"]
    assert [row.rank for row in found.rows] == [1, 2]


def test_two_instances_give_no_rank(session: Session) -> None:
    found = boards.board(session, "imaging", "tiny")
    assert not found.rankable
    assert {row.rank for row in found.rows} == {None}


def test_difference_to_the_baseline_is_paired(board: Board) -> None:
    best, base = row(board, "net_guided"), row(board, "base_fill")
    assert board.baseline is base
    assert base.gain is None
    expected = paired_difference(best.scores["psnr"], base.scores["psnr"])
    assert expected is not None
    assert best.gain is not None
    assert (best.gain.mean, best.gain.low, best.gain.n) == pytest.approx((expected.mean, expected.low, 8))


def test_incomplete_row_says_what_is_missing_and_why(board: Board) -> None:
    status = row(board, "classic_wavelet [steps=7]").status
    assert status.startswith("5 of 8 instances; 1 failed: ValueError")


def test_every_run_without_a_row_is_hidden_for_a_reason(board: Board) -> None:
    assert sorted(h.reason for h in board.hidden) == ["another task version", "older code", "timeout", "tuning data"]
    assert next(h for h in board.hidden if h.reason == "timeout").detail == "no answer within 5m"


def test_labels_are_unique(board: Board) -> None:
    assert len({row.label for row in board.rows}) == len(board.rows)


def test_different_observations_are_noticed(tmp_path: Path) -> None:
    engine = synthetic.make_tiny(tmp_path / "x.db")
    with Session(engine) as session:
        assert boards.board(session, "imaging", "tiny").unequal == []
        session.execute(update(Instance).where(Instance.run_id == 1, Instance.number == 1).values(observation="other"))
        assert boards.board(session, "imaging", "tiny").unequal == [(0, 1)]
    engine.dispose()


def test_board_that_does_not_exist_is_a_user_error(session: Session) -> None:
    with pytest.raises(UserError, match="no results on preset full"):
        boards.board(session, "imaging", "full")


def test_data_version_follows_the_data(tmp_path: Path) -> None:
    engine = synthetic.make_tiny(tmp_path / "x.db")
    before = boards.data_version(engine)
    assert boards.data_version(engine) == before
    with Session(engine) as session:
        session.add(Score(run_id=1, instance=0, metric="late", value=1.0))
        session.commit()
    assert boards.data_version(engine) != before
    engine.dispose()


def test_hundred_thousand_scores_take_seconds_at_most(made: Callable[[str], Path]) -> None:
    engine = open_database(str(made("large")), create=False)
    with Session(engine) as session:
        start = time.process_time()  # of this process alone: other work on the machine does not count
        found = boards.board(session, "imaging", "full")
        tables.leaderboard(found)
        assert time.process_time() - start < 3  # about 0.7 s
    assert sum(len(values) for row in found.rows for values in row.scores.values()) > 100_000
    engine.dispose()


def test_table_has_numbers_that_sort_and_intervals_beside_them(board: Board) -> None:
    frame, columns = tables.leaderboard(board)
    assert list(frame.columns) == list(columns)
    assert frame["psnr ↑ (dB)"].dtype == float
    assert columns["psnr ↑ (dB)"].format == "%.1f"
    assert frame["psnr 95 %"][0].startswith("[")
    assert list(frame.loc[frame["method"] == "base_fill", "Δ psnr 95 %"]) == ["baseline"]
    assert list(frame.columns[:3]) == ["rank", "rank 95 %", "method"]
    assert frame["rank 95 %"][0] == board.rows[0].standing.interval == "1-2"
    assert frame["rank 95 %"].iloc[-1] == ""
    assert "with 8 instances the smallest possible is 0.055" in columns["Δ p"].help  # 7 comparisons, 2 / 2^8 each
    assert frame["Δ p"].min() == pytest.approx(7 * 2 / 2**8)
    assert frame["Δ p"].isna().sum() == 2  # the baseline and the incomplete row
    assert frame["n"][0] == "8 x 2"
    assert frame["n"].iloc[-1] == "5 of 8 x 1"


def test_digits_follow_the_interval() -> None:
    estimate = tables.Estimate
    assert tables.digits([estimate(25.123, 24.0, 26.1, 8)]) == 1
    assert tables.digits([estimate(25.123, 25.10, 25.14, 8)]) == 3
    assert tables.digits([estimate(251.0, 200.0, 300.0, 8)]) == 0
    assert tables.digits([estimate(0.912, float("nan"), float("nan"), 2)]) == 3
    assert tables.digits([None]) == 1


def test_what_decimals_would_round_to_nothing_is_written_with_its_power(board: Board) -> None:
    tiny = tables.Estimate(-2.1e-8, -3.4e-8, 0.0, 8)
    text = tables.gain_text(tiny, board.task.primary)
    assert text == f"{tables.with_unit('-2.1e-08', board.task.primary)} [-3.4e-08, +0.000000]"
    assert tables.number(0.0123456, 6) == "0.012346"
    assert tables.number(1e-9, 2) == "0.00"  # beside wide intervals it is nothing


def test_time_to_learn_has_its_own_column_and_sentence(made: Callable[[str], Path], board: Board) -> None:
    engine = open_database(str(made("curves")), create=False)
    with Session(engine) as opened:
        learning = boards.board(opened, "waves", "small")
    engine.dispose()
    frame, columns = tables.leaderboard(learning)
    shown = frame.set_index("method")["s to learn"]
    assert shown["learner_wide"] == 95.5
    assert shown.drop(["learner_wide", "learner_plain"]).isna().all()
    assert "once for all instances" in columns["s to learn"].help
    assert tables.learning(learning) == (
        "Time to learn is not included: learner_wide 95.5 s, learner_plain 41 s, each once for all instances."
    )
    assert "s to learn" not in tables.leaderboard(board)[0]
    assert tables.learning(board) == ""


def test_gains_never_mix_units_and_show_better_as_positive(session: Session) -> None:
    found = [boards.board(session, task, preset) for task, preset in boards.boards(session)]
    frame = tables.gains(found).set_index(["board", "method"])
    assert set(frame.index.get_level_values("board")) == {"imaging / tiny (dB)", "imaging / small (dB)", "sorting / small"}
    assert frame.loc[("sorting / small", "classic_cg"), "gain"] < 0
    assert frame.loc[("sorting / small", "classic_cg"), "share"] == 1
    assert frame.loc[("imaging / tiny (dB)", "net_guided"), "verdict"] == "unclear"


def test_pareto_front_is_of_complete_rows_that_none_beats(board: Board) -> None:
    front = pareto(board.rows, board.task.primary)
    assert {"base_fill", "net_guided"} <= front
    assert not {"net_reference", "classic_wavelet [steps=7]"} & front


def test_pareto_front_of_a_metric_where_less_is_better(session: Session) -> None:
    found = boards.board(session, "sorting", "small")
    assert pareto(found.rows, found.task.primary) == {"classic_cg"}
    assert isinstance(found.task.primary, Metric)


def test_pictures_come_with_their_problems(session: Session, board: Board, made: Callable[[str], Path]) -> None:
    folder = made("full").parent
    (found,) = read_figures(session, folder, board.rows, (0, 1), board.task.pictures)
    assert found.truth is not None
    assert found.truth.shape == (64, 64)
    assert len(found.estimates) == 6
    assert 0 < pixels.error_limit(found) < 1
    assert pixels.picture_png(found.truth, 1.0).startswith(b"\x89PNG")
    assert pixels.heat_png(found.truth, 0.1).startswith(b"\x89PNG")
    (moved,) = read_figures(session, folder / "elsewhere", board.rows, (0, 1), board.task.pictures)
    assert moved.truth is None
    assert "is missing beside the database" in moved.problems["net_guided"]
    assert read_figures(session, folder, board.rows, (0, 5), board.task.pictures)[0].truth is None


def test_a_picture_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.npy").write_bytes(b"")
    assert load(tmp_path / "inner", "../secret.npy") == "its file lies outside the folder of the database"


def test_reasons_are_one_line() -> None:
    assert last_line("Traceback\n  File\nValueError: no\n") == "ValueError: no"
    assert first_line("out of time\nlast lines") == "out of time"
    assert last_line(None) == first_line(None) == ""


def test_an_outline_has_the_rows_and_ranks_of_its_board(session: Session) -> None:
    for place in boards.boards(session):
        whole, short = boards.board(session, *place), outlines.outline(session, *place)
        assert [(r.label, r.rank, r.standing.interval, r.done) for r in short.rows] == [
            (r.label, r.rank, r.standing.interval, r.done) for r in whole.rows
        ]
        assert short.left_out == len(whole.hidden)
        gains = [(r.gain and r.gain.mean, r.gain and r.gain.n) for r in outlines.with_gains(short).rows]
        assert gains == [(r.gain and pytest.approx(r.gain.mean), r.gain and r.gain.n) for r in whole.rows]
        assert all(r.gain is None for r in short.rows[1:])


def test_the_state_of_a_board_changes_with_its_scores_alone(tmp_path: Path) -> None:
    synthetic.make_full(tmp_path / "a.db").dispose()
    engine = open_database(str(tmp_path / "a.db"))
    with Session(engine) as opened:
        before = outlines.states(opened)
        run = opened.scalars(select(Run).where(Run.preset == "small")).first()
        assert run is not None
        run.heartbeat = datetime.now(UTC)
        opened.commit()
        after = outlines.states(opened)
    engine.dispose()
    assert {place for place in before if before[place] != after[place]} == {("imaging", "small")}
