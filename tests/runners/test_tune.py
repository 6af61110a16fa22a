"""Tuning: which trials are made of a method, on which data, and what the table says of them."""

import json
import sqlite3

import pytest
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.errors import UserError
from benchmark.store.database import open_database
from runners import tune
from runners.request import Request
from runners.start import How
from runners.trials import found, searches, table, tried
from tests.leaderboard.synthetic import Writer

CHOOSES = '''
"""A method to tune."""

import torch

from benchmark import Context, Count, LinearInverse, method


@method("chooses", solves="LinearInverse", kind="test", search={"*": {"steps": (1, 2)}})
def chooses(problem: LinearInverse, ctx: Context, *, steps: Count = 1) -> torch.Tensor:
    return steps * problem.A.H(problem.y)
'''


def plan(*methods, trials=4, instances=None, seeds="1", **given):
    request = Request(task="denoising", method=list(methods), preset="tiny", seeds=tune._tuning(seeds), baseline=False, **given)
    return tune.planned(request, trials, instances, How(device="cpu"), "none.db")


def given(plan, method="tv"):
    return [job.key.parameters for job in plan.jobs if job.key.method == method]


def test_every_method_gets_as_many_trials_and_the_first_is_what_it_has_now():
    made = plan("tv", "wavelet", "zero_filled", trials=20, seeds="2")
    assert given(made)[0] == registry.get_method("tv").spec.resolve("denoising", "tiny", {})
    assert len({str(one) for one in given(made)}) == 20
    assert {one.method: len(one.trials) for one in searches(made, 2)} == {"tv": 20, "wavelet": 16, "zero_filled": 1}
    assert all(len({str(job.key.parameters) for job in jobs}) == 1 for one in searches(made, 2) for jobs in one.trials)
    assert set(made.notes) == {
        "zero_filled has no search space on denoising/tiny: one trial, of its settings",
        "the search space of wavelet on denoising/tiny holds 16 parameter sets",
    }
    assert given(plan("tv", trials=4)) == given(made)[:8:2]


def test_what_is_set_is_not_sought():
    made = plan("tv", trials=6, set={"balance": 0.2})
    assert len({one["weight"] for one in given(made)}) == 6
    assert {one["balance"] for one in given(made)} == {0.2}


def test_what_does_not_fit_is_skipped_or_refused_as_by_run():
    assert any(
        "needs kernel, which denoising/tiny does not offer" in note and "wiener" in note
        for note in plan("kind:classical", trials=1).notes
    )
    with pytest.raises(UserError, match="wiener needs kernel, which denoising/tiny does not offer; methods that fit"):
        plan("wiener")
    with pytest.raises(UserError, match="unknown method 'tvv'"):
        plan("tvv")


def test_nothing_is_tuned_on_test_data():
    assert {job.key.seed for job in plan("tv", seeds="3").jobs} == {1000, 1001, 1002}
    for seeds in ("0,1000", "7,", "1000,999"):
        with pytest.raises(UserError, match="draws test data, and tuning uses seeds 1000-1999"):
            plan("tv", seeds=seeds)


def test_some_instances_alone():
    assert {job.todo for job in plan("tv", instances=1).jobs} == {(0,)}
    with pytest.raises(UserError, match="--instances 3: denoising/tiny has 2"):
        plan("tv", instances=3)


# --- what is said of them ------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path):
    """Writes runs of the jobs of a plan: a value of psnr for each trial, or the status of its first instance."""
    engine = open_database(str(tmp_path / "a.db"))
    with Session(engine) as session:
        writer = Writer(session, tmp_path)

        def write(plan, *results):
            for job, result in zip(plan.jobs, results, strict=False):
                key = job.key
                spec = registry.get_task(key.task).spec.model_dump(mode="json")
                run = writer.run(
                    spec, key.preset, key.method, key.seed, split="tuning", parameters=key.parameters, origin="here"
                )
                run.digest = key.digest
                for number in job.todo:
                    status = result if isinstance(result, str) and number == 0 else "done"
                    scores = {} if status in ("failed", "diverged") else {"psnr": 20.0 if isinstance(result, str) else result}
                    writer.instance(run, number, scores, 1.0, status=status)
            session.flush()
            return session

        yield write
    engine.dispose()


def cells(made):
    return [[str(cell) for cell in row] for row in zip(*(column.cells for column in made.columns), strict=True)]


def test_the_table_has_the_best_the_second_and_what_there_is_now(stored):
    made = plan("tv", trials=4)
    session = stored(made, 21.0, 24.5, 20.0, 23.0)
    [one] = searches(made, 1)
    shown, without = table(session, [one])
    changed = {name: value for name, value in given(made)[1].items() if value != given(made)[0][name]}
    text = f'"denoising/tiny": {json.dumps(changed, sort_keys=True)}'
    assert cells(shown) == [["tv", "4", "21", "24.5", "23", text]]
    assert without == []
    assert "2 of 2 instances of seeds 1000" in shown.caption


def test_of_equals_the_present_settings_are_the_best(stored):
    made = plan("tv", trials=3)
    shown, _ = table(stored(made, 22.0, 22.0, 21.0), searches(made, 1))
    assert cells(shown) == [["tv", "3", "22", "22", "22", "the present ones"]]


def test_trials_that_did_not_end_well_are_counted_and_cannot_win(stored):
    made = plan("tv", trials=6)
    session = stored(made, "truncated", "failed", "diverged", 19.0)
    [one] = searches(made, 1)
    assert found(session, one, "psnr").values == {3: 19.0}
    shown, _ = table(session, [one])
    assert cells(shown)[0][:5] == ["tv", "1 of 6: 1 diverged, 1 failed, 2 not finished, 1 truncated", "–", "19", "–"]
    digests = [job.key.digest for job in made.jobs]
    assert tried(session, digests) == {digests[0]: {0}, digests[2]: {0}}  # not again; what failed is tried again


def test_a_method_without_a_trial_that_counts_is_named(stored):
    made = plan("zero_filled")
    shown, without = table(stored(made, "failed"), searches(made, 1))
    assert without == ["zero_filled"]
    assert cells(shown) == [["zero_filled", "0 of 1: 1 failed", "–", "–", "–", "–"]]


# --- the command ---------------------------------------------------------------------------------------------------------

TINY = ("--task", "mri", "--preset", "tiny", "--threads", "1", "--jobs", "1")


@pytest.mark.slow
def test_the_command_runs_what_is_left_and_stores_ordinary_runs(command):
    file = command.folder / "tuned.py"
    file.write_text(CHOOSES.lstrip())
    words = ("runners.tune", *TINY, "--method", "chooses", "--include", file, "--db", command.db)
    first = command.module(*words, "--trials", "1", "--instances", "1")
    assert first.returncode == 0, first.stderr
    assert "1 trials of chooses: 0 done already, 1 to run" in first.stdout
    with sqlite3.connect(command.db) as connection:
        assert connection.execute("SELECT status, error FROM run").fetchall() == [("interrupted", None)]  # one of two instances
    whole = command.module(*words, "--trials", "2")
    assert whole.returncode == 0, whole.stderr
    assert "2 trials of chooses: 0 done already, 2 to run" in whole.stdout
    assert whole.stdout.count("instance 0 (") == 1  # that of the first trial is kept
    assert "2 trials of chooses: 2 done already, 0 to run" in command.module(*words, "--trials", "2").stdout
    with sqlite3.connect(command.db) as connection:
        stored = connection.execute("SELECT status, split, seed, parameters FROM run ORDER BY id").fetchall()
    assert stored == [("done", "tuning", 1000, '{"steps": 1}'), ("done", "tuning", 1000, '{"steps": 2}')]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--task", "mri"), "name a --task and a --method"),
        ((*TINY, "--method", "tv", "--seeds", "0,"), "draws test data"),
        ((*TINY, "--method", "tv", "--trials", "0"), "--trials"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(command, words, message):
    done = command.module("runners.tune", *words, "--db", command.db)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not command.db.exists()
