"""A method that an installed package brings, as something to hand in. Nothing of the package is imported here; no torch either.

Kept are the files of the package that the method imports, and the `__init__.py` around them, which run before it does. Other
files of it (data, compiled code) are not, nor are the packages that it needs: it runs where it is installed, and only while the
source that is installed there is what was handed in. Who wrote it is read from its metadata where no entry.toml says it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import getaddresses
from hashlib import sha256
from importlib.metadata import Distribution, entry_points
from pathlib import Path

from benchmark import registry
from benchmark.errors import UserError, unknown
from benchmark.registry import MethodEntry
from benchmark.submissions.entry import Entry, made_entry

MAX_FILES = 200
MAX_PACKAGE = 1024**2  # bytes of all that is kept of it
_GROUP = "lowdimbench.methods"
_BUILT = (".whl", ".gz", ".tgz", ".zip", ".egg", ".bz2", ".xz")
_LINE = 200  # characters
_SUITE = frozenset({"benchmark", "tasks", "methods"})


@dataclass(frozen=True)
class Package:
    """What is handed in: place in the package -> content. home: the folder that the package is installed into."""

    method: str
    distribution: Distribution
    home: Path
    files: Mapping[str, bytes]

    @property
    def label(self) -> str:
        """Name and version, as the installer calls it."""
        return f"{self.distribution.name} {self.distribution.version}"

    @property
    def digest(self) -> str:
        """SHA-256 of the names and contents of the files."""
        total = sha256()
        for name, content in sorted(self.files.items()):
            total.update(f"{name}\n{len(content)}\n".encode() + content)
        return total.hexdigest()

    def entry(self, given: Entry | None = None) -> Entry:
        """Who hands in what: what an entry.toml says, and what the metadata says where it says nothing.

        Raises UserError where entry.toml is of another method, and for metadata that break a rule of an entry.
        """
        if given is not None and given.method != self.method:
            raise UserError(f"entry.toml names the method '{given.method}'; {self.label} brings '{self.method}'")
        told = {} if given is None else given.model_dump(mode="json", exclude_none=True)
        values = {"method": self.method, **_told(self.distribution, self.label), **told}
        return made_entry(values, f"the metadata of {self.label} (or give --entry FILE)")


def find(name: str) -> Package:
    """The method of this name, or the one that the installed package of this name brings, with its source.

    Raises UserError, with the nearest names, where there is none; where a package brings several methods or was left out;
    for a method that comes with the suite; for a file, folder or address that would have to be installed first; and for more
    than MAX_FILES files or MAX_PACKAGE bytes.
    """
    brought = dict(_brought())
    packages: dict[str, list[str]] = {}
    for method, (_, distribution) in brought.items():
        packages.setdefault(_plain(distribution.name), []).append(method)
    mine = [name] if name in brought else packages.get(_plain(name), [])
    if len(mine) > 1:
        raise UserError(f"{name} brings several methods; name one of them: {', '.join(sorted(mine))}")
    if not mine:
        raise _refusal(name, [*brought, *(distribution.name for _, distribution in brought.values())])
    entry, distribution = brought[mine[0]]
    home, files = _source(entry)
    return Package(mine[0], distribution, home, files)


def _brought() -> Iterator[tuple[str, tuple[MethodEntry, Distribution]]]:
    for point in entry_points(group=_GROUP):
        for name, entry in registry.methods().items():
            if entry.module == point.value and point.dist is not None:
                yield name, (entry, point.dist)


def _plain(name: str) -> str:
    """The name of a distribution as installers compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _refusal(name: str, known: list[str]) -> UserError:
    if name in registry.methods():
        return UserError(f"{name} comes with the suite or an included file; there is nothing to hand in")
    points = {p.value for p in entry_points(group=_GROUP) if p.dist is not None and _plain(p.dist.name) == _plain(name)}
    if left := [line for line in registry.problems() if any(f"plug-in {value}:" in line for value in points)]:
        return UserError(f"{name} brings no method that can be read: {left[0]}")
    if Path(f"{name}.py").is_file():
        return UserError(f"{name}: no such package or method of one; the file is {name}.py")
    if Path(name).suffix.lower() in _BUILT or re.search(r"[/\\]|^git\+|^\.+$", name) or Path(name).is_dir():
        return UserError(
            f"{Path(name).name or name}: nothing is installed here; install it yourself with `python -m pip install`, after "
            "reading it, then name its method: python -m runners.submit code METHOD"
        )
    return unknown("file (my_method.py), method of an installed package, or installed package", name, known)


def _source(entry: MethodEntry) -> tuple[Path, dict[str, bytes]]:
    depth = len(entry.module.split("."))
    home = entry.file.parents[depth if entry.file.name == "__init__.py" else depth - 1]
    around = [folder / "__init__.py" for folder in entry.file.parents if folder.is_relative_to(home) and folder != home]
    starts = [entry.file, *(file for file in around if file.is_file())]
    try:
        found = {file for start in starts for file in registry.imported_files(start)}
        inside = sorted(file for file in found if file.is_relative_to(home) and file.relative_to(home).parts[0] not in _SUITE)
        size = sum(file.stat().st_size for file in inside)
        if len(inside) > MAX_FILES or size > MAX_PACKAGE:
            raise UserError(
                f"{entry.spec.name} imports {len(inside)} files of its package with {size:,} bytes; {MAX_FILES} files with "
                f"{MAX_PACKAGE:,} are allowed: a method in a module of its own imports less"
            )
        return home, {file.relative_to(home).as_posix(): file.read_bytes() for file in inside}
    except (OSError, ValueError, SyntaxError) as error:
        raise UserError(f"the package of {entry.spec.name} cannot be read ({type(error).__name__})") from None


def _told(distribution: Distribution, label: str) -> dict[str, object]:
    """Authors, contact, licence, link and description, of those that the metadata tell."""
    mails = _words(distribution, "Author-email", "Maintainer-email")
    people = [(who.strip(), mail) for who, mail in getaddresses(mails) if mail]
    summary = next(iter(_words(distribution, "Summary")), "")
    found: dict[str, object] = {
        "authors": _words(distribution, "Author", "Maintainer")[:1] or [who or mail for who, mail in people] or ["not named"],
        "contact": people[0][1] if people else "not named",
        "description": f"{label}: {summary}" if summary else label,
    }
    # some packages put the whole text of a licence there, and its name into a classifier alone
    names = [one for one in _words(distribution, "License-Expression", "License") if len(one) <= _LINE]
    classified = [one.rpartition("::")[2].strip() for one in _words(distribution, "Classifier") if one.startswith("License ::")]
    if licences := names + classified:
        found["licence"] = licences[0]
    pages = _words(distribution, "Home-page") + [one.partition(",")[2].strip() for one in _words(distribution, "Project-URL")]
    if links := [page for page in pages if page.startswith(("http://", "https://"))]:
        found["link"] = links[0]
    return found


def _words(distribution: Distribution, *names: str) -> list[str]:
    """The metadata under these names, each on one line."""
    found = [" ".join(text.split()) for name in names for text in distribution.metadata.get_all(name) or []]
    return [text for text in found if text and text != "UNKNOWN"]
