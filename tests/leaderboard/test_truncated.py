"""Rows with instances that their budget ended, and seconds that other programs made longer."""

import math

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from benchmark.report import boards, curves, filters, order, outlines, pairs, tables
from benchmark.spec import Metric, Preset, TaskSpec
from benchmark.store.models import Instance, Run
from runners.table import result_table
from tests.leaderboard import synthetic

REASON = "its time budget ended it after 10 steps"
CUT = {"status": "truncated", "error": REASON}
SPEC = TaskSpec(
    **{
        **synthetic.imaging(),
        "metrics": tuple(Metric(**one) for one in synthetic.imaging()["metrics"]),
        "presets": {
            name: Preset(**{**size, "data": tuple(size["data"])}) for name, size in synthetic.imaging()["presets"].items()
        },
    }
)


@pytest.fixture
def session(tmp_path):
    """Four methods on imaging/small; `change(method, instances, columns)` makes some of a method's instances others."""
    engine = synthetic.make_empty(tmp_path / "a.db")
    with Session(engine) as session:
        writer = synthetic.Writer(session, tmp_path)
        session.ids = {}
        for method in ("base_fill", "classic_cg", "net_guided", "net_plain"):
            session.ids[method] = writer.imaging_run("small", method).id
        session.commit()

        def change(method, numbers, **columns):
            chosen = (Instance.run_id == session.ids[method], Instance.number.in_(numbers))
            session.execute(update(Instance).where(*chosen).values(**columns))
            session.commit()

        session.change = change
        yield session
    engine.dispose()


def row(board, method):
    return next(one for one in board.rows if one.method == method)


def printed(session, **how):
    from io import StringIO

    from rich.console import Console

    text = StringIO()
    Console(file=text, width=300).print(result_table(session, SPEC, "small", **how))
    return text.getvalue()


def line(text, method):
    return next(one for one in text.splitlines() if method in one)


def test_a_row_with_a_truncated_instance_is_shown_with_its_reason_and_not_ranked(session):
    whole = boards.board(session, "imaging", "small")
    assert row(whole, "net_guided").rank == 1
    session.change("net_guided", [2, 5], **CUT)
    board = boards.board(session, "imaging", "small")
    cut = row(board, "net_guided")
    assert cut.truncated == {(0, 2), (0, 5)}
    assert (cut.rank, cut.complete, cut.standing.p) == (None, False, None)
    assert board.rows[-1] is cut
    assert row(board, "net_plain").rank == 1
    assert cut.scores["psnr"] == row(whole, "net_guided").scores["psnr"]  # kept
    assert f"2 truncated: {REASON}" in cut.status
    assert tables.failures(board)["status"].tolist() == ["truncated"] * 2
    shown = tables.instance_scores(board, (0, 2)).set_index("method")
    assert shown.loc["net_guided", "status"] == f"truncated: {REASON}"
    assert shown.loc["net_plain", "status"] == "done"
    assert board.labels.keys() == whole.labels.keys()
    outline = outlines.outline(session, "imaging", "small")
    assert [(one.label, one.rank) for one in outline.rows] == [(one.label, one.rank) for one in board.rows]


def test_truncated_instances_rank_when_they_are_asked_for(session):
    whole = boards.board(session, "imaging", "small")
    session.change("net_guided", [2], **CUT)
    board = boards.board(session, "imaging", "small")
    counted = filters.count_truncated(board)
    assert [(one.label, one.rank, one.standing.p) for one in counted.rows] == [
        (one.label, one.rank, one.standing.p) for one in whole.rows
    ]
    assert counted.counts_truncated
    assert not board.counts_truncated
    assert row(counted, "net_guided").complete
    assert f"truncated: {REASON}" in row(counted, "net_guided").status
    assert counted.baseline in counted.rows
    assert row(board, "net_guided").rank is None  # the board itself is as it was


def test_a_baseline_with_a_truncated_instance_is_still_what_others_are_compared_with(session):
    session.change("base_fill", [0], **CUT)
    board = boards.board(session, "imaging", "small")
    assert board.baseline.rank is None
    assert row(board, "classic_cg").gain is not None
    assert filters.count_truncated(board).baseline.rank is not None


def test_the_commands_table_ranks_them_only_with_its_option(session):
    assert "truncated" not in printed(session)
    session.change("net_guided", [2], **CUT)
    text, counted = printed(session), printed(session, count_truncated=True)
    assert "net_guided (1 of 8 truncated)" in text
    assert line(text, "net_guided").split()[1] == "–"
    assert line(text, "net_plain").split()[1] == "1"
    assert "a budget ended 1 instances early" in text
    assert "--count-truncated" in text
    assert line(counted, "net_guided").split()[1] == "1"
    assert "--count-truncated" not in counted


def test_contended_seconds_are_left_out_of_comparisons_of_time_and_counted(session):
    before = boards.board(session, "imaging", "small")
    assert tables.contention(before) == ""
    session.change("net_plain", range(8), seconds=0.1, cpu_seconds=0.01)  # would be fast
    session.change("net_guided", [0], seconds=1000.0, cpu_seconds=40.0)
    session.change("classic_cg", range(8), cpu_seconds=0.04)
    board = boards.board(session, "imaging", "small")
    plain, guided, cg = (row(board, name) for name in ("net_plain", "net_guided", "classic_cg"))
    assert (plain.fair_time, len(plain.contended)) == (None, 8)
    assert plain.time == pytest.approx(0.1)  # shown, and called contended
    assert "seconds of 8 contended" in plain.status
    assert guided.contended == {(0, 0)}
    assert guided.fair_time == pytest.approx(row(before, "net_guided").time, rel=0.05)
    assert guided.time > 100
    assert not cg.contended
    assert [one.rank for one in board.rows] == [one.rank for one in before.rows]
    assert "net_plain" not in order.pareto(board.rows, board.task.primary)
    assert "net_guided" in order.pareto(board.rows, board.task.primary)
    assert "the seconds of 9 instances" in tables.contention(board)
    text = printed(session)
    assert "net_plain (8 of 8 contended)" in text
    assert "contended: other programs had the processors while 9 instances ran" in text


def test_contended_curves_have_steps_and_no_seconds(session):
    session.change("net_plain", range(8), cpu_seconds=0.1)
    session.change("net_guided", [0], cpu_seconds=0.1)
    board = boards.board(session, "imaging", "small")
    points = boards.curves(session, board.rows)
    late = points["label"].eq("net_plain") | (points["label"].eq("net_guided") & points["instance"].eq(0))
    assert points["seconds"].isna().equals(late)
    lines = curves.summarise(points)
    assert lines[lines["label"] == "net_plain"]["seconds"].isna().all()
    assert lines[lines["label"] == "net_plain"]["mean"].notna().all()
    assert lines[lines["label"] == "net_guided"]["seconds"].notna().all()
    assert set(lines["n"]) == {8}
    times = pairs.times_to_quality(board, points, row(board, "base_fill")).set_index("method")
    assert "net_plain" not in times.index
    assert times.loc["net_guided", "reached"].endswith("of 7")


def test_nobody_measured_it_is_not_contended(session):
    assert session.query(Run).count() == 4
    board = boards.board(session, "imaging", "small")
    assert all(not one.contended and math.isclose(one.time, one.fair_time) for one in board.rows)
