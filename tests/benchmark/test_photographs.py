"""Picture files of every kind that a user may bring, and which photograph goes where."""

import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.datasets import photographs, pictures, sources
from benchmark.errors import UserError

BOTH = ("skimage_photographs", "sklearn_photographs")
USERS = ("photographs",)


def colours(height=20, width=30):
    """uint8 (height, width, 3), four flat quarters: red, green, blue, grey."""
    image = np.full((height, width, 3), 90, np.uint8)
    top, left = height // 2, width // 2
    image[:top, :left], image[:top, left:], image[top:, :left] = (200, 30, 20), (20, 190, 40), (30, 40, 210)
    return image


def noisy(size=40, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def put(folder, count, size=40):
    (folder / "photographs").mkdir(exist_ok=True)
    for number in range(count):
        Image.fromarray(noisy(size, number)).save(folder / "photographs" / f"{number}.png")
    return folder


# --- one file -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.ppm", "a.tif", "a.webp"])
def test_colours_are_read_as_they_are(tmp_path, name):
    Image.fromarray(noisy()).save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
    found = pictures.read(tmp_path / name)
    assert found.dtype == np.float32
    assert np.array_equal(found, noisy().astype(np.float32) / np.float32(255))
    pictures.check(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.pgm"])
def test_grey_becomes_three_equal_channels(tmp_path, name):
    Image.fromarray(noisy()[..., 0]).save(tmp_path / name)
    found = pictures.read(tmp_path / name)
    assert found.shape == (40, 40, 3)
    for channel in range(3):
        assert np.array_equal(found[..., channel], noisy()[..., 0].astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bits_keep_their_depth(tmp_path, name):
    ramp = np.linspace(0, 65535, 1200).astype(np.uint16).reshape(30, 40)
    Image.fromarray(ramp).save(tmp_path / name)
    found = pictures.read(tmp_path / name)
    assert found.shape == (30, 40, 3)
    assert (found.min(), found.max()) == (0, 1)
    np.testing.assert_allclose(found[..., 1] * 65535, ramp, atol=0.01)
    assert len(np.unique(found)) == 1200  # 8 bits would leave 256


def test_values_beyond_16_bits_and_floats_are_refused(tmp_path):
    Image.fromarray(np.full((8, 8), 70000, np.int32)).save(tmp_path / "deep.tif")
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(tmp_path / "float.tif")
    for name in ("deep.tif", "float.tif"):
        with pytest.raises(UserError, match=rf"{name} has values of type .; save it with 8 or 16 bits"):
            pictures.read(tmp_path / name)


def test_a_palette_is_resolved(tmp_path):
    image = Image.fromarray(colours()).quantize(4)
    assert image.mode == "P"
    image.save(tmp_path / "a.png")
    np.testing.assert_allclose(pictures.read(tmp_path / "a.png") * 255, colours(), atol=1)


def test_a_palette_may_name_a_transparent_colour_that_no_pixel_has(tmp_path):
    image = Image.fromarray(colours()).quantize(4)
    image.putpalette([*image.getpalette()[:12], 255, 0, 255])
    image.save(tmp_path / "opaque.png", transparency=4)
    assert "transparency" in Image.open(tmp_path / "opaque.png").info
    np.testing.assert_allclose(pictures.read(tmp_path / "opaque.png") * 255, colours(), atol=1)
    image.save(tmp_path / "holes.png", transparency=0)
    with pytest.raises(UserError, match=r"^holes.png has transparent pixels; save it without an alpha channel$"):
        pictures.read(tmp_path / "holes.png")


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_alpha_channel_must_be_opaque(tmp_path, mode):
    image = Image.fromarray(colours()).convert(mode)
    image.save(tmp_path / "opaque.png")
    expected = np.asarray(Image.fromarray(colours()).convert(mode[:-1]).convert("RGB"))
    np.testing.assert_allclose(pictures.read(tmp_path / "opaque.png") * 255, expected, atol=1e-3)
    alpha = np.full((20, 30), 255, np.uint8)
    alpha[3, 4] = 254
    image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / "holes.png")
    with pytest.raises(UserError, match=r"holes.png has transparent pixels"):
        pictures.read(tmp_path / "holes.png")


def test_cmyk_is_converted(tmp_path):
    Image.fromarray(colours(64, 64)).convert("CMYK").save(tmp_path / "print.jpg", quality=100)
    assert Image.open(tmp_path / "print.jpg").mode == "CMYK"
    found = pictures.read(tmp_path / "print.jpg") * 255
    for at in ((10, 10), (10, 50), (50, 10), (50, 50)):
        np.testing.assert_allclose(found[at], colours(64, 64)[at], atol=6)


def test_the_orientation_of_the_camera_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    Image.fromarray(colours(48, 64)).save(tmp_path / "phone.jpg", exif=exif, quality=100, subsampling=0)
    found = pictures.read(tmp_path / "phone.jpg") * 255
    assert found.shape == (64, 48, 3)
    upright = np.rot90(colours(48, 64), -1)
    for at in ((10, 10), (10, 40), (50, 10), (50, 40)):
        np.testing.assert_allclose(found[at], upright[at], atol=6)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
def test_a_broken_file_is_refused_in_one_line_that_names_it(tmp_path, name):
    file = tmp_path / name
    Image.fromarray(noisy()).save(file)
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:20], b"", b"not a picture\n" * 50, whole[:8] + bytes(len(whole))):
        file.write_bytes(content)
        with pytest.raises(UserError, match=rf"^{name} cannot be read as a picture \(.+\); save it again") as caught:
            pictures.check(file)
        assert "\n" not in str(caught.value)


def test_a_folder_or_missing_file_in_place_of_a_picture_is_refused(tmp_path):
    (tmp_path / "folder.png").mkdir()
    for name in ("folder.png", "missing.png"):
        with pytest.raises(UserError, match=rf"^{name} cannot be read"):
            pictures.read(tmp_path / name)


def test_a_picture_of_absurd_size_is_refused(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    (tmp_path / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    with pytest.raises(UserError, match=r"^bomb.png cannot be read"):
        pictures.check(tmp_path / "bomb.png")


# --- the user's folder --------------------------------------------------------------------------------------------------


def test_pictures_are_found_whatever_their_suffix_and_case(tmp_path):
    put(tmp_path, 1)
    folder = tmp_path / "photographs"
    for name in ("B.JPG", "c.Jpeg", "d.TIFF", "e.webp", "f.bmp"):
        Image.fromarray(noisy()).save(folder / name)
    (folder / "notes.txt").write_text("none")
    (folder / "Thumbs.db").write_bytes(b"none")
    found = sources.SOURCES["photographs"].files(tmp_path)
    assert [file.name for file in found] == ["0.png", "B.JPG", "c.Jpeg", "d.TIFF", "e.webp", "f.bmp"]
    assert pictures.read(folder / "B.JPG").shape == (40, 40, 3)


def test_a_missing_or_empty_folder_says_what_to_put_there(tmp_path):
    with pytest.raises(UserError, match=r"^this preset needs --data-dir: put photographs .* into DATA_DIR/photographs/$"):
        photographs.pick(USERS, "test", 0, None)
    for _ in range(2):  # without the folder, and with an empty one
        with pytest.raises(UserError, match=r"^no photographs/\*.png in .*: put photographs .* into DATA_DIR/photographs/$"):
            photographs.pick(USERS, "test", 0, tmp_path)
        (tmp_path / "photographs").mkdir(exist_ok=True)


def test_the_users_photographs_for_tuning_are_never_tested(tmp_path):
    put(tmp_path, 7)
    names = {
        split: [photographs.pick(USERS, split, n, tmp_path).name for n in range(n)] for split, n in (("test", 5), ("tuning", 2))
    }
    assert names == {"test": ["0.png", "1.png", "3.png", "4.png", "6.png"], "tuning": ["2.png", "5.png"]}


def test_no_photograph_is_used_twice(tmp_path):
    put(tmp_path, 2)
    assert photographs.pick(USERS, "test", 1, tmp_path).name == "1.png"
    for split, index, count in (("tuning", 0, 0), ("test", 2, 2)):
        with pytest.raises(UserError, match=f"holds 2 photographs, {count} of them for {split} .* none is used twice"):
            photographs.pick(USERS, split, index, tmp_path)


def test_the_fingerprint_follows_the_photographs_and_names_a_broken_one(tmp_path):
    put(tmp_path, 3)
    before = sources.fingerprint(USERS, tmp_path)
    assert before == sources.fingerprint(USERS, tmp_path)
    Image.fromarray(noisy(seed=9)).save(tmp_path / "photographs" / "1.png")
    assert before != sources.fingerprint(USERS, tmp_path)
    (tmp_path / "photographs" / "1.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"^1.png cannot be read"):
        sources.fingerprint(USERS, tmp_path)


# --- those that come with the packages ----------------------------------------------------------------------------------


def test_ten_photographs_are_for_tests_and_six_others_for_tuning():
    test, tuning = ([photographs.pick(BOTH, split, n, None) for n in range(60)] for split in ("test", "tuning"))
    assert [file.name for file in test[:10]] == list(photographs.TEST)
    assert len(set(test)) == 10
    assert [file.name for file in tuning[:6]] == list(photographs.TUNING)
    assert len(set(tuning)) == 6
    assert not set(test) & set(tuning)
    carried = {name for one in BOTH for name in sources.SOURCES[one].files}
    assert carried == {*photographs.TEST, *photographs.TUNING}


def test_test_photographs_are_in_colour_and_those_for_tuning_are_grey():
    for names, grey in ((photographs.TEST, False), (photographs.TUNING, True)):
        for name in names:
            x = photographs.square(photographs.named(name.partition(".")[0]), 64)
            assert bool((x == x[:1]).all()) == grey, name
            assert x.std() > 0.02, name


# --- the square ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [32, 64, 256])
def test_a_square_is_the_same_each_time_and_lies_between_0_and_1(size):
    file = photographs.named("hubble_deep_field")
    x = photographs.square(file, size)
    assert x.shape == (3, size, size)
    assert x.dtype == torch.float32
    assert 0 <= x.min() < x.max() <= 1
    assert torch.equal(x, photographs.square(file, size))


def test_the_square_is_the_centre(tmp_path):
    for height, width in ((40, 100), (100, 40)):
        image = np.zeros((height, width, 3), np.uint8)
        image[(height - 40) // 2 : (height + 40) // 2, (width - 40) // 2 : (width + 40) // 2] = noisy()
        Image.fromarray(image).save(tmp_path / "wide.png")
        expected = torch.from_numpy(noisy()).permute(2, 0, 1) / 255
        torch.testing.assert_close(photographs.square(tmp_path / "wide.png", 40), expected)


def test_the_resize_is_antialiased_and_keeps_colours_apart(tmp_path):
    board = 255 * (np.indices((96, 96)).sum(0) % 2).astype(np.uint8)
    Image.fromarray(np.stack([board, 0 * board, board // 255 * 100], -1)).save(tmp_path / "board.png")
    x = photographs.square(tmp_path / "board.png", 32)
    inside = x[:, 4:-4, 4:-4]
    torch.testing.assert_close(inside[0], torch.full_like(inside[0], 0.5), rtol=0, atol=0.01)  # the centre of 3 x 3 is 0 or 1
    assert x[1].abs().max() == 0
    torch.testing.assert_close(inside[2], torch.full_like(inside[2], 50 / 255), rtol=0, atol=0.01)


def test_a_photograph_smaller_than_the_square_is_refused(tmp_path):
    Image.fromarray(colours(40, 100)).save(tmp_path / "thin.png")
    assert photographs.square(tmp_path / "thin.png", 40).shape == (3, 40, 40)
    with pytest.raises(UserError, match=r"^thin.png has 100 x 40 pixels; this preset needs 41 a side$"):
        photographs.square(tmp_path / "thin.png", 41)
