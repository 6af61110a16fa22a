"""The spectrometer, lamps, simulated lines, and the files that a user may bring."""

import numpy as np
import pytest
import torch

from benchmark.datasets import line_spectra, measurements, spectrometer
from benchmark.datasets.lamps import lamps
from benchmark.datasets.line_spectra import SimulatedSpectra, centres, spectra
from benchmark.errors import UserError
from tests.performance.spectral_time import one_by_one

NM = torch.arange(400.0, 701.0, dtype=torch.float64)


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def write(folder, table, name="responsivity.csv", heading=None):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(map(repr, map(float, row))) for row in np.atleast_2d(table)]
    file.write_text("\n".join(([heading] if heading else []) + lines))
    return file


# --- the device ---------------------------------------------------------------------------------------------------------


def test_the_stand_in_is_as_ill_conditioned_as_the_device():
    R = spectrometer.stand_in()
    assert R.shape == (16, 301)
    assert (R > 0).all()
    unit = R / np.linalg.norm(R, axis=1, keepdims=True)
    assert 6e4 < np.linalg.cond(R) < 1.3e5  # the measured device: 8.1e4
    assert 110 < np.linalg.cond(unit) < 160  # 136
    at_knots = R[:, ::25] / spectrometer._RESPONSIVITY
    assert np.abs(np.log(at_knots)).max() < 0.15 * 4.5
    assert np.log(at_knots).std() == pytest.approx(0.15, rel=0.2)


def test_both_forms_of_a_responsivity_are_read(tmp_path):
    R = spectrometer.stand_in()
    assert np.array_equal(spectrometer.read(write(tmp_path, R)), R)
    np.save(tmp_path / "responsivity.npy", R)
    assert np.array_equal(spectrometer.read(tmp_path / "responsivity.npy"), R)
    nm = np.arange(390.0, 711.0, 10.0)
    by_wavelength = np.column_stack([nm, 2 * nm, 1000 - nm])
    found = spectrometer.read(write(tmp_path, by_wavelength, "by_nm.csv", heading="nm,a,b"))
    assert found.shape == (2, 301)
    assert np.allclose(found, [2 * spectrometer.WAVELENGTHS, 1000 - spectrometer.WAVELENGTHS])


GOOD = np.full((3, 301), 0.5)


def changed(row, column, value):
    table = GOOD.copy()
    table[row, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.ones((16, 2)), r"table 16 x 2; allowed: detectors x 301 values at 400 to 700 nm, or a row for each wavelength"),
        (np.ones((1, 301)), "has one detector; two or more are needed"),
        (changed(1, 30, -1e-9), "detector 1 is negative at 430 nm"),
        (changed(2, 5, np.nan), "row 3, column 6 is nan, not a finite number"),
        (changed(2, 5, np.inf), "row 3, column 6 is inf"),
        (np.vstack([GOOD, np.zeros(301)]), "detector 3 is zero everywhere"),
        (np.column_stack([[400, 500, 500, 700], np.ones((4, 2))]), "row 3 has 500 nm after 500 nm"),
        (np.column_stack([[700, 500, 400], np.ones((3, 2))]), "row 2 has 500 nm after 700 nm"),
        (np.column_stack([[410, 500, 700], np.ones((3, 2))]), "covers 410 to 700 nm; 400 to 700 nm are needed"),
        (np.column_stack([[400, 500, 640], np.ones((3, 2))]), "covers 400 to 640 nm"),
    ],
)
def test_a_wrong_responsivity_is_refused_in_one_line(tmp_path, table, message):
    with pytest.raises(UserError, match=message) as error:
        spectrometer.check(write(tmp_path, table))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "a,b\n", "1,2\n3\n", "nm\n1,x\n"])
def test_what_is_no_table_is_refused(tmp_path, text):
    file = tmp_path / "responsivity.csv"
    file.write_text(text)
    with pytest.raises(UserError, match="is no table of numbers"):
        spectrometer.check(file)


def test_wavelengths_along_the_wrong_axis_are_not_taken_for_detectors(tmp_path):
    with pytest.raises(UserError, match="wavelengths must rise"):
        spectrometer.read(write(tmp_path, spectrometer.stand_in().T))


# --- lamps --------------------------------------------------------------------------------------------------------------


def test_lamps_are_real_and_apart():
    test, tuning = lamps("test"), lamps("tuning")
    assert len(test.names) == 188
    assert len(tuning.names) == 53
    for some in (test, tuning):
        assert some.spectra.shape == (len(some.names), 301)
        assert len(some.kinds) == len(some.names)
        assert np.allclose(some.spectra.min(1), 0)
        assert np.allclose(some.spectra.max(1), 1)
        assert list(some.kinds) == sorted(some.kinds)
    alike = np.corrcoef(np.concatenate([test.spectra, tuning.spectra]))
    np.fill_diagonal(alike, 0)
    assert alike.max() <= 0.999
    # an incandescent lamp brightens towards the red, and the mercury line at 436 nm stands out of a fluorescent one
    filament = test.spectra[test.kinds.index("Incandescent/Filament")]
    assert filament.argmax() > 280
    narrow = test.spectra[[kind == "Fluorescent Narrowband" for kind in test.kinds]]
    assert (narrow[:, 34:39].max(1) > 2 * narrow[:, 50:60].mean(1)).mean() > 0.9


# --- simulated lines ----------------------------------------------------------------------------------------------------


def test_many_at_once_are_distributed_as_one_by_one():
    many, single = spectra(4000, NM, draw()).numpy(), one_by_one(4000, np.random.default_rng(0))
    assert many.min() == 0
    assert many.max() == 1
    assert np.abs(many.mean(0) - single.mean(0)).max() < 0.03  # deviation of a mean: 0.3 / sqrt(4000) = 0.005, twice
    assert np.abs(many.std(0) - single.std(0)).max() < 0.03
    for q in (0.1, 0.5, 0.9):
        assert np.quantile(many.sum(1), q) == pytest.approx(np.quantile(single.sum(1), q), rel=0.05)


def test_centres_are_apart_and_on_the_part_of_the_grid_that_was_named():
    counts = torch.randint(1, 4, (5000,), generator=draw())
    at = centres(counts, (0, 205), draw(1))
    assert at.min() == 0
    assert at.max() == 204
    for i, j in ((0, 1), (0, 2), (1, 2)):
        both = counts > j
        assert (at[both, i] - at[both, j]).abs().min() == 10
    third = at[counts < 3, 2]
    assert (third - at[counts < 3, 0]).abs().min() == 0  # a line that is not there may be anywhere


@pytest.mark.parametrize("shape", ["lorentzian", "gaussian", "asymmetric"])
def test_lines_are_half_as_high_at_their_half_widths(shape):
    at = torch.tensor([-8.0, 0.0, 20.0])
    heights = line_spectra.line(shape, at, torch.tensor(8.0), torch.tensor(20.0))
    assert heights.tolist() == pytest.approx([0.5, 1.0, 0.5])


def test_training_spectra_are_new_each_time_and_the_same_for_the_same_stream():
    first, second = (SimulatedSpectra(torch.ones(2, 301), NM, draw(3)) for _ in range(2))
    a, b = first.draw(5), first.draw(5)
    assert a.dtype == torch.float32
    assert not torch.equal(a, b)
    assert torch.equal(a, second.draw(5))


def test_the_papers_sources_have_their_peaks_where_it_measured_them():
    from benchmark.metrics.spectrum import peaks

    x = line_spectra.measured_sources(NM, draw())
    assert x.shape == (15, 301)
    for one, nm in zip(
        x[[2, 3, 4, 5, 6, 7, 8, 9]], (453.36, 467.03, 475.3, 520.74, 561.0, 569.25, 592.36, 631.49), strict=True
    ):
        assert abs(400 + peaks(one)[0] - nm) < 5
    for one, pair in zip(x[10:], line_spectra._DOUBLE, strict=True):
        assert np.abs(400 + np.sort(peaks(one)[:2]) - pair).max() < 6


# --- a user's measurements ----------------------------------------------------------------------------------------------


def test_spectra_and_currents_are_paired_by_name(tmp_path):
    nm = np.arange(380.0, 721.0, 2.0)
    file = write(tmp_path, np.column_stack([nm, 3 + np.exp(-(((nm - 500) / 20) ** 2))]), "spectra/led.csv", heading="nm,counts")
    x = measurements.spectrum(file)
    assert x.shape == (301,)
    assert (x.min(), x.max()) == (0, 1)
    assert x.argmax() == 100
    current = write(tmp_path, [1e-3, -1e-9, 0.0], "currents/led.txt")
    assert measurements.currents(current).tolist() == [1e-3, -1e-9, 0.0]
    for one in (file, current):
        measurements.check(one)
    assert measurements.pair([file], [current], 0) == (file, current)
    with pytest.raises(UserError, match="spectra holds 1 files; instance 1 needs another one"):
        measurements.pair([file], [current], 1)
    with pytest.raises(UserError, match=r"currents holds no file for led.csv: name it led.txt"):
        measurements.pair([file], [], 0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[200, 1], [390, 2]], "covers 200 to 390 nm; 400 to 700 nm are needed"),
        ([[400, 1], [700, 1]], "is constant from 400 to 700 nm"),
        ([[400, 1, 1], [700, 2, 2]], "table 2 x 3; allowed: rows of wavelength, intensity"),
        ([[700, 1], [400, 2]], "wavelengths must rise"),
    ],
)
def test_a_wrong_spectrum_is_refused_in_one_line(tmp_path, table, message):
    with pytest.raises(UserError, match=message):
        measurements.check(write(tmp_path, table, "spectra/a.csv"))


def test_wrong_currents_are_refused(tmp_path):
    with pytest.raises(UserError, match="table 2 x 2; allowed: one number for each detector"):
        measurements.check(write(tmp_path, [[1, 2], [3, 4]], "currents/a.txt"))
