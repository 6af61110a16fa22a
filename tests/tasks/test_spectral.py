"""Spectral reconstruction: what is measured of which spectra by which device, and what may be learnt from."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from benchmark import UserError, fits, registry, seeds
from benchmark.datasets import spectrometer
from benchmark.datasets.lamps import lamps
from tasks.spectral import GROUPS, Stacks

SPEC = registry.get_task("spectral").spec


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def task():
    return registry.get_task("spectral").load()


def make(task, preset="small", index=0, split="test", seed=0, **changed):
    return task.make(SPEC.presets[preset].model_copy(update=changed), split, index, draw(seed))


@pytest.mark.parametrize("preset", [name for name in SPEC.presets if not name.startswith("full_")])
def test_instances_are_stacks_that_have_every_metric(task, preset):
    spec = SPEC.at(preset)
    for index in range(len(SPEC.presets[preset].group)):
        instance = make(task, preset, index)
        problem = instance.problem
        assert instance.label.startswith(SPEC.presets[preset].group[index])
        assert problem.y.shape == (len(instance.truth), 16)
        assert instance.truth.min() == 0
        assert instance.truth.max() == 1
        scores = task.score(instance, instance.truth)
        for metric in spec.metrics:
            assert scores[metric.name] == pytest.approx(float(metric.name == "cosine"), abs=1e-12)
        pictures = task.picture(instance, 5 * instance.truth)
        assert torch.allclose(pictures["image"], instance.truth)
        assert torch.equal(pictures["measured"], problem.y)


def test_every_lamp_is_in_one_stack(task):
    for split in ("test", "tuning"):
        dealt = torch.cat([make(task, index=3 * number + 1, split=split).truth for number in range(20)]).numpy()
        assert len(dealt) == len(lamps(split).names)
        assert len(np.unique(dealt, axis=0)) == len(dealt)


def test_drifted_devices_see_the_same_lamps_and_methods_are_told_the_same_responsivity(task):
    straight, drifted, other = make(task, index=1), make(task, index=2), make(task, index=2, seed=1)
    assert torch.equal(straight.truth, drifted.truth)
    assert torch.equal(straight.problem.A.matrix, drifted.problem.A.matrix)
    noiseless = straight.problem.A(straight.truth)
    off = straight.problem.y - noiseless
    assert off.min() >= 0
    assert off.max() < 6e-5
    assert off.std() == pytest.approx(0.5838e-5, rel=0.2)
    gain = drifted.problem.y / noiseless
    strong = noiseless.mean(0) > 1e-3  # where the noise does not matter
    assert gain[:, strong].std(0).max() < 0.05  # one device for the whole stack
    assert (gain[:, strong].mean(0) - 1).abs().max() > 0.02
    assert not torch.allclose(gain[:, strong], (other.problem.y / noiseless)[:, strong], rtol=0.01)


@pytest.mark.parametrize(("group", "gain"), [("simulated", 0.0), ("drift_10", 0.1), ("drift_30", 0.3), ("matrix", 0.0)])
def test_gains_of_devices_have_the_deviation_that_is_said(task, group, gain):
    ratios = []
    for seed in range(60):
        instance = make(task, "small_shifts", SPEC.presets["small_shifts"].group.index(group), seed=seed)
        noiseless = instance.problem.A(instance.truth)
        strong = noiseless.mean(0) > 1e-3
        ratios.append((instance.problem.y / noiseless)[:, strong].mean(0))
    assert torch.cat(ratios).std().item() == pytest.approx(gain, rel=0.25, abs=0.01)
    assert GROUPS[group].gain == gain


def test_a_clean_group_has_no_noise_and_red_lines_lie_beyond_the_training_range(task):
    groups = SPEC.presets["small_shifts"].group
    clean = make(task, "small_shifts", groups.index("clean"))
    assert torch.equal(clean.problem.y, clean.problem.A(clean.truth))
    assert clean.problem.noise == 0
    red = make(task, "small_shifts", groups.index("beyond_604"))
    assert (400 + red.truth.argmax(1)).min() >= 609
    assert (400 + red.truth.argmax(1)).max() <= 641


def test_filtered_lamps_are_narrow_and_mixed_ones_have_lines_of_height_one(task):
    groups = SPEC.presets["small_sources"].group
    for index in range(0, 80, 13):
        lamp = make(task, index=1, seed=index).truth  # of small: the same stack
        for name in ("filtered", "mixed"):
            place = groups.index(name)
            x = make(task, "small_sources", place, seed=index).truth
            width = (x > 0.5).sum(1)
            if name == "filtered":
                outside = (400 + torch.arange(301) < 395) | (400 + torch.arange(301) > 550 + 100 + 30)
                assert x[:, outside].max() < 0.01
                assert width.max() <= 115
            else:
                assert ((x - lamp[: len(x)]).abs().amax(1) > 0.1).all()
                assert (x[:, 240:].amax(1) > 0).any()


def test_noise_of_another_law(task):
    groups = SPEC.presets["small_noise"].group
    both, relative = (make(task, "small_noise", groups.index(name)) for name in ("two_sided", "relative"))
    off = (both.problem.y - both.problem.A(both.truth)) / 1e-5
    assert (off < 0).double().mean() == pytest.approx(0.5, abs=0.15)
    assert off.std() == pytest.approx(1.0, rel=0.2)
    assert both.problem.noise == 1e-5
    clean = relative.problem.A(relative.truth)
    share = relative.problem.y / clean - 1
    assert share.std() == pytest.approx(0.02, rel=0.2)
    assert relative.problem.noise == pytest.approx((relative.problem.y - clean).square().mean().sqrt().item(), rel=0.4)


def test_the_seen_error_leaves_out_what_no_detector_sees(task):
    instance = make(task)
    blind = instance.truth.clone()
    blind[:, 246:] = 0.9
    assert task.traits(instance, blind)["seen_rmse"] == pytest.approx(0, abs=1e-12)
    assert task.score(instance, blind)["rmse"] > 0.1
    blind[:, 245] = 2.0  # 645 nm is seen
    assert task.traits(instance, blind)["seen_rmse"] > 0.01


def test_training_data_is_simulated_and_no_test_instance(task):
    training = fits.training_data(task, "small", 0)
    assert torch.equal(training.matrix, torch.from_numpy(spectrometer.stand_in()))
    x = training.draw(500).double()
    for index in range(3):
        truth = make(task, index=index, seed=seeds.seed("spectral", 1, "small", index, 0, "data")).truth
        assert torch.cdist(truth, x).min() > 1e-3
    other = fits.training_data(task, "small", 1).draw(500)
    assert not torch.equal(x[:5].float(), other[:5])


def test_a_preset_whose_groups_do_not_divide_its_instances_is_refused():
    with pytest.raises(ValidationError, match="10 are not equally many for each of 3 groups"):
        Stacks(instances=10, budget=1)


# --- a user's device ----------------------------------------------------------------------------------------------------


@pytest.fixture
def data_dir(tmp_path):
    """A device of 5 detectors, and its measurements of two spectra."""
    for folder in ("spectrometer", "spectra", "currents"):
        (tmp_path / folder).mkdir()
    R = spectrometer.stand_in()[-5:]
    np.savetxt(tmp_path / "spectrometer" / "responsivity.csv", R, delimiter=",")
    nm = np.arange(390, 711)
    for name, centre in (("blue", 450), ("green", 530)):
        x = np.exp(-(((nm - centre) / 15) ** 2))
        np.savetxt(tmp_path / "spectra" / f"{name}.csv", np.column_stack([nm, 100 * x]), delimiter=",")
        np.savetxt(tmp_path / "currents" / f"{name}.txt", R @ x[10:311] - 1e-12)
    return tmp_path


def test_a_users_device_and_measurements_are_taken(data_dir):
    task = registry.get_task("spectral").load(data_dir)
    for index, (name, peak) in enumerate((("blue", 450), ("green", 530))):
        instance = make(task, "full_measured", index)
        assert instance.label == name
        assert instance.problem.y.shape == (1, 5)
        assert 400 + instance.truth.argmax() == peak
    assert make(task, "full_device", 1).problem.A.matrix.shape == (5, 301)
    assert task.training(SPEC.presets["full_device"], draw()).matrix.shape == (5, 301)
    with pytest.raises(UserError, match="spectra holds 2 files; instance 2 needs another one"):
        make(task, "full_measured", 2)
    with pytest.raises(UserError, match="has no tuning data"):
        make(task, "full_measured", 0, split="tuning")


def test_currents_of_another_device_are_refused(data_dir):
    (data_dir / "currents" / "blue.txt").write_text("1\n2\n3\n")
    task = registry.get_task("spectral").load(data_dir)
    with pytest.raises(UserError, match=r"blue.txt holds 3 numbers, but the responsivity has 5 detectors"):
        make(task, "full_measured", 0)
