"""A zip file read where it is: nothing is unpacked, and no name in it is ever a path. Imports no torch.

Before anything is read, the directory at the file's end is bounded (it is what the reader of the standard library loads whole),
then every member: its name, kind, size and ratio. While reading, no more bytes are taken than the directory promised.
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable

from benchmark.errors import UserError
from benchmark.submissions.text import shown

MAX_BUNDLE = 256 * 1024**2  # bytes of the zip file
MAX_MEMBER = 256 * 1024**2  # bytes of one file in it
MAX_TOTAL = 1024**3  # bytes of all files in it
MAX_FILES = 1002
MAX_RATIO = 100  # of a file of more than _SMALL bytes
_SMALL = 1024**2
_END, _END_SIZE, _LOCATOR = b"PK\x05\x06", 22, b"PK\x06\x07"
_DIRECTORY = 512 * MAX_FILES  # bytes of the directory
_BAD = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError, struct.error)


class Archive:
    """The files of a zip file, by name. Raises UserError, with the file and the rule, for one that could do harm.

    allowed   whether a name may stand in it; folder names are left aside where they are those of an allowed file
    """

    def __init__(self, content: bytes, name: str, allowed: Callable[[str], bool], rule: str) -> None:
        self.name = name
        if len(content) > MAX_BUNDLE:
            raise UserError(f"{name}: it has {len(content):,} bytes; {MAX_BUNDLE:,} are allowed")
        self._check_end(content)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
            members = self._zip.infolist()
        except _BAD as error:
            raise UserError(f"{name}: it is no zip file, or was cut short ({shown(str(error))})") from None
        if len(members) > MAX_FILES:
            raise UserError(f"{name}: it holds {len(members)} files; {MAX_FILES} are allowed")
        self.members: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            self._check(member, allowed, rule)
        self._check_places(members, len(content))
        if (total := sum(member.file_size for member in members)) > MAX_TOTAL:
            raise UserError(f"{name}: its files would have {total:,} bytes; {MAX_TOTAL:,} are allowed")

    def _check_end(self, content: bytes) -> None:
        """The record at the end says how long the directory is; it is read before the directory itself is."""
        if len(content) < _END_SIZE or content[:2] != b"PK" or content[-_END_SIZE:][:4] != _END:
            raise UserError(f"{self.name}: it is no zip file, was cut short, or something follows its end")
        count, size, start, comment = struct.unpack("<HIIH", content[-12:])
        locator = content[-_END_SIZE - 20 :][:4] == _LOCATOR
        if locator or comment or start + size + _END_SIZE != len(content):
            raise UserError(f"{self.name}: it is a zip file in parts, of the 64-bit kind, or with something before or after it")
        if count > MAX_FILES or size > _DIRECTORY:
            raise UserError(f"{self.name}: it holds {count} files in a directory of {size:,} bytes; {MAX_FILES} are allowed")

    def _check(self, member: zipfile.ZipInfo, allowed: Callable[[str], bool], rule: str) -> None:
        name, kind = member.orig_filename, member.external_attr >> 16
        place = f"{self.name}, {shown(name)}"
        if "\0" in name or name != member.filename:
            raise UserError(f"{place}: its name holds a control character")
        if name.startswith("/") or re.match(r"[A-Za-z]:", name):
            raise UserError(f"{place}: its name is absolute")
        if "\\" in name or ".." in name.split("/"):
            raise UserError(f"{place}: its name leads out of the bundle")
        if stat.S_ISLNK(kind):
            raise UserError(f"{place}: it is a link")
        if stat.S_IFMT(kind) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UserError(f"{place}: it is no plain file")
        if name.endswith("/") and allowed(name):
            if member.file_size:
                raise UserError(f"{place}: it is a folder with content")
            return
        if not allowed(name) or stat.S_ISDIR(kind):
            raise UserError(f"{place}: {rule}")
        if name in self.members:
            raise UserError(f"{place}: it is there twice")
        if member.flag_bits & (0x1 | 0x2000):
            raise UserError(f"{place}: it is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UserError(f"{place}: it is compressed in a way other than deflate")
        if member.file_size > MAX_MEMBER:
            raise UserError(f"{place}: it would have {member.file_size:,} bytes; {MAX_MEMBER:,} are allowed")
        if member.file_size > max(_SMALL, MAX_RATIO * member.compress_size):
            raise UserError(f"{place}: it would grow more than {MAX_RATIO}-fold; store it without compression")
        self.members[name] = member

    def _check_places(self, members: list[zipfile.ZipInfo], size: int) -> None:
        """No two files share bytes of the bundle: that is how a small one becomes many large ones."""
        end = 0
        for member in sorted(members, key=lambda m: m.header_offset):
            if member.header_offset < end:
                raise UserError(f"{self.name}, {shown(member.orig_filename)}: it lies upon another file of the bundle")
            end = member.header_offset + 30 + len(member.orig_filename.encode()) + member.compress_size
        if end > size:
            raise UserError(f"{self.name}: it is damaged: a file reaches over its end")

    def read(self, name: str) -> bytes:
        """The content of a file, as many bytes as the directory promised. Raises UserError where it is damaged."""
        member = self.members[name]
        try:
            with self._zip.open(member) as file:
                content = file.read(member.file_size + 1)
        except _BAD as error:
            raise UserError(f"{self.name}, {shown(name)}: it is damaged ({shown(str(error) or 'cut short')})") from None
        if len(content) != member.file_size:
            raise UserError(f"{self.name}, {shown(name)}: it is damaged (its size is not the one promised)")
        return content
