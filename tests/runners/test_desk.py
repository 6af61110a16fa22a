"""Jobs on other machines, with this process in place of them."""

import math
import socket
from dataclasses import replace

import pytest

from benchmark import registry
from benchmark.store.writing import DiskFull
from runners.engines import messages, node
from runners.engines.base import Place
from runners.engines.desk import Desk
from runners.engines.messages import End, Killed, Moved, Refused, Start, written
from runners.engines.node import At, Beat, Differs, Fitted, Full, carried_out, read
from runners.plan import make_plan
from runners.request import Request
from tests.runners import afar

END = written(End(peak_memory=None, peak_device_memory=None))
AT = At(node="here").model_dump_json()


def tiny(*methods, task="mri", **more):
    return make_plan([Request(task=task, method=list(methods), preset="tiny", baseline=False, **more)]).jobs


def desk(tmp_path, jobs, **more):
    return Desk(jobs, Place("cpu", 1, tmp_path / "artifacts", None, math.inf, **more))


def solved(number):
    scores = {"psnr": 1.0, "ssim": 0.5, "nmse": 0.1}
    return written(
        messages.Solved(
            instance=number,
            label="",
            observation="",
            seconds=0.0,
            steps=0,
            truncated=False,
            scores=scores,
            curve=(),
            artifacts=(),
        )
    )


def test_a_lost_job_is_sent_again_for_what_it_still_lacks(tmp_path):
    [job] = tiny("zero_filled")
    head = desk(tmp_path, [job])
    one = head.next()
    assert head.errand(one).todo == (0, 1)
    assert [*head.heard(one, AT)] == [(job, Start(node="here", tried=1))]
    assert [message.kind for _, message in head.heard(one, solved(1))] == ["instance"]
    assert [message.kind for _, message in head.lost(one, "it went dark")] == ["moved"]
    again = head.next()
    assert head.errand(again).todo == (0,)
    assert [*head.heard(again, AT)] == [(job, Start(node="here", tried=2))]
    assert [*head.heard(again, solved(1))] == []
    assert len([*head.heard(again, solved(0))]) == 1
    assert [message.kind for _, message in head.heard(again, END)] == ["end"]
    assert head.next() is None


def test_a_job_that_is_lost_after_its_last_instance_ends(tmp_path):
    [job] = tiny("zero_filled")
    head = desk(tmp_path, [job])
    one = head.next()
    for line in (AT, solved(0), solved(1)):
        [*head.heard(one, line)]
    assert [message for _, message in head.lost(one, "it went dark")] == [End(peak_memory=None, peak_device_memory=None)]
    assert head.next() is None


def test_a_job_that_costs_its_node_twice_is_set_aside(tmp_path):
    bad, good = tiny("zero_filled", "cg_sense")
    head = desk(tmp_path, [bad, good])
    for name, ending in (("a", Moved), ("b", Killed)):
        one = head.next()
        assert one.job is bad
        [*head.heard(one, At(node=name).model_dump_json())]
        [(_, message)] = head.lost(one, "out of memory")
        assert isinstance(message, ending)
    assert message.reason == "set aside: 2 times its node was lost (a: out of memory; b: out of memory)"
    assert head.next().job is good
    assert head.next() is None


def test_a_job_goes_elsewhere_while_there_is_another_node(tmp_path):
    [job] = tiny("zero_filled")
    head = desk(tmp_path, [job])
    one = head.next()
    assert [message.kind for _, message in head.elsewhere(one, "a: other code", hopeless=False)] == ["moved"]
    assert not one.deaths
    assert [*head.elsewhere(head.next(), "b: other code", hopeless=True)] == [(job, Refused(reason="b: other code"))]
    assert head.next() is None


def test_one_job_learns_and_the_others_take_up_what_it_learnt(tmp_path):
    first, other = tiny("ridge_map", task="spectral") + tiny("zero_filled")
    second = replace(first, key=first.key.model_copy(update={"preset": "other"}))
    head = desk(tmp_path, [first, second, other])
    one = head.next()
    assert one.job is first
    assert head.files(one) == {}
    assert head.next().job is other
    assert head.next() is None
    name = f"{first.fit_key.digest}-cpu.safetensors"
    [*head.heard(one, AT)]
    [*head.heard(one, Fitted(name=name, content=b"learnt").model_dump_json())]
    assert head.next() is None
    [*head.heard(one, written(messages.Learnt(seconds=1.0, truncated=False, before=False)))]
    two = head.next()
    assert two.job is second
    assert {place: path.read_bytes() for place, path in head.files(two).items()} == {f"fits/{name}": b"learnt"}


def test_where_learning_fails_the_next_job_learns(tmp_path):
    [first] = tiny("ridge_map", task="spectral")
    second = replace(first, key=first.key.model_copy(update={"preset": "other"}))
    head = desk(tmp_path, [first, second])
    one = head.next()
    assert head.next() is None
    [*head.heard(one, written(messages.Broken(reason="no")))]
    assert head.next().job is second


def test_what_was_learnt_before_is_learnt_anew_once_where_that_is_asked_for(tmp_path):
    [job] = tiny("ridge_map", task="spectral")
    second = replace(job, key=job.key.model_copy(update={"preset": "other"}))
    (tmp_path / "fits").mkdir()
    (tmp_path / "fits" / f"{job.fit_key.digest}-cpu.safetensors").write_bytes(b"before")
    assert len(desk(tmp_path, [job]).files(desk(tmp_path, [job]).next())) == 0  # another desk knows nothing of it
    head = desk(tmp_path, [job, second])
    assert [len(head.files(head.next())) for _ in range(2)] == [1, 1]
    head = desk(tmp_path, [job, second], relearn=True)
    one = head.next()
    assert head.errand(one).relearn
    assert head.next() is None
    [*head.heard(one, written(messages.Learnt(seconds=1.0, truncated=False, before=False)))]
    assert not head.errand(head.next()).relearn


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (solved(7), "the node told of instance 7, which nobody asked for"),
        ("{}", "the node sent no valid message ("),
        ('{"kind": "moved", "reason": "it says"}', "the node sent no valid message ("),
        (
            Fitted(name=f"{'0' * 64}-cpu.safetensors", content=b"").model_dump_json().replace("-cpu", "-../a"),
            "the node sent no valid message (fitted",
        ),
    ],
)
def test_a_node_that_says_what_it_may_not_ends_its_job(tmp_path, line, reason):
    [job] = tiny("zero_filled")
    head = desk(tmp_path, [job])
    one = head.next()
    [(_, message)] = head.heard(one, line)
    assert message.kind == "broken"
    assert message.reason.startswith(reason)
    assert not head.going


def test_what_nobody_learns_is_not_kept(tmp_path):
    [job] = tiny("zero_filled")
    head = desk(tmp_path, [job])
    one = head.next()
    assert [*head.heard(one, Fitted(name=f"{'0' * 64}-cpu.safetensors", content=b"x").model_dump_json())] == []
    assert not (tmp_path / "fits").exists()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"source": "f" * 64}, "its code of zero_filled on mri is "),
        ({"version": 99}, "it has version 1 of mri and not 99"),
        ({"data": "f" * 64}, "its data of mri/tiny are not those of the head"),
        ({"method": "none_such"}, "unknown method 'none_such'"),
    ],
)
def test_a_node_with_other_code_or_data_does_not_run_the_job(tmp_path, changed, reason):
    [job] = tiny("zero_filled")
    head = desk(tmp_path, [replace(job, key=job.key.model_copy(update=changed))])
    at, word = map(read, carried_out(head.errand(head.next()), {}, "there"))
    assert at == At(node="there")
    assert isinstance(word, Differs)
    assert word.reason.startswith(f"there: {reason}")
    if "source" in changed:
        assert job.key.source[:12] in word.reason
        assert "and not ffffffffffff" in word.reason


def test_only_an_engine_says_that_a_job_moved():
    with pytest.raises(ValueError, match="kind"):
        messages.read(Moved(reason="").model_dump_json())
    assert read(Beat().model_dump_json()) == Beat()


class Beside:
    """An engine whose node is this process; it loses every job once, after `lost_at` lines."""

    name = "beside"

    def __init__(self, jobs, at_once, place, lost_at=None):
        self.desk, self.lost_at = Desk(jobs, place), lost_at
        self.sent: list[set[str]] = []

    def __iter__(self):
        while (one := self.desk.next()) is not None:
            files = {name: path.read_bytes() for name, path in self.desk.files(one).items()}
            self.sent.append(set(files))
            lines = carried_out(self.desk.errand(one), files, "beside")
            for number, line in enumerate(lines):
                yield from self.desk.heard(one, line)
                if isinstance(word := read(line), Full):
                    yield from self.desk.lost(one, f"no room: {word.reason}")
                    break
                if number == self.lost_at and one.tried == 1:
                    lines.close()
                    yield from self.desk.lost(one, "it was unplugged")
                    break

    def drop(self, job):
        self.desk.drop(job)


@pytest.mark.slow
def test_a_lost_node_changes_no_row(tmp_path):
    plan = afar.parts(tmp_path, "rests", seeds=2)
    _, expected, _ = afar.carried_out(tmp_path / "local", plan)
    outcome, rows, said = afar.carried_out(tmp_path / "afar", plan, lambda *given: Beside(*given, lost_at=8))
    assert (outcome.started, outcome.bad) == (2, 0)
    assert rows == expected
    assert afar.ran(tmp_path / "afar") == [("beside", "beside", 2)] * 2
    assert afar.ran(tmp_path / "local") == [("local", socket.gethostname(), 1)] * 2
    assert [status for _, _, status, _ in rows["run"]] == ["done", "done"]
    assert len(rows["artifact"]) == 2 * 6 * 2
    assert said.count("lost on beside: it was unplugged; it is sent out again") == 2
    assert said.count(", on beside, try 2") == 2
    for _, _, _, path, digest in rows["artifact"]:
        assert (tmp_path / "afar" / path).read_bytes() == (tmp_path / "local" / path).read_bytes(), digest
    assert len({number for _, number, *_ in rows["instance"]}) == 6
    assert [file.name for file in registry.included()] == ["parts.py"]


@pytest.mark.slow
def test_a_disk_without_room_costs_no_instance(tmp_path):
    """What was solved on the node stays, and the rest is solved elsewhere."""
    (tmp_path / "flag").touch()
    plan = afar.parts(tmp_path, "cramped", flag=str(tmp_path / "flag"))
    outcome, rows, said = afar.carried_out(tmp_path / "afar", plan, Beside)
    assert (outcome.started, outcome.bad) == (1, 0), said
    assert "lost on beside: no room: OSError: [Errno 28]" in said
    assert [status for _, _, status, _ in rows["run"]] == ["done"]
    assert afar.ran(tmp_path / "afar") == [("beside", "beside", 2)]
    _, expected, _ = afar.carried_out(tmp_path / "local", plan)
    assert rows == expected


def test_a_disk_without_room_for_what_a_job_needs_is_told(tmp_path, monkeypatch):
    [job] = tiny("zero_filled")

    def write(path, content):
        raise DiskFull("the disk of there is full")

    monkeypatch.setattr(node, "write_whole", write)
    one = (head := desk(tmp_path, [job])).next()
    lines = [*carried_out(head.errand(one), {"fits/a": b""}, "there")]
    assert [*map(read, lines)] == [At(node="there"), Full(reason="the disk of there is full")]
    assert [message.kind for line in lines for _, message in head.heard(one, line)] == ["start"]


@pytest.mark.slow
def test_what_is_learnt_afar_is_kept_here_and_gives_the_same_rows(tmp_path):
    plan = make_plan([Request(task="spectral", method="ridge_map", preset="tiny", baseline=False)])
    _, expected, _ = afar.carried_out(tmp_path / "local", plan)
    _, rows, said = afar.carried_out(tmp_path / "afar", plan, Beside)
    assert rows == expected
    assert " learnt, in " in said
    [kept], [there] = [[path.name for path in (tmp_path / name / "fits").iterdir()] for name in ("local", "afar")]
    assert kept == there
    engines = []
    (tmp_path / "afar" / "a.db").unlink()

    def again(*given):
        engines.append(Beside(*given))
        return engines[-1]

    _, rows, said = afar.carried_out(tmp_path / "afar", plan, again)
    assert rows == expected
    assert "learnt before" in said
    assert engines[0].sent == [{f"fits/{there}"}]


def test_a_job_that_no_node_has_begun_is_the_next_again_and_the_time_before_does_not_count(tmp_path):
    jobs = tiny("zero_filled", "cg_sense")
    head = desk(tmp_path, jobs)
    first = head.next()
    head.back(first)
    assert head.going == {}
    assert head.next() is first
    assert [*head.heard(first, AT)] == [(jobs[0], Start(node="here", tried=1))]
