from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from benchmark.context import Context
from benchmark.datasets.face_law import NAMES
from benchmark.editing.attributes import ATTRIBUTES
from benchmark.editing.shipped import card, face_reader
from benchmark.problems import Editing
from benchmark.registry import methods
from methods.editing import h_mean as asyrp
from methods.editing._attributes import Attributes
from methods.editing._edit import elsewhere, shaped
from methods.editing._flow import Flow
from methods.editing._middle import Middle, at, coarse
from methods.editing._power import leading
from methods.editing.attribute_gradient import attribute_gradient
from methods.editing.blended import blended
from methods.editing.pullback import pullback, walked
from tests.methods.editing.parts import boxes, named, network, problem
from tests.methods.editing.test_flow import one_gaussian

CPU = torch.device("cpu")
QUICK = {"t": 0.4, "steps": 10}


def looked_into(pictures: int = 1) -> Editing:
    """The named problem, its prior an untrained U-Net."""
    return replace(named(pictures), prior=network())


# --- the middle of the U-Net ----------------------------------------------------------------------------------------------


def test_the_middle_is_seen_and_moved() -> None:
    posed = looked_into()
    flow = Flow(posed, **QUICK)
    middle, block = Middle(flow), posed.prior.network.mid_block
    outs: list[Tensor] = []
    handle = block.register_forward_hook(lambda _block, _given, out: outs.append(out))
    clean, h = middle.seen(flow.z, flow.sigma)
    handle.remove()
    assert torch.equal(h, outs[0])
    assert h.shape == (1, 16, 4, 4)
    assert torch.equal(clean, flow.at()(flow.z))
    assert torch.allclose(middle.moved(flow.z, flow.sigma, None, torch.zeros_like(h)), clean, atol=1e-6)
    assert (middle.moved(flow.z, flow.sigma, None, torch.ones_like(h)) - clean).abs().max() > 1e-3
    assert not block._forward_hooks


def test_gradients_of_the_middle_are_counted() -> None:
    posed = looked_into()
    flow = Flow(posed, **QUICK)
    z = flow.z.expand(3, -1, -1, -1).clone().requires_grad_()
    before = posed.prior.calls.backward
    Middle(flow).h(z, flow.sigma).sum().backward()
    assert posed.prior.calls.backward == before + 3


def test_a_place_of_the_middle_belongs_to_a_region_that_touches_it() -> None:
    found = coarse(boxes(), torch.zeros(2, 4, 4))
    assert found.shape == (2, 2, 4, 4)
    wanted = torch.zeros(4, 4, dtype=torch.bool)
    wanted[0:2, 0:2] = True  # rows 1 to 3, columns 1 to 3
    assert torch.equal(found[0, 0], wanted)
    assert torch.equal(found[0, 1], wanted)


@pytest.mark.parametrize("masked", [False, True])
def test_pullback_takes_what_moves_the_middle_most(masked: bool) -> None:
    posed, ctx = looked_into(), Context(CPU, 0)
    posed.check(pullback(posed, ctx, {**QUICK, "count": 1, "masked": masked, "walk": 1, "rounds": 100}))
    flow = Flow(posed, **QUICK)
    h = at(Middle(flow))
    J = torch.autograd.functional.jacobian(lambda z: h(z[None])[0], flow.z[0], vectorize=True).reshape(256, 192)
    where = coarse(posed.regions[0], torch.zeros(16, 4, 4)) if masked else torch.ones(2, 16, 4, 4)
    for mask, v in zip(where, ctx.kept["directions"], strict=True):
        M = mask.reshape(-1, 1) * J
        assert (M @ v.flatten()).norm() > 0.97 * torch.linalg.matrix_norm(M, 2)


def test_pullback_walks_by_the_difference_of_the_noise() -> None:
    """With f(z) = m + g (z - m): x grows by 0.1 (1 - g) / sigma / sqrt(a) s v a step."""
    posed = one_gaussian(0.4)
    flow = Flow(posed, 0.5, 10)
    g = 0.4**2 / (0.4**2 + flow.sigma**2)
    step = torch.linspace(-1, 1, 12).reshape(3, 2, 2)
    moved = flow.z[None, :, None] + torch.stack([-2 * step, 0 * step, step])[None, None]
    found = walked(flow, moved, 16, 0.1)
    gain = 16 * 0.1 * (1 - g) / flow.sigma / flow.root
    assert torch.allclose(found - flow.z, gain * (moved - flow.z), atol=1e-4)


# --- Asyrp without a text -------------------------------------------------------------------------------------------------


class Plain:
    """A middle that is the picture itself, and moves it."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    def moved(self, z: Tensor, sigma: float, told: Tensor | None, by: Tensor) -> Tensor:
        return self.flow.f(z, sigma, told) + by


def test_the_middle_is_moved_in_the_clean_picture_alone_and_down_to_a_time(monkeypatch) -> None:
    posed = replace(one_gaussian(0.4), names=("mouth",))
    by = torch.full((3, 2, 2), 0.01)
    by[..., 1] = 0
    calls = []

    def constant(middle: Plain, known: Attributes, noise: Tensor, last: float) -> Tensor:
        calls.append(last)
        return 0.25 * by.expand(sum(s > last for s in middle.flow.sigmas[1:]), 1, 1, 3, 2, 2)

    monkeypatch.setattr(asyrp, "Middle", Plain)
    monkeypatch.setattr(asyrp, "differences", lambda *given: constant(*given) / 0.25)
    found = asyrp.h_mean(posed, Context(CPU, 0), {"t": 0.5, "until": 0.3, "steps": 20, "scale": 0.25})
    flow = Flow(posed, 0.5, 20)
    last = float(posed.prior.schedule.sigmas[round(0.3 * 999)])
    assert calls == [last]
    away = torch.zeros(3, 2, 2)
    for now, then in pairwise(flow.sigmas[::-1]):
        g = 0.4**2 / (0.4**2 + now**2)
        away = g * away + (0.25 * by if now > last else 0) + then / now * (1 - g) * away
    none = flow.down(flow.z, None)
    for i, s in enumerate(posed.strengths):
        assert torch.allclose(found[0, 0, i], flow.back(none + s * away)[0], atol=1e-4)


def test_the_difference_is_that_of_the_highest_and_the_lowest_quarter() -> None:
    posed = looked_into()
    flow = Flow(posed, 0.6, 5)
    middle = Middle(flow)

    class Known:
        own = ((1, 0), (0, 1))
        places = (0, 1)

        def numbers(self, clean: Tensor) -> Tensor:
            return torch.stack([torch.arange(8.0), torch.arange(8.0).flip(0)], 1)

    noise = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = asyrp.differences(middle, Known(), noise, flow.sigmas[1])
    assert found.shape == (len(flow.sigmas) - 2, 2, 2, 16, 4, 4)
    h = middle.h(flow.sigma * noise, flow.sigma)
    high = h[6:].mean(0) - h[:2].mean(0)
    assert torch.allclose(found[0, 0, 1], high, atol=1e-5)
    assert torch.allclose(found[0, 0, 0], -high, atol=1e-5)
    assert torch.allclose(found[0, 1, 0], high, atol=1e-5)


def test_h_mean_answers() -> None:
    posed = looked_into(pictures=2)
    found = posed.check(asyrp.h_mean(posed, Context(CPU, 0), {"t": 0.8, "steps": 5, "samples": 4}))
    flow = Flow(posed, 0.8, 5)
    assert torch.allclose(found[0, :, 2], flow.back(flow.down(flow.z, None)), atol=1e-5)
    assert (found[:, :, -1] - found[:, :, 2]).abs().amax((2, 3, 4)).min() > 0


# --- supervised -----------------------------------------------------------------------------------------------------------


def test_numbers_are_those_of_the_reader_and_belong_to_their_region() -> None:
    known, reader = Attributes(named()), face_reader()
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    told = reader.numbers(pictures)
    assert torch.allclose(known.numbers(2 * pictures - 1) * reader.spread + reader.mean, told, rtol=1e-3, atol=1e-3)
    for mine, name in zip(known.own, ("mouth", "hair"), strict=True):
        names = {NAMES[place] for place in mine}
        assert names == set(ATTRIBUTES[name]) & set(card().counts)
    assert len({len(mine) for mine in known.own}) == 1


def test_a_region_of_which_no_number_can_be_read_takes_all_of_its_numbers() -> None:
    counted = set(card().counts)
    assert not set(ATTRIBUTES["nose"]) & counted
    posed = named()
    both = replace(posed, names=("nose", "hair"))
    nose, hair = Attributes(both).own
    assert {NAMES[place] for place in nose} == set(ATTRIBUTES["nose"])
    assert {NAMES[place] for place in hair} == set(ATTRIBUTES["hair"]) & counted


def test_the_gradient_is_that_of_the_number_through_the_prior() -> None:
    posed = named()
    known, flow = Attributes(posed), Flow(posed, **QUICK)
    place = known.own[1][0]
    clean, v = known.towards(flow, flow.z, flow.sigma, torch.tensor([place]), None)
    assert torch.allclose(clean, flow.at()(flow.z), atol=1e-6)

    def number(z: Tensor) -> float:
        return float(known.numbers(flow.at()(z))[0, place])

    step = 0.02 * v / v.norm()
    slope = (number(flow.z + step) - number(flow.z - step)) / 0.04
    assert slope == pytest.approx(float(v.norm()), rel=0.1)


def test_the_gradient_is_taken_off_what_moves_outside() -> None:
    posed = named()
    flow = Flow(posed, **QUICK)
    others, _ = leading(flow.at(), flow.z[0], elsewhere(posed), 2, Context(CPU, 1))
    found = {}
    for projected in (True, False):
        ctx = Context(CPU, 0)
        posed.check(attribute_gradient(posed, ctx, {**QUICK, "outside": 2, "projected": projected}))
        found[projected] = (ctx.kept["directions"].flatten(1)[:, None] @ others.flatten(2).mT).abs().amax()
    assert found[True] < 0.02 < 0.1 < found[False]


def test_blended_changes_nothing_outside_and_moves_the_number_both_ways(monkeypatch) -> None:
    weights = torch.rand(192, 37, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(Attributes, "numbers", lambda self, clean: clean.flatten(1) @ weights)
    posed = named(pictures=2)
    found = posed.check(blended(posed, Context(CPU, 0), QUICK))
    flow = Flow(posed, **QUICK)
    none = flow.back(flow.down(flow.z, None))
    change = found - none[None, :, None]
    for r, mask in enumerate(boxes()):
        assert (change[r, 0] * ~mask).abs().max() < 1e-5
        assert (change[r, 0, 2] * mask).abs().max() < 1e-5
        means = (change[r, 0] * mask).mean((1, 2, 3))
        assert means[-1] > 0.001
        assert (means.diff() > 0).all()
    assert change[:, 1].abs().max() < 1e-6  # no direction that the second could get


# --- all ------------------------------------------------------------------------------------------------------------------


def test_what_is_not_edited_is_drawn_once_for_all_regions() -> None:
    posed = problem(pictures=2)
    flow = Flow(posed, **QUICK)
    before = posed.prior.calls.forward
    z = flow.z[None, :, None].expand(2, 2, 5, 3, 8, 8).clone()
    z[1, :, 0] += 0.5
    found = shaped(posed, flow, z)
    assert posed.prior.calls.forward - before == (2 + 2 * 2 * 4) * (len(flow.sigmas) - 1)
    assert torch.allclose(found[1, :, 0], flow.back(flow.down(flow.z + 0.5, None)), atol=1e-6)
    assert torch.allclose(found[0, :, 3], found[0, :, 2], atol=1e-6)


def test_their_results_depend_on_the_prior() -> None:
    ours = [entry.spec for entry in methods().values() if entry.spec.solves == "Editing"]
    assert {"loco_edit", "pullback", "h_mean", "attribute_gradient", "blended"} <= {spec.name for spec in ours}
    assert all("prior" in spec.needs for spec in ours)


@pytest.mark.parametrize("method", [pullback, asyrp.h_mean])
def test_a_prior_without_a_middle_is_refused(method) -> None:
    with pytest.raises(ValueError, match="a U-Net whose middle block can be looked into; this prior has none"):
        method(named(), Context(CPU, 0), QUICK)


@pytest.mark.parametrize("method", [asyrp.h_mean, attribute_gradient, blended])
@pytest.mark.parametrize(("names", "said"), [((), "these have no names"), (("mouth", "window"), "these are mouth, window")])
def test_regions_whose_numbers_are_not_known_are_refused(method, names, said) -> None:
    with pytest.raises(ValueError, match=said):
        method(replace(problem(), names=names), Context(CPU, 0), QUICK)


@pytest.mark.parametrize(
    ("given", "said"), [({"samples": 3}, "samples is 3"), ({"t": 0.4, "until": 0.5}, "t is 0.4, not above until, 0.5")]
)
def test_h_mean_needs_samples_and_steps(given, said) -> None:
    with pytest.raises(ValueError, match=said):
        asyrp.h_mean(looked_into(), Context(CPU, 0), {"steps": 5, "samples": 4, **given})
