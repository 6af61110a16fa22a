"""Edits with a prior of latents: directions in latents, regions in pixels."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from benchmark.context import Context
from benchmark.priors.text.folder import load
from benchmark.priors.text.prior import TextPrior
from benchmark.problems import Editing
from methods.editing._edit import elsewhere, inside
from methods.editing._flow import Flow, levels
from methods.editing._power import leading
from methods.editing.attribute_gradient import attribute_gradient
from methods.editing.blended import blended
from methods.editing.h_mean import h_mean
from methods.editing.loco_edit import loco_edit
from methods.editing.masked import masked
from methods.editing.noise_jacobian import noise_jacobian
from methods.editing.pullback import pullback
from methods.editing.random_direction import random_direction
from methods.editing.t_loco import t_loco, towards
from methods.editing.unmasked import unmasked
from tests.benchmark.priors import made_up

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
CPU = torch.device("cpu")
QUICK = {"t": 0.5, "steps": 4}


@pytest.fixture(scope="module")
def priors(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, TextPrior]:
    root = tmp_path_factory.mktemp("priors")
    return {jumps: load(made_up.told_in_words(root / str(jumps), jumps, scale=20.0)) for jumps in (False, True)}


@pytest.fixture
def posed(priors: dict[bool, TextPrior]) -> Editing:
    return pose(priors[False])


@pytest.fixture
def jumping(priors: dict[bool, TextPrior]) -> Editing:
    return pose(priors[True])


def pose(prior: TextPrior) -> Editing:
    regions = torch.zeros(1, 2, 16, 16, dtype=torch.bool)
    regions[0, 0, 2:8, 2:8] = True
    regions[0, 1, 8:, 4:] = True
    return Editing(
        prior=prior.again(),
        pictures=torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1)),
        regions=regions,
        strengths=(-2.0, -1.0, 0.0, 1.0, 2.0),
        told=prior.embedded(["a man"]),
        wanted=prior.embedded(["a red hat", "a woman"]),
    )


def test_pictures_are_encoded_at_first_and_decoded_at_last(posed: Editing) -> None:
    flow = Flow(posed, 0.5, 6, 3.0)
    assert flow.z.shape == (1, 4, 8, 8)
    z = posed.prior.encode(2 * posed.pictures - 1)
    assert torch.allclose(flow.up(z, posed.told), flow.z, atol=1e-5)
    clean = flow.down(flow.z, posed.told)
    expected = ((1 + posed.prior.decode(clean)) / 2).clamp(0, 1)
    assert torch.allclose(flow.back(clean), expected, atol=1e-6)
    assert flow.back(clean[None, :, None]).shape == (1, 1, 1, 3, 16, 16)


def test_guidance_is_of_latents_before_they_are_decoded(posed: Editing) -> None:
    flow = Flow(posed, 0.5, 4, 3.0)
    prior, free, told = posed.prior, posed.prior(flow.z, flow.sigma), posed.prior(flow.z, flow.sigma, posed.told)
    assert torch.allclose(flow.at()(flow.z), prior.decode(free + 3 * (told - free)), atol=1e-5)
    assert (told - free).abs().max() > 1e-3


@pytest.mark.parametrize("pull", [None, 4.0])
def test_the_direction_is_the_gradient_by_finite_differences(posed: Editing, pull: float | None) -> None:
    """Of <d, M f_e(z)>, in float64, with f_e = Dec(f_o + pull (f_wanted - f_free)) or of the wish alone."""
    prior = posed.prior
    for part in (prior.network, prior.autoencoder):
        part.double()
    try:
        told, wanted = posed.told.double(), posed.wanted.double()
        double = replace(posed, pictures=posed.pictures.double(), told=told, wanted=wanted)
        flow, region = Flow(double, 0.5, 2, 3.0), posed.regions[0, 0]

        def mean(z: Tensor, text: Tensor | None) -> Tensor:
            return prior(z, flow.sigma, text)

        def shown(z: Tensor, text: Tensor) -> Tensor:
            free = mean(z, None)
            return free + 3 * (mean(z, text) - free)

        def f_e(z: Tensor) -> Tensor:
            if pull is None:
                return prior.decode(shown(z, wanted[:1]))
            return prior.decode(shown(z, told) + pull * (mean(z, wanted[:1]) - mean(z, None)))

        found = towards(flow, region, wanted[0], pull)
        z, step = flow.z, 1e-5
        with torch.no_grad():
            d = region * (f_e(z) - prior.decode(shown(z, told)))
            for seed in range(3):
                v = torch.randn(z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(seed))
                slope = (d * (f_e(z + step * v) - f_e(z - step * v))).sum() / (2 * step)
                assert float((found * v).sum()) == pytest.approx(float(slope), rel=1e-5)
    finally:
        for part in (prior.network, prior.autoencoder):
            part.float()


def test_leading_directions_lie_in_latents_for_regions_of_pixels(posed: Editing) -> None:
    flow = Flow(posed, 0.5, 4)
    f, z = flow.at(), flow.z[0]
    masks = torch.cat([inside(posed), elsewhere(posed)])
    J = torch.autograd.functional.jacobian(lambda x: f(x[None])[0].flatten(), z).reshape(-1, z.numel())
    exact = torch.stack([torch.linalg.svdvals(mask.reshape(-1, 1) * J)[:2] for mask in masks])
    for sketch in (0, 200):
        _, S = leading(f, z, masks, 2, Context(CPU, 0), most=60, tolerance=1e-8, sketch=sketch, batch=7)
        assert torch.allclose(S[:, 0], exact[:, 0], rtol=2e-2), sketch


@pytest.mark.parametrize("method", [loco_edit, masked, unmasked, random_direction, noise_jacobian, pullback, t_loco])
def test_methods_answer_with_pictures(method, posed: Editing) -> None:
    ctx = Context(CPU, 0)
    given = (
        {**QUICK, "count": 2, "rounds": 2} if method is not t_loco else {**QUICK, "outside": 2, "rounds": 2, "version": "sum"}
    )
    found = posed.check(method(posed, ctx, {**given, **({"walk": 2} if method is pullback else {})}))
    assert found.shape == (2, 1, 5, 3, 16, 16)
    assert ctx.kept["directions"].shape == (2, 4, 8, 8)
    assert (found[:, :, -1] - found[:, :, 2]).abs().amax((1, 2, 3, 4)).min() > 1e-4
    flow = Flow(posed, 0.5, 4)
    if method is not t_loco:
        assert torch.allclose(found[0, :, 2], flow.back(flow.down(flow.z, posed.told)), atol=1e-5)


def test_large_pictures_go_through_in_smaller_batches(posed: Editing, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Flow(posed, 0.5, 2).batch == 64
    monkeypatch.setattr("methods.editing._flow._PIXELS", 512)
    flow = Flow(posed, 0.5, 2)
    assert flow.batch == 2
    seen = []
    monkeypatch.setattr(type(posed.prior), "decode", lambda self, z: (seen.append(len(z)), z.new_zeros(len(z), 3, 16, 16))[1])
    flow.back(torch.zeros(5, 4, 8, 8))
    assert seen == [2, 2, 1]


# --- a model that jumps ---------------------------------------------------------------------------------------------------


def test_levels_are_those_of_the_scheduler_of_lcm(jumping: Editing) -> None:
    from diffusers import LCMScheduler

    for steps in (2, 4, 5, 8):
        scheduler = LCMScheduler()
        scheduler.set_timesteps(steps)
        assert levels(jumping.prior.times, 1.0, steps) == sorted(scheduler.timesteps.tolist())
    assert levels(jumping.prior.times, 0.5, 4) == [259, 499]
    assert levels(range(100), 0.01, 2) == [0]


def test_it_jumps_from_one_noise_for_all(jumping: Editing) -> None:
    two = replace(
        jumping,
        pictures=jumping.pictures.expand(2, -1, -1, -1),
        regions=jumping.regions.expand(2, -1, -1, -1),
        told=jumping.told.expand(2, -1),
    )
    flow = Flow(two, 0.5, 4, 7.5, Context(CPU, 0))
    prior = jumping.prior.guided(7.5)
    sigmas = [float(prior.schedule.sigmas[i]) for i in (259, 499)]
    assert flow.sigmas == sigmas
    assert flow.root == pytest.approx(1 / math.sqrt(1 + sigmas[1] ** 2))
    noise = Context(CPU, 0).randn(1, 4, 8, 8)
    x = prior.encode(2 * two.pictures - 1)
    assert torch.allclose(flow.z, x + sigmas[1] * noise, atol=1e-5)
    assert torch.equal(flow.z[0], flow.z[1])
    with torch.no_grad():
        expected = prior(prior(flow.z, sigmas[1], two.told) + sigmas[0] * noise, sigmas[0], two.told)
    assert torch.allclose(flow.down(flow.z, two.told), expected, atol=1e-5)


def test_t_loco_swaps_with_a_model_that_jumps(jumping: Editing) -> None:
    ctx, given = Context(CPU, 0), {**QUICK, "outside": 2, "rounds": 2, "guidance": 7.5}
    found = jumping.check(t_loco(jumping, ctx, {**given, "version": "swap"}))
    flow = Flow(jumping, 0.5, 4, 7.5, Context(CPU, 0))
    z = flow.z + 2.0 * ctx.kept["directions"][:1] / flow.root
    assert torch.allclose(found[0, :, -1], flow.back(flow.down(z, jumping.told)), atol=1e-5)
    assert (found[0, :, -1] - found[0, :, 2]).abs().max() > 1e-4
    jumping.check(t_loco(jumping, Context(CPU, 0), {**given, "supervised": False, "count": 2}))
    with pytest.raises(ValueError, match="take version=swap"):
        t_loco(jumping, Context(CPU, 0), {**given, "version": "sum"})


@pytest.mark.parametrize("method", [loco_edit, masked, noise_jacobian, pullback])
def test_methods_of_a_mean_refuse_a_model_that_jumps(method, jumping: Editing) -> None:
    with pytest.raises(ValueError, match="this one, a consistency model, jumps"):
        method(jumping, Context(CPU, 0), QUICK)


@pytest.mark.parametrize("method", [attribute_gradient, blended, h_mean])
def test_latents_are_no_pictures_that_a_reader_reads(method, posed: Editing) -> None:
    with pytest.raises(ValueError, match="it needs a prior of pictures; this one is of an autoencoder's latents"):
        method(replace(posed, names=("mouth", "hair")), Context(CPU, 0), QUICK if method is not h_mean else {"steps": 4})
