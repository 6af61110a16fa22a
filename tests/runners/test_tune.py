"""Tuning: which trials are made of a method, on which data, and what the table says of them."""

import json

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

METHODS = '''
"""Methods to tune."""

import torch

from benchmark import Context, Count, LinearInverse, Positive, method


@method("scales", solves="LinearInverse", kind="test", search={"*": {"by": (0.1, 2.0), "at": [0, 1, 2]}})
def scales(problem: LinearInverse, ctx: Context, *, by: Positive = 0.5, at: int = 0) -> torch.Tensor:
    if at == 2:
        raise RuntimeError("there is no third")
    return by * problem.A.H(problem.y)


@method("chooses", solves="LinearInverse", kind="test", search={"*": {"steps": (1, 2)}})
def chooses(problem: LinearInverse, ctx: Context, *, steps: Count = 1) -> torch.Tensor:
    return steps * problem.A.H(problem.y)


@method("elsewhere", solves="Completion", kind="test", search={"*": {"steps": (1, 2)}})
def elsewhere(problem, ctx: Context, *, steps: Count = 1) -> torch.Tensor:
    return problem.dense()[0]
'''


@pytest.fixture
def include(tmp_path):
    file = tmp_path / "tuned.py"
    file.write_text(METHODS.lstrip())
    registry.include([file])
    return file


def plan(*methods, trials=4, instances=None, seeds="1", **given):
    request = Request(task="mri", method=list(methods), preset="tiny", seeds=tune._tuning(seeds), baseline=False, **given)
    return tune.planned(request, trials, instances, How(device="cpu"), "none.db")


def given(plan, method="scales"):
    return [job.key.parameters for job in plan.jobs if job.key.method == method]


def test_every_method_gets_as_many_trials_and_the_first_is_what_it_has_now(include):
    made = plan("scales", "chooses", "zero_filled", trials=5, seeds="2")
    assert given(made)[0] == {"by": 0.5, "at": 0}
    assert len({str(one) for one in given(made)}) == 5
    assert given(made, "chooses") == [{"steps": 1}] * 2 + [{"steps": 2}] * 2
    assert {one.method: len(one.trials) for one in searches(made, 2)} == {"scales": 5, "chooses": 2, "zero_filled": 1}
    assert {len(jobs) for one in searches(made, 2) for jobs in one.trials} == {2}
    assert set(made.notes) == {
        "zero_filled has no search space on mri/tiny: one trial, of its settings",
        "the search space of chooses on mri/tiny holds 2 parameter sets",
    }
    assert given(plan("scales", trials=9))[:4] == given(plan("scales", trials=4))


def test_what_is_set_is_not_sought(include):
    made = plan("scales", trials=6, set={"at": 1})
    assert len(given(made)) == 6
    assert {one["at"] for one in given(made)} == {1}


def test_what_does_not_fit_is_skipped_or_refused_as_by_run(include):
    assert any("elsewhere solves Completion" in note for note in plan("kind:test").notes)
    with pytest.raises(UserError, match="elsewhere solves Completion, but mri poses LinearInverse; methods that fit"):
        plan("elsewhere")
    with pytest.raises(UserError, match="unknown method 'scale'"):
        plan("scale")


def test_nothing_is_tuned_on_test_data(include):
    assert {job.key.seed for job in plan("scales", seeds="3").jobs} == {1000, 1001, 1002}
    for seeds in ("0,1000", "7,", "1000,999"):
        with pytest.raises(UserError, match="draws test data, and tuning uses seeds 1000-1999"):
            plan("scales", seeds=seeds)


def test_some_instances_alone(include):
    assert {job.todo for job in plan("scales", instances=1).jobs} == {(0,)}
    with pytest.raises(UserError, match="--instances 3: mri/tiny has 2"):
        plan("scales", instances=3)


# --- what is said of them ------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path, include):
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
    made = plan("scales", trials=4)
    session = stored(made, 21.0, 24.5, 20.0, 23.0)
    [one] = searches(made, 1)
    shown, without = table(session, [one])
    changed = {name: value for name, value in given(made)[1].items() if value != given(made)[0][name]}
    text = f'"mri/tiny": {json.dumps(changed, sort_keys=True)}'
    assert cells(shown) == [["scales", "4", "21", "24.5", "23", text]]
    assert without == []
    assert "2 of 2 instances of seeds 1000" in shown.caption


def test_of_equals_the_present_settings_are_the_best(stored):
    made = plan("scales", trials=3)
    shown, _ = table(stored(made, 22.0, 22.0, 21.0), searches(made, 1))
    assert cells(shown) == [["scales", "3", "22", "22", "22", "the present ones"]]


def test_trials_that_did_not_end_well_are_counted_and_cannot_win(stored):
    made = plan("scales", trials=6)
    session = stored(made, "truncated", "failed", "diverged", 19.0)
    [one] = searches(made, 1)
    assert found(session, one, "psnr").values == {3: 19.0}
    shown, _ = table(session, [one])
    assert cells(shown)[0][:5] == ["scales", "1 of 6: 1 diverged, 1 failed, 2 not finished, 1 truncated", "–", "19", "–"]
    digests = [job.key.digest for job in made.jobs]
    assert tried(session, digests) == {digests[0]: {0}, digests[2]: {0}}  # not again; what failed is tried again


def test_a_method_without_a_trial_that_counts_is_named(stored):
    made = plan("chooses", trials=2)
    shown, without = table(stored(made, "failed", "failed"), searches(made, 1))
    assert without == ["chooses"]
    assert cells(shown) == [["chooses", "0 of 2: 2 failed", "–", "–", "–", "–"]]


# --- the command ---------------------------------------------------------------------------------------------------------

TINY = ("--task", "mri", "--preset", "tiny", "--threads", "1", "--jobs", "1")


@pytest.mark.slow
def test_the_command_runs_what_is_left_and_stores_ordinary_runs(command, include):
    words = (*TINY, "--method", "chooses", "--include", include, "--db", command.db)
    first = command.module("runners.tune", *words, "--trials", "1", "--instances", "1")
    assert first.returncode == 0, first.stderr
    assert "1 trials of chooses: 0 done already, 1 to run" in first.stdout
    more = command.module("runners.tune", *words, "--trials", "2", "--instances", "1")
    assert "2 trials of chooses: 1 done already, 1 to run" in more.stdout
    assert '"mri/tiny": {"steps": 2}' in more.stdout or "the present ones" in more.stdout
    whole = command.module("runners.tune", *words, "--trials", "2")
    assert "2 trials of chooses: 0 done already, 2 to run" in whole.stdout
    assert "instance 0" not in whole.stdout.split("to run")[1].split("tuning data")[0]  # it is kept
    words = (*TINY, "--method", "chooses", "--no-baseline", "--include", include, "--db", command.db)
    again = command.module("runners.run", *words, "--seeds", "1000,", "--set", "steps=2")
    assert "1 jobs: 1 done already, 0 to run" in again.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--task", "mri"), "name a --task and a --method"),
        ((*TINY, "--method", "tv", "--seeds", "0,"), "draws test data"),
        ((*TINY, "--method", "tv", "--trials", "0"), "--trials"),
        ((*TINY, "--method", "tv", "--instances", "9"), "--instances 9: mri/tiny has 2"),
        ((*TINY, "--method", "tv", "--set", "wait=1"), "unknown parameter of tv 'wait'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(command, words, message):
    done = command.module("runners.tune", *words, "--db", command.db)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not command.db.exists()
