"""Jobs of a SLURM site, whose allocations are processes on this machine; with a SLURM of one node where there is one.

Needs `pip install 'lowdimbench[slurm]'`.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from types import SimpleNamespace

import psutil
import pytest

from benchmark import registry
from benchmark.errors import UserError
from runners.engines import engine, messages
from runners.engines.base import Place
from runners.engines.desk import Desk
from runners.engines.node import At, Full, read
from tests.runners import afar

submitit = pytest.importorskip("submitit", reason="submitit is not installed: pip install 'lowdimbench[slurm]'")

from runners.engines import allocation, slurm  # noqa: E402

LOCAL = {"slurm": {"cluster": "local"}}


@pytest.fixture
def quick(monkeypatch):
    """The head asks for the states of allocations often."""
    monkeypatch.setattr(slurm, "_STATES", 1.0)


def offered(tmp_path, plan):
    """The queue with a plan's first job, and its name there."""
    head = Desk(plan.jobs, Place("cpu", 1, tmp_path / "artifacts", None, float("inf")))
    queue, one = allocation.Queue(tmp_path / "slurm"), head.next()
    queue.put("a.1", head.errand(one), head.files(one))
    return queue, head, one


def test_an_errand_comes_back_from_the_folder_as_it_went(tmp_path):
    plan = afar.parts(tmp_path, "rests")
    queue, head, one = offered(tmp_path, plan)
    errand, files = queue.get("a.1")
    assert errand == head.errand(one)
    assert files == {"include/0/parts.py": (tmp_path / "parts.py").read_bytes()}


def test_one_allocation_alone_takes_a_job(tmp_path):
    queue, *_ = offered(tmp_path, afar.parts(tmp_path, "rests"))
    assert queue.claimant("a.1") is None
    assert [queue.claim("a.1", who) for who in ("1_0", "1_1")] == [True, False]
    assert queue.claimant("a.1") == "1_0"
    queue.over("a.1")
    assert queue.jobs() == []
    assert queue.claimant("a.1") is None


class _Somewhere:
    job_id = "7_0"


@pytest.fixture
def carried(monkeypatch):
    """The errands that this process carried out as an allocation, which says nothing but where it is and its end."""
    errands = []

    def out(errand, files, node):
        errands.append(errand)
        yield At(node=node).model_dump_json()
        yield messages.written(messages.End(peak_memory=None, peak_device_memory=None))

    monkeypatch.setattr(submitit, "JobEnvironment", _Somewhere)
    monkeypatch.setattr(allocation, "carried_out", out)
    return errands


def test_an_allocation_goes_on_with_the_job_that_it_had_and_what_that_lacks(tmp_path, carried):
    queue, *_ = offered(tmp_path, afar.parts(tmp_path, "rests"))
    queue.claim("a.1", "7_0")
    queue.note("a.1", "began")
    queue.note("a.1", "left")
    said = queue.path("said", "a.1")
    said.parent.mkdir(parents=True)
    solved = messages.Solved(
        instance=2, label="", observation="", seconds=0, steps=0, truncated=False, scores={}, curve=(), artifacts=()
    )
    said.write_text(f'{messages.written(solved)}\n{{"kind": "insta')
    assert allocation.Share(str(queue.folder))(0) == 1
    assert [errand.todo for errand in carried] == [(0, 1, 3, 4, 5)]
    assert [read(line).kind for line in said.read_text().splitlines()] == ["instance", "at", "end"]
    assert allocation.Share(str(queue.folder))(0) == 0  # its end was said, though no head took it away yet


@pytest.mark.parametrize("first", ["allocation", "worker"])
def test_an_allocation_that_is_told_to_go_says_nothing_of_what_that_ends(tmp_path, monkeypatch, first):
    """SLURM's SIGTERM ends the job's process as well, in whichever order."""
    queue, head, one = offered(tmp_path, afar.parts(tmp_path, "rests"))
    queue.put("a.2", head.errand(one), {})

    def out(errand, files, node):
        yield At(node=node).model_dump_json()
        if first == "allocation":
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        yield messages.written(messages.Killed(reason="killed by signal SIGTERM"))

    monkeypatch.setattr(submitit, "JobEnvironment", _Somewhere)
    monkeypatch.setattr(allocation, "carried_out", out)
    before = signal.getsignal(signal.SIGTERM)
    assert allocation.Share(str(queue.folder))(0) == 0
    assert signal.getsignal(signal.SIGTERM) is before
    assert [read(line).kind for line in queue.path("said", "a.1").read_text().splitlines()] == ["at"]
    assert queue.path("claims", "a.1").read_text().splitlines() == ["7_0", "began", "left"]
    assert queue.claimant("a.2") is None


def test_an_allocation_whose_disk_is_full_takes_no_other_job(tmp_path, monkeypatch):
    """Or it would take all jobs that there are, and end none."""
    queue, head, one = offered(tmp_path, afar.parts(tmp_path, "rests"))
    queue.put("a.2", head.errand(one), {})
    words = At(node="7_0"), Full(reason="the disk is full"), messages.End(peak_memory=None, peak_device_memory=None)
    monkeypatch.setattr(submitit, "JobEnvironment", _Somewhere)
    monkeypatch.setattr(allocation, "carried_out", lambda *_: (word.model_dump_json() for word in words))
    assert allocation.Share(str(queue.folder))(0) == 0
    assert [read(line).kind for line in queue.path("said", "a.1").read_text().splitlines()] == ["at", "full"]
    assert queue.claimant("a.2") is None


def test_a_node_without_room_is_asked_for_no_more_while_there_are_others(tmp_path, monkeypatch):
    asked = []

    class Executor:
        exclude = None

        def update_parameters(self, slurm_exclude):
            self.exclude = slurm_exclude

        def map_array(self, share, numbers):
            asked.append(self.exclude)
            if self.exclude == "a,b":
                raise submitit.core.utils.FailedJobError("Requested node configuration is not available")
            return list(numbers)

    head = SimpleNamespace(executor=Executor(), full={"b"}, cluster="slurm", queue=allocation.Queue(tmp_path))
    assert slurm.Site._ask(head, 2) == [0, 1]
    head.full.add("a")
    assert slurm.Site._ask(head, 1) == [0]
    assert asked == ["b", "a,b", None]
    assert not head.full


@pytest.mark.long
def test_a_full_disk_in_one_allocation_changes_no_row(tmp_path, quick):
    (tmp_path / "flag").touch()
    plan = afar.parts(tmp_path, "cramped", flag=str(tmp_path / "flag"))
    outcome, rows, said = afar.carried_out(tmp_path / "afar", plan, engine("slurm", LOCAL), at_once=1)
    assert (outcome.started, outcome.bad) == (1, 0), said
    assert "no room: OSError: [Errno 28]" in said, said
    _, expected, _ = afar.carried_out(tmp_path / "local", plan)
    assert rows == expected


def test_a_job_that_ended_its_allocation_twice_is_set_aside(tmp_path, carried):
    queue, *_ = offered(tmp_path, afar.parts(tmp_path, "rests"))
    queue.claim("a.1", "7_0")
    for _ in range(2):
        queue.note("a.1", "began")
    assert allocation.Share(str(queue.folder))(0) == 1
    assert carried == []
    [line] = queue.path("said", "a.1").read_text().splitlines()
    assert read(line).reason == "set aside: 2 times its node was lost"


def test_input_that_no_site_takes_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(slurm.shutil, "which", lambda name: None)
    place = Place("cpu", 1, tmp_path / "artifacts", None, float("inf"))
    for options, reason in (
        ({}, "there is no sbatch here"),
        ({"slurm": {"cluster": "elsewhere"}}, "it is slurm or local"),
        ({"slurm": {"cluster": "local", "time": "2h"}}, "write minutes"),
        ({"slurm": {"cluster": "local"}, "gpus": 0.5}, "SLURM gives whole GPUs"),
    ):
        with pytest.raises(UserError, match=reason):
            engine("slurm", {"command": (), **options})([], 0, place)


def test_few_jobs_are_offered_at_a_time(tmp_path, monkeypatch):
    """Those that an earlier head offered stay as they are, whenever their turn comes."""
    monkeypatch.setattr(slurm, "_OFFERED", 2)
    jobs = afar.parts(tmp_path, "rests", seeds=4).jobs
    digests = [job.key.digest for job in jobs]
    place = Place("cpu", 1, tmp_path / "artifacts", None, float("inf"))
    earlier = allocation.Queue(tmp_path / "slurm")
    earlier.put(f"{digests[2]}.2", (head := Desk(jobs, place)).errand(head.next()), {})
    site = engine("slurm", LOCAL | {"command": ()})(jobs, 0, place)
    site._send()
    assert list(site.out) == [f"{one}.1" for one in digests[:2]]
    offered = earlier.path("queue", f"{digests[2]}.2").read_bytes()
    site._send()
    assert len(site.out) == 2
    for turn, name in enumerate([f"{digests[2]}.2", f"{digests[3]}.1"]):
        over = f"{digests[turn]}.1"
        site.desk.over(site.out[over])
        site._forget(over)
        site._send()
        assert name in site.out
    assert site.out[f"{digests[2]}.2"].tried == 2
    assert earlier.path("queue", f"{digests[2]}.2").read_bytes() == offered
    assert earlier.jobs() == sorted(site.out)


@pytest.mark.long
def test_an_allocation_that_is_killed_changes_no_row(tmp_path, quick):
    plan = afar.parts(tmp_path, "rests", seeds=2, pause=0.5)
    killed = []

    def kill(job, message, node):
        if message.instance == 1 and not killed:
            killed.append(int(node.rpartition("(")[2].partition("_")[0].removesuffix(")")))
            for process in (*psutil.Process(killed[0]).children(recursive=True), psutil.Process(killed[0])):
                process.kill()

    outcome, rows, said = afar.carried_out(tmp_path / "afar", plan, engine("slurm", LOCAL), at_once=2, on_instance=kill)
    assert killed
    assert (outcome.started, outcome.bad) == (2, 0), said
    assert "is gone" in said, said
    _, expected, _ = afar.carried_out(tmp_path / "local", plan)
    assert rows == expected
    assert len(rows["instance"]) == 2 * 6
    told = afar.ran(tmp_path / "afar")
    assert [(engine, tries) for engine, _, tries in told] == [("slurm", 1), ("slurm", 2)]
    assert f"({killed[0]})" not in next(node for _, node, tries in told if tries == 2)
    assert allocation.Queue(tmp_path / "afar" / "slurm").jobs() == []


def paused(allocation, signal_):
    """SIGSTOP or SIGCONT to an allocation and all that it started."""
    for process in (root := psutil.Process(allocation), *root.children(recursive=True)):
        process.send_signal(signal_)


@pytest.mark.long
@pytest.mark.parametrize("forever", [True, False])
def test_an_allocation_that_hangs_is_as_one_that_died_and_a_short_silence_is_nothing(tmp_path, quick, monkeypatch, forever):
    if forever:
        monkeypatch.setattr(slurm, "_SILENT", 12.0)  # jobs say something every five seconds
    plan = afar.parts(tmp_path, "rests", seeds=2, pause=0.5)
    stopped, timers = [], []

    def hang(job, message, node):
        if message.instance == 1 and not stopped:
            stopped.append(int(node.rpartition("(")[2].partition("_")[0].removesuffix(")")))
            paused(stopped[0], signal.SIGSTOP)
            if not forever:
                timers.append(threading.Timer(8.0, paused, (stopped[0], signal.SIGCONT)))
                timers[0].start()

    try:
        outcome, rows, said = afar.carried_out(tmp_path / "afar", plan, engine("slurm", LOCAL), at_once=2, on_instance=hang)
    finally:
        for process in (psutil.Process(one) for one in stopped if psutil.pid_exists(one)):
            for child in (*process.children(recursive=True), process):
                child.kill()
    assert stopped
    assert (outcome.started, outcome.bad) == (2, 0), said
    assert ("no word any more" in said) is forever, said
    assert sorted(tries for *_, tries in afar.ran(tmp_path / "afar")) == ([1, 2] if forever else [1, 1])
    _, expected, _ = afar.carried_out(tmp_path / "local", plan)
    assert rows == expected


@pytest.mark.long
def test_a_head_that_is_killed_comes_back(tmp_path):
    afar.parts(tmp_path, "rests")
    words = (
        "--task parts --method rests --preset tiny --set pause=0.5 --seeds 2 --include parts.py --db a.db --threads 1 --jobs 2"
    )
    command = [*words.split(), "--engine", "slurm", "--slurm", "cluster=local"]
    run = partial(
        subprocess.Popen,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(registry.ROOT), os.environ.get("PYTHONPATH", "")])},
    )
    head = run([sys.executable, "-m", "runners.run", *command])
    said = tmp_path / "slurm" / "said"
    end = time.monotonic() + 200
    while not any('"instance":1,' in path.read_text() for path in said.glob("*.jsonl")):
        assert time.monotonic() < end
        time.sleep(0.2)
    head.kill()
    head.communicate()
    time.sleep(3)
    again = run([sys.executable, "-m", "runners.attach", "slurm"])
    output, _ = again.communicate(timeout=250)
    assert again.returncode == 0, output
    assert json.loads((tmp_path / "slurm" / "command.json").read_text())["words"] == command
    assert ", try 2" not in output
    assert len(set((tmp_path / "slurm" / "allocations").read_text().split())) == 2
    (tmp_path / "beside").mkdir()
    outcome, expected, _ = afar.carried_out(tmp_path / "beside", afar.parts(tmp_path, "rests", seeds=2, pause=0.5))
    assert afar.stored(tmp_path / "a.db") == expected
    assert outcome.bad == 0


def answers():
    """Whether a SLURM is here, as .ci/run starts one."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(["sinfo", "--noheader"], capture_output=True, timeout=20, check=True).stdout != b""
    return False


@pytest.mark.long
@pytest.mark.skipif(not answers(), reason="no SLURM answers here (sinfo)")
def test_a_site_gives_the_rows_of_this_machine(tmp_path, quick):
    plan = afar.parts(tmp_path, "rests", seeds=2)
    site = engine("slurm", {"slurm": {"time": "10"}})
    outcome, rows, said = afar.carried_out(tmp_path / "afar", plan, site, at_once=1)
    assert (outcome.started, outcome.bad) == (2, 0), said
    _, expected, _ = afar.carried_out(tmp_path / "local", plan)
    assert rows == expected
    assert len((tmp_path / "afar" / "slurm" / "allocations").read_text().split()) == 1


@pytest.mark.long
@pytest.mark.skipif(not answers(), reason="no SLURM answers here (sinfo)")
@pytest.mark.parametrize("how", ["time", "preempted", "killed"])
def test_a_site_takes_an_allocation_away_and_no_row_changes(tmp_path, quick, how):
    """Time: it is nearly up, of which SLURM tells by SIGUSR2. Preempted: as SLURM does it by PreemptMode=REQUEUE."""
    plan = afar.parts(tmp_path, "rests", seeds=2, pause=0.5)
    taken = []

    def take(job, message, node):
        if message.instance == 1 and not taken:
            taken.append(node.rpartition("(")[2].removesuffix(")"))
            words = {"time": ["scancel", "--signal=USR2"], "preempted": ["scontrol", "requeue"], "killed": ["scancel"]}[how]
            subprocess.run([*words, taken[0]], check=True)

    site = engine("slurm", {"slurm": {"time": "10"}})
    outcome, rows, said = afar.carried_out(tmp_path / "afar", plan, site, at_once=1, on_instance=take)
    assert taken
    assert (outcome.started, outcome.bad) == (2, 0), said
    _, expected, _ = afar.carried_out(tmp_path / "local", plan)
    assert rows == expected
    told = (tmp_path / "afar" / "slurm" / "allocations").read_text().split()
    assert len(told) == (2 if how == "killed" else 1), said
