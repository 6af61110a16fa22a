"""Photographs of Debian packages as crops: a made-up folder in their formats, and the list of those that are used."""

import io
import re
import runpy
import struct
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.datasets import photographs, rcc, sources, wallpapers
from benchmark.datasets.wallpapers import GCOMPRIS, Photograph
from benchmark.errors import UserError

HOW = r"get the packages of Debian 12 \(apt-get download gcompris-qt-data themes\) and unpack each there \(dpkg-deb -x "
ZSTD = 4


def container(files, version=3, flags=None):
    """bytes of a container of Qt's resource system. files: {name with folders: content}; flags: name -> 1 for zlib."""
    flags = flags or {}
    root = {}
    for path, content in files.items():
        *folders, name = path.split("/")
        place = root
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = content if flags.get(path, 0) != 1 else struct.pack(">I", len(content)) + zlib.compress(content)
    names, data, rows, queue = b"", b"", [], [("", root, 0)]
    marks = {path.split("/")[-1]: mark for path, mark in flags.items()}
    first = 1
    for name, inside, _ in queue:
        at = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
        if isinstance(inside, dict):
            rows.append(struct.pack(">IHII", at, 2, len(inside), first))
            first += len(inside)
            queue.extend((child, content, 0) for child, content in inside.items())
        else:
            rows.append(struct.pack(">IHHHI", at, marks.get(name, 0), 0, 0, len(data)))
            data += struct.pack(">I", len(inside)) + inside
    tree = b"".join(row + (b"" if version == 1 else bytes(8)) for row in rows)
    head = 20 if version < 3 else 24
    places = (version, head, head + len(tree), head + len(tree) + len(data))
    return (b"qres" + struct.pack(">4I", *places)).ljust(head, b"\0") + tree + data + names


def picture(height=220, width=300, seed=0, kind="webp"):
    """bytes of a picture of smooth colours."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).save(out, kind, quality=95)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two containers, of which one is never held out, and one package of files; 4 + 9 + 5 photographs."""
    monkeypatch.setattr(wallpapers, "CONTAINERS", {"explore_monuments": 4, "erase": 9})
    monkeypatch.setattr(wallpapers, "SKIPPED", {"cut out": ("erase/cut",)})
    names = tuple(f"{n}.jpg" for n in range(5))
    monkeypatch.setattr(wallpapers, "FILES", {"themes": ("usr/share/themes", names)})
    place = tmp_path / "usr/share/gcompris-qt/rcc"
    place.mkdir(parents=True)
    monuments = {f"g/m/{land}/{land}{n}.webp": picture(seed=10 * n + len(land)) for land in ("usa", "egypt") for n in range(2)}
    (place / "explore_monuments.rcc").write_bytes(container({**monuments, "g/m/usa/README": b"License: CC0-1.0"}))
    animals = {f"g/e/{n}.webp": picture(seed=100 + n) for n in range(9)}
    others = {"g/e/cut.webp": picture(), "g/e/small.webp": picture(199), "g/e/drawn.svg": b"<svg/>"}
    (place / "erase.rcc").write_bytes(container({**animals, **others}))
    (tmp_path / "usr/share/themes").mkdir()
    for n, name in enumerate((*names, "art.jpg")):
        (tmp_path / "usr/share/themes" / name).write_bytes(picture(seed=200 + n, kind="jpeg"))
    return tmp_path


def made(file, content):
    file.write_bytes(content)
    return file


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# --- containers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2, 3])
def test_members_are_found_by_name_and_unpacked(tmp_path, version):
    files = {"a/one.webp": b"1" * 300, "a/b/two ü.txt": b"", "three": bytes(range(256))}
    (tmp_path / "x.rcc").write_bytes(container(files, version, {"a/one.webp": 1}))
    assert rcc.members(tmp_path / "x.rcc") == files


def test_a_broken_container_is_refused_in_one_line_that_names_it(tmp_path):
    file = tmp_path / "x.rcc"
    whole = container({"a/one": b"1" * 300, "two": b"2"}, flags={"a/one": 1})
    loop = bytearray(whole)
    loop[struct.unpack_from(">I", whole, 8)[0] + 10 : struct.unpack_from(">I", whole, 8)[0] + 14] = bytes(4)  # root in root
    assert len(rcc.members(made(file, whole))) == 2
    cases = [b"", b"qres", b"RIFF" + whole, whole[:40], whole[:-3], whole.replace(b"\x78\x9c", b"\0\0"), bytes(loop)]
    for content in (*cases, container({"one": b"1"}, flags={"one": ZSTD})):
        with pytest.raises(UserError, match=r"^x.rcc (is no container|cannot be read \()") as caught:
            rcc.members(made(file, content))
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"^missing.rcc cannot be read"):
        rcc.members(tmp_path / "missing.rcc")


# --- which photographs --------------------------------------------------------------------------------------------------


def test_photographs_are_found_in_one_order_without_what_is_left_out(folder):
    found = [f"{one.package}/{one.name}" for one in wallpapers.photographs(folder)]
    assert found == [
        *(f"{GCOMPRIS}/explore_monuments/{n}" for n in ("egypt0", "egypt1", "usa0", "usa1")),
        *(f"{GCOMPRIS}/erase/{n}" for n in range(9)),
        *(f"themes/{n}.jpg" for n in range(5)),
    ]


def test_a_folder_that_is_not_complete_says_what_to_get(folder, tmp_path):
    place = folder / "usr/share/gcompris-qt/rcc/erase.rcc"
    whole = place.read_bytes()
    jpg = folder / "usr/share/themes/3.jpg"

    def refused(message, where=folder):
        with pytest.raises(UserError, match=rf"{message}.*{HOW}") as caught:
            wallpapers.photographs(where)
        assert "\n" not in str(caught.value)

    refused("^the folder .*nowhere does not exist: ", tmp_path / "nowhere")
    place.write_bytes(container({"g/e/0.webp": picture()}))
    refused("^erase.rcc holds 1 photographs where gcompris-qt-data 3.1 has 9; ")
    place.write_bytes(container({"g/e/0.webp": b"no picture"}))
    refused("^erase/0 of gcompris-qt-data cannot be read as a picture; ")
    place.unlink()
    refused("^.* lacks usr/share/gcompris-qt/rcc/erase.rcc of gcompris-qt-data: ")
    place.write_bytes(whole)
    wallpapers.photographs(folder)
    jpg.write_bytes(b"")
    with pytest.raises(UserError, match=rf"^3.jpg of themes cannot be read as a picture; {HOW}"):
        wallpapers.crops(folder, "learn", seeded(), 16, 1)
    jpg.unlink()
    refused("^.* lacks usr/share/themes/3.jpg of themes: ")


def test_parts_never_meet_and_places_are_never_held_out(folder):
    found = wallpapers.photographs(folder)
    learn, held_out = wallpapers.part(found, "learn"), wallpapers.part(found, "held_out")
    assert [one.name for one in held_out] == ["erase/3", "0.jpg"]
    assert not {one.source for one in learn} & {one.source for one in held_out}
    assert len(learn) + len(held_out) == len(found)
    assert all(one in learn for one in found if one.name.startswith("explore_monuments"))


# --- crops --------------------------------------------------------------------------------------------------------------


def test_each_photograph_gives_as_many_crops_as_the_cap(folder):
    for cap in (1, 3):
        for part, count in (("learn", 16), ("held_out", 2)):
            found = wallpapers.crops(folder, part, seeded(), 16, cap)
            assert found.dtype == torch.uint8
            assert found.shape == (cap * count, 3, 16, 16)


def test_crops_follow_the_seed_alone(folder):
    first, again, other = (wallpapers.crops(folder, "held_out", seeded(seed), 16, 4) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert torch.equal(first[::4], other[::4])  # central squares
    assert not torch.equal(first, other)


def test_the_first_crop_is_the_picture_of_the_tasks(folder):
    file = folder / "usr/share/themes/0.jpg"
    expected = photographs.square(file, 32)
    found = wallpapers.cut(Photograph("themes", "0.jpg", file).read(), 1, 32, seeded())[0]
    torch.testing.assert_close(found / 255, expected, rtol=0, atol=0.51 / 255)


@pytest.mark.parametrize(("height", "width", "size", "least"), [(240, 400, 16, 60), (400, 240, 32, 60), (200, 260, 64, 96)])
def test_sides_run_from_a_quarter_to_the_whole_and_squares_lie_anywhere(height, width, size, least):
    down, right = torch.meshgrid(torch.linspace(0, 240, height), torch.linspace(0, 240, width), indexing="ij")
    image = torch.stack([down, right, 0 * down]).round().to(torch.uint8)
    found = wallpapers.cut(image, 300, size, seeded()).float()
    middle = slice(size // 4, 3 * size // 4)  # without the rim, where the resize has less to average
    tall = found[:, 0, middle].mean(2).diff(dim=1).mean(1) * size * height / 240
    wide = found[:, 1, :, middle].mean(1).diff(dim=1).mean(1) * size * width / 240
    torch.testing.assert_close(tall, wide, rtol=0.08, atol=2)  # squares
    shorter = min(height, width)
    assert abs(tall[0] - shorter) < 0.05 * shorter
    assert least * 0.9 < tall.min() < least * 1.15
    assert 0.9 * shorter < tall.max() < 1.08 * shorter
    centre = found[:, :2].mean((2, 3)) / 240
    assert (centre.amin(0) < 0.35).all()
    assert (centre.amax(0) > 0.65).all()


def test_small_photographs_are_not_enlarged_more_than_they_must():
    image = torch.randint(0, 256, (3, 40, 50), generator=seeded(), dtype=torch.uint8)
    assert wallpapers.cut(image, 3, 64, seeded()).shape == (3, 3, 64, 64)


# --- the command --------------------------------------------------------------------------------------------------------


def command(monkeypatch, *arguments):
    script = sources.ASSETS.parent / "scripts" / "make_crops.py"
    monkeypatch.setattr(sys, "argv", [str(script), *map(str, arguments)])
    runpy.run_path(str(script), run_name="__main__")


def test_the_command_writes_both_parts(folder, tmp_path, monkeypatch, capsys):
    command(monkeypatch, folder, tmp_path / "out.npz", 16, 2)
    with np.load(tmp_path / "out.npz") as written:
        assert {name: (written[name].dtype, written[name].shape) for name in written} == {
            "learn": (np.uint8, (32, 3, 16, 16)),
            "held_out": (np.uint8, (4, 3, 16, 16)),
        }
    assert re.fullmatch(r"learn 32 3 16 16 \w{64}\nheld_out 4 3 16 16 \w{64}\n", capsys.readouterr().out)


def test_the_command_refuses_a_folder_in_one_line(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as caught:
        command(monkeypatch, tmp_path, tmp_path / "out.npz")
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r".* lacks usr/share/gcompris-qt/rcc/categorization.rcc of gcompris-qt-data: get .*\n", err)
    assert not (tmp_path / "out.npz").exists()


# --- the attribution ----------------------------------------------------------------------------------------------------


def listed():
    """[(package, name, whether it is held out, [author, licence, ...])] of the attribution."""
    found, package = [], ""
    for line in (sources.ASSETS / "wallpapers.LICENSE").read_text(encoding="utf-8").split("\n\n--- ", 1)[1].splitlines():
        if head := re.match(r"(?:--- )?([\w.-]+): \d+ photographs", line):
            package = head[1]
        elif line.startswith("    "):
            found[-1][3].append(line.strip())
        elif line:
            found.append((package, line.removesuffix(" (HELD OUT)"), line.endswith(" (HELD OUT)"), []))
    return found


def test_every_photograph_is_listed_once_with_author_and_licence():
    found = listed()
    names = [name for package, name, _, _ in found if package == GCOMPRIS]
    assert {one: sum(name.startswith(f"{one}/") for name in names) for one in wallpapers.CONTAINERS} == wallpapers.CONTAINERS
    assert len(set(names)) == len(names) == sum(wallpapers.CONTAINERS.values())
    assert not set(names) & {name for left_out in wallpapers.SKIPPED.values() for name in left_out}
    for package, (_, files) in wallpapers.FILES.items():
        assert [name for other, name, _, _ in found if other == package] == list(files)
    for package, name, _, (author, licence, *_) in found:
        assert author, (package, name)
        assert re.match(r"public domain$|CC0-1.0$|CC-BY-(SA-)?[234].0|L?GPL", licence), (package, name)


def test_the_list_says_which_are_held_out():
    found = listed()
    every = [Photograph(package, name, b"") for package, name, _, _ in found]
    held_out = {(one.package, one.name) for one in wallpapers.part(every, "held_out")}
    assert held_out == {(package, name) for package, name, mark, _ in found if mark}
    assert len(held_out) == 19


def test_the_numbers_of_the_sources_table_are_those_of_the_list():
    text = (sources.ASSETS.parent / "SOURCES.md").read_text(encoding="utf-8")
    found = listed()
    assert f"crops of {len(found)} photographs of five packages" in text
    licences = [told[1] for *_, told in found]
    counts = {
        "public domain": licences.count("public domain"),
        "CC0": licences.count("CC0-1.0"),
        "CC BY or CC BY-SA": sum(one.startswith("CC-BY") for one in licences),
        "GPL or LGPL": sum("GPL" in one.split(" (")[0] for one in licences),
    }
    assert ", ".join(f"{name} {count}" for name, count in counts.items()) in " ".join(text.split())
    for package in {package for package, *_ in found}:
        number = sum(other == package for other, *_ in found)
        assert re.search(rf"`{package}` \S+\s+\({number}[; ]", text), package
