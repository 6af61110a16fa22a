"""UCF101 and HMDB51 as a user brings them: their official splits, and the videos that these name. Imports no torch.

    DATA_DIR/ucf101/videos/CLASS/NAME.avi                  or UCF-101/
    DATA_DIR/ucf101/splits/trainlist01.txt                 or ucfTrainTestlist/; "CLASS/NAME.avi 1"
                           testlist01.txt                  "CLASS/NAME.avi"
                           classInd.txt                    "1 CLASS"
    DATA_DIR/hmdb51/videos/CLASS/NAME.avi                  or hmdb51_org/
    DATA_DIR/hmdb51/splits/CLASS_test_split1.txt           or testTrainMulti_7030_splits/; "NAME.avi 1"
                                                           (1 training, 2 test, 0 unused)

The second names are those of the official archives. A video may be .mp4, .mkv or .webm under the name that the lists give.
Lists that name some of the classes only are a smaller set, whose numbers compare with nobody's.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from benchmark.errors import UserError, unknown

Name = Literal["ucf101", "hmdb51"]
NUMBERS = 1, 2, 3
SUFFIXES = (".avi", ".mp4", ".mkv", ".webm")  # of two files of one name the first is taken
_FOLDERS = {
    "ucf101": (("videos", "UCF-101"), ("splits", "ucfTrainTestlist")),
    "hmdb51": (("videos", "hmdb51_org"), ("splits", "testTrainMulti_7030_splits")),
}


@dataclass(frozen=True)
class Video:
    """A file and its class, a place in the split's `classes`."""

    path: Path
    label: int

    @property
    def name(self) -> str:
        """CLASS/NAME.avi."""
        return f"{self.path.parent.name}/{self.path.name}"


@dataclass(frozen=True)
class Split:
    """One of the official splits. Videos in the order of the lists; classes in that of classInd.txt, or by name."""

    train: tuple[Video, ...]
    test: tuple[Video, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class _Lists:
    """What the lists of a split name, as CLASS/NAME.avi; what to call them in messages; and the classes in their order."""

    train: list[str]
    test: list[str]
    called: tuple[str, str]
    classes: list[str]


def split(folder: Path, name: str, number: int) -> Split:
    """A split of the set that lies in `folder`, which is DATA_DIR/ucf101 or DATA_DIR/hmdb51.

    Raises UserError for a list or a video that is missing, a line that cannot be read, a video that is named twice, a class
    that has no training videos, and a part without videos.
    """
    if name not in _FOLDERS:
        raise unknown("set of videos", name, _FOLDERS)
    if number not in NUMBERS:
        raise UserError(f"{name} has no split {number}; allowed: {', '.join(map(str, NUMBERS))}")
    videos, lists = (_inside(folder, names) for names in _FOLDERS[name])
    files = _files(videos)
    named = _ucf101(lists, number) if name == "ucf101" else _hmdb51(lists, number, sorted({path.parent.name for path in files}))
    for part, names in (("training", named.train), ("test", named.test)):
        if not names:
            raise UserError(f"split {number} of {name} has no {part} videos; get the official lists again")
    _refuse_repeats(named)
    have = {_class(one) for one in named.train}
    if lack := sorted({_class(one) for one in named.test} - have):
        raise UserError(
            f"split {number} of {name} has {_count(len(lack), 'class', 'classes')} in its test that its training lacks: "
            f"{few(lack)}; get the official lists again"
        )
    classes = tuple(one for one in named.classes if one in have)
    place = {one: label for label, one in enumerate(classes)}
    known = {f"{path.parent.name}/{path.stem}": path for path in files}
    parts = []
    for called, names in zip(named.called, (named.train, named.test), strict=True):
        if missing := [one for one in names if _key(one) not in known]:
            raise UserError(
                f"{len(missing)} of {len(names)} videos that {called} names are not in {videos}, first {missing[0]}; "
                "unpack the archive again"
            )
        parts.append(tuple(Video(known[_key(one)], place[_class(one)]) for one in names))
    return Split(parts[0], parts[1], classes)


def check(path: Path) -> None:
    """Raises UserError for a list that has no line, and for a video that is no file; an empty one is left out when decoded."""
    if path.suffix.lower() == ".txt":
        next(_lines(path), None)
    elif not path.is_file():
        raise UserError(f"{path} is no file; unpack the archive again")


def check_set(folder: Path) -> None:
    """Raises UserError, as `split` does, for DATA_DIR/ucf101 or DATA_DIR/hmdb51 whose first split cannot be made."""
    split(folder, folder.name, 1)


def few(names: Iterable[str]) -> str:
    """The first three names."""
    names = list(names)
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])])


def _ucf101(folder: Path, number: int) -> _Lists:
    called = f"trainlist{number:02}.txt", f"testlist{number:02}.txt"
    numbers = {}
    for where, line in _lines(folder / "classInd.txt"):
        label, _, one = line.partition(" ")
        if not label.isdecimal() or not one:
            raise UserError(f"{where}: '{line[:80]}' is not NUMBER CLASS")
        numbers[one.strip()] = label
    train = []
    for where, line in _lines(folder / called[0]):
        video, _, label = line.rpartition(" ")
        if not _is_video(video) or not label.isdecimal():
            raise UserError(f"{where}: '{line[:80]}' is not CLASS/NAME.avi NUMBER")
        if numbers.get(_class(video)) != label:
            raise UserError(f"{where}: classInd.txt has no class '{_class(video)}' of number {label}")
        train.append(video.strip())
    test = []
    for where, line in _lines(folder / called[1]):
        if not _is_video(line):
            raise UserError(f"{where}: '{line[:80]}' is not CLASS/NAME.avi")
        test.append(line)
    return _Lists(train, test, called, list(numbers))


def _hmdb51(folder: Path, number: int, folders: list[str]) -> _Lists:
    ending = f"_test_split{number}.txt"
    files = sorted(folder.glob(f"*{ending}"))
    classes = [file.name.removesuffix(ending) for file in files]
    if lack := [one for one in folders if one not in classes] if files else ["CLASS"]:
        raise _no_list(folder / f"{lack[0]}{ending}", len(lack))
    parts: dict[str, list[str]] = {"0": [], "1": [], "2": []}
    for one, file in zip(classes, files, strict=True):
        for where, line in _lines(file):
            video, _, part = line.rpartition(" ")
            video = f"{one}/{video.strip()}"
            if not _is_video(video) or part not in parts:
                raise UserError(f"{where}: '{line[:80]}' is not NAME.avi and 0, 1 or 2")
            parts[part].append(video)
    return _Lists(parts["1"], parts["2"], (f"*{ending}",) * 2, classes)


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """The lines of a list that are not blank, each with its place."""
    if not file.is_file():
        raise _no_list(file)
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read ({error}); get the official lists again") from None
    found = [(f"{file}, line {number}", line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise UserError(f"{file} has no lines; get the official lists again")
    yield from found


def _no_list(file: Path, count: int = 1) -> UserError:
    """The error for a list that is missing."""
    there = sorted(one.name for one in file.parent.glob("*.txt")) if file.parent.is_dir() else []
    more = f" and {count - 1} more" if count > 1 else ""
    return UserError(
        f"no {file.name}{more} in {file.parent}, which has {few(there) or 'no lists'}; put the official lists there"
    )


def _inside(folder: Path, names: tuple[str, str]) -> Path:
    """The folder of one of the names that exists, else the first."""
    return next((folder / name for name in names if (folder / name).is_dir()), folder / names[0])


def _files(videos: Path) -> list[Path]:
    """All videos, of those with one name that with the first of SUFFIXES last."""
    found = [file for file in videos.glob("*/*") if file.suffix.lower() in SUFFIXES]
    return sorted(found, key=lambda file: -SUFFIXES.index(file.suffix.lower()))


def _refuse_repeats(named: _Lists) -> None:
    if both := sorted(set(named.train) & set(named.test)):
        raise UserError(
            f"{_count(len(both), 'video is', 'videos are')} in training and in test by {named.called[1]}, "
            f"first {both[0]}; get the official lists again"
        )
    for called, names in zip(named.called, (named.train, named.test), strict=True):
        if twice := [one for one, times in Counter(names).items() if times > 1]:
            raise UserError(
                f"{called} names {_count(len(twice), 'video', 'videos')} twice, first {twice[0]}; get the official lists again"
            )


def _is_video(name: str) -> bool:
    path = PurePosixPath(name)
    return len(path.parts) == 2 and path.suffix.lower() in SUFFIXES


def _class(name: str) -> str:
    return name.partition("/")[0]


def _key(name: str) -> str:
    return name.rpartition(".")[0]


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
