"""A bundle of predictions: a zip file with an entry and one file for each instance.

    entry.toml                              benchmark/submissions/entry.py
    predictions/SEED-INSTANCE.safetensors   predictions/0-3.safetensors: instance 3 of seed 0; one tensor, `estimate`
    predictions/SEED-INSTANCE.npy           or an array of NumPy, in C or Fortran order

A file of safetensors is a header in JSON and the numbers after it; nothing in it can be run. Pickles are never read.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

from benchmark.errors import UserError
from benchmark.submissions import entry as entries
from benchmark.submissions.archive import Archive
from benchmark.submissions.entry import Answers, Entry
from benchmark.submissions.text import shown

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "predictions/"
TENSOR = "estimate"
_FILE = re.compile(r"predictions/((?:0|[1-9][0-9]{0,3})-(?:0|[1-9][0-9]{0,4}))\.(?:safetensors|npy)", re.ASCII)
_RULE = "only entry.toml and predictions/SEED-INSTANCE.safetensors (or .npy) may stand in a bundle"
_MAX_HEADER = 64 * 1024
_BYTES = {"F16": 2, "BF16": 2, "F32": 4, "F64": 8, "C64": 8, "I32": 4, "I64": 8, "U8": 1, "I8": 1, "BOOL": 1}


@dataclass(frozen=True)
class Bundle:
    """An entry and its predictions, which are read one at a time. digest: SHA-256 of the zip file."""

    entry: Entry
    answers: Answers
    digest: str
    archive: Archive

    def estimate(self, key: str) -> "Tensor":
        """The prediction of SEED-INSTANCE. Imports torch. Raises UserError where it is no file of safetensors, or of NumPy."""
        if (name := array_name(key)) in self.archive.members:
            return array(self.archive.read(name), f"{self.archive.name}, {name}")
        return tensor(self.archive.read(file_name(key)), self.place(key))

    def place(self, key: str) -> str:
        """How messages call the prediction of SEED-INSTANCE."""
        return f"{self.archive.name}, {file_name(key)}"


def file_name(key: str) -> str:
    """Where in a bundle the prediction of SEED-INSTANCE is."""
    return f"{FOLDER}{key}.safetensors"


def array_name(key: str) -> str:
    """Where it is as an array of NumPy."""
    return f"{FOLDER}{key}.npy"


def read_bundle(content: bytes, name: str = "bundle.zip") -> Bundle:
    """The bundle in a zip file's content, with its names, sizes and headers checked and nothing scored.

    Raises UserError, one line with the file and the rule, for the first thing that is wrong.
    """
    archive = Archive(content, name, _allowed, _RULE)
    if entries.FILE not in archive.members:
        raise UserError(f"{name}: entry.toml is missing; export-inputs writes one to fill in")
    if archive.members[entries.FILE].file_size > entries.MAX_BYTES:
        raise UserError(f"{name}, entry.toml: it has more than {entries.MAX_BYTES:,} bytes")
    entry = entries.read_entry(archive.read(entries.FILE), f"{name}, entry.toml")
    if entry.answers is None:
        raise UserError(f"{name}, entry.toml: [answers] is missing; export-inputs writes it")
    every = list(_keys(archive))
    found, wanted = set(every), set(entry.answers.observations)
    for key in sorted(key for key in found if every.count(key) > 1):
        raise UserError(f"{name}: {file_name(key)} is there twice, as .npy too")
    for key in sorted(wanted - found):
        raise UserError(f"{name}: {file_name(key)} is missing; entry.toml names {len(wanted)} instances")
    for key in sorted(found - wanted):
        raise UserError(f"{name}, {file_name(key)}: entry.toml names no such instance")
    return Bundle(entry, entry.answers, sha256(content).hexdigest(), archive)


def _allowed(name: str) -> bool:
    return name in (entries.FILE, FOLDER) or _FILE.fullmatch(name) is not None


def _keys(archive: Archive) -> Iterator[str]:
    for name in archive.members:
        if match := _FILE.fullmatch(name):
            yield match.group(1)


def check_header(content: bytes, place: str) -> tuple[str, tuple[int, ...]]:
    """Type and shape of the one tensor in a file of safetensors. Raises UserError for a file that is not exactly that."""
    size = int.from_bytes(content[:8], "little")
    if content[8:9] != b"{":
        raise UserError(f"{place}: it is no file of safetensors; a pickle is never read")
    if not 2 <= size <= min(_MAX_HEADER, len(content) - 8):
        raise UserError(f"{place}: it is no file of safetensors, or was cut short")
    try:
        header = json.loads(content[8 : 8 + size].decode("utf-8"), object_pairs_hook=_unique)
        header.pop("__metadata__", None)
        if list(header) != [TENSOR]:
            names = ", ".join(shown(one) for one in list(header)[:3])
            raise UserError(f"{place}: it holds {names or 'no tensor'}, not the one tensor '{TENSOR}'")
        about: dict[str, Any] = header[TENSOR]
        kind, shape, offsets = about["dtype"], about["shape"], about["data_offsets"]
        whole = all(type(one) is int and one >= 0 for one in (*shape, *offsets))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(f"{place}: the header of safetensors in it is damaged") from None
    if not isinstance(kind, str) or kind not in _BYTES:
        raise UserError(f"{place}: its type {shown(str(kind))} is not one of {', '.join(_BYTES)}")
    numbers = 1
    for side in shape if whole else ():
        numbers *= side
    if not whole or len(shape) > 16 or offsets != [0, len(content) - 8 - size] or numbers * _BYTES[kind] != offsets[1]:
        raise UserError(f"{place}: its shape and its size do not agree")
    return kind, tuple(shape)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def tensor(content: bytes, place: str) -> "Tensor":
    """The tensor in a file of safetensors, whose header is checked first. Raises UserError where it cannot be read."""
    check_header(content, place)
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        found: Tensor = load(content)[TENSOR]
    except (SafetensorError, ValueError, KeyError, RuntimeError, OverflowError, TypeError):
        raise UserError(f"{place}: it is no file of safetensors that can be read") from None
    return found


def array(content: bytes, place: str) -> "Tensor":
    """The array in a file of NumPy, whose header is checked first. Raises UserError where it is none, or holds objects."""
    import numpy as np
    import torch

    stream = BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(stream, max_header_size=_MAX_HEADER)
        if kind.hasobject or kind.kind not in "fciub" or len(shape) > 16:
            raise UserError(f"{place}: its type {shown(str(kind))} is no type of numbers")
        if math.prod(shape) * kind.itemsize != len(content) - stream.tell():
            raise UserError(f"{place}: its shape and its size do not agree")
        stream.seek(0)
        found = np.load(stream, allow_pickle=False)
        return torch.from_numpy(np.ascontiguousarray(found, found.dtype.newbyteorder("=")))
    except (ValueError, TypeError, EOFError, OSError, SyntaxError, MemoryError, OverflowError, TokenError):
        raise UserError(f"{place}: it is no file of NumPy that can be read") from None
