"""Representation: what its presets refuse, which samples are drawn, what is scored and drawn."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from benchmark import UserError, registry
from benchmark.instances import drawn, make_instance
from benchmark.models.coding_rates import largest_weight
from tasks.representation import Sizes
from tests.benchmark.test_labelled_data import write_mnist

TASK = registry.get_task("representation")
SPEC = TASK.spec
OFFLINE = [name for name in SPEC.presets if not name.startswith("full")]


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def make(preset="tiny", split="test", index=0, data_dir=None, seed=0, **changed):
    task = TASK.load(data_dir)
    return task, task.make(SPEC.presets[preset].model_copy(update=changed), split, index, draw(seed))


def rows(tensor):
    return {tuple(row) for row in tensor.tolist()}


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("ratio", {"ratio": (0.0,)}),
        ("ratio", {"ratio": (-0.1,)}),
        ("ratio", {"ratio": (1.1,)}),
        ("ratio", {"ratio": (float("nan"),)}),
        ("classes", {"classes": (1,)}),
        ("classes", {"classes": (0,)}),
        ("classes", {"samples": "none", "counts": (5,), "grid": ("ratio",)}),
        ("counts", {"samples": "none", "counts": (0, 5), "grid": ("ratio",)}),
        ("counts", {"samples": "none"}),
        ("counts", {"counts": (5, 5)}),
        ("dim", {"dim": 0}),
        ("eps2", {"eps2": 0.0}),
        ("per_class", {"per_class": 0}),
        ("instances", {"instances": 2}),
        ("instances", {"ratio": (0.1, 0.2)}),
    ],
)
def test_an_impossible_preset_is_refused_by_the_name_of_its_field(field, given):
    with pytest.raises(ValidationError) as caught:
        Sizes(**{"instances": 1, "budget": 1.0, **given})
    (error,) = caught.value.errors()
    assert error["loc"][:1] == (field,) or f"{field}:" in error["msg"].split()


@pytest.mark.parametrize("repeat", [0, 1000])
@pytest.mark.parametrize("preset", OFFLINE)
def test_presets_without_the_users_data_make_instances(preset, repeat):
    task, size = TASK.load(), SPEC.presets[preset]
    labels = set()
    for index in range(size.instances):
        instance = make_instance(task, preset, index, repeat)
        problem = instance.problem
        ratio = problem.weight / largest_weight(problem.sizes, problem.dim, problem.eps2)
        assert any(ratio == pytest.approx(wanted) for wanted in size.ratio)
        assert problem.free == (preset.startswith("small_free"))
        assert torch.equal(problem.split(instance.truth)[0], problem.labels)
        assert ("tuning" in instance.label) == (repeat >= 1000)
        labels.add(instance.label)
    assert len(labels) == size.instances


def test_digits_are_as_many_of_each_class_and_judged_on_others():
    _, instance = make("small", index=1)
    problem = instance.problem
    assert problem.sizes == (100,) * 10
    assert problem.train.shape == (1000, 64)
    assert len(problem.test) == 597
    assert not rows(problem.train) & rows(problem.test)
    assert len(make("small")[1].problem.sizes) == 3


@pytest.mark.parametrize(("preset", "index"), [("small", 1), ("small_tabular", 1)])
def test_tuning_never_sees_what_tests_are_judged_on(preset, index):
    judged = rows(make(preset, index=index)[1].problem.test)
    for seed in range(3):
        problem = make(preset, "tuning", index, seed=seed)[1].problem
        assert not judged & (rows(problem.train) | rows(problem.test))
        assert not rows(problem.train) & rows(problem.test)
        assert judged == rows(make(preset, index=index, seed=seed)[1].problem.test)


def test_scores_at_and_far_from_a_maximiser():
    task, instance = make("small_free")
    best, worst = (task.score(instance, instance.problem.near(instance.truth, scale, draw())) for scale in (0.0, 0.1))
    wanted = {"coherence": 0, "block_coherence": 0, "rank95": 10, "rank_gap": 0, "value_gap": 0, "sigma_gap": 0}
    assert best == pytest.approx(wanted, abs=1e-9)
    assert worst["coherence"] == pytest.approx(1)
    assert worst["rank95"] == 1
    assert worst["value_gap"] > 1
    zero = task.score(instance, torch.zeros(200, 40, dtype=torch.float64))
    assert zero == {"coherence": 1, "block_coherence": 1, "rank95": 0, "rank_gap": 1, "value_gap": 1, "sigma_gap": 1}


def test_gaps_to_the_closed_form_are_relative():
    task, instance = make("small_free", index=3)
    Z = instance.problem.near(instance.truth, 0.0, draw())
    scores = task.score(instance, 1.1 * Z)
    assert scores["sigma_gap"] == pytest.approx(0.21)
    assert 0 < scores["value_gap"] < 0.1
    assert task.score(instance, 0.4 * Z)["sigma_gap"] == 1  # nothing is left above half of sigma*
    assert task.score(instance, 0.4 * Z)["rank_gap"] == 1


def test_test_features_are_scored_by_their_own_labels():
    task, instance = make("small")
    Z = instance.problem.near(instance.truth, 0.0, draw())
    scores = task.score(instance, Z)
    assert scores["subspace_accuracy"] == 1
    assert 0.3 < scores["probe_accuracy"] < 0.9  # the rows of a maximiser may have mean zero: no plane tells its classes apart
    assert scores["test_coherence"] < 1e-6
    train, test = instance.problem.split(Z)
    turned = task.score(instance, torch.cat([train, test.flip(0)]))
    assert turned["coherence"] == scores["coherence"]
    assert turned["subspace_accuracy"] < 0.6


@pytest.mark.parametrize("preset", ["tiny", "small_free"])
def test_the_curve_shows_the_metric_that_ranks(preset):
    task, instance = make(preset)
    Z = instance.problem.near(instance.truth, 0.03, draw())
    assert task.quality(instance, Z) == pytest.approx(task.score(instance, Z)[SPEC.at(preset).primary.name], rel=1e-4)


@pytest.mark.parametrize(
    ("preset", "ranks"), [("small", [22, 21, 21]), ("small_free", [10] * 4), ("small_free_unbalanced", [30, 0, 0])]
)
def test_pictures_are_those_of_the_closed_form(preset, ranks):
    task, instance = make(preset)
    Z = instance.problem.near(instance.truth, 0.0, draw())
    found = drawn(task, instance, Z)
    assert set(found) == {"estimate", "truth", "estimate_spectrum", "truth_spectrum"}
    assert found["truth"].shape == found["estimate"].shape == (60, 60)
    assert found["truth"].unique().tolist() == [0, 1]
    other = found["truth"] == 0
    if 0 not in ranks:
        assert found["estimate"][other].max() < 1e-5
    assert 0 <= found["estimate"].min() <= found["estimate"].max() <= 1
    assert found["truth_spectrum"].sum(1).tolist() == ranks
    wide = found["truth_spectrum"].shape[1]
    torch.testing.assert_close(found["estimate_spectrum"][:, :wide], found["truth_spectrum"], atol=1e-4, rtol=0)
    assert found["estimate_spectrum"][:, wide:].sum() == 0


# --- a preset may lack what its task offers -----------------------------------------------------------------------------


def test_free_features_are_asked_of_coding_rates_alone():
    free = SPEC.at("small_free")
    assert (free.offers, free.baseline, free.primary.name) == ((), "mcr2_constrained", "value_gap")
    able = {name for name, entry in registry.methods().items() if not entry.spec.misfit(free)}
    assert able == {"mcr2", "mcr2_constrained"}
    assert SPEC.at("small").baseline == "cross_entropy"
    why = registry.get_method("raw").spec.misfit(free, "representation/small_free")
    assert why == "raw needs samples, which representation/small_free does not offer"


# --- a set of the user's own --------------------------------------------------------------------------------------------


@pytest.fixture
def data_dir(tmp_path):
    write_mnist(tmp_path / "labelled", n=90, m=30, classes=3)
    return tmp_path


def test_the_users_set_is_learnt_from_and_judged_on_as_it_is_parted(data_dir):
    task, instance = make("full", data_dir=data_dir)
    problem = instance.problem
    assert (problem.sizes, len(problem.test), problem.dim) == ((30, 30, 30), 30, 128)
    assert instance.label.startswith("0, 1, 2; lambda 0.009")
    _, tuning = make("full", "tuning", data_dir=data_dir)
    assert (tuning.problem.sizes, len(tuning.problem.test)) == ((20, 20, 20), 30)
    assert not rows(tuning.problem.test) & rows(problem.test)
    assert rows(tuning.problem.test) < rows(problem.train)
    scores = task.score(instance, problem.near(instance.truth, 0.0, draw()))
    assert scores["coherence"] < 1e-6


def test_too_few_classes_or_samples_are_one_clear_error(data_dir):
    with pytest.raises(UserError, match=r"^user: 3 classes, but instance 2 draws 10$"):
        make("full", index=2, data_dir=data_dir)
    write_mnist(data_dir / "labelled", n=3, m=3, classes=3)
    with pytest.raises(UserError, match=r"^user: of class 0 0 samples are left for tuning to learn from"):
        make("full", "tuning", data_dir=data_dir)
    with pytest.raises(UserError, match=r"^this preset needs --data-dir: put MNIST's four files"):
        make("full")


def test_the_fingerprint_knows_the_users_files(data_dir):
    from benchmark.datasets.sources import fingerprint

    before = fingerprint(("labelled",), data_dir)
    np.savez(data_dir / "labelled" / "a.npz", train=np.ones((4, 2)))
    with pytest.raises(UserError, match=r"^a.npz has no array train_labels"):
        fingerprint(("labelled",), data_dir)
    (data_dir / "labelled" / "a.npz").unlink()
    assert fingerprint(("labelled",), data_dir) == before
