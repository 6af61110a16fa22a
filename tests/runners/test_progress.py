"""What the terminal shows of jobs on other machines, and how it judges the time left."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from runners import pace
from runners.engines import messages
from runners.engines.messages import Moved, Start
from runners.pace import Nodes, Pace
from runners.plan import make_plan
from runners.progress import Display
from runners.request import Request


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def plan(seeds=3):
    return make_plan([Request(task="mri", method="zero_filled", preset="tiny", seeds=seeds, baseline=False)])


def solved(number):
    scores = {"psnr": 1.0, "ssim": 0.5, "nmse": 0.1}
    facts = {"label": "", "observation": "", "seconds": 1.0, "steps": 1, "truncated": False, "curve": (), "artifacts": ()}
    return messages.Solved(instance=number, scores=scores, **facts)


def test_the_pace_is_that_of_the_last_ten_minutes():
    clock = Clock()
    told = Pace(clock)
    assert told.words(5) == "unknown"
    for clock.now in range(10, 310, 10):  # six a minute for five minutes
        told.one()
    assert told.words(60) == "10 min, 6 instances a minute"
    for clock.now in range(301, 1301):  # then sixty a minute, for longer than what counts
        told.one()
    assert told.rate == pytest.approx(60, rel=0.01)
    clock.now += 600  # and then none
    assert told.rate == pytest.approx(30, rel=0.01)


def test_of_slow_instances_the_last_twenty_count():
    clock = Clock()
    told = Pace(clock)
    for clock.now in range(1000, 101_000, 1000):
        told.one()
    assert len(told.ends) == 21
    assert told.words(3) == "50 min, 0.06 instances a minute"


def shown(display):
    """The bars: description, what ended, of how many, note."""
    return [(bar.description, bar.completed, bar.total, bar.fields["note"]) for bar in display.bars.tasks if bar.visible]


def test_each_node_has_a_line_with_what_runs_there():
    first, second, third = (jobs := plan()).jobs
    display = Display(jobs, Console(file=io.StringIO(), width=200, force_terminal=True), many=True)
    display.start(first, Start(node="a (1)"))
    display.start(second, Start(node="b (2)"))
    display.start(third, Start(node="a (1)"))
    display.step(first, messages.Step(instance=0, step=1, steps=2, score=None))
    display.instance(first, solved(0))
    assert shown(display) == [
        ("all instances", 1, 6, "3 jobs on 2 nodes"),
        ("a (1)", 1, 4, "mri/tiny zero_filled seed 0, mri/tiny zero_filled seed 2"),
        ("b (2)", 0, 2, "mri/tiny zero_filled seed 1"),
    ]
    display.moved(first, Moved(reason="lost on a (1)").reason)
    display.ended(third)  # it failed before its first instance
    assert shown(display)[:2] == [("all instances", 1, 4, "1 job on 1 node"), ("a (1)", 0, 0, "nothing runs there")]
    display.start(first, Start(node="b (2)", tried=2))
    display.instance(first, solved(1))
    display.ended(first)
    assert shown(display)[0] == ("all instances", 2, 4, "1 job on 1 node")
    assert shown(display)[2] == ("b (2)", 0, 2, "mri/tiny zero_filled seed 1")


def test_jobs_on_this_machine_keep_a_bar_an_instance():
    [job] = (jobs := plan(1)).jobs
    display = Display(jobs, Console(file=io.StringIO(), width=200, force_terminal=True))
    display.start(job, Start())
    display.step(job, messages.Step(instance=0, step=1, steps=2, score=7.0))
    assert shown(display) == [("all instances", 0, 2, ""), ("zero_filled instance 0", 1, 2, "psnr 7 dB")]


def test_a_node_where_nothing_runs_goes_and_what_has_no_line_is_counted():
    clock, jobs = Clock(), plan(4).jobs
    nodes = Nodes(Progress(disable=True), 8, clock)  # room for two
    for job, name in zip(jobs, "abc", strict=False):
        nodes.arrive(job, name, 0)
    assert [bar.description for bar in nodes.bars.tasks if bar.visible] == ["a", "b"]
    assert nodes.words() == "3 jobs on 3 nodes, 1 not shown"
    nodes.leave(jobs[0])
    clock.now = pace._IDLE + 1
    nodes.arrive(jobs[3], "c", 0)
    assert [bar.description for bar in nodes.bars.tasks if bar.visible] == ["b", "c"]
    assert nodes.words() == "3 jobs on 2 nodes"


def test_without_a_terminal_a_line_a_minute_says_how_far_the_whole_is():
    clock, jobs, said = Clock(), plan(2), io.StringIO()
    display = Display(jobs, Console(file=said, width=200), many=True, clock=clock)
    display.start(jobs.jobs[0], Start(node="a (1)"))
    clock.now = 30.0
    display.instance(jobs.jobs[0], solved(0))
    assert "left" not in said.getvalue()
    clock.now = 61.0
    display.instance(jobs.jobs[0], solved(1))
    assert "\n2 of 4 instances, 1 job on 1 node; left 61 s, 2 instances a minute\n" in said.getvalue()


def test_the_lines_of_a_study_say_which_parameters_ran():
    study = Request(task="mri", method="cg_sense", preset="tiny", seeds="1000,", grid={"steps": [5, 20]}, baseline=False)
    said, jobs = io.StringIO(), make_plan([study])
    display = Display(jobs, Console(file=said, width=200), many=True)
    for job in jobs.jobs:
        display.start(job, Start())
        display.instance(job, solved(0))
    first, inside, second, its = said.getvalue().splitlines()
    assert first.startswith("mri/tiny cg_sense seed 1000 [steps=5]: 2 of 2 instances")
    assert inside.startswith("  mri/tiny cg_sense seed 1000 [steps=5]: instance 0")
    assert second.startswith("mri/tiny cg_sense seed 1000 [steps=20]: 2 of 2 instances")
    assert its.startswith("  mri/tiny cg_sense seed 1000 [steps=20]: instance 0")
