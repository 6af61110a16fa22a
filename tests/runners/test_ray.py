"""A Ray cluster of several node processes on this machine: the same rows as the local engine, whatever happens to its nodes.

Needs `pip install 'lowdimbench[ray]'`. Each node here has one core in Ray's books, whatever this machine has.
"""

import os
import signal
import threading
from functools import partial

import psutil
import pytest

from benchmark import registry
from benchmark.errors import UserError
from runners.engines import engine
from runners.plan import Plan, make_plan
from runners.request import Request
from tests.runners import afar

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'lowdimbench[ray]'")
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("ray")]

STORE = 80 << 20  # bytes of a node's object store, nearly the least that Ray takes

OTHER_CODE = """
import sys
from importlib.machinery import PathFinder


class Other:
    '''The suite is found in another folder, before any other place.'''

    def find_spec(self, name, path=None, target=None):
        ours = name in ("benchmark", "tasks", "methods", "runners")
        return PathFinder.find_spec(name, ["OTHER"]) if ours else None


sys.meta_path.insert(0, Other())
"""


@pytest.fixture
def cluster():
    """One with a head that takes no job. `node` adds a node of one core."""
    from ray.cluster_utils import Cluster

    made = Cluster()
    try:
        _started(made, num_cpus=0, include_dashboard=False)
        made.node = partial(_started, made, num_cpus=1)
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def _started(cluster, **how):
    """A node. On a busy machine it may not come up in the half minute that Ray gives it; then another one is tried."""
    for _ in range(3):
        try:
            return cluster.add_node(object_store_memory=STORE, **how)
        except Exception as error:  # Ray raises nothing narrower
            if "timed out during startup" not in str(error):
                raise
            last = error
    raise last


def on(cluster):
    return engine("ray", {"address": cluster.address})


def test_a_node_that_is_killed_in_mid_plan_changes_no_row(tmp_path, cluster):
    plan = afar.parts(tmp_path, "rests", seeds=4, pause=0.5)
    nodes = [cluster.node(), cluster.node()]
    killed = []

    def kill(job, message, node):
        if message.instance == 1 and not killed:
            killed.extend(one for one in nodes if f"({one.node_id[:8]})" in node)
            cluster.remove_node(killed[0], allow_graceful=False)

    outcome, rows, said = afar.carried_out(tmp_path / "ray", plan, on(cluster), on_instance=kill)
    assert killed
    assert (outcome.started, outcome.bad) == (4, 0), said
    assert "it is sent out again" in said, said
    assert ", try 2" in said
    assert {status for _, _, status, _ in rows["run"]} == {"done"}
    told = afar.ran(tmp_path / "ray")
    assert {engine for engine, _, _ in told} == {"ray"}
    assert all(node.endswith(f"({nodes[1 - nodes.index(killed[0])].node_id[:8]})") for _, node, tries in told if tries == 2)
    assert {tries for *_, tries in told} == {1, 2}
    _, expected, _ = afar.carried_out(tmp_path / "local", plan, at_once=2)
    assert rows == expected
    assert len(rows["instance"]) == 4 * 6


def paused(node, signal_):
    """SIGSTOP or SIGCONT to a node and all that it started."""
    for info in node.all_processes["raylet"]:
        for process in (root := psutil.Process(info.process.pid), *root.children(recursive=True)):
            process.send_signal(signal_)


@pytest.mark.parametrize("forever", [True, False])
def test_a_node_that_hangs_is_as_one_that_died_and_a_short_silence_is_nothing(tmp_path, cluster, monkeypatch, forever):
    if forever:
        monkeypatch.setattr("runners.engines.ray._SILENT", 12.0)  # jobs say something every five seconds
    plan = afar.parts(tmp_path, "rests", seeds=2, pause=0.5)
    nodes = [cluster.node(), cluster.node()]
    stopped, timers = [], []

    def hang(job, message, node):
        if message.instance == 1 and not stopped:
            stopped.extend(one for one in nodes if f"({one.node_id[:8]})" in node)
            paused(stopped[0], signal.SIGSTOP)
            if not forever:
                timers.append(threading.Timer(8.0, paused, (stopped[0], signal.SIGCONT)))
                timers[0].start()

    try:
        outcome, rows, said = afar.carried_out(tmp_path / "ray", plan, on(cluster), on_instance=hang)
    finally:
        for one in stopped:
            paused(one, signal.SIGCONT)
    assert stopped
    assert (outcome.started, outcome.bad) == (2, 0), said
    assert sorted(tries for *_, tries in afar.ran(tmp_path / "ray")) == ([1, 2] if forever else [1, 1]), said
    _, expected, _ = afar.carried_out(tmp_path / "local", plan)
    assert rows == expected


def test_a_node_that_only_seemed_to_hang_has_jobs_again_where_the_others_hang(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr("runners.engines.ray._SILENT", 12.0)
    plan = afar.parts(tmp_path, "rests", seeds=2, pause=0.5)
    nodes = [cluster.node(), cluster.node()]
    slow, stopped = [], []

    def run(jobs, at_once, place):
        slow.append(on(cluster)(jobs, at_once, place))
        slow[0].hung = {nodes[0].node_id}
        return slow[0]

    def hang(job, message, node):
        if not stopped:
            stopped.append(nodes[1])
            paused(stopped[0], signal.SIGSTOP)

    try:
        outcome, rows, said = afar.carried_out(tmp_path / "ray", plan, run, on_instance=hang)
    finally:
        for one in stopped:
            paused(one, signal.SIGCONT)
    assert (outcome.started, outcome.bad) == (2, 0), said
    assert sorted(tries for *_, tries in afar.ran(tmp_path / "ray")) == [1, 2], said
    assert all(node.endswith(f"({nodes[0].node_id[:8]})") for _, node, _ in afar.ran(tmp_path / "ray"))
    _, expected, _ = afar.carried_out(tmp_path / "local", plan)
    assert rows == expected


def test_a_job_that_costs_whoever_runs_it_twice_is_set_aside(tmp_path, cluster):
    plan = afar.parts(tmp_path, "fells", "rests")
    cluster.node()
    outcome, rows, said = afar.carried_out(tmp_path / "ray", plan, on(cluster))
    assert (outcome.started, outcome.bad) == (2, 1)
    found = {method: (status, error) for _, method, status, error in rows["run"]}
    assert found["rests"] == ("done", None)
    assert "set aside: 2 times its node was lost" in said
    assert found["fells"][0] in ("failed", "interrupted")


def other_code(tmp_path, cluster):
    """A node whose tree has another line in a method, and a plan with that method."""
    other = tmp_path / "other"
    for name in ("benchmark", "methods", "runners", "tasks"):
        files = [
            file for file in (registry.ROOT / name).rglob("*") if file.is_file() and file.suffix in (".py", ".json", ".txt")
        ]
        for file in files:
            there = other / file.relative_to(registry.ROOT)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(file.read_bytes())
    changed = other / "methods" / "images" / "zero_filled.py"
    changed.write_text(changed.read_text().replace("return problem", "return 2 * problem"))
    assert changed.read_text() != (registry.ROOT / changed.relative_to(other)).read_text()
    (other / "sitecustomize.py").write_text(OTHER_CODE.replace("OTHER", str(other)))
    cluster.node(env_vars={"PYTHONPATH": os.pathsep.join([str(other), os.environ.get("PYTHONPATH", "")])})
    [job] = make_plan([Request(task="mri", method="zero_filled", preset="tiny", baseline=False)]).jobs
    return Plan((job,), ()), job.key.source[:12]


def test_a_node_with_other_code_takes_no_job(tmp_path, cluster):
    plan, source = other_code(tmp_path, cluster)
    with pytest.raises(UserError, match=rf"its code of zero_filled on mri is \w{{12}}, of .*, and not {source}"):
        afar.carried_out(tmp_path / "alone", plan, on(cluster))
    joined = []

    def run(jobs, at_once, place):
        made = on(cluster)(jobs, at_once, place)
        heard = made.desk.elsewhere

        def elsewhere(one, why, *, hopeless):
            joined.append(why)
            return heard(one, why, hopeless=hopeless)

        made.desk.elsewhere = elsewhere
        return made

    cluster.node()
    outcome, rows, _ = afar.carried_out(tmp_path / "both", plan, run)
    assert outcome.bad == 0
    assert [status for _, _, status, _ in rows["run"]] == ["done"]


def test_input_that_no_cluster_takes_is_refused_in_one_line(tmp_path, cluster):
    plan = afar.parts(tmp_path, "rests")
    cluster.node()
    with pytest.raises(UserError, match="no node of the cluster has 2 GPUs, which a job needs"):
        afar.carried_out(tmp_path / "ray", plan, engine("ray", {"address": cluster.address, "gpus": 2.0}))
    assert not ray.is_initialized()
    for address, reason in (("127.0.0.1:1", "no Ray cluster answers there"), ("ray://there:1", "write HOST:PORT")):
        with pytest.raises(UserError, match=reason):
            afar.carried_out(tmp_path / "ray", plan, engine("ray", {"address": address}))


def test_a_full_disk_on_one_node_changes_no_row(tmp_path, cluster):
    (tmp_path / "flag").touch()
    plan = afar.parts(tmp_path, "cramped", flag=str(tmp_path / "flag"))
    nodes = [cluster.node(), cluster.node()]
    outcome, rows, said = afar.carried_out(tmp_path / "ray", plan, on(cluster))
    assert (outcome.started, outcome.bad) == (1, 0), said
    [line] = [line for line in said.splitlines() if "no room: OSError: [Errno 28]" in line]
    [full] = [one for one in nodes if f"({one.node_id[:8]})" in line]
    [(_, ran, tried)] = afar.ran(tmp_path / "ray")
    assert tried == 2
    assert f"({full.node_id[:8]})" not in ran
    _, expected, _ = afar.carried_out(tmp_path / "local", plan)
    assert rows == expected
