"""Video retrieval: which videos and backgrounds are drawn, what is scored, and sets of videos of the user's own."""

import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from benchmark import registry
from benchmark.datasets import motions, user_videos
from tests.benchmark.test_video_data import film

TASK = registry.get_task("video_retrieval")
SMALL = TASK.spec.presets["small"]


@pytest.fixture
def task():
    return TASK.load()


def make(task, preset="small", index=0, split="test", seed=0):
    return task.make(task.spec.presets[preset], split, index, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("index", "layout"), [(0, "clean"), (1, "biased"), (4, "clean"), (5, "biased")])
def test_an_instance_has_ten_views_of_each_class_in_gallery_and_in_queries(task, index, layout):
    instance = make(task, index=index)
    problem = instance.problem
    assert instance.label == f"{layout} backgrounds ({index // 2 + 1})"
    assert problem.gallery.shape == problem.queries.shape == (150, 24, 32, 32, 3)
    for part in problem.split(instance.truth[:, 0]):
        assert part.bincount().tolist() == [10] * 15
    gallery, queries = problem.split(instance.truth)
    if layout == "clean":
        assert gallery[:, 1].bincount().tolist() == queries[:, 1].bincount().tolist() == [10] * 15
    else:
        assert (gallery[:, 0] == gallery[:, 1]).double().mean() == 0.9
        assert not (queries[:, 0] == queries[:, 1]).any()


def test_videos_of_one_background_share_its_pixels(task):
    instance = make(task)
    videos, shown = torch.cat(instance.problem.shown()).float(), instance.truth[:, 1]
    still = videos.median(1).values  # where the body passes, the median over time is mostly the background
    mine, other = (shown == 0).nonzero()[:2, 0], (shown == 1).nonzero()[0, 0]
    assert (still[mine[0]] - still[mine[1]]).abs().median() < 2 < (still[mine[0]] - still[other]).abs().median()


def test_no_view_is_in_gallery_and_queries(task):
    instance = make(task)
    bodies = {video.float().diff(dim=0).abs().sum().item() for video in torch.cat(instance.problem.shown())}
    assert len(bodies) == instance.problem.count


def test_test_tuning_and_training_draw_from_parts_of_their_own(task, monkeypatch):
    asked, load, crop = [], motions.load, motions.backgrounds
    monkeypatch.setattr(motions, "load", lambda part: asked.append(part) or load(part))
    monkeypatch.setattr(motions, "backgrounds", lambda part, *given: asked.append(part) or crop(part, *given))
    parts = []
    for call in (
        lambda: make(task, "tiny"),
        lambda: make(task, "tiny", split="tuning"),
        lambda: task.training(task.spec.presets["tiny"], torch.Generator()),
    ):
        asked.clear()
        call()
        parts.append(set(asked))
    assert parts == [{"test"}, {"tuning train", "train"}, {"train"}]  # tuning: views of its own, photographs of training


def test_training_videos_have_backgrounds_of_their_own(task):
    clips = task.training(task.spec.presets["tiny"], torch.Generator().manual_seed(0)).videos
    assert clips.shape == (30, 24, 32, 32, 3)
    still = clips.float().median(1).values
    assert len(still.flatten(1).unique(dim=0)) == 30
    assert SMALL.train_views * SMALL.scenes * 15 == 2400


def test_scores(task):
    instance = make(task, index=1)
    motion, scene = (torch.nn.functional.one_hot(column).float() for column in instance.truth.unbind(1))
    told = task.score(instance, motion)
    assert told["recall_1"] == told["recall_10"] == told["probe"] == 1 == task.quality(instance, motion)
    assert told["background_1"] < 0.2
    misled = task.score(instance, scene)
    assert misled["background_1"] == misled["background_10"] == 1
    assert misled["recall_1"] < 0.1 > misled["probe"]  # the biased layout punishes who goes by backgrounds
    # by hand: nearest of query 0 by cosine, whatever the lengths
    draw = torch.Generator().manual_seed(3)
    z = torch.randn(instance.problem.count, 4, generator=draw)
    gallery, queries = (part.numpy() for part in instance.problem.split(z))
    labels = [part.numpy() for part in instance.problem.split(instance.truth[:, 0])]
    cosines = (queries / np.linalg.norm(queries, axis=1)[:, None]) @ (gallery / np.linalg.norm(gallery, axis=1)[:, None]).T
    for k in (1, 5, 10):
        right = [labels[1][q] in labels[0][np.argsort(-cosines[q])[:k]] for q in range(len(queries))]
        assert task.score(instance, z)[f"recall_{k}"] == pytest.approx(np.mean(right))


def test_consistency_is_a_difference_of_cosines_and_zero_where_untold(task):
    instance = make(task, "tiny")
    assert task.facts(instance, {"cosines": torch.tensor([0.7, 0.6])})["consistency"] == pytest.approx(0.1)
    assert task.facts(instance, {}) == {"consistency": 0}


def test_the_picture_holds_places_in_the_gallery(task):
    instance = make(task)
    gallery, queries = instance.problem.split(instance.truth[:, 0])
    places = task.picture(instance, instance.truth)["image"].long()
    assert places.shape == (150, 10)
    assert (gallery[places] == queries[:, None]).all()
    found = task.picture(instance, torch.nn.functional.one_hot(instance.truth[:, 0]).float())["image"].long()
    assert torch.equal(found, places)


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"instances": 5}, "cells and repeats make 6"), ({"layout": ("as filmed",), "instances": 3}, "are not as filmed")],
)
def test_presets_that_cannot_be_are_refused(changed, message):
    with pytest.raises(ValidationError, match=message):
        type(SMALL)(**{**SMALL.model_dump(), **changed})


# --- videos of the user's own -------------------------------------------------------------------------------------------

CLASSES = ("Archery", "Surfing")
GROUPS = {"train": (8, 9, 10, 11, 12, 13), "test": (1, 2)}


def ucf101(folder, broken=()):
    """Short films in the layout of UCF101: two classes, six groups to learn from and two for tests."""
    lists = dict.fromkeys(GROUPS, "")
    for label, name in enumerate(CLASSES, 1):
        for part, groups in GROUPS.items():
            for group in groups:
                file = f"{name}/v_{name}_g{group:02}_c01.avi"
                pictures = [np.full((48, 64, 3), 20 * label + 3 * t + group, np.uint8) for t in range(12)]
                film(folder / "ucf101" / "videos" / file, pictures)
                if (name, group) in broken:
                    (folder / "ucf101" / "videos" / file).write_bytes(b"no video")
                lists[part] += file + (f" {label}\n" if part == "train" else "\n")
    splits = folder / "ucf101" / "splits"
    splits.mkdir(parents=True)
    (splits / "classInd.txt").write_text("1 Archery\n2 Surfing\n")
    for part, text in lists.items():
        (splits / f"{part}list01.txt").write_text(text)
    return folder


@pytest.fixture
def small_films(monkeypatch, task):
    module = sys.modules[type(task).__module__]
    for name, value in {"_FRAMES": 8, "_STRIDE": 1, "_SIZE": 16}.items():
        monkeypatch.setattr(module, name, value)
    return module


def test_ucf101_is_gallery_and_training_and_its_tests_are_queries(task, tmp_path, small_films):
    task.data_dir = ucf101(tmp_path)
    instance = make(task, "full")
    assert instance.label == "ucf101, split 1: 12 + 4 videos"
    assert task.classes == CLASSES
    gallery, queries = instance.problem.split(instance.truth)
    assert gallery[:, 0].tolist() == [0] * 6 + [1] * 6
    assert queries[:, 0].tolist() == [0, 0, 1, 1]
    assert instance.problem.gallery.shape == (12, 8, 16, 16, 3)
    clips = task.training(task.spec.presets["full"], torch.Generator())
    assert torch.equal(clips.videos, instance.problem.gallery)
    assert task.score(instance, torch.nn.functional.one_hot(instance.truth[:, 0]).float()) == {
        "recall_1": 1,
        "recall_5": 1,
        "recall_10": 1,
        "probe": 1,
    }


def test_tuning_on_ucf101_asks_for_groups_that_are_not_in_its_gallery(task, tmp_path, small_films, monkeypatch):
    asked = []
    monkeypatch.setattr(
        small_films,
        "decode",
        lambda videos, *given: asked.append([v.name for v in videos]) or user_videos.decode(videos, *given),
    )
    task.data_dir = ucf101(tmp_path)
    instance = make(task, "full", split="tuning")
    assert instance.label == "ucf101, split 1, tuning: 8 + 4 videos"
    gallery, queries = asked
    assert queries == [f"{name}/v_{name}_g{group:02}_c01.avi" for name in CLASSES for group in (8, 13)]
    assert not {name for name in gallery + queries if "_g01_" in name or "_g02_" in name}


def test_broken_and_short_videos_are_counted_in_the_label(task, tmp_path, small_films, monkeypatch):
    monkeypatch.setattr(small_films, "_FRAMES", 16)
    task.data_dir = ucf101(tmp_path, broken=[("Archery", 9), ("Surfing", 2)])
    instance = make(task, "full")
    assert instance.label == "ucf101, split 1: 11 + 3 videos, 2 left out, 14 looped"
    gallery, queries = instance.problem.split(instance.truth[:, 0])
    assert (gallery.bincount().tolist(), queries.bincount().tolist()) == ([5, 6], [2, 1])
