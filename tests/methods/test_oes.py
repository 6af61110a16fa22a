"""The objectives of Optimal Eye Surgeon and of the lottery ticket, step by step, with Adam written out.

The hourglass (held by test_hourglass.py) gives way to a layer of nine weights, so that the references are short and sure to a
rounding.
"""

import sys
from itertools import pairwise

import pytest
import torch

from benchmark import registry
from benchmark.context import Context
from benchmark.datasets import photographs
from benchmark.instances import make_instance
from methods.images._hourglass import draw_input, hourglass
from methods.images._weights import Weights
from methods.images.deep_decoder import decoder_weights
from methods.images.oes import elsewhere
from tests.methods.textbook import Adam

CPU = torch.device("cpu")
SEED = 4
TINY = {"width": 8, "widest": 16, "scales": 3}


class Layer:
    """sigmoid(W u + b) at each pixel, of two channels of the input: three times three weights."""

    def __init__(self):
        self.weights = Weights()
        self.weights.conv("only", 3, 2, 1)

    def __call__(self, theta, z):
        w, b = theta[:6].view(3, 2), theta[6:]
        return (torch.einsum("oi,bihw->bohw", w, 10 * z[:, :2]) + b.view(-1, 1, 1)).sigmoid()


@pytest.fixture(scope="module")
def problem():
    return make_instance(registry.get_task("denoising").load(), "tiny", 0, 1000).problem


def solve(monkeypatch, name, problem, layer=True, **given):
    """The points of a method's curve, its answer and its mask."""
    method = registry.get_method(name)
    function = method.load().function
    if layer:
        monkeypatch.setattr(sys.modules[function.__module__], "hourglass", lambda shape, **_: Layer())
    points = []
    ctx = Context(CPU, SEED, on_record=lambda step, seconds, estimates: points.append(estimates["estimate"]))
    answer = method.load()(problem, ctx, method.spec.resolve("denoising", "tiny", given))
    return points, answer, ctx.kept.get("mask")


def drawn(f, shape):
    """What a method draws at first: the context afterwards, z, theta_0 and an order."""
    ctx = Context(CPU, SEED)
    z, theta = draw_input(ctx, shape), f.weights.initial(ctx.generator, CPU)
    return ctx, z, theta, torch.randperm(f.weights.count, generator=ctx.generator)


def top(scores, count):
    return torch.zeros_like(scores).index_fill(0, scores.argsort(descending=True)[:count], 1.0)


def train(problem, f, z, theta, mask, lr, steps):
    """Masked weights trained from theta on the mean square of what is left; outputs and weights."""
    adam, outputs = Adam(theta, lr), []
    for _ in range(steps):
        w = adam.variable()
        x = f(mask * w, z)[0]
        outputs.append(x.detach())
        adam.step(torch.autograd.grad((problem.A(x) - problem.y).square().sum() / problem.y.numel(), w)[0])
    return outputs, adam.w


def assert_same(found, expected):
    """Within 1e-3 of its size: roundings move it by a millionth."""
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).norm() < 1e-3 * theirs.norm()


@pytest.mark.parametrize("mask_from", ["", "coins"])
def test_its_steps_are_the_papers(problem, monkeypatch, mask_from):
    keep, mask_lr, pull, temperature, lr = 5 / 9, 0.3, 0.3, 0.5, 0.1
    f = Layer()
    ctx, z, theta, _ = drawn(f, problem.A.shape)
    there, start = problem, theta
    if mask_from:
        there, start = elsewhere(problem, ctx, mask_from), f.weights.initial(ctx.generator, CPU)
    logits = Adam(torch.zeros(9), mask_lr)  # p = 1/2
    expected = [logits.w]
    for _ in range(8):
        variable = logits.variable()
        u = ctx.rand(9).clamp(1e-6, 1 - 1e-6)
        relaxed = torch.sigmoid((variable + u.log() - (1 - u).log()) / temperature)
        p = variable.sigmoid()
        divergence = (p * (p / keep).log() + (1 - p) * ((1 - p) / (1 - keep)).log()).sum()
        misfit = (there.A(f(relaxed * start, z)[0]) - there.y).square().sum() / there.y.numel()
        logits.step(torch.autograd.grad(misfit + pull / 9 * divergence, variable)[0])
        expected.append(logits.w)
    mask = top(logits.w, 5)
    assert logits.w.sort().values.diff()[3] > 0.01  # no tie at the threshold, so that a rounding cannot decide
    outputs, _ = train(problem, f, z, theta, mask, lr, 4)

    module, scored, masks = sys.modules["methods.images.oes"], [], []
    largest = module.largest

    def seen(scores, share, order):
        scored.append(scores.detach().clone())
        masks.append(largest(scores, share, order))
        assert share == keep
        return masks[-1]

    monkeypatch.setattr(module, "largest", seen)
    given = {"keep": keep, "mask_steps": 8, "mask_lr": mask_lr, "pull": pull, "temperature": temperature}
    points, answer, kept = solve(monkeypatch, "oes", problem, mask_from=mask_from, steps=4, lr=lr, **given)
    for ours, theirs in zip(scored, [*expected, expected[-1]], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-3)
    assert torch.equal(kept, mask.bool())
    # at first the curve is that of the masked, untrained network
    assert_same([*points, answer], [*(f(one * theta, z)[0] for one in masks[1:-1]), *outputs, outputs[-1]])


def test_another_photograph_is_measured_alike(problem):
    there = elsewhere(problem, Context(CPU, SEED), "coins")
    x = photographs.square(photographs.named("coins"), 32)
    noise = there.y - problem.A(x)
    assert noise.std().item() == pytest.approx(problem.noise, rel=0.1)
    assert abs(noise.mean().item()) < 0.1 * problem.noise
    assert there.A is problem.A


def test_the_lottery_rewinds_and_prunes_what_it_trained(problem, monkeypatch):
    f = Layer()
    _, z, theta, _ = drawn(f, problem.A.shape)
    mask, expected = torch.ones(9), []
    for number in (1, 2, 3):
        outputs, trained = train(problem, f, z, theta, mask, 0.5, 7)
        expected += outputs
        mask = top((mask * trained).abs(), round(9 * 0.3 ** (number / 3)))
    outputs, _ = train(problem, f, z, theta, mask, 0.5, 4)
    points, answer, kept = solve(monkeypatch, "lottery_ticket", problem, keep=0.3, rounds=3, round_steps=7, steps=4, lr=0.5)
    assert torch.equal(kept, mask.bool())
    assert_same([*points, answer], [*expected, *outputs, outputs[-1]])


def by_gradient(f, theta, z, problem):
    """(g, H g) of the loss at theta."""
    variable = theta.clone().requires_grad_()
    loss = (problem.A(f(variable, z)[0]) - problem.y).square().mean()
    [g] = torch.autograd.grad(loss, variable, create_graph=True)
    [Hg] = torch.autograd.grad(g @ g.detach(), variable)
    return g.detach(), Hg


SCORES = {
    "magnitude_pruning": lambda theta, g, Hg: theta.abs(),
    "snip": lambda theta, g, Hg: (theta * g).abs(),
    "grasp": lambda theta, g, Hg: theta * Hg,
}


@pytest.mark.parametrize("name", SCORES)
def test_masks_are_of_their_own_scores(problem, monkeypatch, name):
    f = hourglass(problem.A.shape, **TINY)
    _, z, theta, _ = drawn(f, problem.A.shape)
    expected = top(SCORES[name](theta, *by_gradient(f, theta, z, problem)), round(0.3 * len(theta))).bool()
    _, _, mask = solve(monkeypatch, name, problem, layer=False, keep=0.3, steps=1, pool="all")
    assert (mask != expected).sum() <= 0.002 * len(theta)  # roundings at the threshold


def test_synflow_prunes_in_a_hundred_rounds_that_shrink_alike(problem, monkeypatch):
    module = sys.modules[registry.get_method("synflow").load().function.__module__]
    shares, masked = [], []
    flow, largest = module._flow_of_weights, module.largest_within

    def seen(scores, keep, order, inside):
        shares.append(keep)
        return largest(scores, keep, order, inside)

    monkeypatch.setattr(module, "largest_within", seen)
    monkeypatch.setattr(
        module, "_flow_of_weights", lambda f, theta, shape: masked.append((theta != 0).sum().item()) or flow(f, theta, shape)
    )
    _, _, mask = solve(monkeypatch, "synflow", problem, layer=False, keep=0.3, steps=1, pool="all")
    assert len(shares) == 100
    assert shares[-1] == pytest.approx(0.3)
    assert all(after / before == pytest.approx(0.3**0.01) for before, after in pairwise(shares))
    # each round scores what the last one left (norms' shifts are zero from the start)
    shifts = sum(
        part.numel() for name, part in hourglass(problem.A.shape, **TINY).weights.split(mask).items() if "shift" in name
    )
    assert all(0 <= round(share * len(mask)) - left <= shifts for share, left in zip(shares, masked[1:], strict=False))


def test_random_pruning_is_random(problem, monkeypatch):
    f = hourglass(problem.A.shape, **TINY)
    _, _, mask = solve(monkeypatch, "random_pruning", problem, layer=False, keep=0.3, steps=1, pool="all")
    theta = drawn(f, problem.A.shape)[2].abs()
    large = theta > theta.median()
    assert mask[large].float().mean().item() == pytest.approx(0.3, abs=0.03)  # a kept weight is no larger than others


def test_inputs_are_a_tenth_of_uniform(problem, monkeypatch):
    z = draw_input(Context(CPU, 0), (3, 32, 40))
    assert z.shape == (1, 32, 32, 40)
    seen = []
    module = sys.modules[registry.get_method("deep_decoder").load().function.__module__]
    decoder = module.decoder
    monkeypatch.setattr(module, "decoder", lambda weights, theta, z: seen.append(z) or decoder(weights, theta, z))
    solve(monkeypatch, "deep_decoder", problem, layer=False, steps=1)
    assert seen[0].shape == (1, 16, 4, 4)
    for one in (z, seen[0]):
        assert 0 <= one.min() < 0.01
        assert 0.09 < one.max() < 0.1
        assert one.mean().item() == pytest.approx(0.05, rel=0.1)


NETWORK = {"width": 16, "widest": 128, "scales": 6}
PRUNING = NETWORK | {"keep": 0.05, "scope": "global", "pool": "kernels", "steps": 40000, "lr": 1e-2}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "oes",
            NETWORK
            | {"keep": 0.05, "mask_steps": 60000, "mask_lr": 1e-2, "pull": 3e-3, "temperature": 0.2, "mask_from": ""}
            | {"steps": 40000, "lr": 1e-2},
        ),
        ("lottery_ticket", NETWORK | {"keep": 0.055, "rounds": 13, "round_steps": 40000, "steps": 40000, "lr": 1e-2}),
        ("deep_decoder", {"steps": 40000, "lr": 1e-2, "layers": 5, "width": 128}),
        ("dip_es", NETWORK | {"steps": 40000, "lr": 1e-2, "window": 100, "patience": 1000}),
        *((name, PRUNING) for name in ("random_pruning", "magnitude_pruning", "snip", "grasp", "synflow")),
    ],
)
def test_what_is_not_set_is_the_papers(name, expected):
    assert registry.get_method(name).spec.resolve("denoising", "full", {}) == expected


def test_the_papers_pull_is_its_weight_for_its_network():
    """1e-9 on the sum over 3,008,867 weights."""
    pull = registry.get_method("oes").spec.resolve("denoising", "full", {})["pull"]
    count = hourglass((3, 512, 512), **NETWORK).weights.count
    assert pull == pytest.approx(1e-9 * count, rel=0.01)
    assert decoder_weights(5, 128, 3).count == 100_224
