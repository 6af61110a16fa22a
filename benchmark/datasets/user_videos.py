"""Decoded videos: of each a window from its middle, scaled and cropped, kept in one file that is mapped into memory.

PyAV decodes. The window has frames * stride consecutive frames, of which every stride-th is taken; a video that is shorter than
that is looped: frame i is frame i modulo its length. The largest square in the middle is scaled to size x size pixels (Pillow,
bicubic, antialiased).

CACHE/KEY.u8 holds the bytes (n, frames, size, size, 3), CACHE/KEY.json which videos they are of. KEY is a hash of names, sizes
and times of the files, of frames, stride and size, and of FORMAT, which is to be raised when other bytes come of the same file.
Both may be deleted at any time, and nothing else deletes them.
"""

import fcntl
import json
import math
import mmap
import os
import shutil
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from benchmark.datasets.video_splits import Video, few
from benchmark.errors import UserError

FORMAT = 1
_EVERY = 500  # videos, between two lines of progress where standard error is no terminal
# Else Linux refuses to map a file that is larger than the memory, as if all of it were to be written to. Python 3.13 names it.
_NO_RESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000 if sys.platform == "linux" else 0)


@dataclass(frozen=True)
class Decoded:
    """Videos that could be decoded, in the order they were given.

    videos  uint8 (n, frames, size, size, 3), RGB; mapped from a file, which what is written to it does not change
    kept    int64 (n,): their places among those that were given
    padded  how many of them were too short and are looped
    broken  names of the others
    """

    videos: Tensor
    kept: Tensor
    padded: int
    broken: tuple[str, ...]


class _BrokenVideo(Exception):  # noqa: N818  # what it is
    """A file that is no video, or only a part of one."""


def decode(videos: Sequence[Video], frames: int, stride: int, size: int, cache: Path) -> Decoded:
    """Decode videos, or map what an earlier call decoded. Says on standard error how many are left out and how many are looped.

    Raises UserError where more than half cannot be decoded, where PyAV is missing, and where `cache` is full or not writable.
    """
    if not videos or min(frames, stride, size) < 1:
        raise ValueError(f"{len(videos)} videos, {frames} frames, stride {stride}, size {size}: each is to be at least 1")
    data = cache / f"{_key(videos, frames, stride, size)}.u8"
    shape = frames, size, size, 3
    found = _load(data, shape, len(videos))
    if found is None:
        with _alone(cache):  # another process may be decoding the same
            found = _load(data, shape, len(videos))
            if found is None:
                if data.exists():
                    print(f"{data} is damaged; decoding anew", file=sys.stderr)
                _write(data, videos, frames, stride, size)
                found = _load(data, shape, len(videos))
    if found is None:
        raise UserError(f"{data} was written, and cannot be read back; is its disk in order?")
    _tell(found, len(videos), frames * stride)
    return found


def _key(videos: Sequence[Video], frames: int, stride: int, size: int) -> str:
    files = []
    for video in videos:
        try:
            about = video.path.stat()
        except OSError as error:
            raise UserError(f"{video.path} cannot be read ({error.strerror})") from None
        files.append((video.name, about.st_size, about.st_mtime_ns))
    return sha256(json.dumps([FORMAT, frames, stride, size, files]).encode()).hexdigest()


def _load(data: Path, shape: tuple[int, ...], count: int) -> Decoded | None:
    """What was kept; None where there is nothing, or where it is damaged."""
    try:
        about = json.loads(data.with_suffix(".json").read_text(encoding="utf-8"))
        kept, padded, broken = np.array(about["kept"], np.int64), int(about["padded"]), tuple(map(str, about["broken"]))
        places = sorted({*kept.tolist()} & {*range(count)})
        if not places or places != kept.tolist() or len(places) + len(broken) != count:
            return None
        if data.stat().st_size != len(places) * math.prod(shape):
            return None
        with data.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE | _NO_RESERVE, mmap.PROT_READ | mmap.PROT_WRITE)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Decoded(torch.frombuffer(mapped, dtype=torch.uint8).view(-1, *shape), torch.from_numpy(kept), padded, broken)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Waits until no other process decodes into the folder, which is made. Raises UserError where it cannot be written."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = (cache / ".lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise UserError(f"decoded videos cannot be kept in {cache} ({error.strerror}); make this folder writable") from None
    with lock:
        yield


def _write(data: Path, videos: Sequence[Video], frames: int, stride: int, size: int) -> None:
    """Decode into a file, and never leave half of one."""
    _av()
    cache, about = data.parent, data.with_suffix(".json")
    scratch = data.with_suffix(".part")
    kept, padded, broken = [], 0, []
    try:
        for old in (scratch, data, about):
            old.unlink(missing_ok=True)
        need, free = len(videos) * frames * size * size * 3, shutil.disk_usage(cache).free
        if need > free:
            raise UserError(f"{cache} has {free / 1e9:.1f} GB free, and the decoded videos need {need / 1e9:.1f} GB")
        with scratch.open("wb") as file:
            for place, clip in enumerate(_clips(videos, frames, stride, size)):
                if clip is None:
                    broken.append(videos[place].name)
                else:
                    file.write(clip[0].data)
                    kept.append(place)
                    padded += clip[1]
                _progress(place + 1, len(videos), cache)
        if 2 * len(broken) > len(videos):
            raise UserError(f"{len(broken)} of {len(videos)} videos cannot be decoded, more than half: {few(broken)}")
        scratch.replace(data)
        scratch.write_text(json.dumps({"kept": kept, "padded": padded, "broken": broken}), encoding="utf-8")
        scratch.replace(about)  # last: without it the bytes do not count
    except OSError as error:
        raise UserError(f"{cache} cannot be written ({error.strerror}); make it writable, or free room on its disk") from None
    finally:
        scratch.unlink(missing_ok=True)


def _clips(videos: Sequence[Video], frames: int, stride: int, size: int) -> Iterator[tuple[NDArray[np.uint8], bool] | None]:
    """A clip of each video, in order, and whether it is looped; None for a broken one."""
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[tuple[NDArray[np.uint8], bool] | None]] = deque()
        for video in videos:
            waiting.append(pool.submit(_clip, video.path, frames, stride, size))
            if len(waiting) > 4 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _clip(path: Path, frames: int, stride: int, size: int) -> tuple[NDArray[np.uint8], bool] | None:
    try:
        length = _length(path)
        for _ in range(2):
            start = max(0, (length - frames * stride) // 2)
            places = [(start + i * stride) % length for i in range(frames)]
            pictures, seen = _pictures(path, set(places), size)
            if len(pictures) == len(set(places)):
                return np.stack([pictures[place] for place in places]), length < frames * stride
            if not seen:
                break
            length = seen  # it has fewer frames than packets
    except (_BrokenVideo, _av().error.FFmpegError, OSError):
        pass
    return None


def _length(path: Path) -> int:
    """Packets of a video: what its header says may be nothing, or wrong. Raises _BrokenVideo for a file that was cut."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] == b"RIFF" and int.from_bytes(head[4:8], "little") > path.stat().st_size:
        raise _BrokenVideo
    with _opened(path) as (container, stream):
        length = sum(1 for packet in container.demux(stream) if packet.size)
        if not length or 2 * length < stream.frames:
            raise _BrokenVideo
    return length


def _pictures(path: Path, places: set[int], size: int) -> tuple[dict[int, NDArray[np.uint8]], int]:
    """The frames at `places`, and how many frames were seen until all were found or the video ended."""
    found: dict[int, NDArray[np.uint8]] = {}
    seen = 0
    with _opened(path) as (container, stream):
        for frame in container.decode(stream):
            if seen in places:
                found[seen] = _square(frame.to_ndarray(format="rgb24"), size)
            seen += 1
            if len(found) == len(places):
                break
    return found, seen


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """A container and its first video stream. Raises _BrokenVideo where there is none."""
    with _av().open(str(path.absolute()), metadata_errors="ignore") as container:
        if not container.streams.video:
            raise _BrokenVideo
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1  # the pool has a thread for each core
        yield container, stream


def _square(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    box = left, top, left + side, top + side
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC, box))


def _av() -> Any:
    try:
        import av
    except ImportError:
        raise UserError("videos need PyAV: pip install 'lowdimbench[video]'") from None
    return av


def _progress(done: int, count: int, cache: Path) -> None:
    line = f"decoding videos, once, into {cache}: {done} of {count}"
    if sys.stderr.isatty():
        print(f"\r{line}", end="\n" if done == count else "", file=sys.stderr, flush=True)
    elif done % _EVERY == 0 or done == count:
        print(line, file=sys.stderr, flush=True)


def _tell(found: Decoded, count: int, window: int) -> None:
    if found.broken:
        print(
            f"{len(found.broken)} of {count} videos could not be decoded and are left out: {few(found.broken)}",
            file=sys.stderr,
        )
    if found.padded:
        print(f"{found.padded} of {count} videos have fewer than {window} frames and are looped", file=sys.stderr)
