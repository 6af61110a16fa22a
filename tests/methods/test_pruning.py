"""Optimal Eye Surgeon and its rivals: scores and masks against their definitions, on networks small enough for a test."""

from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError

from benchmark import registry, solving
from benchmark.claims.papers.oes import FLAT
from benchmark.context import Context
from benchmark.instances import make_instance
from benchmark.solving import answer
from methods.images import pruning
from methods.images._fitting import Fitting
from methods.images._hourglass import draw_input, hourglass
from methods.images.oes import divergence_gradient

CPU = torch.device("cpu")
TINY = {"width": 8, "widest": 16, "scales": 3}


@pytest.fixture(scope="module")
def found():
    return make_instance(registry.get_task("denoising").load(), "tiny", 0, 1000)


def solve(name, problem, seed=1, recall=None, **given):
    points = []
    ctx = Context(CPU, seed, on_record=lambda step, seconds, estimates: points.append(estimates), recall=recall)
    method = registry.get_method(name)
    estimate = answer(method.load(), problem, ctx, method.spec.resolve("denoising", "tiny", given))
    return SimpleNamespace(estimate=estimate, points=points, mask=ctx.kept.get("mask"), ctx=ctx)


def quadratic(size=12):
    draw = torch.Generator().manual_seed(0)
    B = torch.randn(size, size, generator=draw, dtype=torch.float64)
    b = torch.randn(size, generator=draw, dtype=torch.float64)
    theta = torch.randn(size, generator=draw, dtype=torch.float64)
    return B @ B.T, b, theta, lambda t: t @ (B @ B.T) @ t / 2 + b @ t


def test_snip_and_grasp_are_their_formulas_on_a_quadratic():
    H, b, theta, loss = quadratic()
    g = H @ theta + b
    torch.testing.assert_close(pruning._gradient(theta, loss), g)
    torch.testing.assert_close(pruning._flow_of_gradients(theta, loss), theta * (H @ g))


def test_grasp_is_right_on_the_network_too(found):
    f = hourglass((3, 32, 32), **TINY)
    ctx = Context(CPU, 0)
    z, theta = draw_input(ctx, (3, 32, 32)).double(), f.weights.initial(ctx.generator, CPU).double()
    y = found.problem.y.double()

    def loss(t):
        return (f(t, z)[0] - y).square().mean()

    g, step = pruning._gradient(theta, loss), 1e-7
    numeric = (pruning._gradient(theta + step * g, loss) - pruning._gradient(theta - step * g, loss)) / (2 * step)
    found_score = pruning._flow_of_gradients(theta, loss)
    assert (found_score - theta * numeric).norm() < 1e-4 * found_score.norm()


def test_synflow_is_conserved_from_layer_to_layer():
    """Without biases R has degree one in each layer's weights, so the scores of each sum to R."""
    f = hourglass((3, 32, 32), **TINY)
    theta = f.weights.initial(torch.Generator().manual_seed(0), CPU)
    theta = torch.cat([p.flatten() * (not n.endswith(("bias", "shift"))) for n, p in f.weights.split(theta).items()])
    scores = f.weights.split(pruning._flow_of_weights(f, theta, (3, 32, 32)))
    flow = f.linear(theta.abs().double(), torch.ones(1, 32, 32, 32, dtype=torch.float64)).sum()
    for name, part in scores.items():
        if name.endswith(("weight", "gain")):
            torch.testing.assert_close(part.sum(), flow, rtol=1e-9, atol=0)


def test_synflow_does_not_cut_every_path(found):
    """What its own paper is about; magnitude and SNIP in one pool cut some layer through at the same share."""
    f = hourglass((3, 32, 32), **TINY)
    left = [
        min(
            part.sum()
            for name, part in f.weights.split(solve(name, found.problem, steps=1, keep=0.02, pool="all").mask).items()
            if "weight" in name
        )
        for name in ("synflow", "magnitude_pruning")
    ]
    assert left[0] > 0
    assert left[1] == 0


RIVALS = ["random_pruning", "magnitude_pruning", "snip", "grasp", "synflow"]


@pytest.mark.parametrize("name", [*RIVALS, "lottery_ticket", "oes", "oes_kernels"])
def test_of_all_weights_each_keeps_exactly_its_share(found, name):
    quick = {"mask_steps": 3} if name.startswith("oes") else {"round_steps": 2} if name == "lottery_ticket" else {"pool": "all"}
    quick |= {"pool": "all"} if name == "oes_kernels" else {}
    mask = solve(name, found.problem, steps=2, keep=0.07, **quick).mask
    assert mask.dtype == torch.bool
    assert mask.sum() == round(0.07 * len(mask))


@pytest.mark.parametrize("name", [*RIVALS, "oes_kernels"])
def test_of_kernels_each_keeps_its_share_and_all_that_is_no_kernel(found, name):
    quick = {"mask_steps": 3} if name == "oes_kernels" else {}
    parts = hourglass((3, 32, 32), **TINY).weights.split(solve(name, found.problem, steps=2, keep=0.07, **quick).mask)
    kernels = torch.cat([part.flatten() for name, part in parts.items() if name.endswith("weight")])
    assert kernels.sum() == round(0.07 * len(kernels))
    assert {name.rpartition(".")[2] for name in parts} == {"weight", "bias", "gain", "shift"}
    for name, part in parts.items():
        assert name.endswith("weight") or part.all(), name
    assert not parts["head.weight"].all() or name == "synflow"  # the last kernel is one of them


@pytest.mark.parametrize("name", RIVALS)
def test_by_layer_none_cuts_the_head(found, name):
    parts = hourglass((3, 32, 32), **TINY).weights.split(solve(name, found.problem, steps=1, keep=0.07, scope="layer").mask)
    assert parts["head.weight"].all()
    assert parts["down1.first.weight"].sum() == round(0.07 * parts["down1.first.weight"].numel())


def test_by_layer_has_no_pool_of_all(found):
    with pytest.raises(ValueError, match=r"^scope=layer cuts kernels alone; leave out pool=all$"):
        solve("snip", found.problem, scope="layer", pool="all")
    for name in ("snip", "oes_kernels"):
        with pytest.raises(ValidationError, match="'kernels' or 'all'"):
            registry.get_method(name).spec.resolve("denoising", "tiny", {"pool": "gains"})


def test_what_is_cut_through_is_constant_and_told(found):
    """Of two hundredths of all weights some channels get none at all; of kernels by layer each gets some."""
    told = {}
    for pool, more in (("all", {}), ("kernels", {"scope": "layer"})):
        method = registry.get_method("magnitude_pruning")
        given = method.spec.resolve("denoising", "tiny", {"keep": 0.02, "steps": 30, "pool": pool, **more})
        solved = solving.solve(registry.get_task("denoising").load(), method.load(), "tiny", 0, 1000, given)
        told[pool] = solved.scores
        shown = solved.estimate.clamp(0, 1).flatten(1).double().std(1, correction=0)
        truth = solved.instance.truth.flatten(1).double().std(1, correction=0)
        assert solved.scores["spread"] == pytest.approx((shown / truth).min().item(), rel=1e-9)
    assert told["all"]["spread"] < FLAT < told["kernels"]["spread"]
    assert told["all"]["kept_gains"] == 1  # as large as weights become
    assert told["kernels"]["kept_head"] == 1
    parts = hourglass((3, 32, 32), **TINY).weights.split(solved.kept["mask"].float())
    for trait, begin in (("kept_encoder", "down"), ("kept_decoder", "up")):
        kernels = [part.flatten() for name, part in parts.items() if name.startswith(begin) and name.endswith("weight")]
        assert solved.scores[trait] == pytest.approx(torch.cat(kernels).mean().item())


def test_masked_weights_never_move(found):
    f = hourglass((3, 32, 32), **TINY)
    ctx = Context(CPU, 0)
    z, theta = draw_input(ctx, (3, 32, 32)), f.weights.initial(ctx.generator, CPU)
    mask = (ctx.rand(len(theta)) < 0.95).float()
    fit = Fitting(found.problem, lambda t: f(t, z), theta, 1e-2, mask)
    before = [fit.step() for _ in range(5)]
    moved = fit.theta.detach() != theta
    assert moved[mask == 1].float().mean() > 0.5
    assert not moved[mask == 0].any()
    torch.testing.assert_close(before[0], f(mask * theta, z)[0])


def test_the_lottery_keeps_what_training_made_large(found):
    """Two prunings from a share of 1: the second mask lies inside the first, and training restarts from the same weights."""
    one = solve("lottery_ticket", found.problem, rounds=1, round_steps=10, steps=1, keep=0.2**0.5)
    two = solve("lottery_ticket", found.problem, rounds=2, round_steps=10, steps=1, keep=0.2)
    assert not (two.mask & ~one.mask).any()
    assert two.mask.sum() == round(0.2 * len(two.mask))


def divergence(logits, keep):
    p, p0 = logits.sigmoid(), torch.tensor(keep, dtype=logits.dtype)
    return (p * (p / p0).log() + (1 - p) * ((1 - p) / (1 - p0)).log()).mean()


def test_the_pull_is_the_gradient_of_the_divergence():
    logits = torch.linspace(-6, 4, 9, dtype=torch.float64, requires_grad=True)
    assert divergence(torch.zeros(7), 0.05).item() == pytest.approx(0.83, abs=5e-3)  # the figure of the paper's start
    [expected] = torch.autograd.grad(divergence(logits, 0.05), logits)
    torch.testing.assert_close(divergence_gradient(logits.detach(), 0.05), expected)
    for keep in (0.0, 1.0):
        assert divergence_gradient(logits.detach(), keep).isfinite().all()


def test_oes_learns_a_mask_before_it_trains(found):
    """Its curve is first that of the masked, untrained network; then that of training, from where the mask left it."""
    run = solve("oes", found.problem, mask_steps=60, steps=60, keep=0.95)
    assert len(run.points) >= 60
    loss = [(p["estimate"] - found.problem.y).square().mean().item() for p in run.points]
    assert loss[-1] < 0.7 * min(loss[:30])
    assert torch.equal(run.points[-1]["estimate"], run.estimate)


def test_a_mask_transfers_from_another_photograph(found):
    own = solve("oes", found.problem, mask_steps=5, steps=3)
    other = solve("oes", found.problem, mask_steps=5, steps=3, mask_from="coins")
    assert not torch.equal(own.mask, other.mask)
    asked = []
    again = solve("oes", found.problem, steps=3, mask_from="a" * 64, recall=lambda digest: asked.append(digest) or other.mask)
    assert asked == ["a" * 64]
    assert torch.equal(again.mask, other.mask)
    assert again.ctx.steps_done == 3
    with pytest.raises(ValueError, match="that mask is of 7 weights, and this network has"):
        solve("oes", found.problem, mask_from="a" * 64, recall=lambda digest: torch.ones(7))


def test_early_stopping_answers_where_the_outputs_move_least(found):
    run = solve("dip_es", found.problem, steps=60, window=6, patience=15)
    outputs = torch.stack([p["iterate"] for p in run.points]).double()
    variance = torch.stack([outputs[i - 5 : i + 1].var(0, correction=0).sum() for i in range(5, len(outputs))])
    best = 5 + int(variance.argmin())
    assert torch.equal(run.estimate, run.points[best]["iterate"])
    assert len(outputs) == min(60, best + 15 + 1)


def test_dip_on_photographs_stays_in_their_range(found):
    for network in ("unet", "hourglass"):
        given = {"network": network, "depth": 2} if network == "unet" else {"network": network}
        estimate = solve("dip", found.problem, steps=3, **given).estimate
        assert 0 <= estimate.min() < estimate.max() <= 1


def test_dip_fits_the_hourglass_where_values_have_no_range_too():
    mri = make_instance(registry.get_task("mri").load(), "tiny", 0, 1000)
    estimate = solve("dip", mri.problem, network="hourglass", depth=2, steps=3).estimate
    assert estimate.is_complex()
    assert estimate.imag.abs().max() > 0
