"""Self-supervised training on video: encoders, orders, losses, augmentation, and what a training gives."""

from collections import Counter
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmark import Clips, Context, Retrieval, UserError
from methods.videos import _encoders as encoders
from methods.videos._augmentation import augmented, plain
from methods.videos._embedding import embed, starts
from methods.videos._encoders import Residual, encoder_named, seeded
from methods.videos._losses import Byol, Joint, info_nce, vicreg
from methods.videos._orders import differentiate, paired, phase_of
from methods.videos._training import Lars, Recipe, _rate, load, pretrain

RECIPE = Recipe(
    frames=4,
    size=16,
    cycles=1,
    batch=4,
    optimiser="adam",
    lr=1e-3,
    weight_decay=1e-6,
    warmup=0,
    least=0.5,
    jitter="clip",
    placing="adjacent",
    share=1.0,
    orders="schedule",
    coin=True,
)


def context(seed=0):
    return Context(torch.device("cpu"), seed)


def videos(n=9, T=10, side=16, seed=0):
    return torch.randint(256, (n, T, side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def moving(n=6, T=8, side=24):
    """A still noise background; a white square that moves a pixel a frame."""
    found = videos(n, 1, side).repeat(1, T, 1, 1, 1)
    for t in range(T):
        found[:, t, 5:10, 4 + t : 9 + t] = 255
    return found


def built(ctx, loss="simclr", encoder="conv4"):
    features = encoder_named(encoder, ctx)
    if loss == "byol":
        return seeded(ctx, lambda: Byol(features, 32, 16, 0.9))
    direction = partial(info_nce, temperature=0.1) if loss == "simclr" else partial(vicreg, variance=1.0, covariance=0.04)
    return seeded(ctx, lambda: Joint(features, 32, direction))


# --- encoders -----------------------------------------------------------------------------------------------------------


# the counts that torchvision states for the whole networks, less their classifier of 400 classes (512 * 400 + 400)
@pytest.mark.parametrize(("name", "count"), [("r3d_18", 33371472 - 205200), ("r2plus1d_18", 31505325 - 205200)])
def test_a_residual_encoder_has_as_many_weights_as_the_published_one(name, count):
    with torch.device("meta"):
        encoder = getattr(encoders, name)()
    assert sum(p.numel() for p in encoder.parameters()) == count
    assert encoder.width == 512


@pytest.mark.parametrize("name", ["r3d_18", "r2plus1d_18"])
def test_each_stage_of_a_residual_encoder_halves_time_and_space_but_the_first(name):
    encoder = encoder_named(name, context()).eval()
    shapes = []
    for layer in encoder.layers:
        if isinstance(layer, Residual):
            layer.register_forward_hook(lambda module, given, found: shapes.append(tuple(found.shape[1:])))
    with torch.no_grad():
        assert encoder(torch.zeros(1, 3, 8, 32, 32)).shape == (1, 512)
    assert shapes[1::2] == [(64, 8, 16, 16), (128, 4, 8, 8), (256, 2, 4, 4), (512, 1, 2, 2)]


@pytest.mark.parametrize("T", [1, 6, 7, 8, 16])
def test_the_small_encoder_takes_clips_of_any_length(T):
    encoder = encoder_named("conv4", context())
    assert encoder(torch.randn(2, 3, T, 20, 24)).shape == (2, 64)
    assert sum(p.numel() for p in encoder.parameters()) == 74616


def test_first_weights_come_from_the_context_alone():
    before = torch.random.get_rng_state()
    one, same, other = (encoder_named("conv4", context(seed)).layers[0].weight for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


# --- orders -------------------------------------------------------------------------------------------------------------


def order_of(clip, whole):
    """How often a clip of t^3 was differentiated: 0, 1 or 2."""
    found = whole
    for order in range(3):
        if torch.allclose(clip, found[:, :, : clip.shape[2]]):
            return order
        found = differentiate(found)
    raise AssertionError("no order fits")


def test_a_cycle_has_the_published_shares_of_pairs():
    whole = (torch.arange(8.0) ** 3).view(1, 1, 8, 1, 1).expand(2, 3, 8, 2, 2)
    seen = Counter()
    for epoch in range(4):
        for coin in (False, True):
            a, b = paired(whole, whole, phase_of("schedule", epoch, 0.0), coin)
            assert a.shape == b.shape
            seen[order_of(a, whole), order_of(b, whole)] += 1
    assert seen == {(0, 0): 1, (1, 1): 2, (2, 2): 1, (0, 1): 1, (1, 0): 1, (1, 2): 1, (2, 1): 1}


def test_orders_of_ablations():
    assert [phase_of("same", e, 0.9) for e in range(4)] == [0, 0, 0, 0]
    assert [phase_of("mixed", e, 0.9) for e in range(4)] == [1, 2, 1, 2]
    assert [phase_of("frames", e, 0.9) for e in range(4)] == [3, 3, 3, 3]
    assert [phase_of("random", 0, draw) for draw in (0.0, 0.3, 0.6, 0.99)] == [0, 1, 2, 3]
    assert [phase_of("schedule", e, 0.0) for e in (4, 5, 6, 7)] == [0, 1, 2, 3]


def test_a_difference_leaves_its_clip_as_it_was():
    clip = torch.randn(2, 3, 5, 4, 4)
    before = clip.clone()
    a, b = paired(clip, clip, 0, True)
    a.zero_(), b.zero_()
    assert torch.equal(clip, before)


# --- losses -------------------------------------------------------------------------------------------------------------


def test_info_nce_has_the_other_videos_of_the_other_view_as_negatives():
    x, y = torch.randn(4, 5), torch.randn(4, 5)
    cos = F.cosine_similarity(x[:, None], y[None], dim=2) / 0.2
    by_hand = -(cos.diagonal() - torch.tensor([row.exp().sum().log() for row in cos])).mean()
    assert info_nce(x, y, 0.2).item() == pytest.approx(by_hand.item(), abs=1e-5)


def test_vicreg_is_its_three_terms():
    x, y = torch.randn(6, 4).double(), 0.3 * torch.randn(6, 4).double()
    found = (x - y).square().mean()
    for z in (x, y):
        found += 0.5 * F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()
        cov = torch.cov(z.T)
        found += 0.04 * (cov - cov.diag().diag()).square().sum() / 4
    assert vicreg(x, y, 1.0, 0.04).item() == pytest.approx(found.item(), rel=1e-9)
    assert vicreg(x, y, 1.0, 0.04).item() == pytest.approx(vicreg(y, x, 1.0, 0.04).item(), rel=1e-9)


def test_byol_follows_slowly_and_sends_no_gradient_to_what_follows():
    model = built(context(), "byol")
    before = [p.clone() for p in model.target.parameters()]
    loss = model(torch.randn(4, 3, 4, 16, 16), torch.randn(4, 3, 4, 16, 16))
    assert 0 <= loss.item() <= 8
    loss.backward()
    assert all(p.grad is None for p in model.target.parameters())
    assert all(p.grad is not None for p in model.predictor.parameters())
    with torch.no_grad():
        for p in model.encoder.parameters():
            p += 1
    model.follow()
    weights = [*model.encoder.parameters(), *model.projector.parameters()]
    for now, was, goal in zip(model.target.parameters(), before, weights, strict=True):
        assert torch.allclose(now, 0.9 * was + 0.1 * goal, atol=1e-6)


def test_byol_by_hand_each_clip_with_batch_statistics_of_its_own():
    model = built(context(), "byol")
    draw = torch.Generator().manual_seed(0)
    a, b = (scale * torch.randn(4, 3, 4, 16, 16, generator=draw) for scale in (1, 0.01))  # frames and their differences, say
    online = nn.Sequential(model.encoder, model.projector, model.predictor)

    def direction(x, y, together=False):
        with torch.no_grad():
            p, z = (
                net(torch.cat([x, y])).chunk(2)[i] if together else net(one)
                for net, one, i in ((online, x, 0), (model.target, y, 1))
            )
        return 2 - 2 * F.cosine_similarity(p, z).mean()

    found = model(a, b)
    assert torch.allclose(found, direction(a, b) + direction(b, a), atol=1e-5)
    assert not torch.allclose(found, direction(a, b, together=True) + direction(b, a, together=True), atol=1e-2)


def test_lars_steps_by_norms_and_leaves_biases_to_plain_momentum():
    weight, bias = nn.Parameter(torch.full((2, 2), 3.0)), nn.Parameter(torch.ones(2))
    optimiser = Lars(iter([weight, bias]), lr=0.5, weight_decay=0.1)
    weight.grad, bias.grad = torch.full((2, 2), 4.0), torch.full((2,), 2.0)
    optimiser.step()  # the step has the length 1e-3 ||w||, whatever the gradient's
    assert torch.allclose(weight, torch.full((2, 2), 3.0 - 0.5 * 1e-3 * 3.0))
    assert torch.allclose(bias, torch.zeros(2))
    optimiser.step()
    assert torch.allclose(bias, torch.full((2,), -0.5 * (0.9 * 2 + 2)))


def test_the_rate_warms_up_and_falls_to_a_thousandth():
    assert [_rate(e, 100, 10) for e in (0, 5, 10)] == [0, 0.5, 1]
    assert _rate(55, 100, 10) == pytest.approx(0.5, abs=1e-3)
    assert _rate(100, 100, 10) == pytest.approx(1e-3)
    assert _rate(0, 4, 0) == 1


# --- augmentation -------------------------------------------------------------------------------------------------------


def test_a_still_scene_stays_still_where_jitter_is_of_the_clip_and_flickers_where_it_is_of_the_frame():
    still = videos(6, 1, 24).repeat(1, 8, 1, 1, 1)
    assert differentiate(augmented(still, 16, 0.3, "clip", context())).abs().max() < 1e-4
    assert differentiate(augmented(still, 16, 0.3, "frame", context())).abs().mean() > 0.05


def test_differences_hold_what_moves():
    views = differentiate(augmented(moving(), 24, 0.9, "clip", context())).abs().amax(1)  # (B, T - 1, H, W)
    changed = (views > 0.1).float().mean((1, 2, 3))
    assert (changed > 0.01).all()
    assert (changed < 0.25).all()


def test_a_view_without_draws_that_change_it_is_the_clip():
    clips = videos(2, 4)
    ctx = context()
    ctx.rand = lambda *shape: {  # whole frame, no flip, no blur, no jitter, no grey
        6: torch.tensor([[1.0, 0.5, 0.0, 0.5, 0.5, 0.0]]),
        2: torch.tensor([[1.0, 1.0]]),
        7: torch.tensor([[1.0, 0.5, 0.5, 0.5, 0.5, 1.0, 0.0]]),
    }[shape[1]].expand(shape)
    # an aspect in the middle of its range is 1 in the logarithm
    assert torch.allclose(augmented(clips, 16, 0.3, "clip", ctx), plain(clips, 16), atol=1e-4)


def test_views_differ_and_repeat_with_their_context():
    clips = videos(4, 4)
    one, same, other = (augmented(clips, 16, 0.3, "clip", context(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)
    assert one.shape == (4, 3, 4, 16, 16)


# --- training and embedding ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["simclr", "vicreg", "byol"])
@pytest.mark.parametrize("orders", ["schedule", "frames", "random"])
def test_training_takes_whole_cycles_and_repeats_itself(loss, orders):
    def learn():
        ctx = context()
        recipe = replace(RECIPE, orders=orders)
        return ctx, pretrain(Clips(videos()), ctx, built(ctx, loss), recipe)

    (ctx, first), (_, again) = learn(), learn()
    assert ctx.steps_done == 4 * (9 // 4)
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert all(torch.isfinite(x).all() for x in first.values())


def test_training_lowers_the_loss_on_what_it_sees():
    losses = []
    ctx = context()
    ctx.record = lambda step, loss, **others: losses.append(loss.item())
    pretrain(Clips(moving(16)), ctx, built(ctx), replace(RECIPE, cycles=12, batch=8, orders="frames", coin=False, least=0.9))
    assert sum(losses[-8:]) < 0.8 * sum(losses[:8])


def test_a_share_of_the_videos_is_all_that_is_seen():
    ctx = context()
    pretrain(Clips(videos(16)), ctx, built(ctx), replace(RECIPE, share=0.5))
    assert ctx.steps_done == 4 * 2


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (replace(RECIPE, frames=6), r"two clips of 6 frames need 12; the training videos have 10 \(--set frames\)"),
        (replace(RECIPE, share=0.01), "self-supervised training needs two videos a batch or more"),
    ],
)
def test_training_that_cannot_be_is_refused(recipe, message):
    ctx = context()
    with pytest.raises(UserError, match=message):
        pretrain(Clips(videos()), ctx, built(ctx), recipe)


def test_statistics_are_measured_again_on_plain_frames():
    ctx = context()
    learnt = pretrain(Clips(moving(8, T=8, side=16)), ctx, built(ctx), RECIPE)
    again = {name for name in learnt if name.startswith("again.")}
    assert again == {f"again.layers.{i}.running_{what}" for i in (1, 4, 7, 10) for what in ("mean", "var")}
    encoder = encoder_named("conv4", context())
    running, frames = (load(encoder, learnt, how).layers[1].running_mean.clone() for how in ("running", "frames"))
    assert torch.equal(running, learnt["layers.1.running_mean"])
    assert torch.equal(frames, learnt["again.layers.1.running_mean"])
    assert not torch.allclose(running, frames)


@pytest.mark.parametrize(
    ("length", "frames", "views", "expected"),
    [(24, 8, 3, [0, 8, 16]), (10, 8, 10, [0, 1, 2]), (8, 8, 10, [0]), (20, 8, 1, [0])],
)
def test_clips_are_spread_evenly_over_a_video(length, frames, views, expected):
    assert starts(length, frames, views) == expected


def test_an_embedding_is_the_mean_over_clips_and_tells_its_cosines():
    ctx, problem = context(), Retrieval(gallery=videos(3), queries=videos(2, seed=1))
    encoder = encoder_named("conv4", ctx).eval()
    how = {"frames": 4, "size": 16, "views": 3}
    found = embed(encoder, problem, ctx, **how, features="frames")
    with torch.no_grad():
        by_hand = torch.stack([encoder(plain(problem.queries[:1, s : s + 4], 16))[0] for s in (0, 3, 6)]).mean(0)
    assert torch.allclose(found[3], by_hand, atol=1e-5)
    d = embed(encoder, problem, ctx, **how, features="differences")
    assert torch.equal(embed(encoder, problem, ctx, **how, features="both"), torch.cat([found, d], 1))
    cosines = F.cosine_similarity(found[:, None], d[None], dim=2)
    others = cosines[~torch.eye(5, dtype=torch.bool)].mean()
    assert torch.allclose(ctx.kept["cosines"], torch.stack([cosines.diagonal().mean(), others]), atol=1e-5)


def test_a_clip_longer_than_the_videos_is_refused():
    problem = Retrieval(gallery=videos(2, T=4), queries=videos(2, T=4))
    with pytest.raises(UserError, match="videos of 4 frames are shorter than a clip of 8; give fewer with --set frames=4"):
        embed(encoder_named("conv4", context()), problem, context(), frames=8, size=16, views=2, features="frames")
