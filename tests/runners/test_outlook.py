"""What is said before anything runs, of the time that a plan takes on many nodes."""

import io
import json

import pytest
from rich.console import Console

from runners import outlook
from runners.expect import _START
from runners.outlook import print_plan
from runners.plan import make_plan
from runners.request import Request
from runners.start import How


def plan(*methods):
    return make_plan([Request(task="mri", method=list(methods), preset="tiny", seeds=8, baseline=False)])


def times(jobs, **minutes):
    """As many minutes for a job of these methods, which has two instances."""
    return {
        (job.key.task, job.key.preset, job.key.method, json.dumps(job.key.parameters, sort_keys=True)): (
            (60 * minutes[job.key.method] - _START) / 2,
            0.0,
        )
        for job in jobs.jobs
        if job.key.method in minutes
    }


def said(jobs, known, how, nodes=None):
    text = io.StringIO()
    print_plan(Console(file=text, width=300), jobs, known, how, nodes)
    return next(line for line in text.getvalue().splitlines() if line.startswith("expected time"))


def on(jobs=0, threads=1):
    return How(engine="ray", jobs=jobs, threads=threads)


def test_the_time_on_many_nodes_is_that_of_earlier_runs_shared_out(monkeypatch):
    monkeypatch.setattr(outlook, "cores", lambda: 4)
    jobs = plan("zero_filled", "cg_sense")
    even = times(jobs, zero_filled=10, cg_sense=10)  # 160 minutes
    assert said(jobs, even, on(), 2) == "expected time on 2 nodes like this machine of 4 jobs: about 20 min by earlier runs"
    assert said(jobs, even, on(threads=2), 2).startswith("expected time on 2 nodes like this machine of 2 jobs: about 40 min")
    assert said(jobs, even, on(threads=8), 1).startswith("expected time on 1 node like this machine of 1 job: about 2.7 h")
    assert said(jobs, even, on(jobs=8), 4) == "expected time on 4 nodes of 2 jobs: about 20 min by earlier runs"
    assert said(jobs, even, on(jobs=5), 2) == "expected time on 2 nodes of 3 jobs: about 32 min by earlier runs"
    uneven = times(jobs, zero_filled=2, cg_sense=30)
    longest = "about 30 min by earlier runs, as long as the longest job"
    assert said(jobs, uneven, on(jobs=16), 8) == f"expected time on 8 nodes of 2 jobs: {longest}"
    assert said(jobs, uneven, on(jobs=8), 8) == "expected time on 8 nodes of 1 job: about 32 min by earlier runs"


def test_what_never_ran_has_no_time():
    jobs = plan("zero_filled", "cg_sense")
    assert said(jobs, {}, on(jobs=2), 2) == "expected time on 2 nodes of 1 job: not known: no earlier runs"
    half = times(jobs, cg_sense=10)
    assert said(jobs, half, on(jobs=2), 2).endswith("about 40 min by earlier runs, and 8 jobs without an earlier run")
    two = make_plan([Request(task="mri", method=["zero_filled", "cg_sense"], preset="tiny", baseline=False)])
    assert said(two, times(two, cg_sense=10), on()).partition(", and ")[2] == "1 job without an earlier run"


def test_without_a_number_of_nodes_the_time_is_that_of_one_job_after_the_other():
    jobs = plan("cg_sense")
    known = times(jobs, cg_sense=10)
    hint = "for one job after the other; --dry-run --nodes N says it for N nodes"
    assert said(jobs, known, on()) == f"expected time: about 80 min by earlier runs {hint}"
    assert said(jobs, known, on(jobs=4)) == "expected time: about 20 min by earlier runs, 4 jobs at a time"
    assert said(jobs, known, How(jobs=1, threads=1)) == "expected time: about 80 min by earlier runs"


@pytest.mark.slow
def test_nodes_are_for_a_dry_run_of_a_cluster(command):
    words = ("--task", "mri", "--method", "dip", "--preset", "tiny", "--nodes", "3")
    done = command(*words, "--engine", "ray", "--jobs", "6", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "6 jobs at a time on ray, 1 thread each" in done.stdout
    assert "expected time on 3 nodes of 2 jobs: not known: no earlier runs" in done.stdout
    for more in (["--dry-run"], ["--engine", "ray"]):
        done = command(*words, *more)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "--nodes is for --dry-run of a plan with --engine ray or slurm" in done.stderr
