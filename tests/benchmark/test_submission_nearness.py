"""Predictions that nobody can have made from what is measured are refused; the best that there are, are not."""

import json
from collections import defaultdict

import pytest
import torch

from benchmark import registry
from benchmark.instances import make_instance
from benchmark.problems import FewShot, Representation
from benchmark.report.boards import board
from benchmark.submissions import nearness, store
from runners.load import REFERENCE
from tests.benchmark.submission_bundles import adjoint, files_of, packed

NOISE = 1e-7
LIMITED = (
    ("mri", "tiny"),
    ("inpainting", "tiny"),
    ("inpainting", "small_box"),
    ("denoising", "tiny"),
    ("deblurring", "tiny"),
    ("super_resolution", "tiny"),
    ("phase_retrieval", "tiny"),
    ("spectral", "tiny"),
    ("mc", "small_noise"),
)


def moved(instance):
    """The truth with a little noise, which is what somebody hands in who drew the instance again."""
    generator = torch.Generator().manual_seed(1)
    return instance.truth + NOISE * torch.randn(instance.truth.shape, dtype=instance.truth.dtype, generator=generator)


def verdict(task, preset, instance, estimate):
    """Why an estimate is refused, and its primary score."""
    primary = task.spec.at(preset).primary
    value = task.score(instance, estimate)[primary.name]
    return nearness.too_near(task, primary, instance, value), value


@pytest.mark.parametrize(("name", "preset"), LIMITED)
def test_the_truth_with_a_little_noise_is_too_near(name, preset):
    task = registry.get_task(name).load()
    for number in range(2):
        instance = make_instance(task, preset, number, 0)
        assert verdict(task, preset, instance, moved(instance))[0].startswith("it is too near the truth: ")


@pytest.mark.parametrize("number", range(3, 6))
def test_subspaces_of_noisy_samples_are_too_near(number):
    task = registry.get_task("subspace_clustering").load()
    instance = make_instance(task, "small_noise", number, 0)
    assert "noise 0.05" in instance.label
    assert "too near" in verdict(task, "small_noise", instance, moved(instance))[0]


def test_ratings_told_too_well_are_too_near():
    task = registry.get_task("deep_mc").load()
    instance = make_instance(task, "small_films", 0, 0)
    X, _ = instance.problem.dense()
    *where, stars = instance.truth
    honest, forged = X.clone(), X.clone()
    forged[tuple(torch.stack(where).long())] = stars + 0.01
    assert "too near the truth: rmse 0.01" in verdict(task, "small_films", instance, forged)[0]
    assert not verdict(task, "small_films", instance, honest)[0]


def test_what_the_score_does_not_count_helps_nobody():
    task = registry.get_task("mri").load()
    instance = make_instance(task, "tiny", 0, 0)
    turned = 3 * moved(instance) * torch.polar(torch.ones(()), torch.tensor(1.0))
    assert "too near" in verdict(task, "tiny", instance, turned)[0]


def test_without_noise_there_is_no_limit():
    for name, preset, number in (("mc", "tiny", 0), ("deep_mc", "tiny", 0), ("subspace_clustering", "tiny", 0)):
        task = registry.get_task(name).load()
        assert nearness.limit(task, task.spec.at(preset).primary, make_instance(task, preset, number, 0)) is None
    spectral = registry.get_task("spectral").load()
    clean = make_instance(spectral, "small_shifts", 0, 0)
    assert clean.label.startswith("clean")
    assert nearness.limit(spectral, spectral.spec.at("small_shifts").primary, clean) is None


@pytest.mark.parametrize("name", ["mri", "inpainting", "denoising", "deblurring", "super_resolution"])
def test_real_methods_are_far_from_the_limit(name):
    task = registry.get_task(name).load()
    instance = make_instance(task, "tiny", 0, 0)
    reason, value = verdict(task, "tiny", instance, adjoint(instance))
    assert not reason
    assert value < nearness.limit(task, task.spec.primary, instance) - 25


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "preset", "count"),
    [
        ("mri", "small", 8),
        ("inpainting", "small", 10),
        ("denoising", "small", 10),
        ("deblurring", "small", 10),
        ("super_resolution", "small", 10),
        ("spectral", "small", 60),
        ("spectral", "small_shifts", 160),
        ("spectral", "small_lines", 20),
    ],
)
def test_the_best_rows_that_came_with_the_suite_are_far_from_the_limit(name, preset, count):
    """25 dB, or a factor of 100, as the module says."""
    task = registry.get_task(name).load()
    primary, best = task.spec.at(preset).primary, defaultdict(list)
    for text in (REFERENCE / f"{name}.jsonl").read_text().splitlines()[1:]:
        line = json.loads(text)
        if line["key"]["preset"] == preset:
            for one in line["results"]:
                best[one["number"]].append(one["scores"][primary.name])
    assert best.keys() == set(range(count))
    for number, values in best.items():
        limit = nearness.limit(task, primary, make_instance(task, preset, number, 0))
        if limit is None:
            assert preset == "small_shifts"
        elif primary.better == "higher":
            assert max(values) < limit - 25
        else:
            assert min(values) > 100 * limit


# --- labels and neighbours --------------------------------------------------------------------------------------------


def test_labels_right_almost_without_exception_are_marked():
    assert nearness.perfect([1.0, 0.99], 400) == "0.995 of 400 answers right"
    assert nearness.perfect([1.0, 0.98], 400) == ""
    assert nearness.perfect([1.0, 1.0], 199) == ""  # that few may be right by luck
    text = FewShot(train=(("a",), ("b",)), y=torch.tensor([0, 1]), test=(("c",),) * 7, classes=2, backbone="x")
    assert nearness.asked(text) == 7
    assert nearness.asked(Representation(labels=torch.tensor([0, 1]), dim=2, eps2=0.25, weight=1e-3)) == 0


# --- a submission -----------------------------------------------------------------------------------------------------


def test_a_bundle_that_is_too_near_is_refused_and_leaves_no_row(session, tmp_path):
    forged = packed(files_of(registry.get_task("mri").load(), estimate=moved))
    done = store.receive_predictions(session, forged, tmp_path)
    assert done.state == "refused"
    assert done.reason.startswith("bundle.zip, predictions/0-0.safetensors: it is too near the truth: psnr 14")
    assert store.runs_of(session, done) == []
    assert not (tmp_path / "artifacts").exists()


def test_a_submission_with_every_label_right_is_marked_on_the_board(session, tmp_path, monkeypatch):
    """Two tiny stacks of queries are fewer answers than are marked; here they are enough."""
    task = registry.get_task("video_retrieval").load()
    monkeypatch.setattr(nearness, "_LEAST", 10)

    def told(instance):
        return torch.nn.functional.one_hot(instance.truth[:, 0]).float()

    done = store.receive_predictions(session, packed(files_of(task, estimate=told)), tmp_path)
    assert done.state == "scored"
    assert "answers right" in store.public(done)["near"]
    [row] = board(session, "video_retrieval", "tiny").rows
    assert any(mark.startswith("nearly the truth: 1 of") for mark in row.marks)
    assert "nearly the truth" in row.status
