import time

import pytest
import torch

from benchmark.context import Clock, Context, Times

CPU = torch.device("cpu")


class Faked:
    """Three clocks that go when they are told to."""

    def __init__(self):
        self.at = Times()

    def go(self, wall, process, thread):
        self.at = self.at.plus(Times(), Times(wall, process, thread))


@pytest.fixture
def clocks(monkeypatch):
    faked = Faked()
    monkeypatch.setattr(Times, "now", lambda: faked.at)
    return faked


def test_steps_end_when_the_budget_is_spent():
    ctx = Context(CPU, 0, budget=0.05)
    ctx.clock.start()
    for _ in ctx.steps(1000):
        until = time.thread_time() + 0.01
        while time.thread_time() < until:
            pass
    ctx.clock.stop()
    assert ctx.truncated
    assert 1 <= ctx.steps_done < 20


def test_waiting_for_a_processor_costs_nothing_of_the_budget(clocks):
    ctx = Context(CPU, 0, budget=1.0)
    ctx.clock.start()
    for _ in ctx.steps(1000):
        clocks.go(10.0, 0.125, 0.125)
    ctx.clock.stop()
    assert ctx.truncated
    assert ctx.steps_done == 8
    assert (ctx.clock.seconds, ctx.clock.cpu_seconds, ctx.clock.spent) == (80.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("threads", "process", "thread", "expected"),
    [
        (1, 3.0, 3.0, 3.0),
        (2, 6.0, 3.0, 3.0),  # both threads at work all the time
        (2, 3.0, 3.0, 3.0),  # its own alone
        (2, 5.0, 1.0, 2.5),  # others do most of it
        (4, 8.0, 0.0, 2.0),  # it waits for others
    ],
)
def test_cpu_seconds_are_of_the_own_thread_or_a_share_of_all(clocks, monkeypatch, threads, process, thread, expected):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    clock = Clock(CPU)
    clock.start()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 100)  # a method that asks for more has no more time
    clocks.go(4.0, process, thread)
    assert clock.cpu_seconds == clock.spent == expected
    clock.stop()
    clocks.go(50.0, 50.0, 50.0)  # a pause
    assert clock.cpu_seconds == clock.spent == expected
    clock.start()
    clocks.go(4.0, process, thread)
    clock.stop()
    assert (clock.seconds, clock.cpu_seconds) == (8.0, 2 * expected)


def test_on_a_gpu_the_budget_counts_the_time_on_the_wall(clocks, monkeypatch):
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: clocks.go(0.5, 0.5, 0.5))
    clock = Clock(torch.device("cuda"))
    clock.start()
    clocks.go(4.0, 1.0, 1.0)
    assert (clock.seconds, clock.spent, clock.cpu_seconds) == (4.0, 4.0, None)
    clock.stop()
    assert clock.spent == 4.5  # with what the device had still to do


def test_recording_holds_the_clock_and_thins_the_curve():
    seen = []

    def slow(step, seconds, estimates):
        time.sleep(0.01)
        seen.append((step, sorted(estimates)))

    ctx = Context(torch.device("cpu"), 0, on_record=slow)
    ctx.clock.start()
    for step in ctx.steps(400):
        if step == 6:
            time.sleep(0.05)  # of the method, before a point
        ctx.record(step, torch.zeros(1), iterate=torch.ones(1))
    ctx.clock.stop()
    assert 0.05 <= ctx.clock.seconds < 0.25
    assert ctx.steps_done == 400
    assert len(seen) == 68  # steps 0, 6, ... 396 and the last
    assert seen[0] == (0, ["estimate", "iterate"])
    assert seen[-1][0] == 399


@pytest.mark.parametrize("steps", [1, 7, 59, 60, 61, 119, 120, 179, 1500])
def test_a_curve_has_60_to_120_even_points_or_one_for_each_step(steps):
    seen = []
    ctx = Context(torch.device("cpu"), 0, on_record=lambda step, seconds, estimates: seen.append(step))
    for step in ctx.steps(steps):
        ctx.record(step, torch.zeros(1))
    assert min(steps, 60) <= len(seen) <= 120
    assert seen[-1] == steps - 1
    assert seen[:-1] == list(range(0, steps, max(1, steps // 60)))[: len(seen) - 1]


def test_what_only_the_curve_needs_is_made_for_its_points_alone():
    made, seen = [], []

    def slow():
        time.sleep(0.01)
        made.append(1)
        return torch.ones(1, requires_grad=True)

    ctx = Context(torch.device("cpu"), 0, on_record=lambda step, seconds, estimates: seen.append(estimates))
    ctx.clock.start()
    for step in ctx.steps(400):
        ctx.record(step, slow, other=torch.zeros(1))
    ctx.clock.stop()
    assert len(made) == len(seen) == 68
    assert ctx.clock.seconds < 0.2
    assert not seen[0]["estimate"].requires_grad


def test_randomness_comes_from_the_seed_alone():
    def draws(seed):
        ctx = Context(torch.device("cpu"), seed)
        return torch.cat([ctx.rand(3, 2).flatten(), ctx.randn(8), torch.rand(4, generator=ctx.generator)])

    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    assert torch.equal(draws(5), draws(5))
    assert not (draws(5) == draws(6)).any()
    assert torch.equal(before, torch.random.get_rng_state())


def recorded(loops, record=True):
    """(step, seconds said to be done) of a method with a loop of each of these lengths, left after so many steps."""
    seen, told = [], []
    ctx = Context(
        torch.device("cpu"),
        0,
        on_record=lambda step, seconds, estimates: seen.append(step),
        on_step=lambda step, total: told.append((step, total)),
    )
    for total, taken in loops:
        for step in ctx.steps(total):
            if record:
                ctx.record(step, torch.zeros(1))
            if step + 1 == taken:
                break
    return seen, told


def test_the_steps_of_a_second_loop_go_on_counting():
    seen, told = recorded([(3, 3), (4, 4)])
    assert seen == [0, 1, 2, 3, 4, 5, 6]
    assert told == [(0, 3), (1, 3), (2, 3), (3, 7), (4, 7), (5, 7), (6, 7)]


def test_the_steps_after_a_loop_that_was_left_early_go_on_too():
    assert recorded([(5, 2), (3, 3)])[0] == [0, 1, 2, 3, 4]
    seen, _ = recorded([(120, 120), (240, 240)])
    assert seen == [*range(0, 120, 2), 119, *range(120, 360, 4), 359]


def test_loops_within_loops_record_no_step_twice():
    seen = []
    ctx = Context(torch.device("cpu"), 0, on_record=lambda step, seconds, estimates: seen.append(step))
    for _ in ctx.steps(3):
        for step in ctx.steps(2):
            ctx.record(step, torch.zeros(1))
    assert len(seen) == len(set(seen)) == 6
    assert seen == sorted(seen)


@pytest.mark.parametrize("name", ["estimate", "truth", "estimate_labels", "truth_2"])
def test_a_name_under_which_the_suite_keeps_a_picture_is_refused(name):
    ctx = Context(torch.device("cpu"), 0)
    with pytest.raises(ValueError, match="choose another"):
        ctx.keep(name, torch.zeros(1))
    assert not ctx.kept
    ctx.keep("mask", torch.zeros(1))
    assert [*ctx.kept] == ["mask"]
