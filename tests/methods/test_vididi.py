"""ViDiDi: what a training feeds its loss with and when, its augmentation, rates and constants, against the paper's."""

from dataclasses import replace
from math import cos, log, pi

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmark import Clips, Context, registry
from methods.videos import _augmentation as augmentation
from methods.videos import _training as training
from methods.videos._augmentation import augmented, plain
from methods.videos._encoders import encoder_named, seeded
from methods.videos._losses import Joint, info_nce, mlp
from methods.videos._orders import differentiate, paired
from methods.videos._training import Lars, Recipe, pretrain

RECIPE = Recipe(
    frames=4,
    size=8,
    cycles=2,
    batch=4,
    optimiser="adam",
    lr=1e-3,
    weight_decay=0.0,
    warmup=0,
    least=1.0,
    jitter="clip",
    placing="adjacent",
    share=1.0,
    orders="schedule",
    coin=True,
)


def context(seed=0):
    return Context(torch.device("cpu"), seed)


def told(n=9, T=20, side=8):
    """Videos whose pixels say which video (red) and which frame (green) they are."""
    found = torch.zeros(n, T, side, side, 3, dtype=torch.uint8)
    found[..., 0] = torch.arange(n).view(-1, 1, 1, 1)
    found[..., 1] = torch.arange(T).view(-1, 1, 1)
    return found


class Probe(nn.Module):
    """A model that notes what it is fed with, and when it is asked to follow."""

    def __init__(self):
        super().__init__()
        self.encoder = seeded(context(), lambda: nn.Sequential(nn.Conv3d(3, 2, 1), nn.BatchNorm3d(2)))
        self.fed, self.followed = [], 0

    def forward(self, a, b):
        self.fed.append((a.detach(), b.detach()))
        return self.encoder(a).square().mean()

    def follow(self):
        self.followed += 1


# --- what a batch is fed with -------------------------------------------------------------------------------------------


def test_differences_are_forward_and_not_scaled():
    v = torch.tensor([1.0, 4, 2, 9]).view(4, 1, 1)
    assert differentiate(v).flatten().tolist() == [3, -2, 7]


def test_which_clip_is_differentiated_and_which_loses_its_last_frame():
    a, b = torch.arange(8.0).view(1, 1, 8, 1, 1), 10 * torch.arange(8.0).view(1, 1, 8, 1, 1)
    for coin, first, second in ((False, a, b), (True, differentiate(a), differentiate(b))):
        for phase, expected in enumerate(
            [
                (differentiate(first), differentiate(second)),
                (first[:, :, :-1], differentiate(second)),
                (differentiate(first), second[:, :, :-1]),
                (first, second),
            ]
        ):
            assert all(map(torch.equal, paired(a, b, phase, coin), expected))


def test_a_phase_lasts_a_pass_and_a_coin_falls_for_each_batch(monkeypatch):
    asked = []

    def noted(a, b, phase, coin):
        asked.append((phase, coin))
        return paired(a, b, phase, coin)

    monkeypatch.setattr(training, "paired", noted)
    model = Probe()
    pretrain(Clips(told()), context(), model, replace(RECIPE, cycles=25))
    assert [phase for phase, _ in asked] == [0, 0, 1, 1, 2, 2, 3, 3] * 25
    heads = [coin for _, coin in asked]
    assert 70 < sum(heads) < 130  # of 200, four deviations
    assert sum(one != other for one, other in zip(heads[::2], heads[1::2], strict=True)) > 25  # within passes too
    assert model.followed == 200
    asked.clear()
    pretrain(Clips(told()), context(), Probe(), replace(RECIPE, coin=False))
    assert not any(coin for _, coin in asked)


@pytest.mark.parametrize("placing", ["adjacent", "random"])
def test_clips_are_of_one_video_and_lie_as_they_are_asked_to(monkeypatch, placing):
    seen = []
    monkeypatch.setattr(training, "augmented", lambda clips, *rest: seen.append(clips) or augmented(clips, *rest))
    pretrain(Clips(told()), context(), Probe(), replace(RECIPE, placing=placing, cycles=10))
    apart, places = [], []
    for clips in seen:
        video, frame = clips[:, :, 0, 0, 0].int(), clips[:, :, 0, 0, 1].int()
        assert clips.shape == (8, 4, 8, 8, 3)
        assert (video == video[:, :1]).all()
        assert torch.equal(video[:4], video[4:])
        assert len(video[:4, 0].unique()) == 4
        assert (frame.diff(dim=1) == 1).all()
        apart += (frame[4:, 0] - frame[:4, 0]).tolist()
        places += frame[:4, 0].tolist()
    assert set(places) == set(range(13 if placing == "adjacent" else 17))
    if placing == "adjacent":
        assert set(apart) == {4}
    else:
        assert min(apart) < -8
        assert max(apart) > 8
    for first, second in zip(seen[::2], seen[1::2], strict=True):  # the two batches of a pass
        assert not set(first[:, 0, 0, 0, 0].tolist()) & set(second[:, 0, 0, 0, 0].tolist())


@pytest.mark.parametrize("warmup", [0, 3])
def test_rates_follow_their_schedule(monkeypatch, warmup):
    optimisers, rates = [], []
    build = training._optimiser
    monkeypatch.setattr(training, "_optimiser", lambda *given: optimisers.append(build(*given)) or optimisers[0])
    monkeypatch.setattr(Probe, "follow", lambda self: rates.append(optimisers[0].param_groups[0]["lr"]))
    pretrain(Clips(told()), context(), Probe(), replace(RECIPE, lr=0.3, warmup=warmup))
    expected = []
    for epoch in torch.arange(16) / 2:  # two batches a pass, 8 passes
        at = epoch.item()
        falling = 1e-3 + 0.999 * 0.5 * (1 + cos(pi * (at - warmup) / (8 - warmup)))
        expected.append(0.3 * (at / warmup if at < warmup else falling))
    assert rates == pytest.approx(expected)


def test_lars_decays_matrices_towards_zero_and_nothing_else():
    weight, bias = nn.Parameter(torch.tensor([[3.0, 0.0], [0.0, 4.0]])), nn.Parameter(torch.ones(2))
    before = weight.detach().clone()
    optimiser = Lars(iter([weight, bias]), lr=0.5, weight_decay=0.1)
    g = torch.tensor([[0.0, 2.0], [0.0, 0.0]])
    weight.grad, bias.grad = g.clone(), torch.zeros(2)
    optimiser.step()
    decayed = g + 0.1 * before
    step = 1e-3 * before.norm() / decayed.norm() * decayed
    torch.testing.assert_close(weight.detach(), before - 0.5 * step)
    assert torch.equal(bias.detach(), torch.ones(2))


def test_norms_are_measured_again_on_plain_frames_of_the_trained_encoder():
    clip = torch.randint(256, (1, 1, 8, 8, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    model = Probe()
    learnt = pretrain(Clips(clip.expand(8, 10, -1, -1, -1)), context(), model, RECIPE)
    with torch.no_grad():
        h = model.encoder[0](plain(clip, 8)).transpose(0, 1).flatten(1)
    torch.testing.assert_close(learnt["again.1.running_mean"], h.mean(1))
    torch.testing.assert_close(learnt["again.1.running_var"], h.var(1), rtol=0.02, atol=0)  # all but the unbiased factor


# --- losses and networks ------------------------------------------------------------------------------------------------


def test_both_clips_pass_at_once_and_both_directions_count():
    ctx = context()
    features = encoder_named("conv4", ctx)
    model = seeded(ctx, lambda: Joint(features, 16, lambda x, y: info_nce(x, y, 0.1)))
    draw = torch.Generator().manual_seed(0)
    a, b = (scale * torch.randn(4, 3, 4, 16, 16, generator=draw) for scale in (1, 0.01))  # frames and their differences, say
    x, y = model.projector(model.encoder(torch.cat([a, b]))).chunk(2)
    cosines = F.normalize(x) @ F.normalize(y).T / 0.1
    by_hand = -(cosines.log_softmax(1).diagonal() + cosines.log_softmax(0).diagonal()).mean()
    torch.testing.assert_close(model(a, b), by_hand, rtol=1e-4, atol=1e-4)
    assert [type(layer).__name__ for layer in mlp(8, 6, 6, 6)] == [
        *("Linear", "BatchNorm1d", "ReLU"),
        *("Linear", "BatchNorm1d", "ReLU"),
        "Linear",
    ]
    assert [tuple(layer.weight.shape) for layer in model.projector if isinstance(layer, nn.Linear)] == [(16, 64)] + 2 * [
        (16, 16)
    ]


def test_the_small_encoder_has_its_strides():
    encoder = encoder_named("conv4", context()).eval()
    shapes = []
    for layer in encoder.layers:
        if isinstance(layer, nn.ReLU):
            layer.register_forward_hook(lambda module, given, found: shapes.append(tuple(found.shape[1:])))
    x = torch.rand(1, 3, 8, 24, 24)
    assert torch.equal(encoder(x), encoder.layers(x).mean((2, 3, 4)))
    assert shapes[:4] == [(8, 8, 12, 12), (16, 8, 6, 6), (32, 4, 3, 3), (64, 2, 3, 3)]


SHARED = {
    "encoder": "r3d_18",
    "frames": 8,
    "size": 112,
    "placing": "adjacent",
    "jitter": "clip",
    "least": 0.08,
    "share": 1.0,
    "cycles": 100,
    "batch": 64,
    "optimiser": "lars",
    "lr": 1.2,
    "weight_decay": 1e-6,
    "views": 10,
    "features": "frames",
    "statistics": "running",
}
OWN = {
    "simclr": {"warmup": 0.0, "temperature": 0.1, "width": 2048},
    "vicreg": {"warmup": 0.0, "variance": 1.0, "covariance": 0.04, "width": 2048},
    "byol": {"warmup": 40.0, "decay": 0.99, "hidden": 4096, "width": 256},  # 10 of 100 epochs of four passes
}


@pytest.mark.parametrize("name", OWN)
def test_what_is_not_set_is_the_papers(name):
    base, ours = (registry.get_method(one).spec.resolve("video_retrieval", "full", {}) for one in (name, f"vididi_{name}"))
    assert base == SHARED | OWN[name] | {"orders": "frames", "coin": False}
    assert ours == SHARED | OWN[name] | {"orders": "schedule", "coin": True}


# --- augmentation -------------------------------------------------------------------------------------------------------


def test_frames_are_normalised_as_imagenets():
    clip = torch.tensor([255, 0, 51], dtype=torch.uint8).expand(1, 1, 2, 2, 3)
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    assert plain(clip, 2)[0, :, 0, 0, 0].tolist() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("draws", "wide", "high"),
    [
        # area, aspect, swap
        ((0.0, 0.5, 0.0), 0.3, 0.3),  # the least area, 0.09; an aspect of 1
        ((0.5, 0.5, 0.0), 0.545**0.5, 0.545**0.5),  # half-way in area
        ((0.0, 1.0, 0.49), 0.3 * (4 / 3) ** 0.5, 0.3 * (3 / 4) ** 0.5),
        ((0.0, 0.0, 0.49), 0.3 * (3 / 4) ** 0.5, 0.3 * (4 / 3) ** 0.5),
        ((0.0, 1.0, 0.51), 0.3 * (3 / 4) ** 0.5, 0.3 * (4 / 3) ** 0.5),  # sides swapped
        ((0.0, 0.75, 0.0), 0.3 * (4 / 3) ** 0.25, 0.3 * (3 / 4) ** 0.25),  # uniform in the logarithm
        ((1.0, 1.0, 0.0), 1.0, (3 / 4) ** 0.5),  # no wider than the frame
    ],
)
@pytest.mark.parametrize(("down", "across", "flip"), [(0.0, 1.0, 0.49), (1.0, 0.0, 0.51), (0.5, 0.5, 0.49)])
def test_a_crop_lies_where_it_was_drawn(draws, wide, high, down, across, flip):
    ctx = context()
    ctx.rand = lambda *shape: torch.tensor([[*draws, down, across, flip]])
    grid = augmentation._crops(1, 40, 40, 2, 0.09, ctx)[0]  # centres of four quarters of the crop
    sign = 1 if flip < 0.5 else -1
    assert (grid[0, 1, 0] - grid[0, 0, 0]).item() == pytest.approx(sign * wide, abs=1e-5)
    assert (grid[1, 0, 1] - grid[0, 0, 1]).item() == pytest.approx(high, abs=1e-5)
    middle = [(1 - wide) * (2 * across - 1), (1 - high) * (2 * down - 1)]
    assert grid.mean((0, 1)).tolist() == pytest.approx(middle, abs=1e-5)


def test_a_crop_of_a_wide_frame_keeps_its_aspect_in_pixels():
    ctx = context()
    ctx.rand = lambda *shape: torch.tensor([[0.0, 1.0, 0.0, 0.5, 0.5, 0.0]])
    grid = augmentation._crops(1, 20, 40, 2, 0.09, ctx)[0]
    wide, high = 40 * (grid[0, 1, 0] - grid[0, 0, 0]).item(), 20 * (grid[1, 0, 1] - grid[0, 0, 1]).item()
    assert wide / high == pytest.approx(4 / 3, rel=1e-5)
    assert wide * high == pytest.approx(0.09 * 20 * 40, rel=1e-5)


def test_half_of_the_clips_are_blurred_by_gaussians():
    x = torch.rand(4, 3, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    draws = torch.tensor([[0.49, 0.0], [0.49, 0.3], [0.49, 1.0], [0.51, 1.0]])
    found = augmentation._blurred(x, draws)
    assert torch.equal(found[3], x[3])
    for row, sigma in ((0, 0.1), (1, 0.1 + 0.3 * 1.9), (2, 2.0)):
        side = torch.exp(torch.tensor(-0.5 / sigma**2))
        taps = torch.tensor([side, 1, side]) / (1 + 2 * side)
        padded = F.pad(x[row], (1, 1, 1, 1), mode="replicate")
        expected = F.conv2d(padded.view(6, 1, 8, 8), torch.outer(taps, taps).view(1, 1, 3, 3)).view(3, 2, 6, 6)
        torch.testing.assert_close(found[row], expected, rtol=1e-5, atol=1e-5)


LUMA = torch.tensor([0.299, 0.587, 0.114])


def coloured(x, gate, bright, contrast, saturation, turn, grey, channel):
    """One clip (3, T, s, s): brightness, contrast towards its mean grey, saturation, hue around the grey axis, one channel."""
    if gate < 0.8:
        x = x * (0.8 + 0.4 * bright)
        share = 0.8 + 0.4 * contrast
        x = share * x + (1 - share) * torch.einsum("c,ctij->tij", LUMA, x).mean()
        share = 0.8 + 0.4 * saturation
        x = share * x + (1 - share) * torch.einsum("c,ctij->tij", LUMA, x)
        angle = 2 * pi * (0.1 * turn - 0.05)  # of a turn
        axis = torch.full((3,), 3**-0.5)
        flat = x.flatten(1)
        along = axis[:, None] * (axis @ flat)
        across = torch.cross(axis[:, None].expand_as(flat), flat, dim=0)
        x = (along + cos(angle) * (flat - along) + torch.tensor(angle).sin() * across).view(x.shape)
    if grey < 0.2:
        x = x[int(3 * channel)].expand(3, -1, -1, -1)
    return x.clamp(0, 1)


@pytest.mark.parametrize(
    "draws",
    [
        (0.79, 0.0, 0.5, 0.5, 0.5, 0.9, 0.0),
        (0.79, 1.0, 0.1, 0.5, 0.5, 0.9, 0.0),
        (0.79, 0.5, 0.9, 0.0, 0.5, 0.9, 0.0),
        (0.79, 0.5, 0.5, 1.0, 0.0, 0.9, 0.0),
        (0.79, 0.5, 0.5, 0.5, 1.0, 0.9, 0.0),
        (0.1, 0.9, 0.2, 0.7, 0.8, 0.21, 0.0),  # all of them, and no grey
        (0.1, 0.9, 0.2, 0.7, 0.8, 0.19, 0.9),  # and a grey of the blue
        (0.81, 0.9, 0.2, 0.7, 0.8, 0.21, 0.0),  # nothing
        (0.81, 0.9, 0.2, 0.7, 0.8, 0.19, 0.5),  # grey alone
    ],
)
def test_colours_change_as_they_were_drawn(draws):
    x = 0.3 + 0.4 * torch.rand(2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    found = augmentation._coloured(x, torch.tensor([draws, (0.9,) * 7]))
    torch.testing.assert_close(found[0], coloured(x[0], *draws), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[1], x[1])


def test_colours_are_clipped():
    x = torch.tensor([0.0, 1.0]).view(1, 1, 1, 1, 2).repeat(1, 3, 1, 2, 1)
    found = augmentation._coloured(x, torch.tensor([[0.1, 1.0, 1.0, 0.5, 0.5, 0.9, 0.0]]))
    assert found.min() == 0
    assert found.max() == 1


def test_aspects_are_drawn_between_their_bounds():
    """What the draws themselves are: uniform, of each clip its own."""
    grid = augmentation._crops(2000, 32, 32, 2, 0.25, context())
    wide, high = (grid[:, 0, 1, 0] - grid[:, 0, 0, 0]), (grid[:, 1, 0, 1] - grid[:, 0, 0, 1])
    assert (wide < 0).float().mean().item() == pytest.approx(0.5, abs=0.06)
    ratio = (wide.abs() / high).log()
    assert ratio.abs().max() <= log(4 / 3) + 1e-4
    assert (wide.abs() * high).min() >= 0.249
