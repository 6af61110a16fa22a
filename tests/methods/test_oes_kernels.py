"""The variant of Optimal Eye Surgeon that cuts kernels alone: what it changes, and that it changes nothing else."""

import sys
from itertools import pairwise
from math import cos, pi

import pytest
import torch

from benchmark import registry
from benchmark.context import Context
from benchmark.instances import make_instance
from benchmark.solving import answer
from methods.images import _pruned
from methods.images._hourglass import hourglass
from methods.images.oes import divergence_gradient

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def problem():
    return make_instance(registry.get_task("denoising").load(), "tiny", 0, 1000).problem


def solve(name, problem, recall=None, **given):
    points = []
    ctx = Context(CPU, 3, on_record=lambda step, seconds, estimates: points.append(estimates["estimate"]), recall=recall)
    method = registry.get_method(name)
    estimate = answer(method.load(), problem, ctx, method.spec.resolve("denoising", "tiny", given))
    return estimate, ctx.kept["mask"], points


@pytest.mark.parametrize("mask_from", ["", pytest.param("coins", marks=pytest.mark.long)])
def test_with_all_weights_and_a_constant_rate_it_is_the_papers(problem, mask_from):
    given = {"mask_steps": 60, "steps": 60, "keep": 0.5, "pull": 0.3, "mask_from": mask_from}
    ours, mask, points = solve("oes_kernels", problem, pool="all", mask_decay=False, **given)
    theirs, expected, curve = solve("oes", problem, **given)
    assert torch.equal(mask, expected)
    assert torch.equal(ours, theirs)
    assert torch.equal(points[0], curve[0])  # that of the mask after its first step
    for one in ({"pool": "kernels"}, {"mask_decay": True}):
        assert not torch.equal(solve("oes_kernels", problem, **given | {"pool": "all", "mask_decay": False} | one)[1], expected)


def test_the_rate_falls_along_half_a_cosine(problem, monkeypatch):
    rates, step = [], torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: rates.append(self.param_groups[0]["lr"]) or step(self))
    solve("oes_kernels", problem, mask_steps=8, mask_lr=0.4, steps=2, lr=7.0)
    assert rates[:8] == pytest.approx([0.2 * (1 + cos(pi * at / 8)) for at in range(8)])
    assert all(after < before for before, after in pairwise(rates[:8]))
    assert rates[8:] == [7.0, 7.0]
    rates.clear()
    solve("oes_kernels", problem, mask_steps=3, mask_lr=0.4, steps=1, lr=7.0, mask_decay=False)
    assert rates == [0.4, 0.4, 0.4, 7.0]


def test_the_divergence_is_the_mean_over_the_pool(problem, monkeypatch):
    module, seen = sys.modules[registry.get_method("oes_kernels").load().function.__module__], []

    def divergence(logits, keep):
        seen.append(len(logits))
        return divergence_gradient(logits, keep)

    monkeypatch.setattr(module, "divergence_gradient", divergence)
    weights = hourglass((3, 32, 32), width=8, widest=16, scales=3).weights
    kernels = sum(part.numel() for name, part in weights.split(torch.zeros(weights.count)).items() if "weight" in name)
    for pool, count in (("kernels", kernels), ("all", weights.count)):
        seen.clear()
        solve("oes_kernels", problem, mask_steps=2, steps=1, pool=pool)
        assert seen == [count, count]
        assert len(_pruned.places(weights, pool)) == count


def test_a_mask_of_another_run_is_used_as_it_is(problem):
    kept = solve("oes_kernels", problem, mask_steps=3, steps=1)[1]
    again = solve("oes_kernels", problem, recall=lambda digest: ~kept, mask_from="a" * 64, steps=3)
    assert torch.equal(again[1], ~kept)
    assert len(again[2]) == 3
    with pytest.raises(ValueError, match="that mask is of 7 weights, and this network has"):
        solve("oes_kernels", problem, mask_from="a" * 64, recall=lambda digest: torch.ones(7))


def test_it_is_declared():
    ours, theirs = registry.get_method("oes_kernels").spec, registry.get_method("oes").spec
    assert "pool" not in theirs.parameters.model_fields  # the paper's recipe has no choice
    for preset in ("small", "small_128", "full"):
        here, there = ours.resolve("denoising", preset, {}), theirs.resolve("denoising", preset, {})
        assert {name for name in here if here[name] != there.get(name)} <= {"pool", "mask_decay", "pull", "mask_lr"}
        assert (here["pool"], here["mask_decay"]) == ("kernels", True)
