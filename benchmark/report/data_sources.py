"""The sources of data: what SOURCES.md says of each, where its files lie, and which presets read it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmark import registry
from benchmark.datasets import sources
from benchmark.datasets.sources import ASSETS, Asset, Folder, Model, Packaged
from benchmark.errors import UserError
from benchmark.report.tables import Column

_TABLE = Path(sources.__file__).with_name("SOURCES.md")
_CELL = re.compile(r"(?<!\\)\|")
_LICENCE = re.compile(r"assets/([\w.]+\.LICENSE)")


@dataclass(frozen=True)
class Source:
    """One source of data.

    about   heading of SOURCES.md -> what its row says, in Markdown; empty where it has no row
    kind    where its files lie, in a few words
    files   (name, SHA-256) of each file that has a checksum
    how     what to get and where to put it, for a source that the user brings
    used    each (task, preset) that reads it
    """

    name: str
    kind: str
    about: dict[str, str]
    files: tuple[tuple[str, str], ...]
    how: str
    used: tuple[tuple[str, str], ...]

    @property
    def licence_text(self) -> str:
        """The licence file that its row names; empty where it names none."""
        named = _LICENCE.search(self.about.get("licence", ""))
        file = ASSETS / named[1] if named else None
        return file.read_text(encoding="utf-8") if file and file.is_file() else ""


def licences(names: Iterable[str]) -> dict[str, str]:
    """Name -> licence as SOURCES.md states it, in Markdown. A name without a row there has an empty text."""
    rows = described(_TABLE.read_text(encoding="utf-8"))
    return {name: rows.get(name, {}).get("licence", "") for name in names}


def described(text: str) -> dict[str, dict[str, str]]:
    """First cell, without its backticks -> the row of a Markdown table as heading -> cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in _CELL.split(line)[1:-1]] for line in lines]
    head, rows = (cells[0], cells[2:]) if cells else ([], [])
    return {row[0].strip("`"): dict(zip(head, row, strict=True)) for row in rows}


def uses() -> pd.DataFrame:
    """A line for each source that a preset reads. Columns: task, preset, version, source, about."""
    lines = [
        [task.spec.name, name, task.spec.version, source, preset.about]
        for task in registry.tasks().values()
        for name, preset in task.spec.presets.items()
        for source in (*preset.data, *((preset.prior,) if preset.prior else ())) or ("",)
    ]
    return pd.DataFrame(lines, columns=["task", "preset", "version", "source", "about"])


def known() -> dict[str, Source]:
    """Every source in the order of SOURCES.md, followed by the other ones of sources.py and those of plug-ins' presets."""
    rows = described(_TABLE.read_text(encoding="utf-8"))
    used = uses()
    names = [*rows, *sources.SOURCES, *(name for name in used["source"] if name)]
    found = {}
    for name in dict.fromkeys(names):
        pairs = used[used["source"] == name][["task", "preset"]].itertuples(index=False, name=None)
        found[name] = Source(name, _kind(name), rows.get(name, {}), _files(name), _how(name), tuple(pairs))
    return found


def _kind(name: str) -> str:
    source = sources.SOURCES.get(name)
    match source:
        case Asset() | Model():
            return "a file of this repository" if isinstance(source, Asset) else "a folder of this repository"
        case Packaged():
            return f"files of the package {source.package}"
        case Folder():
            return "you bring it"
    return "not known here"


def _files(name: str) -> tuple[tuple[str, str], ...]:
    source = sources.SOURCES.get(name)
    if isinstance(source, Asset):
        return ((f"benchmark/datasets/assets/{source.file}", source.sha256),)
    if isinstance(source, Model):
        return tuple((f"benchmark/datasets/assets/{source.folder}/{file}", digest) for file, digest in source.files.items())
    if isinstance(source, Packaged):
        return tuple((f"{source.package}/{source.folder}/{file}", digest) for file, digest in source.files.items())
    return ()


def _how(name: str) -> str:
    source = sources.SOURCES.get(name)
    return source.how if isinstance(source, Folder) else ""


def check(name: str) -> str:
    """A sentence that says whether the files here are the ones that were tested. It reads all of them."""
    source = sources.SOURCES.get(name)
    try:
        if isinstance(source, Asset):
            source.path()
        elif isinstance(source, Model):
            source.checked()
        elif isinstance(source, Packaged):
            for file in source.files:
                source.path(file)
        else:
            return "Nothing to check: the suite ships none of it."
    except UserError as error:
        return f"Not as tested: {error}."
    return "Checked on this machine: every file is there and has the SHA-256 below."


def words(text: str) -> str:
    """A cell of SOURCES.md without its backticks."""
    return text.replace("`", "")


COLUMNS = {
    "source": Column("Its name in benchmark/datasets/sources.py", 160),
    "where": Column("Where its files lie", 190),
    "used by": Column("Tasks with a preset that reads it", 180),
    "licence": Column("As SOURCES.md states it; below in full", 260),
    "what it is": Column("Below in full", 420),
    "what it is not": Column("", 420),
    "origin": Column("", 420),
    "made by": Column("The script in benchmark/datasets that made the file", 200),
    "SHA-256": Column("Of the file, or of the list of files and checksums", 480),
}


def overview(found: dict[str, Source]) -> pd.DataFrame:
    """A table with a line for each source and everything that SOURCES.md says of it."""
    lines = [
        {
            "source": one.name,
            "where": one.kind,
            "used by": ", ".join(dict.fromkeys(task for task, _ in one.used)) or "no task",
            **{name: words(one.about.get(name, "")) for name in list(COLUMNS)[3:]},
        }
        for one in found.values()
    ]
    return pd.DataFrame(lines, columns=list(COLUMNS))
