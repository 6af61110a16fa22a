"""The task `mri`: what is learnt from, how slices are scanned, and the error by band of frequencies."""

import math

import pytest
import torch

from benchmark import fits, operators, registry
from benchmark.datasets import colin27, scanner
from benchmark.instances import make_instance
from tasks.mri import SPEC, Bands, in_bands

LEARNING = [name for name in SPEC.presets if name.startswith("small")]


@pytest.fixture(scope="module")
def task():
    return registry.get_task("mri").load()


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


# --- scanning ---------------------------------------------------------------------------------------------------------


def test_a_scan_keeps_the_magnitude_and_measures_it_through_its_operator():
    image = colin27.slice_image("axial", 3, 48)
    x, A, y = scanner.scan(image, 3, 4, 0.0, draw())
    torch.testing.assert_close(x.abs(), image)
    assert x.angle()[image > 0.1].std() > 0.1
    assert y.shape == (3, 48, 48)
    assert torch.equal(y, A(x))
    assert A.mask.sum() == 11  # 12 columns, 3 of them in the middle, the odd one left out
    noisy = scanner.scan(image, 3, 4, 0.5, draw())[2] - y
    assert noisy[..., A.mask].abs().square().mean().sqrt() == pytest.approx(0.5, rel=0.1)
    assert noisy[..., ~A.mask].abs().max() == 0


def test_a_macaque_is_scanned_as_a_head_is_and_has_no_references(task):
    test, tuning = (make_instance(task, "small_macaque", 5, repeat) for repeat in (0, 1000))
    assert (test.label, tuning.label) == ("axial 34.5 mm", "coronal 47.5 mm")
    assert test.truth.shape == (96, 96)
    assert test.truth.abs().max() == pytest.approx(1.0)
    assert not test.problem.references
    assert "references" not in SPEC.at("small_macaque").offers
    assert make_instance(task, "small", 5, 0).problem.references.keys() == {"neighbour", "same", "other"}


# --- what is learnt from ----------------------------------------------------------------------------------------------


def test_every_small_preset_learns_from_the_scans_of_small():
    assert {name: SPEC.presets[name].learns_as for name in LEARNING} == dict.fromkeys(LEARNING, "small") | {"small": ""}
    assert all("training" in SPEC.at(name).offers for name in ("tiny", *LEARNING))
    assert not any("training" in SPEC.at(name).offers for name in SPEC.presets if name.startswith("full"))


def test_pairs_are_zero_filled_pictures_with_turned_training_slices(task):
    training = fits.training_data(task, "small", 0)
    assert torch.equal(training.images, colin27.training_images(96))
    assert (training.coils, training.acceleration, training.noise) == (4, 4, 0.01)
    seen, true = training.scanned(6)
    assert seen.shape == true.shape == (6, 96, 96)
    assert seen.dtype == true.dtype == torch.float32
    every = torch.cat([turned for k in range(4) for turned in (torch.rot90(training.images, k, (1, 2)),)])
    every = torch.cat([every, every.flip(2)])
    places = [(every - one).abs().amax((1, 2)).argmin().item() for one in true]
    assert all(torch.equal(every[place], one) for place, one in zip(places, true, strict=True))
    assert len({place % 46 for place in places}) > 3
    assert len({place // 46 for place in places}) > 3
    error = (seen - true).norm(dim=(1, 2)) / true.norm(dim=(1, 2))
    assert error.min() > 0.1
    assert error.max() < 0.6


def test_scans_are_of_their_seed_and_new_each_time(task):
    first, again, other = (fits.training_data(task, "tiny", seed) for seed in (0, 0, 1))
    a, b = first.scanned(2), first.scanned(2)
    assert all(map(torch.equal, a, again.scanned(2)))
    assert not torch.equal(a[0], b[0])
    assert not torch.equal(a[0], other.scanned(2)[0])


# --- bands of frequencies ---------------------------------------------------------------------------------------------


def wave(row, column, size=48):
    """A picture with one frequency, whose norm is `size`."""
    k = torch.zeros(size, size, dtype=torch.complex64)
    k[size // 2 + row, size // 2 + column] = size
    return operators.ifft2c(k)


@pytest.mark.parametrize(
    ("place", "band"),
    [((0, 0), "low"), ((7, 0), "low"), ((0, -8), "middle"), ((15, 0), "middle"), ((-16, 0), "high"), ((-24, -24), "high")],
)
def test_an_error_of_one_frequency_is_in_its_band_alone(place, band):
    """A third of the way to the edge of 48 x 48 is 8."""
    truth = wave(0, 0) + wave(0, 10) + wave(20, 0)  # one frequency in each band, as large
    found = in_bands(truth, truth + 0.1 * wave(*place))
    assert found[f"{band} frequencies"] == pytest.approx(20.0, abs=1e-3)
    assert all(value > 100 for name, value in found.items() if name != f"{band} frequencies")


def test_curves_have_bands_on_the_presets_for_them_alone(task):
    for name, preset in SPEC.presets.items():
        if name.startswith(("tiny", "small")):
            instance = make_instance(task, name, 0, 1000)
            found = task.traces(instance, 0.5 * instance.truth)
            expected = dict.fromkeys(("low frequencies", "middle frequencies", "high frequencies"), 20 * math.log10(2))
            assert found == (pytest.approx(expected, abs=1e-4) if isinstance(preset, Bands) else {})


def test_all_of_k_space_is_seen_where_the_order_of_frequencies_is_the_networks(task):
    problem = make_instance(task, "small_bands_whole", 0, 1000).problem
    assert bool(problem.A.mask.all())
    assert problem.noise == 0
