"""The objective of self-guided DIP, step by step, against the paper's pseudo-code with Adam written out.

The U-Net (held by test_networks.py) gives way to one small layer, so that the reference is short and sure to a rounding.
"""

import sys

import pytest
import torch
from torch import nn

from benchmark import registry
from benchmark.context import Context
from benchmark.instances import make_instance
from tests.methods.textbook import Adam

CPU = torch.device("cpu")
SEED = 3
STEPS = 5


class Layer(nn.Module):
    """tanh(W u + b) at each pixel. It is not linear, so that a mean of outputs is not the output of a mean."""

    def __init__(self, channels):
        super().__init__()
        draw = torch.Generator().manual_seed(channels)
        self.weight = nn.Parameter(1.5 * torch.randn(channels, channels, generator=draw))
        self.bias = nn.Parameter(torch.randn(channels, generator=draw))

    def forward(self, u):
        return layer(u, self.weight, self.bias)


def layer(u, weight, bias):
    return torch.tanh(torch.einsum("oi,bihw->bohw", weight, u) + bias.view(-1, 1, 1))


@pytest.fixture(scope="module")
def problems():
    return {name: make_instance(registry.get_task(name).load(), "tiny", 0, 1000).problem for name in ("mri", "inpainting")}


def solve(monkeypatch, name, problem, task, **given):
    """The iterates of a method on the small layer, and its answer."""
    method = registry.get_method(name)
    function = method.load().function
    monkeypatch.setattr(sys.modules[function.__module__], "unet", lambda channels, out, **_: Layer(channels))
    iterates = []
    ctx = Context(CPU, SEED, on_record=lambda step, seconds, estimates: iterates.append(estimates["iterate"]))
    answer = method.load()(problem, ctx, method.spec.resolve(task, "tiny", {"steps": STEPS, **given}))
    return iterates, answer


def as_written(problem, z, *, lr, lr_input=0.0, pull=0.0, draws=1, noise="none", average=0.9, eta=None):
    """||A x - s y|| + pull / sqrt(HW) ||z - x||,  x = mean of f(z + eta_j): iterates and their corrected average, both / s."""
    A, channels = problem.A, z.shape[1]
    bounded = problem.value_range is not None
    start = Layer(channels)
    weight, bias, inputs = Adam(start.weight, lr), Adam(start.bias, lr), Adam(z, lr_input)

    def f(u, weight, bias):
        return layer(u, weight, bias).sigmoid() if bounded else layer(u, weight, bias)

    def image(x):
        return torch.complex(x[0, 0], x[0, 1]) if A.dtype.is_complex else x[0]

    s = 1.0 if bounded else layer(z, start.weight, start.bias).norm().item() / A.H(problem.y).norm().item()
    iterates, total, share = [], 0.0, 0.0
    for _ in range(STEPS):
        variables = [one.variable() for one in (weight, bias, inputs)]
        u, most = variables[2], variables[2].max().item()
        drawn = eta(draws, *z.shape[1:]) if noise != "none" else torch.zeros(draws, *z.shape[1:])
        if noise == "zero_mean":
            drawn = drawn - 0.5
        outputs = [f(u + most / 2 * one[None], *variables[:2]) for one in drawn]  # one pass for each draw
        x = torch.stack(outputs).sum(0) / draws
        loss = (A(image(x)) - s * problem.y).abs().square().sum().sqrt()
        loss = loss + pull / (z.shape[2] * z.shape[3]) ** 0.5 * (u - x).square().sum().sqrt()
        for one, slope in zip((weight, bias, inputs), torch.autograd.grad(loss, variables), strict=True):
            one.step(slope)
        iterates.append(image(x).detach() / s)
        total, share = average * total + (1 - average) * iterates[-1], average * share + 1 - average
    return iterates, total / share


def assert_same(found, expected):
    """Within 1e-3 of its size: a wrong term moves it by a hundredth and more, roundings by a millionth."""
    for ours, theirs in zip([*found[0], found[1]], [*expected[0], expected[1]], strict=True):
        assert (ours - theirs).norm() < 1e-3 * theirs.norm()


@pytest.mark.parametrize("task", ["mri", "inpainting"])
@pytest.mark.parametrize("noise", ["uniform", "zero_mean", "none"])
def test_its_steps_are_the_papers(problems, monkeypatch, task, noise):
    """A rate of 1.2 takes z below -1 in a step, where the largest value is no longer the largest size."""
    problem = problems[task]
    given = {"lr": 0.05, "lr_input": 1.2, "pull": 5.0, "draws": 3, "noise": noise, "average": 0.9}
    ctx = Context(CPU, SEED)
    z = ctx.rand(1, 2 if task == "mri" else 3, *problem.A.shape[-2:])  # U[0, 1)
    expected = as_written(problem, z, **given, eta=ctx.rand)
    assert_same(solve(monkeypatch, "self_guided_dip", problem, task, **given), expected)


@pytest.mark.parametrize("task", ["mri", "inpainting"])
def test_a_plain_prior_fits_from_an_input_that_stays(problems, monkeypatch, task):
    problem = problems[task]
    z = Context(CPU, SEED).rand(1, 2 if task == "mri" else 3, *problem.A.shape[-2:])
    found = solve(monkeypatch, "dip", problem, task, network="unet", lr=0.5, average=0.9)
    assert_same(found, as_written(problem, z, lr=0.5))


def test_a_reference_is_the_real_part_of_the_input(problems, monkeypatch):
    problem = problems["mri"]
    z = torch.stack([problem.references["same"], torch.zeros(problem.A.shape)])[None]
    found = solve(monkeypatch, "reference_guided_dip", problem, "mri", reference="same", lr=0.05, average=0.9)
    assert_same(found, as_written(problem, z, lr=0.05))


DEMONSTRATION = {"steps": 4000, "lr": 3e-4, "average": 0.99, "width": 64, "depth": 5}


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("self_guided_dip", {"lr_input": 0.1, "pull": 2.0, "draws": 3, "noise": "uniform"}),
        ("dip", {"network": "unet", "widest": 128}),
        ("reference_guided_dip", {"reference": "neighbour"}),
    ],
)
def test_what_is_not_set_is_as_in_the_papers_demonstration(name, own):
    assert registry.get_method(name).spec.resolve("mri", "full", {}) == DEMONSTRATION | own


@pytest.mark.parametrize(("task", "lr"), [("denoising", 1e-3), ("inpainting", 1e-2)])
def test_the_dense_network_of_the_eye_surgeon_is_its_papers(task, lr):
    expected = DEMONSTRATION | {"network": "hourglass", "average": 0.0, "lr": lr, "width": 16, "depth": 6, "steps": 40000}
    assert registry.get_method("dip").spec.resolve(task, "full", {}) == expected | {"widest": 128}
