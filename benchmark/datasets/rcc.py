"""The files inside a container of Qt's resource system (.rcc), by name. Imports no Qt.

A container has a header, a tree of folders and files, their names in UTF-16 and their contents, all numbers big-endian.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from benchmark.errors import UserError

_MAGIC = b"qres"
_ZLIB, _FOLDER, _ZSTD = 1, 2, 4


def members(file: Path) -> dict[str, bytes]:
    """{name with its folders: content} of the container's files. What is packed with zlib is unpacked.

    Raises UserError for a file that is no such container, is cut off, or holds a file packed with Zstandard.
    """
    try:
        content = file.read_bytes()
        if content[:4] != _MAGIC:
            raise UserError(f"{file.name} is no container of Qt's resource system")
        return dict(_walk(content, 0, ()))
    except (OSError, struct.error, UnicodeDecodeError, zlib.error) as error:
        raise UserError(f"{file.name} cannot be read ({str(error).partition(chr(10))[0]}); unpack its package again") from None


def _walk(content: bytes, number: int, folders: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    version, tree, data, names = struct.unpack_from(">4I", content, 4)
    at = tree + number * (14 if version == 1 else 22)  # later versions add the time of the last change
    name, flags = struct.unpack_from(">IH", content, at)
    if flags & _FOLDER:
        inside = (*folders, _name(content, names + name)) if number else folders
        count, first = struct.unpack_from(">2I", content, at + 6)
        if first <= number:
            raise struct.error("a folder holds itself")
        for child in range(first, first + count):
            yield from _walk(content, child, inside)
        return
    (start,) = struct.unpack_from(">I", content, at + 10)
    (size,) = struct.unpack_from(">I", content, data + start)
    (packed,) = struct.unpack_from(f"{size}s", content, data + start + 4)
    path = "/".join((*folders, _name(content, names + name)))
    if flags & _ZSTD:
        raise struct.error(f"{path} is packed with Zstandard")
    yield path, zlib.decompress(packed[4:]) if flags & _ZLIB else packed


def _name(content: bytes, at: int) -> str:
    (length,) = struct.unpack_from(">H", content, at)
    (text,) = struct.unpack_from(f"{2 * length}s", content, at + 6)  # a hash of four bytes stands between
    return str(text, "utf-16-be")
