"""UCF101 and HMDB51 of the user's own: official splits, and videos decoded once."""

import json
import os
import resource
import shutil
import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from benchmark.datasets import sources, user_videos, video_splits
from benchmark.datasets.user_videos import decode
from benchmark.datasets.video_splits import SUFFIXES, Video, split
from benchmark.errors import UserError

STEP = 4  # of brightness, from frame to frame


def film(path, pictures, codec="mpeg4", **options):
    """Encode pictures, uint8 (H, W, 3)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return Video(path, 0)


def numbered(path, length, **options):
    """A video whose frame i has brightness 4 i."""
    return film(path, [np.full((64, 96, 3), STEP * i, np.uint8) for i in range(length)], **options)


def numbers(clip):
    return [round(float(frame.float().mean()) / STEP) for frame in clip]


def left(folder):
    """Files of a cache, without the lock."""
    return sorted(file.suffix for file in folder.iterdir() if file.name != ".lock")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


# --- official splits ----------------------------------------------------------------------------------------------------

UCF = {
    "classInd.txt": "1 Surfing\r\n2 Archery\r\n3 Bowling\r\n",
    "trainlist01.txt": "Surfing/v_Surfing_g08_c01.avi 1\r\n"
    "Archery/v_Archery_g08_c01.avi 2\r\n"
    "Archery/v_Archery_g08_c02.avi 2\r\n",
    "testlist01.txt": "Archery/v_Archery_g01_c01.avi\r\nSurfing/v_Surfing_g01_c01.avi\r\n",
}
HMDB = {
    "wave_test_split1.txt": "a_b[1]_&c.avi 1 \n#20_x!(2).avi 2 \nleft.out.avi 0 \n",
    "cartwheel_test_split1.txt": "one.avi 2 \ntwo.avi 1 \nthree.avi 1 \n",
}
LISTS = {"ucf101": UCF, "hmdb51": HMDB}


def lay(folder, name, lists=None, videos="videos", splits="splits", suffix=".avi", number=1):
    """A set of videos as a user brings it, with lists that replace those above (None: there is no such list)."""
    for file, text in LISTS[name].items():
        label = file.partition("_test_split")[0] + "/" if name == "hmdb51" else ""
        for line in text.splitlines() if file != "classInd.txt" else ():
            path = (folder / videos / f"{label}{line.split()[0]}").with_suffix(suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"video")
    (folder / splits).mkdir(parents=True, exist_ok=True)
    for file, text in {**LISTS[name], **(lists or {})}.items():
        if text is not None:
            (folder / splits / file.replace("1.txt", f"{number}.txt")).write_bytes(
                text if isinstance(text, bytes) else text.encode()
            )
    return folder


def told(videos):
    return [(video.name, video.label) for video in videos]


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("folders", [("videos", "splits"), ("UCF-101", "ucfTrainTestlist")])
def test_ucf101_is_read(tmp_path, number, folders):
    found = split(lay(tmp_path, "ucf101", None, *folders, number=number), "ucf101", number)
    assert found.classes == ("Surfing", "Archery")  # in the order of classInd.txt; Bowling has no videos
    assert told(found.train) == [
        ("Surfing/v_Surfing_g08_c01.avi", 0),
        ("Archery/v_Archery_g08_c01.avi", 1),
        ("Archery/v_Archery_g08_c02.avi", 1),
    ]
    assert told(found.test) == [("Archery/v_Archery_g01_c01.avi", 1), ("Surfing/v_Surfing_g01_c01.avi", 0)]
    assert all(video.path.is_file() for video in (*found.train, *found.test))


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("folders", [("videos", "splits"), ("hmdb51_org", "testTrainMulti_7030_splits")])
def test_hmdb51_is_read(tmp_path, number, folders):
    found = split(lay(tmp_path, "hmdb51", None, *folders, number=number), "hmdb51", number)
    assert found.classes == ("cartwheel", "wave")
    assert told(found.train) == [("cartwheel/two.avi", 0), ("cartwheel/three.avi", 0), ("wave/a_b[1]_&c.avi", 1)]
    assert told(found.test) == [("cartwheel/one.avi", 0), ("wave/#20_x!(2).avi", 1)]
    assert all(video.path.is_file() for video in (*found.train, *found.test))


@pytest.mark.parametrize("name", ["ucf101", "hmdb51"])
def test_each_split_has_lists_of_its_own(tmp_path, name):
    lay(tmp_path, name, number=1)
    other = {"ucf101": "trainlist01.txt", "hmdb51": "wave_test_split1.txt"}[name]
    swapped = (
        LISTS[name][other]
        .replace("g08_c01.avi 2", "g01_c01.avi 2")
        .replace(" 1 \n", " 2 \n", 1)
        .replace("(2).avi 2", "(2).avi 1")
    )
    tests = {"testlist01.txt": "Archery/v_Archery_g08_c01.avi\n"} if name == "ucf101" else {}
    lay(tmp_path, name, {other: swapped, **tests}, number=3)
    first, third = split(tmp_path, name, 1), split(tmp_path, name, 3)
    assert {video.name for video in third.train} - {video.name for video in first.train}
    with pytest.raises(
        UserError, match=r"^no \w+2\.txt (and 1 more )?in .*splits, which has .*1\.txt.*; put the official lists there$"
    ):
        split(tmp_path, name, 2)


@pytest.mark.parametrize("suffix", [*SUFFIXES[1:], ".AVI", ".Mp4"])
def test_videos_may_be_of_another_kind(tmp_path, suffix):
    found = split(lay(tmp_path, "hmdb51", suffix=suffix), "hmdb51", 1)
    assert {video.path.suffix for video in (*found.train, *found.test)} == {suffix}


def test_of_two_kinds_avi_is_taken(tmp_path):
    for suffix in (".webm", ".avi", ".mp4"):
        lay(tmp_path, "ucf101", suffix=suffix)
    (tmp_path / "videos" / "Surfing" / "v_Surfing_g08_c01.avi").unlink()
    assert [video.path.suffix for video in split(tmp_path, "ucf101", 1).train] == [".mp4", ".avi", ".avi"]


LINES = [
    ("ucf101", {"classInd.txt": "1 Surfing\nArchery\n"}, "classInd.txt, line 2: 'Archery' is not NUMBER CLASS"),
    (
        "ucf101",
        {"trainlist01.txt": "\nSurfing/v.avi\n"},
        "trainlist01.txt, line 2: 'Surfing/v.avi' is not CLASS/NAME.avi NUMBER",
    ),
    ("ucf101", {"trainlist01.txt": "v.avi 1\n"}, "trainlist01.txt, line 1: 'v.avi 1' is not CLASS/NAME.avi NUMBER"),
    ("ucf101", {"trainlist01.txt": "Surfing/v.avi 2\n"}, "line 1: classInd.txt has no class 'Surfing' of number 2"),
    ("ucf101", {"trainlist01.txt": "Sailing/v.avi 1\n"}, "line 1: classInd.txt has no class 'Sailing' of number 1"),
    ("ucf101", {"testlist01.txt": "Surfing/v.txt\n"}, "testlist01.txt, line 1: 'Surfing/v.txt' is not CLASS/NAME.avi"),
    ("hmdb51", {"wave_test_split1.txt": "a.avi 1\nb.avi 3\n"}, "wave_test_split1.txt, line 2: 'b.avi 3' is not NAME.avi and"),
    ("hmdb51", {"wave_test_split1.txt": "a.avi\n"}, "wave_test_split1.txt, line 1: 'a.avi' is not NAME.avi and 0, 1 or 2"),
    ("ucf101", {"classInd.txt": " \n"}, "classInd.txt has no lines; get the official lists again"),
    ("hmdb51", {"wave_test_split1.txt": b"\xff\xfe1"}, "wave_test_split1.txt cannot be read ("),
]
SETS = [
    ("ucf101", {"testlist01.txt": None}, "no testlist01.txt in "),
    ("ucf101", {"classInd.txt": None}, "which has testlist01.txt, trainlist01.txt; put the official lists there"),
    ("ucf101", dict.fromkeys(UCF), "splits, which has no lists; put the official lists there"),
    ("hmdb51", {"wave_test_split1.txt": None}, "no wave_test_split1.txt in "),
    ("hmdb51", dict.fromkeys(HMDB), "no CLASS_test_split1.txt in "),
    (
        "ucf101",
        {"trainlist01.txt": UCF["trainlist01.txt"] + "Surfing/v_1.avi 1\nBowling/v_2.avi 3\n"},
        "2 of 5 videos that trainlist01.txt names are not in ",
    ),
    ("ucf101", {"testlist01.txt": "Archery/v_9.avi\n"}, "1 of 1 videos that testlist01.txt names are not in "),
    ("hmdb51", {"wave_test_split1.txt": "lost.avi 1\n"}, "1 of 3 videos that *_test_split1.txt names are not in "),
    ("hmdb51", {"wave_test_split1.txt": "lost.avi 1\n"}, "videos, first wave/lost.avi; unpack the archive again"),
    (
        "ucf101",
        {"testlist01.txt": "Bowling/v.avi\nArchery/v_Archery_g01_c01.avi\nSailing/v.avi\n"},
        "split 1 of ucf101 has 2 classes in its test that its training lacks: Bowling, Sailing; get",
    ),
    (
        "hmdb51",
        {"wave_test_split1.txt": "a.avi 2\n"},
        "split 1 of hmdb51 has 1 class in its test that its training lacks: wave; get",
    ),
    (
        "ucf101",
        {"testlist01.txt": "Archery/v_Archery_g08_c02.avi\nArchery/v_Archery_g01_c01.avi\n"},
        "1 video is in training and in test by testlist01.txt, first Archery/v_Archery_g08_c02.avi; get",
    ),
    (
        "hmdb51",
        {"wave_test_split1.txt": "a_b[1]_&c.avi 1\na_b[1]_&c.avi 2\n"},
        "1 video is in training and in test by *_test_split1.txt, first wave/a_b[1]_&c.avi; get",
    ),
    (
        "ucf101",
        {"testlist01.txt": "Archery/v_Archery_g01_c01.avi\n" * 2},
        "testlist01.txt names 1 video twice, first Archery/v_Archery_g01_c01.avi; get",
    ),
    (
        "hmdb51",
        {file: text.replace(" 1 ", " 0 ") for file, text in HMDB.items()},
        "split 1 of hmdb51 has no training videos; get",
    ),
    ("hmdb51", {file: text.replace(" 2 ", " 0 ") for file, text in HMDB.items()}, "split 1 of hmdb51 has no test videos; get"),
]


@pytest.mark.parametrize(("name", "lists", "message"), LINES + SETS)
def test_lists_and_sets_that_are_not_in_order_are_refused_in_one_line(tmp_path, name, lists, message):
    with pytest.raises(UserError) as caught:
        split(lay(tmp_path, name, lists), name, 1)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_set_and_a_split_that_do_not_exist_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"^unknown set of videos 'ucf11'; did you mean ucf101\?$"):
        split(tmp_path, "ucf11", 1)
    for number in (0, 4):
        with pytest.raises(UserError, match=rf"^ucf101 has no split {number}; allowed: 1, 2, 3$"):
            split(lay(tmp_path, "ucf101"), "ucf101", number)


# --- what enters the key ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ucf101", "hmdb51"])
def test_lists_and_videos_enter_the_key_and_what_was_decoded_does_not(tmp_path, name):
    def key():
        return sources.fingerprint((name,), tmp_path)

    with pytest.raises(UserError, match=rf"needs --data-dir: get {name.upper()} and its .*splits/$"):
        sources.fingerprint((name,), None)
    with pytest.raises(UserError, match=rf"^no {name}/.*\.txt in .*: get {name.upper()}"):
        key()
    folder = lay(tmp_path / name, name)
    first = key()
    (folder / "cache").mkdir()
    for file in ("k.u8", "k.json", "k.part", ".lock"):
        (folder / "cache" / file).write_bytes(b"x")
    assert key() == first
    known = {first}
    for file in [*(folder / "splits").iterdir(), *(folder / "videos").glob("*/*")]:
        before = file.read_bytes()
        file.write_bytes(before + b"\n")
        known.add(key())
        file.write_bytes(before)
    assert len(known) == 1 + len(sources.SOURCES[name].files(tmp_path))
    (folder / "videos").rename(tmp_path / "elsewhere")
    (folder / "videos").symlink_to(tmp_path / "elsewhere")
    assert key() == first


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("splits/run_test_split1.txt", b"\n", "run_test_split1.txt has no lines; get the official lists again"),
        ("splits/run_test_split1.txt", b"\xff", "run_test_split1.txt cannot be read ("),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(tmp_path, file, content, message):
    path = lay(tmp_path / "hmdb51", "hmdb51") / file
    assert sources.fingerprint(("hmdb51",), tmp_path)
    path.write_bytes(content)
    for use in (lambda: sources.fingerprint(("hmdb51",), tmp_path), lambda: video_splits.check(path)):
        with pytest.raises(UserError) as caught:
            use()
        assert message in str(caught.value)


# --- decoding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "frames", "stride", "wanted"),
    [
        (60, 8, 2, range(22, 38, 2)),
        (60, 8, 1, range(26, 34)),
        (60, 1, 1, [29]),
        (60, 15, 4, range(0, 60, 4)),
        (33, 16, 2, range(0, 32, 2)),
        (35, 16, 2, range(1, 33, 2)),
        (32, 16, 2, range(0, 32, 2)),
    ],
)
def test_frames_are_taken_from_the_middle(tmp_path, cache, length, frames, stride, wanted):
    found = decode([numbered(tmp_path / "A" / "a.avi", length)], frames, stride, 32, cache)
    assert found.videos.shape == (1, frames, 32, 32, 3)
    assert found.videos.dtype == torch.uint8
    assert numbers(found.videos[0]) == list(wanted)
    assert (found.kept.tolist(), found.padded, found.broken) == ([0], 0, ())
    assert found.kept.dtype == torch.int64


@pytest.mark.parametrize(
    ("length", "frames", "stride"),
    [(5, 8, 2), (7, 16, 1), (5, 3, 7), (31, 16, 2)],
)
def test_a_short_video_is_looped_and_counted(tmp_path, cache, capsys, length, frames, stride):
    videos = [numbered(tmp_path / "A" / f"{place}.avi", n) for place, n in enumerate((length, 60, length))]
    found = decode(videos, frames, stride, 16, cache)
    assert numbers(found.videos[0]) == numbers(found.videos[2]) == [i * stride % length for i in range(frames)]
    assert found.padded == 2
    line = f"2 of 3 videos have fewer than {frames * stride} frames and are looped\n"
    assert line in capsys.readouterr().err
    decode(videos, frames, stride, 16, cache)
    assert line == capsys.readouterr().err  # and no progress


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_of_container_is_decoded(tmp_path, cache, suffix):
    if suffix == ".webm":
        video = numbered(tmp_path / "A" / "a.webm", 40, codec="libvpx")
    else:
        video = numbered(tmp_path / "A" / f"a{suffix}", 40)
    with av.open(str(video.path)) as container:
        assert (container.streams.video[0].frames == 0) == (suffix in (".mkv", ".webm"))  # the header does not say
    assert numbers(decode([video], 8, 3, 32, cache).videos[0]) == list(range(8, 32, 3))


@pytest.mark.parametrize(("packets", "first"), [(60, 6), (44, 6), (43, 13), (31, 7), (28, 6)])
def test_a_video_that_ends_before_its_window_does_is_measured_again(tmp_path, cache, monkeypatch, packets, first):
    monkeypatch.setattr(user_videos, "_length", lambda path: packets)
    video = numbered(tmp_path / "A" / "a.avi", 28)
    assert numbers(decode([video], 8, 2, 16, cache).videos[0]) == list(range(first, first + 16, 2))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("size", [24, 64, 100])
def test_the_square_in_the_middle_is_scaled_and_keeps_its_shape(tmp_path, cache, turned, size):
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, :16], picture[:, 80:] = (255, 0, 0), (0, 0, 255)  # outside the square
    picture[16:48, 32:64] = (0, 255, 0)
    picture = picture.transpose(1, 0, 2) if turned else picture
    clip = decode([film(tmp_path / "A" / "a.avi", [picture] * 4)], 2, 1, size, cache).videos[0].float()
    assert clip.shape == (2, size, size, 3)
    edge = 1 + size // 32  # chroma is coarser than the picture
    inner = clip[:, edge:-edge, edge:-edge]
    assert inner[..., 0].max() < 40  # RGB, neither red nor blue is left
    assert inner[..., 2].max() < 40
    bright = clip[..., 1] > 127
    for rows in (bright.any(1), bright.any(2)):
        assert torch.allclose(rows.sum(1).float(), torch.tensor(size / 2), atol=size / 24)
        assert rows[:, size // 2 - 1 : size // 2 + 1].all()


def test_scaling_down_averages(tmp_path, cache):
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, ::4] = picture[:, 1::4] = 255
    clip = decode([film(tmp_path / "A" / "a.avi", [picture] * 2)], 1, 1, 8, cache).videos.float()
    assert clip[:, :, 1:-1, 1:-1].sub(127).abs().max() < 30


def test_odd_names_and_metadata_are_no_obstacle(tmp_path, cache, monkeypatch):
    path = tmp_path / "A" / "a.avi"
    path.parent.mkdir()
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "TITLE"
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 96, 3), STEP * 9, np.uint8), format="rgb24")))
        container.mux(stream.encode())
    content = path.read_bytes()
    assert content.count(b"TITLE") == 1
    monkeypatch.chdir(path.parent)
    odd = Path("a:b [1] #2 100%d é.avi")  # relative, what precedes the colon is no protocol
    odd.write_bytes(content.replace(b"TITLE", b"\xe9\xff\xfe!!"))
    assert numbers(decode([Video(odd, 0)], 1, 1, 16, cache).videos[0]) == [9]


def spoilt(tmp_path):
    """Five videos that cannot be decoded."""
    whole = numbered(tmp_path / "B" / "whole.avi", 60).path.read_bytes()
    (tmp_path / "B" / "empty.avi").write_bytes(b"")
    (tmp_path / "B" / "noise.avi").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "B" / "cut.avi").write_bytes(whole[: int(0.9 * len(whole))])
    front = numbered(tmp_path / "B" / "front.mp4", 60, movflags="faststart").path
    front.write_bytes(front.read_bytes()[: front.stat().st_size // 3])
    with av.open(str(tmp_path / "B" / "sound.avi"), "w") as container:
        stream = container.add_stream("mp2", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    return [Video(tmp_path / "B" / name, 1) for name in ("empty.avi", "noise.avi", "cut.avi", "front.mp4", "sound.avi")]


def test_broken_videos_are_named_and_left_out(tmp_path, cache, capsys):
    bad = spoilt(tmp_path)
    good = [numbered(tmp_path / "A" / f"{n}.avi", n) for n in (40, 20, 50, 30, 28, 26)]
    mixed = [video for pair in zip(good, bad, strict=False) for video in pair] + good[5:]
    found = decode(mixed, 4, 1, 16, cache)
    assert found.kept.tolist() == [0, 2, 4, 6, 8, 10]
    assert [numbers(clip)[0] for clip in found.videos] == [18, 8, 23, 13, 12, 11]
    assert found.broken == ("B/empty.avi", "B/noise.avi", "B/cut.avi", "B/front.mp4", "B/sound.avi")
    line = "5 of 11 videos could not be decoded and are left out: B/empty.avi, B/noise.avi, B/cut.avi, ...\n"
    assert line in capsys.readouterr().err
    again = decode(mixed, 4, 1, 16, cache)
    assert capsys.readouterr().err == line
    assert (again.kept.tolist(), again.padded, again.broken) == (found.kept.tolist(), 0, found.broken)


def test_more_than_half_broken_is_refused_and_half_is_not(tmp_path, cache):
    bad, good = spoilt(tmp_path)[:2], [numbered(tmp_path / "A" / f"{n}.avi", 10) for n in range(2)]
    with pytest.raises(UserError, match=r"^2 of 3 videos cannot be decoded, more than half: B/empty.avi, B/noise.avi$"):
        decode([*bad, good[0]], 4, 1, 16, cache)
    assert left(cache) == []
    with pytest.raises(UserError, match=r"^1 of 1 videos"):
        decode(bad[:1], 4, 1, 16, cache)
    assert decode([*bad, *good], 4, 1, 16, cache).kept.tolist() == [2, 3]


def test_nothing_to_decode_is_an_error_of_the_caller(tmp_path, cache):
    video = numbered(tmp_path / "A" / "a.avi", 5)
    for arguments in (([], 4, 1, 16), ([video], 0, 1, 16), ([video], 4, 0, 16), ([video], 4, 1, 0)):
        with pytest.raises(ValueError, match="each is to be at least 1"):
            decode(*arguments, cache)


def test_a_video_that_went_away_is_refused(tmp_path, cache):
    with pytest.raises(UserError, match=r"gone.avi cannot be read \(No such file or directory\)$"):
        decode([Video(tmp_path / "gone.avi", 0)], 4, 1, 16, cache)


def test_progress_is_told_in_lines_where_there_is_no_terminal(tmp_path, cache, capsys, monkeypatch):
    monkeypatch.setattr(user_videos, "_EVERY", 2)
    decode([numbered(tmp_path / "A" / f"{n}.avi", 5) for n in range(5)], 4, 1, 16, cache)
    wanted = [f"decoding videos, once, into {cache}: {done} of 5" for done in (2, 4, 5)]
    assert capsys.readouterr().err.splitlines() == wanted


def test_progress_is_one_line_on_a_terminal(tmp_path, cache, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    decode([numbered(tmp_path / "A" / f"{n}.avi", 5) for n in range(3)], 4, 1, 16, cache)
    shown = capsys.readouterr().err
    assert shown.split("\r")[1:] == [f"decoding videos, once, into {cache}: {done} of 3" for done in (1, 2)] + [
        f"decoding videos, once, into {cache}: 3 of 3\n"
    ]


def test_without_pyav_the_extra_is_named(tmp_path, cache, monkeypatch):
    video = numbered(tmp_path / "A" / "a.avi", 5)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"^videos need PyAV: pip install 'lowdimbench\[video\]'$"):
        decode([video], 4, 1, 16, cache)


# --- what is kept -------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(tmp_path):
    return [numbered(tmp_path / "set" / "A" / f"{n}.avi", n) for n in (10, 20, 30)]


def forbid(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a video was opened")

    monkeypatch.setattr(av, "open", refuse)


def test_the_second_time_nothing_is_decoded(three, tmp_path, cache, monkeypatch, capsys):
    first = decode(three, 4, 2, 16, cache)
    assert left(cache) == [".json", ".u8"]
    capsys.readouterr()
    forbid(monkeypatch)
    again = decode(three, 4, 2, 16, cache)
    assert torch.equal(again.videos, first.videos)
    assert again.kept.tolist() == [0, 1, 2]
    assert capsys.readouterr().err == ""
    shutil.move(tmp_path / "set", tmp_path / "moved")  # names count from the class
    moved = [Video(tmp_path / "moved" / "A" / video.path.name, 0) for video in three]
    assert torch.equal(decode(moved, 4, 2, 16, cache).videos, first.videos)


def test_other_videos_and_other_wishes_are_decoded_anew(three, cache, monkeypatch):
    decode(three, 4, 2, 16, cache)
    forbid(monkeypatch)
    for arguments in ((three, 5, 2, 16), (three, 4, 1, 16), (three, 4, 2, 17), (three[::-1], 4, 2, 16), (three[:2], 4, 2, 16)):
        with pytest.raises(AssertionError, match="a video was opened"):
            decode(*arguments, cache)
    decode(three, 4, 2, 16, cache)
    monkeypatch.setattr(user_videos, "FORMAT", user_videos.FORMAT + 1)
    with pytest.raises(AssertionError, match="a video was opened"):
        decode(three, 4, 2, 16, cache)
    monkeypatch.setattr(user_videos, "FORMAT", user_videos.FORMAT - 1)
    os.utime(three[1].path, (1, 1))
    with pytest.raises(AssertionError, match="a video was opened"):
        decode(three, 4, 2, 16, cache)


def shorten(data):
    data.write_bytes(data.read_bytes()[:-1])


def lengthen(data):
    data.write_bytes(data.read_bytes() + b"1")


def rewrite(**changes):
    def change(data):
        file = data.with_suffix(".json")
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return change


@pytest.mark.parametrize(
    "damage",
    [
        shorten,
        lengthen,
        lambda data: data.write_bytes(b""),
        lambda data: data.with_suffix(".json").write_text('{"kept": [0, 1'),
        lambda data: data.with_suffix(".json").write_text("[]"),
        lambda data: data.with_suffix(".json").write_bytes(b"\xff"),
        lambda data: data.with_suffix(".json").unlink(),
        rewrite(kept=[0, 1]),
        rewrite(kept=[0, 1, 3]),
        rewrite(kept=[0, 1, 1]),
        rewrite(kept=[0, 1, "two"]),
        rewrite(kept=[], broken=["a", "b", "c"]),
        rewrite(padded=None),
        rewrite(broken=["a"]),
    ],
)
def test_what_is_damaged_is_decoded_anew(three, cache, capsys, damage):
    first = decode(three, 4, 2, 16, cache).videos.clone()
    data = next(cache.glob("*.u8"))
    damage(data)
    capsys.readouterr()
    again = decode(three, 4, 2, 16, cache)
    assert f"{data} is damaged; decoding anew\n" in capsys.readouterr().err
    assert torch.equal(again.videos, first)
    assert (again.kept.tolist(), again.padded, again.broken) == ([0, 1, 2], 0, ())
    decode(three, 4, 2, 16, cache)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_ends_early_leaves_no_half_file(three, cache, monkeypatch, error):
    real = user_videos._clip

    def fail(path, *rest):
        if path == three[2].path:
            raise error
        return real(path, *rest)

    monkeypatch.setattr(user_videos, "_clip", fail)
    with pytest.raises(error):
        decode(three, 4, 2, 16, cache)
    assert left(cache) == []
    monkeypatch.setattr(user_videos, "_clip", real)
    assert len(decode(three, 4, 2, 16, cache).videos) == 3


def test_a_file_that_was_cut_off_by_a_kill_is_written_over(three, cache):
    cache.mkdir()
    part = cache / f"{user_videos._key(three, 4, 2, 16)}.part"
    part.write_bytes(b"x" * 10**6)
    assert numbers(decode(three, 4, 2, 16, cache).videos[2]) == [11, 13, 15, 17]
    assert not part.exists()


def test_a_disk_without_room_is_refused_before_and_while_decoding(three, cache, monkeypatch):
    need = 3 * 4 * 64 * 64 * 3
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9, need - 1))
        forbid(patch)
        with pytest.raises(UserError, match=r"cache has 0.0 GB free, and the decoded videos need 0.0 GB$"):
            decode(three, 4, 2, 64, cache)
    assert left(cache) == []
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (need // 2, hard))
    try:
        with pytest.raises(UserError) as caught:
            decode(three, 4, 2, 64, cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == f"{cache} cannot be written (File too large); make it writable, or free room on its disk"
    assert left(cache) == []


def test_a_folder_that_cannot_be_written_is_named(three, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    cache = tmp_path / "file" / "cache"
    with pytest.raises(UserError) as caught:
        decode(three, 4, 2, 16, cache)
    assert str(caught.value) == f"decoded videos cannot be kept in {cache} (Not a directory); make this folder writable"


def test_what_is_kept_is_read_without_writing(three, cache, monkeypatch):
    decode(three, 4, 2, 16, cache)

    def refuse(folder):
        raise AssertionError("the folder was locked")

    monkeypatch.setattr(user_videos, "_alone", refuse)
    assert len(decode(three, 4, 2, 16, cache).videos) == 3


def test_videos_are_mapped_and_what_is_written_to_them_stays_in_memory(three, cache):
    first = decode(three, 4, 2, 16, cache)
    data = next(cache.glob("*.u8"))
    assert str(data) in Path("/proc/self/maps").read_text()
    before = data.read_bytes()
    first.videos[:] = 7
    assert data.read_bytes() == before
    assert bytes(decode(three, 4, 2, 16, cache).videos.numpy().data) == before


@pytest.mark.skipif(
    Path("/proc/sys/vm/overcommit_memory").read_text().strip() == "2", reason="this machine maps no more than it has memory"
)
def test_a_file_larger_than_the_memory_is_mapped(tmp_path):
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    data = tmp_path / "large.u8"
    with data.open("wb") as file:
        file.truncate(3 * memory)  # sparse
    data.with_suffix(".json").write_text('{"kept": [0, 1, 2], "padded": 0, "broken": []}')
    found = user_videos._load(data, (memory,), 3)
    assert found.videos.shape == (3, memory)
    assert found.videos[2, -1] == 0


def test_two_at_once_decode_once(three, cache, monkeypatch):
    real, calls, results = user_videos._write, [], []

    def slow(*arguments):
        calls.append(1)
        time.sleep(0.3)
        real(*arguments)

    monkeypatch.setattr(user_videos, "_write", slow)
    threads = [threading.Thread(target=lambda: results.append(decode(three, 4, 2, 16, cache))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert torch.equal(results[0].videos, results[1].videos)
