"""Phase retrieval: what is measured, what the score does not tell apart, and which of several tries it takes."""

import pytest
import torch
from pydantic import ValidationError

from benchmark import UserError, registry
from benchmark.metrics import lpips_squeeze_caffe
from benchmark.metrics.alignment import aligned
from benchmark.metrics.image import psnr, ssim
from benchmark.operators import FourierMagnitude
from tasks.phase_retrieval import Magnitude

SPEC = registry.get_task("phase_retrieval").spec


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def make(preset="tiny", split="test", index=0, **changed):
    task = registry.get_task("phase_retrieval").load()
    return task, task.make(SPEC.presets[preset].model_copy(update=changed), split, index, draw())


def far(truth, seed=0, scale=0.1):
    return truth + scale * torch.randn(truth.shape, generator=draw(seed))


@pytest.mark.parametrize("split", ["test", "tuning"])
@pytest.mark.parametrize("preset", [name for name, size in SPEC.presets.items() if "photographs" not in size.data])
def test_presets_without_the_users_data_make_instances(preset, split):
    size = SPEC.presets[preset]
    _, instance = make(preset, split)
    problem, wide = instance.problem, size.size + 2 * size.pad
    assert instance.truth.shape == problem.A.shape == (3, size.size, size.size)
    assert problem.y.shape == problem.A.data_shape == (3, wide, wide)
    assert problem.y.dtype == torch.float32
    assert problem.value_range == (0, 1)
    residual = problem.y - problem.A(instance.truth)
    assert residual.std().item() == pytest.approx(size.noise, rel=0.05, abs=1e-6)


def test_the_field_is_twice_as_wide_or_that_of_the_papers():
    wide = {name: (size.size + 2 * size.pad) / size.size for name, size in SPEC.presets.items()}
    papers = {"small_tight", "full", "full_faces"}
    assert wide == {name: 1.5 if name in papers else 2 for name in wide}


def test_the_full_preset_says_what_to_get():
    with pytest.raises(UserError, match="needs --data-dir"):
        make("full")


@pytest.mark.parametrize("pad", [0, -1, 1.5])
def test_a_pad_that_is_none_is_refused(pad):
    with pytest.raises(ValidationError, match="pad"):
        Magnitude(instances=1, budget=1.0, size=32, pad=pad)


def test_scores_are_those_of_the_other_photograph_tasks_where_nothing_is_to_be_moved():
    task, instance = make()
    estimate = far(instance.truth)
    seen = estimate.clamp(0, 1)
    assert not torch.equal(seen, estimate)
    expected = psnr(seen.flatten(0, 1), instance.truth.flatten(0, 1), 1.0).item()
    found = task.score(instance, estimate)
    assert set(found) == {metric.name for metric in SPEC.metrics if metric.of is None}
    assert found["psnr"] == found["psnr_single"] == found["psnr_best4"] == expected == task.quality(instance, estimate)
    assert found["ssim"] == ssim(seen, instance.truth, 1.0).mean().item()
    assert found["lpips_squeeze_caffe"] == lpips_squeeze_caffe(seen[None], instance.truth[None]).item()
    assert torch.equal(task.picture(instance, estimate)["image"], seen)


def test_a_turned_picture_scores_as_the_picture():
    task, instance = make()
    estimate = far(instance.truth)
    turned = estimate.flip(-2, -1)
    torch.testing.assert_close(instance.problem.A(turned), instance.problem.A(estimate), rtol=0, atol=1e-5)
    assert task.score(instance, turned) == pytest.approx(task.score(instance, estimate), rel=1e-6)
    mirrored = estimate.flip(-1)  # measures otherwise
    assert task.score(instance, mirrored)["psnr"] < task.score(instance, estimate)["psnr"] - 3


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("shift", [(3, -2), (0, 5), (-4, -4)])
def test_a_shifted_picture_is_moved_back(shift, turn):
    truth = torch.zeros(3, 32, 32)
    truth[:, 8:24, 8:24] = torch.rand(3, 16, 16, generator=draw())
    A = FourierMagnitude((3, 32, 32), 16)
    moved = truth.roll(shift, (-2, -1))
    moved = moved.flip(-2, -1) if turn else moved
    torch.testing.assert_close(A(moved), A(truth), rtol=0, atol=1e-5)
    assert torch.equal(aligned(moved, truth, 16), truth)


def test_alignment_is_the_best_of_all_places():
    truth, estimate = torch.rand(2, 6, 5, generator=draw()), torch.rand(2, 6, 5, generator=draw(1))
    field = torch.nn.functional.pad(truth, (3,) * 4)
    errors = {}
    for turned in (estimate, estimate.flip(-2, -1)):
        for down in range(12):
            for right in range(11):
                here = torch.nn.functional.pad(turned, (3,) * 4).roll((down, right), (-2, -1))
                errors[(here - field).square().sum().item()] = here[..., 3:9, 3:8]
    assert torch.equal(aligned(estimate, truth, 3), errors[min(errors)])


def test_channels_move_together():
    task, instance = make()
    mixed = instance.truth.clone()
    mixed[0] = mixed[0].flip(-2, -1)
    torch.testing.assert_close(instance.problem.A(mixed), instance.problem.A(instance.truth), rtol=0, atol=1e-5)
    assert task.score(instance, mixed)["psnr"] < 25


def test_of_several_tries_that_which_measures_most_alike_ranks():
    task, instance = make(noise=0.0)
    A, truth = instance.problem.A, instance.truth
    smooth = 0.5 + 0.5 * (truth - 0.5)  # near the truth, and measures unlike it
    alike = far(truth, 1, 0.02).flip(-2, -1)
    tries = torch.stack([smooth, far(truth, 2, 0.3), alike])
    assert (A(tries) - instance.problem.y).flatten(1).norm(dim=1).argmin() == 2
    alone = [task.score(instance, one) for one in tries]
    found = task.score(instance, tries)
    for name in ("psnr", "ssim", "lpips_squeeze_caffe"):
        assert found[name] == alone[2][name]
    every = [one["psnr"] for one in alone]
    assert found["psnr_single"] == pytest.approx(sum(every) / 3)
    assert found["psnr_best4"] == max(every)
    assert task.quality(instance, tries) == found["psnr"]
    assert torch.equal(task.picture(instance, tries)["image"], task.picture(instance, alike)["image"])


def test_the_try_that_ranks_is_chosen_without_the_truth():
    task, instance = make(noise=0.2)
    liar = torch.zeros_like(instance.truth)
    tries = torch.stack([liar, far(instance.truth, 3, 0.3)])
    other = task.score(instance, tries.flip(0))
    assert other == pytest.approx(task.score(instance, tries))
    assert torch.equal(instance.problem.chosen(tries), instance.problem.chosen(tries.flip(0)))


@pytest.mark.parametrize("k", [1, 3, 4])
def test_a_run_scores_any_number_of_tries(k):
    task, instance = make()
    x = torch.stack([far(instance.truth, seed) for seed in range(k)])
    assert task.traits(instance, x) == task.traits(instance, instance.problem.chosen(x)[None])
    assert task.traits(instance, torch.zeros_like(x))["spread"] == 0
