"""Methods of video retrieval: what sets them apart, and what the references see."""

import sys

import pytest
import torch

from benchmark import Clips, Context, Retrieval, registry
from methods.videos._losses import info_nce, vicreg
from methods.videos.motion_histogram import histogram

PRESETS = list(registry.get_task("video_retrieval").spec.presets)
FRAMEWORKS = ("simclr", "vicreg", "byol")


def context(seed=0):
    return Context(torch.device("cpu"), seed)


def moving(n=4, T=10, side=32, shift=(0, 1), start=8, light=200, background=None):
    """A soft spot that moves `shift` pixels (down, right) a frame."""
    grid = torch.arange(side)
    videos = torch.zeros(n, T, side, side, 3)
    for t in range(T):
        y, x = start + t * shift[0], start + t * shift[1]
        spot = torch.exp(-((grid[:, None] - y) ** 2 + (grid[None] - x) ** 2) / 8.0)
        videos[:, t] = light * spot[..., None]
    if background is not None:
        videos = videos.maximum(background)
    return videos.round().to(torch.uint8)


def solve(name, problem, learnt=None, seed=0, **given):
    entry = registry.get_method(name)
    parameters = entry.spec.resolve("video_retrieval", "tiny", given)
    return problem.check(entry.load()(problem, context(seed), parameters, learnt))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_vididi_differs_from_its_base_in_the_orders_alone(name, preset):
    """So steps, data, encoder and optimiser are equal."""
    base, ours = (registry.get_method(one).spec.resolve("video_retrieval", preset, {}) for one in (name, f"vididi_{name}"))
    assert {key for key in base if base[key] != ours[key]} == {"orders", "coin"}
    assert (base["orders"], base["coin"]) == ("frames", False)
    assert ours["orders"] == "schedule"


@pytest.mark.parametrize("preset", PRESETS)
def test_the_frameworks_take_as_many_steps_as_each_other(preset):
    taken = [registry.get_method(name).spec.resolve("video_retrieval", preset, {}) for name in FRAMEWORKS]
    for key in ("cycles", "batch", "frames", "size", "encoder", "placing"):
        assert len({one[key] for one in taken}) == 1


@pytest.mark.parametrize("name", [*FRAMEWORKS, *(f"vididi_{one}" for one in FRAMEWORKS)])
def test_what_is_learnt_is_an_encoder_that_the_solver_uses(name):
    entry = registry.get_method(name)
    clips = torch.cat([moving(4, shift=(0, 1)), moving(4, shift=(1, 0), background=torch.tensor(90.0))])
    noise = torch.randint(-8, 8, clips.shape, generator=torch.Generator().manual_seed(0))
    clips = (clips.int() + noise).clamp(0, 255).to(torch.uint8)
    parameters = entry.spec.resolve("video_retrieval", "tiny", {"batch": 4, "frames": 4})
    learnt = entry.load().learn(Clips(clips), context(), parameters)
    assert {f"again.{key}" for key in learnt if "running_" in key and "again." not in key} <= learnt.keys()
    problem = Retrieval(gallery=clips[:4], queries=clips[4:])
    z = solve(name, problem, learnt, frames=4)
    assert z.shape == (8, 64)
    assert torch.equal(z, solve(name, problem, learnt, seed=1, frames=4))  # no draw of the solver's enters
    again = solve(name, problem, learnt, frames=4, statistics="frames")
    assert not torch.allclose(z, again)
    both = solve(name, problem, learnt, frames=4, features="both")
    assert torch.equal(both[:, :64], z)


def test_each_framework_is_told_its_own_hyperparameters(monkeypatch):
    models = {}
    x, y = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0)).unbind()
    own = {
        "simclr": {"width": 32, "temperature": 0.3},
        "vicreg": {"width": 32, "variance": 2.0, "covariance": 0.5},
        "byol": {"width": 32, "hidden": 48, "decay": 0.5},
    }
    for name in FRAMEWORKS:
        entry = registry.get_method(name)
        module = sys.modules[entry.load().function.__module__]
        monkeypatch.setattr(module, "pretrain", lambda clips, ctx, model, recipe, name=name: models.update({name: model}) or {})
        entry.load().learn(Clips(moving()), context(), entry.spec.resolve("video_retrieval", "tiny", own[name]))
    assert torch.equal(models["simclr"].loss(x, y), info_nce(x, y, 0.3))
    assert torch.equal(models["vicreg"].loss(x, y), vicreg(x, y, 2.0, 0.5))
    assert all(models[name].projector[-1].out_features == 32 for name in FRAMEWORKS)
    assert models["byol"].decay == 0.5
    assert models["byol"].predictor[0].out_features == 48


def test_the_first_frame_alone_decides_for_first_frame():
    clips = moving(6, shift=(0, 1))
    entry = registry.get_method("first_frame")
    learnt = entry.load().learn(Clips(clips), context(), entry.spec.resolve("video_retrieval", "tiny", {"batch": 3}))
    other = clips.clone()
    other[:, 1:] = 0
    found = [solve("first_frame", Retrieval(gallery=one[:3], queries=one[3:]), learnt) for one in (clips, other)]
    assert torch.equal(*found)


def test_random_encoders_differ_by_seed_alone():
    problem = Retrieval(gallery=moving(2), queries=moving(1, shift=(1, 0)))
    assert torch.equal(solve("random_encoder", problem), solve("random_encoder", problem))
    assert not torch.allclose(solve("random_encoder", problem), solve("random_encoder", problem, seed=1))


def test_frame_difference_does_not_see_what_stands_still():
    still = torch.full((2, 6, 16, 16, 3), 77, dtype=torch.uint8)
    step = still.clone()
    step[:, 3:, :8, :8] = 177  # one change of 100 / 255, in the upper left, between frames 2 and 3
    z = solve("frame_difference", Retrieval(gallery=still, queries=step), bins=1, cells=2, power=1.0)
    assert not z[:2].any()
    assert torch.allclose(z[2:], torch.tensor([100 / 255 / 5, 0, 0, 0]).expand(2, 4), atol=1e-6)


def test_frame_difference_is_blind_to_a_backgrounds_brightness():
    flat = moving(1), (moving(1).int() + 40).to(torch.uint8)
    z = solve("frame_difference", Retrieval(gallery=flat[0], queries=flat[1]))
    assert torch.allclose(z[0], z[1], atol=1e-3)


@pytest.mark.parametrize(("shift", "direction"), [((0, 1), 0), ((1, 0), 2), ((0, -1), 4), ((-1, 0), 6), ((1, 1), 1)])
def test_a_motion_histogram_points_where_things_move(shift, direction):
    v = moving(1, shift=shift, start=16, T=5)[..., 0].float() / 255
    h = histogram(v, 1, 8, 1.0)[0, :, 0, 0]
    # edges show the part of the motion that is across them, so directions next to it have some too
    assert h.argmax() == direction
    assert h[(direction + 4) % 8] < 0.2 * h[direction]


def test_a_mirrored_motion_histogram_takes_left_for_right():
    videos = [moving(1, shift=(0, s), start=16, T=5) for s in (1, -1)]
    problem = Retrieval(gallery=videos[0], queries=videos[0].flip(3))
    z = solve("motion_histogram", problem)
    assert torch.allclose(z[0], z[1], atol=1e-4)
    z = solve("motion_histogram", problem, mirrored=False)
    assert torch.cosine_similarity(z[:1], z[1:]).item() < 0.9
