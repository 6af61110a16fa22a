import time

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
        ctx.record(step, torch.zeros(1), iterate=torch.ones(1))
    ctx.clock.stop()
    assert ctx.clock.seconds < 0.2
    assert ctx.steps_done == 400
    assert 40 <= len(seen) <= 41
    assert seen[0] == (0, ["estimate", "iterate"])
    assert seen[-1][0] == 399


def test_randomness_comes_from_the_seed_alone():
    one, two, three = (Context(torch.device("cpu"), seed) for seed in (5, 5, 6))
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    assert torch.equal(one.rand(3, 2), two.rand(3, 2))
    assert not torch.equal(one.randn(8), three.randn(8))
    assert torch.equal(before, torch.random.get_rng_state())
