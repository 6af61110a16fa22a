"""Subspace clustering: what is drawn, what is scored, and samples of the user's own."""

import re

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from benchmark import UserError, mixtures, registry
from benchmark.datasets import digits, sample_files

TASK = registry.get_task("subspace_clustering")
PRESETS = TASK.spec.presets


@pytest.fixture
def task():
    return TASK.load()


def make(task, preset="small", index=0, split="test", seed=0):
    return task.make(PRESETS[preset], split, index, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("index", "d", "count"), [(0, 2, 2), (10, 3, 4), (31, 6, 24)])
def test_a_cell_has_as_many_samples_of_each_subspace_as_it_says(task, index, d, count):
    instance = make(task, index=index)
    assert instance.label == f"d {d}, N_k {count}"
    assert instance.problem.samples.shape == (10, 2 * count, 48)
    assert instance.truth.shape == (10, 2, 48, d)
    labels = mixtures.nearest(instance.problem.samples, instance.truth)
    assert all(row.bincount(minlength=2).tolist() == [count, count] for row in labels)
    assert torch.allclose(
        mixtures.energies(instance.problem.samples, instance.truth).amax(-2), instance.problem.samples.square().sum(-1)
    )


def test_the_order_of_samples_tells_nothing(task):
    instance = make(task, index=31)
    labels = mixtures.nearest(instance.problem.samples, instance.truth).double()
    first = labels[:, :24].mean(-1)
    assert first.min() > 0.25
    assert first.max() < 0.75


def test_one_subspace_and_noise_and_angles(task):
    single = make(task, "small_single", 12)
    assert single.label == "n 96, d 4, N_k 2"
    assert single.truth.shape == (20, 1, 96, 4)
    noisy = make(task, "small_noise", 11)
    assert noisy.label == "d 3, N_k 12, noise 0.2, angle 30"
    off = 1 - mixtures.energies(noisy.problem.samples, noisy.truth).amax(-2) / noisy.problem.samples.square().sum(-1)
    assert off.mean() > 0.1


def test_captured_is_the_share_of_energy_in_the_nearest_subspaces(task):
    instance = make(task, index=31)
    assert task.traits(instance, instance.truth)["captured"] == pytest.approx(1, abs=1e-12)
    half = instance.truth.clone()
    half[..., 3:] = torch.linalg.qr(torch.randn(half[..., 3:].shape, dtype=half.dtype)).Q  # three of six directions stay
    share = task.traits(instance, half)["captured"]
    Q = torch.linalg.qr(half).Q
    best = torch.stack([(instance.problem.samples @ Q[:, k]).square().sum(-1) for k in range(2)]).max(0).values.sum(-1)
    assert share == pytest.approx((best / instance.problem.samples.square().sum((1, 2))).mean().item(), rel=1e-12)
    assert 0.4 < share < 0.9


def test_probes_are_samples_with_noise_of_their_level(task):
    problem = make(task, "small_generalisation", 7).problem
    assert problem.samples.shape == (1, 720, 48)
    assert problem.sigmas.shape == (38,)
    assert problem.sigmas[[0, 1, -1]].tolist() == pytest.approx([10**-2.5, 10**-2.5, 100])
    far = torch.cdist(problem.probes, problem.samples).amin(-1)[0] / 48**0.5
    assert bool((far[:10] < 1.5 * problem.sigmas[:10]).all())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"d": (49,)}, "d: 49 is not between 1 and n = 48"),
        ({"points": (0,)}, "points: N_k = points + ratio d = 0, not at least 1"),
        ({"points": (-3,), "ratio": (1,)}, "points: N_k = points + ratio d = -1, not at least 1"),
        ({"K": (30,)}, "K: 30 subspaces of dimension 2 at 90 degrees do not fit into n = 48"),
        ({"K": (24,), "angle": (60.0,)}, "K: 24 subspaces of dimension 2 at 60 degrees do not fit into n = 48"),
        ({"angle": (0.0,)}, "angle: 0 degrees are not above 0 and at most 90"),
        ({"angle": (91.0,)}, "angle: 91 degrees are not above 0 and at most 90"),
        ({"noise": (-0.1,)}, "noise"),
        ({"K": (0,)}, "K"),
        ({"probed": -1}, "probed: -1 is not 0 or more"),
        ({"d": ()}, "d: no value"),
        ({"instances": 2}, "instances: 2, but the cells and repeats make 1"),
    ],
)
def test_a_preset_that_cannot_be_is_refused(given, message):
    kind = type(PRESETS["small"])
    with pytest.raises(ValidationError, match=re.escape(message)):
        kind(**{"instances": 1, "budget": 1, "d": (2,), "points": (4,), **given})


def test_the_truth_scores_best_and_both_forms_score(task):
    instance = make(task, "small_generalisation", 6)
    best = task.score(instance, instance.truth)
    assert best["subspace_error"] < 1e-6
    assert best["accuracy"] == best["success"] == 1
    assert best["off_energy"] < 1e-9
    assert best["rank_error"] == 0
    assert (best["rank_small"], best["rank_large"]) == (6, 12)
    assert best["new_and_on"] == best["gl"] > 0.95
    problem = instance.problem
    noise = torch.randn(1, problem.generate, 48, dtype=torch.float64)
    garbage = task.score(instance, problem.pack(noise, torch.eye(48).double().expand(1, 38, 48, 48)))
    assert garbage["gl"] == 1  # noise is new
    assert garbage["new_and_on"] == 0
    assert garbage["rank_error"] > 35


def test_pictures_of_the_truth_are_the_identity_and_the_steps_of_the_rank(task):
    instance = make(task, "small_generalisation", 6)
    pictures = task.picture(instance, instance.truth)
    assert torch.allclose(pictures["image"], torch.eye(12).double(), atol=1e-6)
    ranks = pictures["jacobian"]
    assert ranks.shape == (1, 19)
    assert (ranks[0, 0], ranks[0, -1]) == (6, 12)
    assert set(task.picture(make(task), make(task).truth)) == {"image"}  # no probes


def test_digits_are_the_files_own_and_tuning_has_others():
    pictures, shown = digits.load()
    assert pictures.shape == (1797, 64)
    assert (pictures.min(), pictures.max()) == (0, 1)
    assert shown.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    drawn = {}
    for split in ("test", "tuning"):
        X, labels = digits.draw(10, 60, split, torch.Generator().manual_seed(0))
        assert labels.bincount().tolist() == [60] * 10
        drawn[split] = {tuple(x.tolist()) for x in X}
    assert not drawn["test"] & drawn["tuning"]


@pytest.mark.parametrize(("K", "count"), [(11, 5), (0, 5), (3, 90), (3, 0)])
def test_more_digits_than_there_are_are_refused(K, count):
    with pytest.raises(ValueError, match="there are 10 digits with"):
        digits.draw(K, count, "test", torch.Generator())


def test_classes_are_the_truth_of_digits(task):
    instance = make(task, "small_digits", 3)
    assert instance.label == "K 10, d 6, N_k 60 (draw 0)"
    assert instance.truth.shape == (2, 600)
    scores = task.score(instance, instance.problem.near(instance.truth, 0.0, torch.Generator()))
    assert scores["subspace_error"] < 1e-6
    assert 0.9 < scores["accuracy"] < 1  # digits are nearly, not wholly, on subspaces
    assert task.picture(instance, instance.truth)["image"].shape == (60, 60)


# --- a user's own samples -----------------------------------------------------------------------------------------------


def planted(folder, name="mine.npz", N=40):
    generator = torch.Generator().manual_seed(0)
    U = mixtures.subspaces(2, 10, 2, 90.0, generator)[None]
    X, labels = mixtures.draw(U, N, generator)[0].numpy(), np.array(["a", "a", "b", "b"] * (N // 4))
    X = X[np.argsort(np.arange(N) % 2, kind="stable")].reshape(2, -1, 10)
    X = np.stack([X[0, ::2], X[0, 1::2], X[1, ::2], X[1, 1::2]], 1).reshape(N, 10)  # a a b b ...
    (folder / "samples").mkdir(exist_ok=True)
    if name.endswith(".npz"):
        np.savez(folder / "samples" / name, samples=X, labels=labels)
    else:
        np.save(folder / "samples" / name, np.c_[X, labels == "b"])


@pytest.mark.parametrize("name", ["mine.npz", "mine.npy"])
def test_ones_own_samples_are_clustered(task, tmp_path, name):
    planted(tmp_path, name)
    task.data_dir = tmp_path
    test, tuning = (make(task, "full_samples", split=split) for split in ("test", "tuning"))
    assert test.label == "mine, K 2, d 2"
    assert tuning.label == "mine, K 2, d 2, tuning"
    assert test.problem.samples.shape == (1, 20, 10)
    assert not torch.equal(test.problem.samples, tuning.problem.samples)
    found = mixtures.k_subspaces(test.problem.samples, 2, 2, 40, 30, torch.Generator().manual_seed(0))
    assert task.score(test, found)["accuracy"] == 1


X = np.random.default_rng(0).standard_normal((6, 4))
CLASSES = np.array([0, 0, 0, 1, 1, 1])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", {"samples": X}, "a.npz holds samples; labels is missing"),
        ("a.npz", {"samples": X, "labels": CLASSES[:5]}, "a.npz: labels have shape (5,), not (6,): one for each sample"),
        ("a.npz", {"samples": X[0], "labels": CLASSES}, "a.npz: samples have shape (4,), not (samples, dimensions)"),
        (
            "a.npz",
            {"samples": np.where(np.arange(24).reshape(6, 4) == 9, np.nan, X), "labels": CLASSES},
            "a.npz: entry 1 of sample 2 is nan, not a finite number",
        ),
        ("a.npz", {"samples": X, "labels": np.where(CLASSES, np.nan, 0.0)}, "a.npz: label 3 is nan, not a class"),
        (
            "a.npz",
            {"samples": X, "labels": np.arange(6)},
            "a.npz: each of the 6 samples has a label of its own; classes need two samples each",
        ),
        ("a.npz", {"samples": X * 1j, "labels": CLASSES}, "a.npz cannot be read as samples (complex numbers)"),
        ("a.npz", {"samples": X.astype(str), "labels": CLASSES}, None),
        ("a.npz", {"samples": X.astype(object), "labels": CLASSES}, "a.npz cannot be read as samples (Object arrays"),
        ("a.npy", X[:, 0], "a.npy has shape (6,); samples are rows, and the last column is the label"),
        ("a.npy", b"nothing", "a.npy cannot be read as samples ("),
    ],
)
def test_files_that_hold_no_samples_are_refused_in_one_line(tmp_path, name, content, message):
    file = tmp_path / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif name.endswith(".npz"):
        np.savez(file, **content)
    else:
        np.save(file, content)
    if message is None:  # numbers written as text are numbers
        assert np.allclose(sample_files.read(file)[0], X)
        return
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        sample_files.check(file)


def test_a_class_without_samples_for_a_split_is_named(task, tmp_path):
    (tmp_path / "samples").mkdir()
    np.savez(tmp_path / "samples" / "a.npz", samples=X, labels=np.array([0, 1, 0, 1, 0, 1]))
    task.data_dir = tmp_path
    with pytest.raises(UserError, match=r"^a.npz: class 1 of 2 has no sample for test; every second one is for tuning$"):
        make(task, "full_samples")
