"""Which runs form a row, which are left out and why, and what a reader is told of a row."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.datasets.sources import fingerprint
from benchmark.errors import UserError
from benchmark.report import boards
from benchmark.store import queries
from benchmark.store.database import open_database
from benchmark.store.models import Environment, Run, now
from tests.leaderboard.synthetic import Writer


@pytest.fixture
def writer(tmp_path):
    engine = open_database(str(tmp_path / "a.db"))
    with Session(engine) as session:
        yield Writer(session, tmp_path)
    engine.dispose()


@pytest.fixture
def mri(writer):
    """Adds a run of cg_sense on mri/tiny with one score; its columns are those of a run made now unless told otherwise."""
    task, method = registry.get_task("mri"), registry.get_method("cg_sense")
    source = registry.source_hash(task, method, "tiny")
    spec, data = task.spec.model_dump(mode="json"), fingerprint(("colin27",), None)
    parameters = method.spec.resolve("mri", "tiny", {})

    def add(value=20.0, seed=0, scored=True, method=method.spec.name, **columns):
        usual = {"source": source, "data": data, "parameters": parameters}
        run = writer.run(spec, "tiny", method, seed, **{**usual, **columns})
        if scored:
            writer.instance(run, 0, {"psnr": value, "ssim": 0.5, "nmse": 0.1}, 1.0)
        writer.session.flush()
        return run

    return add


def rows(writer):
    return queries.entries_and_hidden(writer.session, "mri", 1, "tiny")


def ids(entry):
    return [run.id for run in entry.runs]


def test_a_row_of_present_code_has_no_marks(writer, mri):
    run = mri()
    [entry], hidden = rows(writer)
    assert (ids(entry), entry.marks, entry.label, hidden) == ([run.id], (), "cg_sense", {})


def test_present_code_is_shown_before_newer_runs_of_other_code(writer, mri):
    run, old, late = mri(), mri(seed=1, source="other"), mri(source="other")
    [entry], hidden = rows(writer)
    assert ids(entry) == [run.id]
    assert not entry.older
    assert hidden == {old.id: "older code", late.id: "older code"}


def test_older_code_is_shown_with_a_mark_and_never_mixed(writer, mri):
    first, second, third = mri(source="a"), mri(source="b"), mri(seed=1, source="b")
    [entry], hidden = rows(writer)
    assert ids(entry) == [second.id, third.id]
    assert entry.marks == ("older code",)
    assert hidden == {first.id: "older code"}


def test_other_data_are_hidden(writer, mri):
    run, other = mri(), mri(data="other", seed=1)
    [entry], hidden = rows(writer)
    assert ids(entry) == [run.id]
    assert hidden == {other.id: "other data"}


def test_where_only_other_data_have_results_the_newest_are_shown_and_say_so(writer, mri):
    old, new = mri(data="a"), mri(data="b")
    [entry], hidden = rows(writer)
    assert ids(entry) == [new.id]
    assert entry.marks == ("older data",)
    assert hidden == {old.id: "other data"}


def test_of_one_seed_here_stands_before_reference_before_loaded_before_older(writer, mri):
    loaded, early = mri(origin="loaded"), mri(origin="loaded")
    assert ids(rows(writer)[0][0]) == [early.id]
    assert rows(writer)[0][0].marks == ("loaded",)
    reference = mri(origin="reference")
    mri(origin="loaded")
    assert ids(rows(writer)[0][0]) == [reference.id]
    here = mri()
    mri(origin="reference", seed=1)
    [entry], hidden = rows(writer)
    assert ids(entry)[0] == here.id
    assert entry.marks == ("1 of 2 seeds reference",)
    assert hidden[loaded.id] == hidden[reference.id] == "another run of this seed is shown"


def test_the_most_trusted_run_of_a_seed_stands(writer, mri):
    """Whoever made it and whenever: what was run counts more than what was scored, and that more than what is told."""
    run = mri(trust="reproduced", origin="loaded")
    mri(trust="scored", origin="here")
    scored = mri(trust="scored", origin="loaded", seed=1)
    mri(trust="self_reported", origin="here", seed=1)
    [entry], _ = rows(writer)
    assert ids(entry) == [run.id, scored.id]


def test_of_older_codes_the_most_trusted_is_shown(writer, mri):
    run = mri(trust="reproduced", source="a")
    mri(trust="self_reported", source="b")
    [entry], _ = rows(writer)
    assert ids(entry) == [run.id]


def test_a_seed_without_a_score_stands_only_where_nothing_better_does(writer, mri):
    reference = mri(origin="reference")
    mri(scored=False, status="failed")
    failed = mri(scored=False, seed=1, status="failed")
    [entry], _ = rows(writer)
    assert {run.id for run in entry.runs} == {reference.id, failed.id}
    mri(method="dip", scored=False, status="timeout")
    assert len(rows(writer)[0]) == 1


def test_parameters_studied_on_test_data_are_marked_unless_recommended(writer, mri):
    mri(on_test=True)
    mri(on_test=True, parameters={"steps": 3, "damping": 0.001})
    entries, _ = rows(writer)
    assert {entry.label: entry.marks for entry in entries} == {
        "cg_sense": (),
        "cg_sense [steps=3]": ("chosen on test data",),
    }


def test_uncommitted_changes_are_marked(writer, mri):
    mri()
    place = writer.session.scalars(select(Environment)).one()
    place.dirty = True
    writer.session.flush()
    assert rows(writer)[0][0].marks == ("uncommitted changes",)
    place.commit = "unknown"  # as of an installed package
    writer.session.flush()
    assert rows(writer)[0][0].marks == ("unknown commit",)


def test_methods_that_nobody_knows_are_told_apart_by_what_varies(writer, mri):
    for steps in (5, 6):
        mri(method="forgotten", parameters={"steps": steps, "lr": 0.1})
    assert [entry.label for entry in rows(writer)[0]] == ["forgotten [steps=5]", "forgotten [steps=6]"]


def test_methods_with_the_very_same_scores_are_named(writer, mri):
    for name, shift in (("a", 0.0), ("b", 0.0), ("c", 1e-9)):
        run = mri(method=name, parameters={})
        for number in (1, 2, 3):
            writer.instance(run, number, {"psnr": 20.0 + number + shift, "ssim": 0.5, "nmse": 0.1}, 1.0)
    writer.session.flush()
    assert {e.label: e.marks for e in rows(writer)[0]} == {"a": ("same scores as b",), "b": ("same scores as a",), "c": ()}


def test_a_silent_run_is_abandoned(writer, mri):
    run = mri(status="running")
    assert queries.status(run) == "running"
    run.heartbeat = now() - timedelta(seconds=121)
    assert queries.status(run) == "abandoned"
    run.status = "done"
    assert queries.status(run) == "done"


def test_a_run_is_picked_by_id_or_digest(writer, mri):
    first, second = mri(origin="loaded"), mri()
    first.digest = second.digest = "abc1"
    third = mri()
    third.digest = "abd"
    writer.session.flush()
    assert queries.pick_run(writer.session, str(first.id)) is first
    assert queries.pick_run(writer.session, "abc") is second
    for text, message in (("ab", "start of 3 runs"), ("x", "no run 'x'"), ("", "no run"), ("%", "no run")):
        with pytest.raises(UserError, match=message):
            queries.pick_run(writer.session, text)
    assert len(writer.session.scalars(select(Run)).all()) == 3


def test_trials_are_counted_by_parameters_on_tuning_data_alone(writer, mri):
    for seed, weight in ((1000, 1), (1001, 1), (1000, 2), (1000, 3)):
        mri(seed=seed, split="tuning", parameters={"weight": weight}, source=f"code {weight}")
    writer.instance(mri(scored=False, seed=1000, split="tuning", parameters={"weight": 4}), 0, {}, 1.0, status="diverged")
    mri(scored=False, seed=1000, split="tuning", parameters={"weight": 5})  # it has not begun
    mri(seed=3, parameters={"weight": 6}, on_test=True)
    mri(seed=1000, split="tuning", method="tv")
    assert queries.trials(writer.session, "mri", 1, "tiny") == {"cg_sense": 4, "tv": 1}
    assert queries.trials(writer.session, "mri", 1, "tiny_private_0123456789ab") == {"cg_sense": 4, "tv": 1}
    assert queries.trials(writer.session, "mri", 1, "small") == queries.trials(writer.session, "mri", 2, "tiny") == {}


def test_tuning_rows_change_no_row_of_the_board(writer, mri):
    mri(value=20.0)
    before = rows(writer)[0][0]
    for seed, parameters in ((1000, before.parameters), (1001, {"weight": 1})):
        mri(value=99.0, seed=seed, split="tuning", parameters=parameters)
    [entry], hidden = rows(writer)
    assert (entry.scores, ids(entry), hidden) == (before.scores, ids(before), {})
    [row] = boards.board(writer.session, "mri", "tiny").rows
    assert (row.trials, row.seeds, row.means["psnr"].mean) == (2, [0], 20.0)
