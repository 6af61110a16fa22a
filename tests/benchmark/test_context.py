import time

import pytest
import torch

from benchmark.context import Context


def test_steps_end_when_the_budget_is_spent():
    ctx = Context(torch.device("cpu"), 0, budget=0.05)
    ctx.clock.start()
    for _ in ctx.steps(1000):
        time.sleep(0.01)
    ctx.clock.stop()
    assert ctx.truncated
    assert 1 <= ctx.steps_done < 20
    assert ctx.clock.seconds < 0.5


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
