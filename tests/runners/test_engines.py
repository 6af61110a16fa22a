"""What crosses between a worker and us: orders, messages, and what becomes of a job that says something else."""

import io
import json
import math
import pickle
import sqlite3
import sys
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from rich.console import Console
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import environment
from benchmark.errors import UserError
from benchmark.store.database import open_database
from benchmark.store.models import Artifact, Run, Score
from runners import worker
from runners.engines import engine, local, messages
from runners.engines.base import Order, Place, order_of
from runners.execute import Execution
from runners.plan import make_plan
from runners.progress import Display
from runners.request import Request

pytestmark = pytest.mark.slow

SURROUNDINGS = messages.Surroundings(**environment.capture(1, "cpu"))
CONTENT = b"\x93NUMPY and \xff bytes"
DIGEST = sha256(CONTENT).hexdigest()
SOLVED = messages.Solved(
    instance=0,
    label="a slice",
    observation="0" * 64,
    seconds=0.1 + 0.2,
    steps=3,
    truncated=False,
    scores={"psnr": 1 / 3},
    curve=(("estimate", 1, 0.5, -2.0),),
    artifacts=(messages.Kept(kind="estimate", sha256=DIGEST, content=CONTENT), messages.Kept(kind="truth", sha256=DIGEST)),
)
EVERY = [
    messages.Start(),
    messages.Hello(environment=SURROUNDINGS),
    messages.Step(instance=None, step=2**63 - 1, steps=0, score=None),
    messages.Learnt(seconds=1.5, truncated=True, before=False),
    SOLVED,
    messages.Failed(instance=1, status="diverged", reason="it grew", trace="é\n" + "x" * 5000),
    messages.End(peak_memory=None, peak_device_memory=1e9),
    messages.Refused(reason="no"),
    messages.Broken(reason="no", trace="where"),
    messages.Killed(status="memory", reason="no"),
]


def tiny(*methods):
    return make_plan([Request(task="mri", method=list(methods), preset="tiny", baseline=False)])


def place(tmp_path):
    return Place("cpu", 1, tmp_path / "artifacts", None, math.inf)


@pytest.mark.parametrize("message", EVERY, ids=lambda message: message.kind)
def test_each_message_comes_back_as_it_went(message):
    line = messages.written(message)
    assert "\n" not in line
    assert messages.read(line) == message


def test_what_no_database_takes_in_a_text_is_replaced():
    assert messages.Refused(reason="a\udcffb\0c").reason == "a?b?c"


STEP = {"kind": "step", "instance": 0, "step": 1, "steps": 2, "score": 1.0}
LEARNT = {"kind": "learnt", "seconds": 1.0, "truncated": False, "before": False}
WRONG = [
    "123",
    "{}",
    "nonsense",
    '{"kind": "other"}',
    json.dumps({**STEP, "score": math.nan}),
    json.dumps({**STEP, "score": math.inf}),
    json.dumps({**STEP, "step": 2**63}),
    json.dumps({**STEP, "step": -1}),
    json.dumps({**STEP, "step": "1"}),
    json.dumps({**STEP, "more": 1}),
    json.dumps({**LEARNT, "seconds": -1.0}),
    messages.written(SOLVED).replace(DIGEST, "0" * 64, 1),
    *(
        json.dumps({**json.loads(messages.written(SOLVED)), **wrong})
        for wrong in (
            {"scores": {"psnr": math.nan}},
            {"scores": {"psnr": None}},
            {"scores": None},
            {"seconds": -1.0},
            {"seconds": math.inf},
            {"steps": 2**31},
            {"steps": 2**63},
            {"instance": 2**63},
            {"curve": [["estimate", 2**63, 0.5, 1.0]]},
            {"curve": [["estimate", 1, 0.5, 1.0], ["estimate", 1, 0.6, 2.0]]},
            {"curve": [["estimate", 1, -0.5, 1.0]]},
            {"artifacts": [{"kind": "estimate", "sha256": "0" * 64}] * 2},
            {"artifacts": [{"kind": "estimate", "sha256": "../" * 21 + "a"}]},
            {"scores": {"a\nb": "c"}},
        )
    ),
    "[" * 20_000,
    '{"kind": "refused", "reason": ' + '{"a": ' * 20_000,
]


@pytest.mark.parametrize("line", WRONG)
def test_what_is_no_message_ends_its_job_with_a_reason(line):
    ending = messages.checked(line)
    assert isinstance(ending, messages.Broken)
    assert ending.reason.startswith("the worker sent no valid message (")
    assert "\n" not in ending.reason


def test_the_words_that_wrong_lines_vary_are_messages():
    assert isinstance(messages.read(json.dumps(STEP)), messages.Step)
    assert isinstance(messages.read(json.dumps(LEARNT)), messages.Learnt)


def test_an_order_can_be_pickled_and_written(tmp_path):
    [job] = tiny("dip").jobs
    order = order_of(job, place(tmp_path), scratch="there", shared=False)
    order = order.model_copy(update={"parameters": {**order.parameters, "tiny": 5e-324, "far": math.inf, "whole": 1.0}})
    assert pickle.loads(pickle.dumps(order)) == order
    again = Order.model_validate_json(order.model_dump_json())
    assert again == order
    assert isinstance(again.parameters["whole"], float)
    with pytest.raises(ValueError, match="frozen"):
        order.seed = 1


def test_engines_are_chosen_by_name():
    assert engine("local") is local.Pool
    with pytest.raises(UserError, match="unknown engine 'locl'; did you mean local"):
        engine("locl")


class Here:
    """An engine in this process, whose workers share no disk with us: orders are pickled, messages are lines."""

    name = "here"

    def __init__(self, jobs, at_once, place):
        self.jobs, self.place, self.dropped = jobs, place, set()

    def say(self, job):
        lines = []
        order = order_of(job, self.place, shared=False)
        worker.run(pickle.loads(pickle.dumps(order)), lambda message: lines.append(messages.written(message)))
        return lines

    def __iter__(self):
        for job in self.jobs:
            yield job, messages.Start()
            for line in self.say(job):
                if job.key.digest in self.dropped:
                    break
                message = messages.checked(line)
                yield job, message
                if isinstance(message, messages.Last):
                    break

    def drop(self, job):
        self.dropped.add(job.key.digest)


def carried_out(tmp_path, plan, started):
    said = io.StringIO()
    opened = open_database(str(tmp_path / "a.db"))
    with Session(opened) as session:
        display = Display(plan, Console(file=said, width=200))
        outcome = Execution(session, plan, place(tmp_path), display, lambda job: "again", engine=started)()
        status = {run.digest: (run.status, run.error) for run in session.scalars(select(Run))}
        kept = [(one.kind, one.path, one.sha256) for one in session.scalars(select(Artifact).order_by(Artifact.id))]
        scores = [(one.instance, one.metric, one.value) for one in session.scalars(select(Score).order_by(Score.id))]
    opened.dispose()
    return outcome, status, kept, scores, said.getvalue()


def test_an_engine_without_a_shared_disk_gives_what_local_gives(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "local").mkdir()
    plan = tiny("zero_filled")
    outcome, status, kept, scores, _ = carried_out(tmp_path / "here", plan, Here)
    assert outcome.bad == 0
    assert [*status.values()] == [("done", None)]
    for kind, path, digest in kept:
        content = (tmp_path / "here" / path).read_bytes()
        assert sha256(content).hexdigest() == digest
        assert np.load(io.BytesIO(content)).dtype == np.float32, kind
    _, _, kept_by_local, scores_of_local, _ = carried_out(tmp_path / "local", plan, local.Pool)
    assert kept
    assert kept == kept_by_local
    assert scores == scores_of_local


def hello():
    return messages.written(messages.Hello(environment=SURROUNDINGS))


FOREIGN = messages.written(SOLVED.model_copy(update={"instance": 7, "artifacts": ()}))
UNSCORED = messages.written(SOLVED.model_copy(update={"artifacts": ()}))


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        *(([hello(), line], "the worker sent no valid message (") for line in ("123", json.dumps({**STEP, "score": math.nan}))),
        ([hello(), FOREIGN], "the worker sent a message that does not belong to its job (instance 7)"),
        (
            [hello(), UNSCORED],
            "the worker sent a message that does not belong to its job (scores psnr instead of nmse, psnr, ssim)",
        ),
        ([hello(), hello()], "the worker sent a message that does not belong to its job (it began twice)"),
        ([json.dumps(LEARNT)], "could not start: the worker sent a message that does not belong to its job (it did not begin)"),
        ([messages.written(messages.End(peak_memory=None, peak_device_memory=None))], "the worker reported nothing"),
        (["{}"], "could not start: the worker sent no valid message ("),
    ],
)
def test_a_job_that_says_what_it_may_not_ends_alone(tmp_path, lines, reason):
    plan = tiny("zero_filled", "cg_sense")
    bad, good = plan.jobs

    class Babbling(Here):
        def say(self, job):
            return lines if job is not good and job.key == bad.key else super().say(job)

    outcome, status, _, _, said = carried_out(tmp_path, plan, Babbling)
    assert reason in said
    assert (outcome.started, outcome.bad) == (2, 1)
    assert status[good.key.digest] == ("done", None)
    if lines[0] == hello():
        assert status[bad.key.digest][0] == "failed"
        assert reason in status[bad.key.digest][1]


def test_a_process_that_babbles_is_ended_and_the_next_job_runs(tmp_path, monkeypatch):
    """The thread that reads what it says lives on to tell its end."""
    script = tmp_path / "babble.py"
    script.write_text("import time\nprint('{}', flush=True)\ntime.sleep(60)\n", encoding="utf-8")
    start = local.subprocess.Popen
    monkeypatch.setattr(local.subprocess, "Popen", lambda words, **more: start([sys.executable, str(script)], **more))
    [job] = tiny("zero_filled").jobs
    heard = [message for event in local.Pool([job, replace(job)], 1, place(tmp_path)) if event for message in event[1:]]
    assert [message.kind for message in heard] == ["start", "broken"] * 2
    assert all("sent no valid message" in message.reason for message in heard[1::2])


class Forgetful(Here):
    """Its solved instances name a picture that it did not send."""

    def say(self, job):
        lines = super().say(job)
        if job.key.method != "cg_sense":
            return lines
        missing = {"kind": "mask", "sha256": "0" * 64, "content": None}
        told = [json.loads(line) for line in lines]
        return [json.dumps({**one, "artifacts": [missing]} if one["kind"] == "instance" else one) for one in told]


def test_an_instance_that_cannot_be_stored_fails_with_the_reason_and_the_plan_goes_on(tmp_path):
    plan = tiny("cg_sense", "zero_filled")
    outcome, status, _, scores, said = carried_out(tmp_path, plan, Forgetful)
    first, second = (job.key.digest for job in plan.jobs)
    if plan.jobs[0].key.method != "cg_sense":
        first, second = second, first
    assert status[first] == ("failed", "instance 1: its mask is not in the folder artifacts")
    assert status[second] == ("done", None)
    assert (outcome.started, outcome.bad) == (2, 1)
    assert "instance 0 failed: its mask is not in the folder artifacts" in said
    assert len(scores) == 2 * 3


class Losing(Here):
    """Nodes die: the first when the job is at work, the second before."""

    def __iter__(self):
        for job in self.jobs:
            yield job, messages.Start(node="a")
            yield job, messages.Hello(environment=SURROUNDINGS)
            yield job, messages.Moved(reason="lost on a")
            yield job, messages.Start(node="b", tried=2)
            yield job, messages.Killed(reason="set aside")


def test_a_job_that_is_set_aside_before_it_begins_again_says_so_in_the_run_of_its_first_try(tmp_path):
    outcome, status, *_, said = carried_out(tmp_path, tiny("zero_filled"), Losing)
    assert "set aside" in said
    assert (outcome.started, outcome.bad) == (1, 1)
    assert [status for status, _ in status.values()] == ["interrupted"]
    with sqlite3.connect(tmp_path / "a.db") as opened:
        assert opened.execute("SELECT engine, node, tries FROM run").fetchall() == [("here", "b", 2)]


class Deleting(Here):
    """Somebody deletes the run of a job while it is at work."""

    def __iter__(self):
        for job, message in super().__iter__():
            yield job, message
            if message.kind == "hello" and job.key.method == "cg_sense":
                with sqlite3.connect(self.place.artifacts.parent / "a.db") as other:
                    other.execute("DELETE FROM run WHERE digest = ?", (job.key.digest,))


def test_a_run_that_somebody_deletes_ends_alone(tmp_path):
    plan = tiny("cg_sense", "zero_filled")
    outcome, status, _, scores, said = carried_out(tmp_path, plan, Deleting)
    assert [*status.values()] == [("done", None)]
    assert (outcome.started, outcome.bad) == (2, 1)
    assert "the database takes no such row" in said
    assert len(scores) == 2 * 3


@pytest.mark.parametrize(
    ("device", "given", "there", "asked", "then"),
    [
        ("cuda:0", None, False, 1, "cuda"),
        ("auto", None, True, 1, "cuda"),
        ("auto", None, False, 0, "cpu"),
        ("cpu", None, True, 0, "cpu"),
        ("cuda", 0.25, True, 0.25, "cuda"),
        ("cuda", 0, True, 0, "cpu"),
    ],
)
def test_a_job_asks_for_a_gpu_where_its_device_is_one(tmp_path, device, given, there, asked, then):
    place = Place(device, 1, tmp_path, None, math.inf)
    assert place.gpus(given, lambda: there) == asked
    assert place.with_gpus(asked).device == then
