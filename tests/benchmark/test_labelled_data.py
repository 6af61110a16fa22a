"""Labelled sets: the packaged ones are parted by class, a user's own are read or refused by name."""

import gzip
import re
import struct

import numpy as np
import pytest

from benchmark import UserError
from benchmark.datasets import labelled


def write_idx(file, array):
    head = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    content = head + array.astype(np.uint8).tobytes()
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)


def arrays(n=40, m=12, classes=3, seed=0):
    random = np.random.default_rng(seed)
    labels = [np.arange(count) % classes for count in (n, m)]
    return [part for y in labels for part in (random.integers(0, 256, (len(y), 4, 5), np.uint8), y.astype(np.uint8))]


def write_mnist(folder, end=".gz", **given):
    folder.mkdir(exist_ok=True)
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    made = arrays(**given)
    for name, array in zip(names, made, strict=True):
        write_idx(folder / f"{name}-ubyte{end}", array)
    return made


def write_npz(folder, **changed):
    folder.mkdir(exist_ok=True)
    x, y, test, truth = arrays()
    given = {"train": x, "train_labels": y, "test": test, "test_labels": truth, **changed}
    np.savez(folder / "mine.npz", **{name: array for name, array in given.items() if array is not None})


@pytest.mark.parametrize(("name", "n", "p", "classes", "pool"), [("digits", 1797, 64, 10, 120), ("leaves", 1907, 49, 32, 36)])
def test_packaged_sets_are_parted_by_class(name, n, p, classes, pool):
    found = labelled.packaged(name)
    assert found.x.shape == (n, p)
    assert (found.x.dtype, found.y.dtype) == (np.float32, np.int64)
    assert np.isfinite(found.x).all()
    assert len(found.classes) == classes == len(set(found.classes))
    assert sorted([*found.learns, *found.judged]) == list(range(n))
    assert np.bincount(found.y[found.learns]).tolist() == [pool] * classes
    assert np.bincount(found.y[found.judged]).min() >= 14


def test_numbers_have_the_range_that_is_told():
    digits, leaves = labelled.packaged("digits").x, labelled.packaged("leaves")
    assert (digits.min(), digits.max(), len(np.unique(digits))) == (0, 1, 17)
    assert np.abs(leaves.x).max() == 5
    pool = leaves.x[leaves.learns]
    assert np.abs(pool.mean(0)).max() < 0.1
    assert pool.std(0).max() < 1.0001


@pytest.mark.parametrize("end", ["", ".gz"])
def test_the_four_files_of_mnist_are_read(tmp_path, end):
    x, y, test, truth = write_mnist(tmp_path, end)
    found = labelled.read(tmp_path)
    assert found.classes == ("0", "1", "2")
    np.testing.assert_allclose(found.x[found.learns], x.reshape(40, -1) / 255, rtol=1e-6)
    np.testing.assert_allclose(found.x[found.judged], test.reshape(12, -1) / 255, rtol=1e-6)
    assert found.y[found.learns].tolist() == y.tolist()
    assert found.y[found.judged].tolist() == truth.tolist()
    for file in tmp_path.iterdir():
        labelled.check(file)
    labelled.check_set(tmp_path)


def test_an_npz_is_read_and_its_labels_may_be_any_integers(tmp_path):
    write_npz(tmp_path, train_labels=(np.arange(40) % 3) * 10 - 10, test_labels=np.zeros(12, np.int32))
    found = labelled.read(tmp_path)
    assert found.classes == ("-10", "0", "10")
    assert found.y[:4].tolist() == [0, 1, 2, 0]
    assert set(found.y[found.judged]) == {1}
    write_npz(tmp_path, train=np.full((40, 7), 3.5), test=np.zeros((12, 7), np.float32))
    assert labelled.read(tmp_path).x[0, 0] == 3.5  # no bytes: as they are


BAD = np.full((40, 7), 1.0)
BAD[5, 2] = np.nan


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"test_labels": None}, "mine.npz has no array test_labels; it holds train, train_labels, test, test_labels"),
        ({"train_labels": np.zeros(40)}, "mine.npz: labels are float64, but they are integers"),
        ({"train_labels": np.array(["a"] * 40)}, "mine.npz: labels are <U1, but they are integers"),
        ({"train_labels": np.zeros(39, int)}, "mine.npz: labels of shape (39,) for 40 samples"),
        ({"train_labels": np.zeros(40, int)}, "mine.npz: labels of 1 class, but 2 or more are compared"),
        ({"test_labels": np.full(12, 7)}, "mine.npz: class 7 has no sample in mine.npz"),
        ({"train": BAD, "test": np.ones((12, 7))}, "mine.npz: sample 5 has a number that is not finite"),
        ({"test": np.ones((12, 7))}, "mine.npz: samples of shape (12, 7), type float64; they are numbers, (n, 4, 5)"),
        ({"train": np.ones(40)}, "mine.npz: samples of shape (40,), type float64; they are numbers, (n, )"),
    ],
)
def test_an_npz_that_is_no_labelled_set_is_refused(tmp_path, changed, message):
    write_npz(tmp_path, **changed)
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        labelled.check_set(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no .idx file of bytes: it begins with , not 000008 and a rank"),
        (b"PK\3\4", "is no .idx file of bytes: it begins with 504b0304, not 000008 and a rank"),
        (b"\0\0\x0d\1\0\0\0\1\0\0\0\0", "is no .idx file of bytes: it begins with 00000d01"),
        (b"\0\0\x08\1\0\0\0\5abc", "3 bytes of data, but its head says 5"),
    ],
)
def test_a_file_that_is_no_idx_is_refused(tmp_path, content, message):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(UserError, match=r"^train-images-idx3-ubyte") as caught:
        labelled.check(tmp_path / "train-images-idx3-ubyte")
    assert message in str(caught.value)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"no gzip")
    with pytest.raises(UserError, match=r"^train-images-idx3-ubyte.gz cannot be read"):
        labelled.check(tmp_path / "train-images-idx3-ubyte.gz")


def test_a_missing_file_is_named(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match=r"^no t10k-labels\*-ubyte in .*; a set is MNIST's four files, or one \.npz"):
        labelled.check_set(tmp_path)
