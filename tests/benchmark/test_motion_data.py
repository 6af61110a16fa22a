"""Rendered videos of human actions: parts, composition, layouts, and that a class does not show where it should not."""

import itertools
from hashlib import sha256

import numpy as np
import pytest
import torch

from benchmark.datasets import motions, photographs, sources
from benchmark.errors import UserError

VIEWS = {"train": 40, "test": 20, "tuning train": 16, "tuning test": 8}
CHANCE = 1 / 15


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def every(part):
    return torch.arange(len(motions.load(part).labels))


def right(train, test):
    """Share of test videos whose nearest training video, by such numbers of each, has their class."""
    y, truth = motions.load("train").labels, motions.load("test").labels
    nearest = torch.cdist(test.flatten(1).float(), train.flatten(1).float()).argmin(1)
    return (y[nearest] == truth).float().mean().item()


# --- what comes with the suite ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", VIEWS)
def test_parts_have_equal_classes_and_whole_videos(part):
    found = motions.load(part)
    n = 15 * VIEWS[part]
    assert found.frames.shape == (n, 24, 64, 64)
    assert found.palette.shape == (n, 37, 3)
    assert found.views.shape == (n, len(motions.VIEW))
    assert (found.frames.dtype, found.palette.dtype) == (torch.uint8, torch.uint8)
    assert (found.labels.dtype, found.views.dtype) == (torch.int64, torch.float32)
    assert torch.bincount(found.labels).tolist() == [VIEWS[part]] * 15
    assert int(found.frames.max()) < found.palette.shape[1]
    masks = found.masks
    assert bool(masks.any((2, 3)).all())  # a body in each frame
    assert not bool(masks[:, :, [0, -1]].any() | masks[..., [0, -1]].any())  # and never cut off


def test_classes_are_those_of_the_file_and_its_size_is_small():
    asset = sources.SOURCES["motions"]
    with np.load(asset.path()) as file:
        assert tuple(file["classes"]) == motions.CLASSES
    assert len(set(motions.CLASSES)) == 15
    assert sha256(asset.path().read_bytes()).hexdigest() == asset.sha256
    assert asset.path().stat().st_size < 6e6
    licence = asset.path().with_suffix(".LICENSE").read_text(encoding="utf-8")
    assert "does not say" in licence
    assert "zlib" in licence


def test_parts_share_no_view_and_no_photograph():
    for one, other in itertools.combinations(VIEWS, 2):
        a, b = motions.load(one), motions.load(other)
        assert not {tuple(view) for view in a.views.tolist()} & {tuple(view) for view in b.views.tolist()}
        assert not {f.numpy().tobytes() for f in a.frames} & {f.numpy().tobytes() for f in b.frames}
        assert not set(motions.PHOTOGRAPHS[one]) & set(motions.PHOTOGRAPHS[other])
    tests, tuning = (set(motions.PHOTOGRAPHS[f"{s}train"]) | set(motions.PHOTOGRAPHS[f"{s}test"]) for s in ("", "tuning "))
    assert (tests, tuning) == (set(photographs.TEST), set(photographs.TUNING))


def test_an_unknown_part_is_refused():
    for use in (motions.load, lambda part: motions.backgrounds(part, 3, generator())):
        with pytest.raises(UserError, match=r"^unknown part of the motions 'tests'; did you mean test\b"):
            use("tests")


@pytest.mark.slow
@pytest.mark.parametrize("part", VIEWS)
def test_views_are_what_they_say_and_no_two_of_a_class_are_alike(part):
    found = motions.load(part)
    yaw, pitch, field, speed, start, across, up, mirrored = found.views.T
    limits = ((yaw, 0, 360), (pitch, 0, 35), (field, 2.9, 3.5), (speed, 0.8, 1.25), (across, -0.3, 0.3), (up, -0.3, 0.3))
    for value, low, high in (*limits, (start, 0, 4.5)):
        assert low <= value.min()
        assert value.max() <= high
        assert value.max() - value.min() > 0.8 * (high - low)
    assert set(mirrored.tolist()) == {0, 1}
    for label in range(15):
        mine = found.masks[found.labels == label].flatten(1).float()
        apart = torch.cdist(mine, mine, p=1) / mine.sum(1)  # pixels that differ, as a share of the body
        assert apart[~torch.eye(len(mine), dtype=torch.bool)].min() > 0.3


def test_bodies_move_in_every_video():
    masks = motions.load("test").masks
    changed = (masks[:, 1:] ^ masks[:, :-1]).float().sum((2, 3)) / masks[:, 1:].float().sum((2, 3))
    assert (changed.mean(1) > 0.1).all()


# --- what must not tell the class ---------------------------------------------------------------------------------------


def test_colour_place_and_size_do_not_tell_the_class():
    train, test = motions.load("train"), motions.load("test")

    def colour(found):
        shares = torch.stack([torch.bincount(video.flatten(), minlength=37) for video in found.frames])[:, 1:, None].float()
        return (shares * found.palette[:, 1:]).sum(1) / shares.sum(1)

    def place(found):
        masks, at = found.masks.float(), torch.arange(64.0)
        area = masks.sum((1, 2, 3))
        return torch.stack([(masks.sum((1, 3)) @ at) / area, (masks.sum((1, 2)) @ at) / area], 1)

    for what in (colour, lambda found: found.palette, place, lambda found: found.masks.float().sum((1, 2, 3))[:, None]):
        assert right(what(train), what(test)) < 2 * CHANCE


def test_one_outline_tells_a_little_and_the_motion_more():
    train, test = motions.load("train"), motions.load("test")
    first = right(train.masks[:, 0], test.masks[:, 0])
    assert first < 4 * CHANCE  # how a body is held is part of an action: a crawl lies

    def change(found):
        return (found.masks[:, 1:] ^ found.masks[:, :-1]).float().mean(1)

    assert right(change(train), change(test)) > max(first + 0.2, 6 * CHANCE)


def test_pixels_of_composed_first_frames_do_not_tell_the_class():
    frames = []
    for seed, part in enumerate(("train", "test")):
        found, draw = motions.load(part), generator(seed)
        behind = motions.backgrounds(part, 15, draw)[motions.assign(found.labels, 15, draw)]
        one = motions.Motions(found.frames[:, :1], found.palette, found.labels, found.views)
        frames.append(motions.compose(one, every(part), behind))
    assert right(*frames) < 2 * CHANCE


# --- composition --------------------------------------------------------------------------------------------------------


def test_backgrounds_stand_still_and_bodies_have_their_colours():
    found, chosen = motions.load("tuning test"), torch.tensor([3, 119, 40])
    behind = motions.backgrounds("tuning test", 3, generator())
    clips = motions.compose(found, chosen, behind)
    assert clips.shape == (3, 24, 64, 64, 3)
    assert clips.dtype == torch.uint8
    for n, i in enumerate(chosen.tolist()):
        for t in range(24):
            mask, codes = found.masks[i, t], found.frames[i, t].long()
            assert torch.equal(clips[n, t][~mask], behind[n][~mask])
            assert torch.equal(clips[n, t][mask], found.palette[i][codes[mask]])
        assert (clips[n, 1:] != clips[n, :-1]).any(-1).flatten(1).any(1).all()
    assert torch.equal(motions.compose(found, chosen[1:2], behind[1:2]), clips[1:2])


def test_backgrounds_that_do_not_fit_are_refused():
    found, behind = motions.load("tuning test"), torch.zeros(2, 64, 64, 3, dtype=torch.uint8)
    for wrong in (behind[:1], behind[:, :32], behind.float()):
        with pytest.raises(ValueError, match=r"^backgrounds are torch\.\w+ \(.*\), not torch\.uint8 \(2, 64, 64, 3\)$"):
            motions.compose(found, torch.tensor([0, 1]), wrong)


@pytest.mark.parametrize("part", VIEWS)
def test_backgrounds_are_crops_of_the_parts_photographs_all_different(part):
    found = motions.backgrounds(part, 12, generator(1))
    assert found.shape == (12, 64, 64, 3)
    assert torch.equal(found, motions.backgrounds(part, 12, generator(1)))
    assert not torch.equal(found, motions.backgrounds(part, 12, generator(2)))
    assert len({one.numpy().tobytes() for one in found}) == 12
    grey = bool((found[..., 0] == found[..., 1]).all())
    assert grey == part.startswith("tuning")


# --- layouts ------------------------------------------------------------------------------------------------------------


def test_the_clean_layout_knows_nothing_of_classes():
    labels = torch.arange(15).repeat_interleave(40)
    found = motions.assign(labels, 20, generator())
    assert found.dtype == torch.int64
    assert torch.bincount(found).tolist() == [30] * 20
    agreement = np.mean([(motions.assign(labels, 15, generator(seed)) == labels).float().mean() for seed in range(50)])
    assert agreement == pytest.approx(CHANCE, abs=0.005)
    assert torch.equal(found, motions.assign(labels, 20, generator()))


def test_the_biased_layout_agrees_as_said():
    labels = torch.arange(15).repeat_interleave(20)[torch.randperm(300, generator=generator(7))]
    gallery = motions.assign(labels, 15, generator(), motions.AGREE["gallery"])
    queries = motions.assign(labels, 15, generator(), motions.AGREE["queries"])
    for label in range(15):
        assert (gallery[labels == label] == label).sum() == 18
        assert not (queries[labels == label] == label).any()
    assert set(queries.tolist()) == set(range(15))
    assert torch.equal(motions.assign(labels, 15, generator(), 1.0), labels)
    # what follows the background is wrong: a query finds its own background in the gallery, and nearly always another class
    same = (queries[:, None] == gallery) & (labels[:, None] == labels)
    assert (same.sum(1) / (queries[:, None] == gallery).sum(1)).mean() < 0.02


def test_a_biased_layout_that_cannot_be_is_refused():
    labels = torch.arange(3)
    for count, agree, of in ((2, 0.9, labels), (3, 1.2, labels), (3, -0.1, labels), (3, 0.9, labels[:1])):
        with pytest.raises(ValueError, match=r"^share .* classes on \d backgrounds: 0 to 1, and one for each of 2 or more$"):
            motions.assign(of, count, generator(), agree)


def test_a_frame_around_the_body_shows_all_of_its_moves_where_it_has_room():
    whole = motions.load("test")
    found = motions.framed(whole, 40, torch.Generator().manual_seed(0))
    assert found.frames.shape == (300, 24, 40, 40)
    ever = whole.masks.any(1)
    before, after = whole.masks.sum((1, 2, 3)), found.masks.sum((1, 2, 3))
    fits = before == after
    assert fits.tolist() == [_span(one) <= 40 for one in ever]
    assert 0.8 < fits.float().mean() < 1
    assert (after > 0.8 * before).all()
    for video in (0, 151):  # cut out, and not scaled or moved in time
        small, big = found.frames[video], whole.frames[video]
        assert any(torch.equal(big[:, y : y + 40, x : x + 40], small) for y in range(25) for x in range(25))
    other = motions.framed(whole, 40, torch.Generator().manual_seed(1))
    assert not torch.equal(found.frames, other.frames)
    assert torch.equal(motions.framed(whole, 64, torch.Generator()).frames, whole.frames)


def _span(ever):
    """The larger side of the box around the body's moves."""
    return max(int(line.nonzero()[-1] - line.nonzero()[0]) + 1 for line in (ever.any(0), ever.any(1)))


@pytest.mark.parametrize("side", [0, 65])
def test_a_frame_is_as_large_as_the_videos_at_most(side):
    with pytest.raises(ValueError, match=f"^a side of {side} pixels, of videos of 64 x 64$"):
        motions.framed(motions.load("tuning test"), side, torch.Generator())


def test_backgrounds_out_of_focus_are_the_same_crops_without_their_detail():
    sharp, soft = (motions.backgrounds("test", 6, torch.Generator().manual_seed(0), 40, blur).float() for blur in (0.0, 4.0))
    assert sharp.shape == soft.shape == (6, 40, 40, 3)
    assert (sharp.mean((1, 2)) - soft.mean((1, 2))).abs().max() < 15
    detail = [(x[:, 1:] - x[:, :-1]).abs().mean((1, 2, 3)) for x in (sharp, soft)]
    assert (detail[1] < 0.6 * detail[0]).all()


def test_backgrounds_in_haze_keep_a_share_of_their_distance_from_grey():
    clear, haze = (motions.backgrounds("test", 4, torch.Generator().manual_seed(0), 32, 2.0, c).float() for c in (1.0, 0.3))
    assert (haze - (127.5 + 0.3 * (clear - 127.5))).abs().max() <= 1


def test_a_framed_video_is_put_before_a_background_of_its_size():
    views = motions.framed(motions.load("tuning test"), 40, torch.Generator().manual_seed(0))
    scenes = motions.backgrounds("tuning test", 2, torch.Generator().manual_seed(0), 40, 3.0)
    found = motions.compose(views, torch.tensor([0, 5]), scenes)
    assert found.shape == (2, 24, 40, 40, 3)
    still = ~views.masks[[0, 5]]
    assert torch.equal(found[still], scenes[:, None].expand(-1, 24, -1, -1, -1)[still])
