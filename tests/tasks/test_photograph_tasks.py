"""The tasks on photographs: what their presets refuse, what they hide or add, and how they score."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmark import UserError, operators, registry
from benchmark.datasets import photographs
from benchmark.metrics import lpips_squeeze_caffe
from runners.plan import make_plan
from runners.request import Request
from tasks.deblurring import Kernel
from tasks.denoising import Noise
from tasks.inpainting import WORDS, Holes, seen, written
from tasks.super_resolution import Factor

PRESETS = {name: registry.get_task(name).spec.presets for name in ("inpainting", "denoising", "deblurring", "super_resolution")}
EXACT = [(task, name) for task, presets in PRESETS.items() for name, p in presets.items() if p.exact]  # test_exact_presets.py
OFFLINE = [
    (task, name)
    for task, presets in PRESETS.items()
    for name, p in presets.items()
    if "photographs" not in p.data and (task, name) not in EXACT
]
FULL = [(task, name) for task, presets in PRESETS.items() for name, p in presets.items() if "photographs" in p.data]


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def make(task, preset="tiny", split="test", index=0, data_dir=None, **changed):
    found = registry.get_task(task).load(data_dir)
    if "size" in changed or PRESETS[task][preset].prior == "prior":  # a prior is of pictures of one size, or the user's
        changed = {"prior": "", **changed}
    return found, found.make(PRESETS[task][preset].model_copy(update=changed), split, index, draw())


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Four photographs of 300 x 300 pixels."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "photographs").mkdir()
    for number in range(4):
        blocks = np.random.default_rng(number).integers(0, 256, (15, 15, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((300, 300)).save(folder / "photographs" / f"{number}.png")
    return folder


# --- presets ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "field", "given"),
    [
        (Holes, "missing", {"missing": 0.9999}),
        (Holes, "missing", {"missing": 1.0}),
        (Holes, "missing", {"missing": -0.1}),
        (Holes, "box", {"holes": "box", "box": 32}),
        (Holes, "box", {"holes": "box", "box": 33}),
        (Holes, "box", {"holes": "box", "box": 0}),
        (Holes, "holes", {"holes": "stripes"}),
        (Holes, "letters", {"holes": "text", "letters": 0}),
        (Holes, "noise", {"noise": -0.1}),
        (Holes, "size", {"size": 31}),
        (Noise, "noise", {"noise": -0.1}),
        (Noise, "photons", {"photons": -1.0}),
        (Noise, "size", {"size": 31}),
        (Kernel, "side", {"side": 8}),
        (Kernel, "side", {"side": 33}),
        (Kernel, "side", {"side": 33, "size": 33}),
        (Kernel, "side", {"side": 0}),
        (Kernel, "sigma", {"sigma": 0.0}),
        (Kernel, "sigma", {"sigma": -1.0}),
        (Kernel, "length", {"kernel": "motion", "length": 9.5}),
        (Kernel, "length", {"kernel": "motion", "length": 0.0}),
        (Kernel, "kernel", {"kernel": "box"}),
        (Kernel, "noise", {"noise": -0.1}),
        (Kernel, "size", {"size": 31}),
        (Factor, "factor", {"factor": 3}),
        (Factor, "factor", {"factor": 32}),
        (Factor, "factor", {"factor": 0}),
        (Factor, "noise", {"noise": -0.1}),
        (Factor, "size", {"size": 31, "factor": 1}),
    ],
)
def test_an_impossible_preset_is_refused_by_the_name_of_its_field(preset, field, given):
    with pytest.raises(ValidationError) as caught:
        preset(**{"instances": 1, "budget": 1.0, "size": 32, **given})
    (error,) = caught.value.errors()
    assert error["loc"] == (field,) or field in error["msg"].split()


def test_presets_may_go_to_the_limit():
    last = {"instances": 1, "budget": 1.0, "size": 32}
    assert seen(Holes(**last, missing=1 - 1 / 1024), draw()).sum() == 1
    assert seen(Holes(**last, holes="box", box=31), draw()).sum() == 32**2 - 31**2
    kernel = Kernel(**last, side=31)
    operators.Blur(operators.gaussian_kernel(kernel.side, kernel.sigma), (3, 32, 32))
    assert operators.Downsample(Factor(**last, factor=16).factor, (3, 32, 32)).data_shape == (3, 2, 2)


@pytest.mark.parametrize("split", ["test", "tuning"])
@pytest.mark.parametrize(("task", "preset"), OFFLINE)
def test_presets_without_the_users_data_make_instances(task, preset, split):
    _, instance = make(task, preset, split)
    problem, size = instance.problem, PRESETS[task][preset].size
    names = photographs.TEST if split == "test" else photographs.TUNING
    assert instance.label == ("face 0" if "head" in PRESETS[task][preset].data else names[0].partition(".")[0])
    assert instance.truth.shape == problem.A.shape == (3, size, size)
    assert problem.y.shape == problem.A.data_shape
    assert problem.y.dtype == instance.truth.dtype == torch.float32
    assert torch.isfinite(problem.y).all()
    assert problem.value_range == (0, 1)
    assert instance.truth.min() >= 0
    assert instance.truth.max() <= 1
    _, again = make(task, preset, split)
    assert torch.equal(again.problem.y, problem.y)


@pytest.mark.parametrize(("task", "preset"), FULL)
def test_full_presets_run_on_the_users_photographs_or_say_what_to_get(task, preset, data_dir, tmp_path):
    size = min(PRESETS[task][preset].size, 256)
    found, instance = make(task, preset, data_dir=data_dir, size=size)
    assert instance.label == "0"
    assert make(task, preset, "tuning", data_dir=data_dir, size=size)[1].label == "2"
    assert instance.truth.shape == (3, size, size)
    assert torch.isfinite(instance.problem.y).all()
    assert 5 < found.quality(instance, torch.full_like(instance.truth, 0.5)) < 40
    for folder, message in ((None, "needs --data-dir"), (tmp_path, "no photographs/")):
        with pytest.raises(UserError, match=f"{message}.*put photographs of your own .* into DATA_DIR/photographs/"):
            make(task, preset, data_dir=folder)
    with pytest.raises(UserError, match=r"^0.png has 300 x 300 pixels; this preset needs 304 a side$"):
        make(task, preset, data_dir=data_dir, size=304)


# --- what is hidden -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [32, 33, 64])
@pytest.mark.parametrize("missing", [0.0, 1 / 3, 0.5, 0.8, 0.9])
def test_exactly_the_share_that_is_missing_is_hidden(size, missing):
    preset = Holes(instances=1, budget=1.0, size=size, missing=missing)
    masks = [seen(preset, draw(seed)) for seed in (0, 0, 1)]
    assert (~masks[0]).sum() == round(missing * size**2)
    assert torch.equal(masks[0], masks[1])
    assert missing == 0 or not torch.equal(masks[0], masks[2])


@pytest.mark.parametrize("preset", [name for name, p in PRESETS["inpainting"].items() if "photographs" not in p.data])
def test_all_channels_have_one_mask_and_nothing_of_the_rest_is_measured(preset):
    _, instance = make("inpainting", preset, noise=0.1)
    A, y = instance.problem.A, instance.problem.y
    assert A.mask.shape == instance.truth.shape[1:]
    assert 0 < A.mask.sum() < A.mask.numel()
    assert (y[:, ~A.mask] == 0).all()
    assert (y[:, A.mask] != 0).all()


def test_a_box_is_a_square_anywhere_inside():
    preset, corners = PRESETS["inpainting"]["small_box"], set()
    for seed in range(200):
        hidden = (~seen(preset, draw(seed))).nonzero()
        assert len(hidden) == preset.box**2
        assert (hidden.amax(0) - hidden.amin(0) == preset.box - 1).all()
        corners.add(tuple(hidden.amin(0).tolist()))
    assert len(corners) > 150
    assert {min(c[0] for c in corners), max(c[0] for c in corners)} == {0, 48}


@pytest.mark.parametrize(("size", "letters"), [(32, 1), (33, 2), (64, 1), (64, 4), (256, 1), (256, 2)])
def test_text_hides_a_part_wherever_it_begins(size, letters):
    for start in range(len(WORDS)):
        text = written(size, letters, start)
        assert text.shape == (size, size)
        assert 0.1 < text.float().mean() < 0.4
        if size >= 60 * letters:  # lines go on to the right edge and to the bottom
            assert text[:, -size // 4 :].any()
            assert text[-size // 4 :].any()
    assert torch.equal(written(size, letters, 3), written(size, letters, 3))
    assert not torch.equal(written(size, letters, 3), written(size, letters, 4))


def test_the_text_preset_hides_the_letters():
    preset = PRESETS["inpainting"]["small_text"]
    hidden = ~seen(preset, draw())
    assert any(torch.equal(hidden, written(64, 1, start)) for start in range(len(WORDS)))
    assert not torch.equal(hidden, ~seen(preset, draw(1)))


def test_letters_are_enlarged():
    one, two = written(64, 1, 0), written(128, 2, 0)
    assert torch.equal(one.repeat_interleave(2, 0).repeat_interleave(2, 1), two)


# --- the noise ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "preset", "changed"),
    [
        ("inpainting", "tiny", {"noise": 0.05}),
        ("denoising", "tiny", {}),
        ("denoising", "small_50", {}),
        ("deblurring", "tiny", {}),
        ("deblurring", "small_motion", {"noise": 0.03}),
        ("super_resolution", "tiny", {}),
        ("super_resolution", "small", {"noise": 0.05}),
    ],
)
def test_the_noise_is_as_strong_as_the_problem_says(task, preset, changed):
    _, instance = make(task, preset, size=256, **changed)
    A, y = instance.problem.A, instance.problem.y
    residual = y - A(instance.truth)
    if task == "inpainting":
        residual = residual[:, A.mask]
    expected = changed.get("noise", PRESETS[task][preset].noise)
    assert instance.problem.noise == expected > 0
    assert residual.std().item() == pytest.approx(expected, rel=0.03)
    assert abs(residual.mean().item()) < 0.03 * expected


def test_noise_is_not_clipped():
    _, instance = make("denoising", "small_50")
    assert instance.problem.y.min() < 0
    assert instance.problem.y.max() > 1


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_poisson_noise_has_the_mean_and_strength_of_its_photons(noise):
    _, instance = make("denoising", "small_poisson", size=256, noise=noise)
    x, y = instance.truth, instance.problem.y
    assert y.mean().item() == pytest.approx(x.mean().item(), rel=0.01)
    assert (y - x).square().mean().sqrt().item() == pytest.approx(instance.problem.noise, rel=0.03)
    expected = (noise**2 + x.mean().item() / 50) ** 0.5
    assert instance.problem.noise == pytest.approx(expected, rel=0.01)
    if not noise:
        torch.testing.assert_close(50 * y, (50 * y).round(), rtol=0, atol=1e-4)
        assert (y - x)[x < 0.2].std() < 0.6 * (y - x)[x > 0.8].std()  # as the root of x


# --- the scores ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", PRESETS)
def test_a_constant_channel_is_told_by_the_spread(task):
    found, instance = make(task, "small")
    truth = instance.truth
    assert found.traits(instance, truth)["spread"] == pytest.approx(1)
    assert found.traits(instance, truth.mean((1, 2), keepdim=True) + 0.3 * (truth - truth.mean((1, 2), keepdim=True)))[
        "spread"
    ] == pytest.approx(0.3)
    flat = truth.clone()
    flat[1] = 0.4
    assert found.traits(instance, flat)["spread"] == pytest.approx(0, abs=1e-6)
    assert found.traits(instance, 5 + truth)["spread"] == 0  # clipped
    assert found.traits(replace(instance, truth=flat), truth) == {}  # nothing is constant beside what is constant itself


@pytest.mark.parametrize("task", PRESETS)
def test_scores_are_scikit_images_after_clipping(task):
    found, instance = make(task, "small")
    truth = 0.7 * instance.truth  # the range is 1 whatever the picture's own
    instance = replace(instance, truth=truth)
    estimate = truth + 0.2 * torch.randn(truth.shape, generator=draw())
    assert estimate.min() < 0
    assert estimate.max() > 1
    clipped = estimate.clamp(0, 1)
    scores = found.score(instance, estimate)
    assert set(scores) == {metric.name for metric in found.spec.at("small").metrics if metric.of is None}
    theirs = peak_signal_noise_ratio(truth.double().numpy(), clipped.double().numpy(), data_range=1)
    assert scores["psnr"] == pytest.approx(theirs, abs=1e-4)
    similarity = [
        structural_similarity(
            truth[c].double().numpy(),
            clipped[c].double().numpy(),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
            full=True,
        )[1][5:-5, 5:-5].mean()
        for c in range(3)
    ]
    assert scores["ssim"] == pytest.approx(np.mean(similarity), abs=1e-6)
    assert scores["lpips_squeeze_caffe"] == lpips_squeeze_caffe(clipped[None], truth[None]).item()
    assert scores == found.score(instance, clipped)
    assert found.quality(instance, estimate) == scores["psnr"]
    assert found.spec.primary.name == "psnr"
    assert torch.equal(found.picture(instance, estimate)["image"], clipped)
    assert not torch.equal(estimate, clipped)  # and was left as it was


@pytest.mark.parametrize(
    ("task", "name", "given"),
    [
        ("inpainting", "letters", {"holes": "text", "size": 32, "letters": 3}),
        ("deblurring", "bend", {"kernel": "motion", "side": 9, "length": 8.0, "bend": 0.6}),
        ("deblurring", "length", {"kernel": "motion", "side": 9, "length": 9.0, "bend": 0.0}),
    ],
)
def test_holes_and_paths_that_do_not_fit_are_refused(task, name, given):
    preset = registry.get_task(task).spec.presets["tiny"]
    with pytest.raises(ValidationError, match=name):
        type(preset).model_validate({**preset.model_dump(), **given})


@pytest.mark.parametrize("letters", [1, 2, 5])
def test_text_always_hides_something(letters):
    task = registry.get_task("inpainting").load()
    preset = task.spec.presets["small_text"].model_copy(update={"letters": letters})
    for seed in range(60):
        hidden = ~task.make(preset, "test", 0, torch.Generator().manual_seed(seed)).problem.A.mask
        assert 0 < hidden.sum() < hidden.numel()


@pytest.mark.parametrize(("task", "preset"), OFFLINE)
def test_singular_values_are_offered_where_the_operator_knows_them(task, preset):
    offers = registry.get_task(task).spec.at(preset).offers
    assert ("svd" in offers) == (make(task, preset)[1].problem.A.svd() is not None)


def test_what_needs_singular_values_is_skipped_on_a_motion_blur_with_the_reason():
    request = Request(task="deblurring", method=["wiener", "kind:diffusion prior"], preset="small_motion")
    notes = make_plan([request]).notes
    where = "which deblurring/small_motion does not offer"
    assert any(f"needs svd, {where}: ddnm, ddrm, psld" in note for note in notes)
