"""What the parent writes of a job, whoever began it."""

import os
import socket
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import environment
from benchmark.store import queries
from benchmark.store.database import open_database
from benchmark.store.models import Instance, Run, Score, now
from benchmark.store.writing import Unstorable, write_whole
from runners import record
from runners.engines.files import path_of
from runners.engines.messages import End, Failed, Kept, Solved, Start, Surroundings
from runners.plan import make_plan
from runners.request import Request

HERE = Surroundings(**environment.capture(1, "cpu"))
ARTIFACTS = Path("artifacts")


def a_job():
    """cg_sense on the two instances of mri/tiny."""
    [job] = make_plan([Request(task="mri", method="cg_sense", preset="tiny", baseline=False)]).jobs
    return job


@pytest.fixture
def session(tmp_path):
    engine = open_database(str(tmp_path / "a.db"))
    with Session(engine) as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def run(session):
    return record.begin(session, a_job(), HERE, "the command")


def solved(number, seconds=1.0, **scores):
    facts = {"label": "", "observation": "", "steps": 1, "truncated": False, "curve": (), "artifacts": ()}
    return Solved(instance=number, seconds=seconds, scores=scores, **facts)


END = End(peak_memory=1.0, peak_device_memory=None)


def test_a_run_is_done_when_all_its_instances_are(session, run):
    record.instance(session, run, solved(0), ARTIFACTS)
    record.failed_instance(session, run, Failed(instance=1, reason="it failed", trace="where it failed"))
    record.end(session, run, END)
    assert (run.status, run.error) == ("failed", "instance 1: it failed")
    assert queries.finished_instances(session, run) == {0}
    assert queries.finished(session, [run.digest]) == {run.digest: {0}}
    again = record.begin(session, a_job(), HERE, "the command")
    assert (again.id, again.status, again.error) == (run.id, "running", None)
    record.instance(session, run, solved(1, 2.0), ARTIFACTS)
    record.end(session, run, END)
    assert (run.status, run.seconds) == ("done", 3.0)
    assert queries.finished_instances(session, run) == {0, 1}


def test_truncated_instances_have_scores_and_a_reason_end_the_run_and_are_left_to_be_tried_again(session, run):
    record.instance(session, run, solved(0, 1.0, psnr=1.0), ARTIFACTS)
    cut = solved(1, 9.0, psnr=2.0).model_copy(update={"truncated": True, "steps": 7, "cpu_seconds": 3.0})
    record.instance(session, run, cut, ARTIFACTS)
    record.end(session, run, END)
    assert (run.status, run.error) == ("done", None)
    assert queries.finished_instances(session, run) == {0}
    assert queries.finished(session, [run.digest]) == {run.digest: {0}}
    assert queries.answered_instances(session, run) == {0, 1}
    first, second = session.scalars(select(Instance).order_by(Instance.number)).all()
    assert (first.status, first.error, first.cpu_seconds, first.contended) == ("done", None, None, False)
    assert (second.status, second.cpu_seconds, second.contended) == ("truncated", 3.0, True)
    assert second.error == "its time budget ended it after 7 steps"
    record.instance(session, run, cut.model_copy(update={"steps": 0}), ARTIFACTS)
    assert session.scalars(select(Instance.error).where(Instance.number == 1)).one() == "it could not learn to the end"
    record.instance(session, run, solved(1, 2.0, psnr=3.0), ARTIFACTS)
    assert queries.finished_instances(session, run) == {0, 1}
    assert session.scalars(select(Score.value).where(Score.instance == 1)).all() == [3.0]


@pytest.mark.parametrize(
    ("seconds", "cpu", "contended"),
    [(10.0, None, False), (10.0, 7.5, False), (10.0, 6.5, True), (0.03, 0.02, False), (0.03, 0.0, True), (0.01, 0.0, False)],
)
def test_an_instance_that_was_kept_from_the_processor_is_contended(session, run, seconds, cpu, contended):
    """Where the clocks of processors can tell and the system does not."""
    record.instance(session, run, solved(0, seconds).model_copy(update={"cpu_seconds": cpu}), ARTIFACTS)
    assert session.scalars(select(Instance)).one().contended is contended
    assert session.scalars(select(Instance.number).where(Instance.contended)).all() == ([0] if contended else [])


@pytest.mark.parametrize(
    ("seconds", "queued", "contended"), [(10.0, 0.0, False), (10.0, 0.25, False), (10.0, 0.35, True), (0.05, 0.35, False)]
)
@pytest.mark.parametrize("cpu", [None, 1e-3, 10.0])
def test_how_long_threads_were_ready_without_a_processor_decides_where_it_is_known(
    session, run, seconds, cpu, queued, contended
):
    """Threads that sleep until another has its part ready use less CPU time and are not kept from any."""
    message = solved(0, seconds).model_copy(update={"cpu_seconds": cpu, "queued": queued})
    record.instance(session, run, message, ARTIFACTS)
    assert session.scalars(select(Instance)).one().contended is contended
    assert session.scalars(select(Instance.number).where(Instance.contended)).all() == ([0] if contended else [])


def test_a_run_with_a_truncated_and_a_failed_instance_has_failed(session, run):
    record.instance(session, run, solved(0).model_copy(update={"truncated": True}), ARTIFACTS)
    record.failed_instance(session, run, Failed(instance=1, status="diverged", reason="it grew", trace=""))
    record.end(session, run, END)
    assert run.status == "diverged"


def test_a_worker_that_ends_early_leaves_a_reason(session, run):
    record.instance(session, run, solved(0), ARTIFACTS)
    record.end(session, run, END)
    assert (run.status, run.error) == ("failed", "the worker ended without having tried every instance")


def test_an_instance_that_is_solved_anew_keeps_nothing_of_before(session, run):
    record.instance(session, run, solved(0, 5.0, psnr=1.0), ARTIFACTS)
    record.instance(session, run, solved(1, 1.0, psnr=2.0), ARTIFACTS)
    record.instance(session, run, solved(0, 2.0, ssim=0.5), ARTIFACTS)
    found = {(one.instance, one.metric): one.value for one in session.scalars(select(Score))}
    assert found == {(0, "ssim"): 0.5, (1, "psnr"): 2.0}
    assert run.seconds == 3.0


@pytest.mark.parametrize(
    ("second", "status"), [("done", "diverged"), ("diverged", "diverged"), ("failed", "failed"), (None, "diverged")]
)
def test_a_run_has_diverged_where_nothing_else_happened_to_it(session, run, second, status):
    told = {"reason": "it grew", "trace": ""}
    record.failed_instance(session, run, Failed(instance=0, status="diverged", **told))
    if second == "done":
        record.instance(session, run, solved(1), ARTIFACTS)
    elif second:
        record.failed_instance(session, run, Failed(instance=1, status=second, **told))
    record.end(session, run, END)
    assert run.status == status


def test_of_several_sessions_the_largest_peak_counts(session, run):
    for peak, expected in ((2.0, 2.0), (3.0, 3.0), (1.0, 3.0)):
        record.end(session, run, END.model_copy(update={"peak_memory": peak}))
        assert (run.peak_memory, run.peak_device_memory) == (expected, None)


def test_a_run_beats_while_it_lives_and_keeps_what_is_finished_when_it_is_stopped(session, run):
    record.instance(session, run, solved(1), ARTIFACTS)
    run.heartbeat = now() - timedelta(seconds=100)
    record.beat(session, [run])
    session.refresh(run)
    assert now() - run.heartbeat < timedelta(seconds=50)
    record.interrupted(session, run)
    assert run.status == "interrupted"
    assert queries.finished_instances(session, run) == {1}


def test_a_study_on_test_data_stays_marked(session):
    job = a_job()
    assert not record.begin(session, job, HERE, "").on_test
    assert record.begin(session, replace(job, on_test=True), HERE, "").on_test
    assert record.begin(session, job, HERE, "").on_test


def ran(run):
    return run.engine, run.node, run.tries


def test_a_run_says_where_it_was_sent_last_and_how_often(session, run):
    assert ran(run) == ("local", socket.gethostname(), 1)
    record.begin(session, a_job(), HERE, "", "ray", Start(node="a (1)", tried=2))
    assert ran(run) == ("ray", "a (1)", 2)
    record.interrupted(session, run)
    record.sent(session, a_job(), "ray", Start(node="b (2)", tried=3))
    session.refresh(run)
    assert (*ran(run), run.status) == ("ray", "b (2)", 3, "interrupted")
    run.status, run.runner, run.heartbeat = "running", "elsewhere/7/0", now()
    session.commit()
    record.sent(session, a_job(), "slurm", Start(node="c", tried=4))
    session.refresh(run)
    assert ran(run) == ("ray", "b (2)", 3)  # it is another runner's now


def test_a_job_without_a_run_is_sent_without_a_word(session):
    record.sent(session, a_job(), "ray", Start(node="a", tried=2))
    assert session.scalars(select(Run)).all() == []


def living(process):
    return f"{socket.gethostname()}/{process.pid}/{process.create_time():.0f}"


PARENT = psutil.Process(os.getppid())


@pytest.mark.parametrize(
    ("runner", "silent", "expected"),
    [
        (record.runner(), 0, False),  # its own
        ("", 0, False),
        ("elsewhere/7/0", 0, True),
        ("elsewhere/7/0", 61, False),
        (living(PARENT), 600, True),  # on this machine a heartbeat is not asked for
        (f"{socket.gethostname()}/{PARENT.pid}/{PARENT.create_time() - 60:.0f}", 0, False),  # its number was given again
        (f"{socket.gethostname()}/{2**30}/0", 0, False),  # no such process
        (f"{socket.gethostname()}/x/0", 0, False),
    ],
    ids=("own", "none", "elsewhere", "silent", "living", "another process of this number", "no process", "no number"),
)
def test_a_run_belongs_to_a_living_runner(session, run, runner, silent, expected):
    run.runner, run.heartbeat = runner, now() - timedelta(seconds=silent)
    session.commit()
    assert record.taken(run) is expected
    again = record.begin(session, a_job(), HERE, "another command")
    assert (again is None) is expected
    session.refresh(run)
    assert run.command == ("the command" if expected else "another command")
    assert run.runner == (runner if expected else record.runner())
    run.status = "interrupted"
    assert not record.taken(run)


def test_no_run_is_taken(session):
    assert not record.taken(None)
    assert session.scalars(select(Run)).all() == []


DEAD = f"{socket.gethostname()}/{2**30}/0"


def orphaned(session, run, runner=DEAD, silent=0):
    run.runner, run.heartbeat = runner, now() - timedelta(seconds=silent)
    session.commit()


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ("done", "done", "done"),
        ("done", "failed", "failed"),
        ("diverged", "diverged", "diverged"),
        ("done", None, "interrupted"),
        (None, None, "interrupted"),
    ],
)
def test_a_run_whose_runner_died_is_ended(session, run, first, second, status):
    for number, how in enumerate((first, second)):
        if how == "done":
            record.instance(session, run, solved(number), ARTIFACTS)
        elif how:
            record.failed_instance(session, run, Failed(instance=number, status=how, reason="", trace=""))
    orphaned(session, run)
    record.settle(session)
    session.refresh(run)
    assert (run.status, run.finished) == (status, run.heartbeat)
    record.settle(session)
    assert run.status == status


@pytest.mark.parametrize(
    ("runner", "silent", "status"),
    [("elsewhere/7/0", 0, "running"), ("elsewhere/7/0", 61, "interrupted"), (living(PARENT), 600, "running")],
    ids=("elsewhere", "silent", "living"),
)
def test_a_run_of_a_living_runner_is_not_ended(session, run, runner, silent, status):
    orphaned(session, run, runner, silent)
    record.settle(session)
    assert run.status == status


def test_a_database_that_cannot_be_written_is_left_as_it_is(tmp_path, session, run):
    orphaned(session, run)
    reader = open_database(str(tmp_path / "a.db"), read_only=True)
    with Session(reader) as other:
        record.settle(other)
        assert other.scalars(select(Run.status)).all() == ["running"]
    reader.dispose()


def test_pictures_that_are_gone_are_no_row(session, run, tmp_path):
    missing = Kept(kind="estimate", sha256="0" * 64)
    with pytest.raises(Unstorable, match="its estimate is not in the folder artifacts"):
        record.instance(session, run, solved(0).model_copy(update={"artifacts": (missing,)}), tmp_path / "artifacts")
    assert queries.finished_instances(session, run) == set()


def test_files_that_no_row_names_are_deleted_unless_another_runner_works(session, run, tmp_path):
    contents = {sha256(name).hexdigest(): name for name in (b"named", b"unnamed")}
    for digest, content in contents.items():
        write_whole(tmp_path / path_of(digest), content)
    named, unnamed = contents
    kept = solved(0).model_copy(update={"artifacts": (Kept(kind="estimate", sha256=named),)})
    record.instance(session, run, kept, tmp_path)
    orphaned(session, run, living(PARENT))
    record.unlink_unnamed(session, tmp_path, contents)
    assert (tmp_path / path_of(unnamed)).exists()
    orphaned(session, run)
    record.unlink_unnamed(session, tmp_path, contents)
    assert (tmp_path / path_of(named)).exists()
    assert not (tmp_path / path_of(unnamed)).exists()
