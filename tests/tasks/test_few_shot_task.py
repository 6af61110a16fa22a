"""Few-shot fine-tuning: which texts are drawn, what is scored, what is measured of an update."""

import json
import math

import pytest
import torch
from pydantic import ValidationError
from scipy import stats

from benchmark import UserError, registry
from benchmark.datasets import texts
from tests.methods import tiny_encoder

SPEC = registry.get_task("few_shot").spec
OWN = [name for name, preset in SPEC.presets.items() if "backbone" not in preset.data]


def make(preset="small", index=0, split="test", seed=0, task=None, **changed):
    task = task or registry.get_task("few_shot").load()
    return task.make(SPEC.presets[preset].model_copy(update=changed), split, index, torch.Generator().manual_seed(seed))


@pytest.fixture
def task():
    return registry.get_task("few_shot").load()


@pytest.mark.parametrize("preset", OWN)
def test_each_cell_has_so_many_labels_as_many_of_each_class(preset):
    size = SPEC.presets[preset]
    for index in range(size.instances):
        name, labels = size.cells()[index % len(size.cells())]
        instance = make(preset, index)
        problem = instance.problem
        assert instance.label.startswith(f"{name}, {labels} labels")
        assert len(problem.train) == labels
        assert problem.y.bincount().tolist() == [labels // 2] * 2
        assert len(problem.test) == len(instance.truth) == size.tests or size.tests is None
        assert 0.4 < instance.truth.double().mean() < 0.6
        assert problem.length == size.length


def test_seeds_and_repeats_draw_other_training_texts_and_the_same_tests():
    first, again, other = make(), make(), make(seed=1)
    assert first.problem.train == again.problem.train
    assert set(first.problem.train) != set(other.problem.train)
    assert first.problem.test == other.problem.test
    assert make("small_protocol", 0).label == "sentiment_yelp, 16 labels (1)"
    assert make("small_protocol", 3).label == "sentiment_yelp, 16 labels (2)"


@pytest.mark.parametrize("preset", ["small", "small_pairs", "small_acceptability", "full"])
def test_test_and_tuning_share_no_text_and_tests_are_no_training_texts(preset):
    for index in range(SPEC.presets[preset].instances):
        test, tuning = ([one.problem.train, one.problem.test] for one in (make(preset, index), make(preset, index, "tuning")))
        sets = [set(part) for part in (*test, *tuning)]
        assert len(set.union(*sets)) == sum(map(len, sets))


def test_a_problem_does_not_hold_the_labels_of_its_tests():
    """A method that reads all of a problem finds each test label only where the text itself says it."""
    problem, truth = make().problem, make().truth
    tensors = [value for value in vars(problem).values() if isinstance(value, torch.Tensor)]
    assert all(len(one) != len(truth) for one in tensors)
    assert not hasattr(problem, "truth")
    known = {tuple(text) for text in texts.load("sentiment_yelp").texts}
    assert set(problem.test) <= known  # the bare texts, nothing added


def test_scores(task):
    instance = make(task=task)
    right = torch.nn.functional.one_hot(instance.truth, 2).float()
    assert task.score(instance, right) == {"accuracy": 1.0, "macro_f1": 1.0}
    assert task.score(instance, -right)["accuracy"] == 0
    same = torch.tensor([[1.0, 0.0]]).expand(len(right), 2)
    share = (instance.truth == 0).double().mean().item()
    found = task.score(instance, same)
    assert found["accuracy"] == task.quality(instance, same) == pytest.approx(share)
    assert found["macro_f1"] == pytest.approx(share / (1 + share))
    assert task.picture(instance, same)["image"].tolist() == [[1, 0], [1, 0]]
    assert task.picture(instance, instance.truth)["image"].tolist() == [[1, 0], [0, 1]]


def test_facts_are_those_of_the_update(task):
    """Of four layers one has rank 2, one rank 1, one did not move beyond 1e-3, and one not at all."""
    sigma = torch.tensor([[2.0, 2, 0], [5, 0, 0], [9e-4, 9e-4, 9e-4], [0, 0, 0]])
    kept = {"learned": torch.tensor(12), "update_singular_values": sigma}
    found = task.facts(make(task=task), kept)
    assert found == {"effective_rank": pytest.approx(3 / 4), "moved": 0.5, "learned": 12}
    kept["update_singular_values"] = sigma + torch.tensor([[0.0], [0], [2e-4], [0]])
    assert task.facts(make(task=task), kept) == {"effective_rank": pytest.approx(6 / 4), "moved": 0.75, "learned": 12}
    assert task.facts(make(task=task), {}) == {"effective_rank": 0, "moved": 0, "learned": 0}


def test_a_preset_counts_its_instances():
    with pytest.raises(ValidationError, match="instances: 7, but the cells and repeats make 4"):
        type(SPEC.presets["small"]).model_validate({**SPEC.presets["small"].model_dump(), "instances": 7})


# --- files and encoder of the user's own --------------------------------------------------------------------------------


def glue(folder, name, rows, extra):
    place = folder / "glue" / name
    place.mkdir(parents=True)
    for part, count, first in (("train", rows, 0), ("validation", extra, rows)):
        lines = []
        for i in range(first, first + count):
            if name == "stsb":
                lines.append(
                    {"sentence1": f"the book was fine {i}", "sentence2": f"the play was calm {i}", "label": i % 11 / 2}
                )
            else:
                lines.append({"sentence": f"the film number {i} was {('dull', 'fine')[i % 2]}", "label": i % 2})
        (place / f"{part}.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def data(tmp_path):
    tiny_encoder.save(tmp_path / "backbone")
    return tmp_path


def test_glue_of_the_user_with_an_encoder_of_the_user(data):
    task = registry.get_task("few_shot").load(glue(data, "sst2", 120, 30))
    parts = [make("full_glue", 0, split, task=task, text=("sst2",), labels=(20,)).problem for split in ("test", "tuning")]
    for problem in parts:
        assert problem.backbone == str(data / "backbone")
        assert len(problem.train) == 20
        assert problem.y.sum() == 10
    assert len(parts[0].test) == 30
    assert all(int(text.split()[3]) >= 120 for (text,) in parts[0].test)
    drawn = [{text for problem in (one,) for text in (*problem.train, *problem.test)} for one in parts]
    assert not drawn[0] & drawn[1]
    with pytest.raises(UserError, match=r"^glue/sst2: 512 labels of a class, but 'negative' of sst2 has \d+$"):
        make("full_glue", 0, task=task, text=("sst2",))


def test_grades_are_scored_by_correlation(data):
    task = registry.get_task("few_shot").load(glue(data, "stsb", 120, 30))
    instance = make("full_stsb", 0, task=task)
    assert instance.problem.classes == 0
    assert instance.problem.y.dtype == torch.float32
    estimate = (instance.truth.exp() + 1)[:, None]
    found = task.score(instance, estimate)
    assert found["spearman"] == pytest.approx(1)
    assert found["pearson"] == pytest.approx(stats.pearsonr(estimate[:, 0], instance.truth).statistic)
    assert found["pearson"] < 0.95
    assert task.quality(instance, estimate) == found["pearson"]
    flat = task.score(instance, torch.ones_like(estimate))
    assert flat == {"pearson": 0.0, "spearman": 0.0}
    assert math.prod(task.picture(instance, estimate)["image"].shape) == 30
