"""Merge runs of files into a database:  python -m runners.load FILE...

Files are written by runners.export --format jsonl. A run is added once; one made here is never changed.
"""

import json
import lzma
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import typer
from pydantic import ValidationError
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.errors import UserError
from benchmark.store import exchange
from benchmark.store.database import location, open_database
from benchmark.store.lines import FORMAT, Header, Origin, RunLine, file_digest, header, is_picture
from benchmark.store.writing import files_first, persist
from runners.cli import Database, run_app

REFERENCE = registry.ROOT / "leaderboard" / "reference"
TUNING = "tuning"  # the folder there of trials on tuning data, of which a board shows how many there are; TASK.jsonl.xz
EXAMPLES = ("python -m runners.load --reference", "python -m runners.load theirs.jsonl --db results/compared.db")
app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(epilog="\n\n".join(["Examples:", *EXAMPLES]))
def main(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Files of runners.export --format jsonl.", show_default=False)
    ] = None,
    reference: Annotated[bool, typer.Option("--reference", help="The results that came with the suite.")] = False,
    db: Database = None,
) -> None:
    """Merge runs of files into a database, each once."""
    wanted = list(files or ())
    if reference:
        wanted += [*sorted(REFERENCE.glob("*.jsonl")), *sorted((REFERENCE / TUNING).glob("*.jsonl.xz"))]
    if not wanted:
        if reference:
            print("no reference results have come with the suite")
            return
        raise UserError("name a FILE that runners.export --format jsonl wrote, or --reference")
    read = [(file, *read_file(file)) for file in wanted]  # all are sound before the first one changes anything
    target = location(db)
    with Session(open_database(target)) as session:
        for file, lines, pictures in read:
            ours = {REFERENCE.resolve(), (REFERENCE / TUNING).resolve()}
            origin: Origin = "reference" if file.resolve().parent in ours else "loaded"
            added = _merge(session, lines, pictures, origin, target)
            print(f"{file.name}: {added} of {len(lines)} runs added as {origin}, {len(lines) - added} there already")


def merge_reference(session: Session, presets: Iterable[tuple[str, str]], target: str) -> int:
    """Adds the runs that came with the suite for these (task, preset) pairs and are not in the database yet. Returns how many.

    `target` is what the database was opened by: pictures go into the folder beside it. It takes a few milliseconds where all is
    there. Raises UserError for a file that is not sound.
    """
    added = 0
    for file, digests in reference_digests(presets).items():
        if digests == persist(session, partial(exchange.present, session, digests, "reference")):
            continue
        lines, pictures = read_file(file)
        chosen = [line for line in lines if line.digest in digests]
        added += _merge(session, chosen, pictures, "reference", target)
    return added


def reference_digests(presets: Iterable[tuple[str, str]]) -> dict[Path, set[str]]:
    """The keys of the runs that came with the suite for these (task, preset) pairs, by file, from the first line of each.

    Raises UserError for a file that is not sound.
    """
    wanted = {f"{task}/{preset}" for task, preset in presets}
    found: dict[Path, set[str]] = {}
    for task in sorted({name.partition("/")[0] for name in wanted}):
        for file in (REFERENCE / f"{task}.jsonl", REFERENCE / TUNING / f"{task}.jsonl.xz"):
            if file.is_file():
                with _opened(file) as opened:
                    head = _header(file, opened.readline())
                found[file] = {digest for name, digests in head.runs.items() if name in wanted for digest in digests}
    return found


def read_file(file: Path) -> tuple[list[RunLine], dict[str, bytes]]:
    """The runs of a file, checked, and the content of their pictures by SHA-256.

    Raises UserError with the number of the first line that is not sound.
    """
    if file.is_char_device():
        raise UserError(f"{file} is a device, and reading some devices never ends; name a file")
    try:
        with _opened(file) as opened:
            content = opened.read().removeprefix(b"\xef\xbb\xbf")  # a byte order mark
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})") from None
    except (lzma.LZMAError, EOFError):
        raise UserError(f"{file.name} is damaged or not compressed by xz") from None
    first, *rest = content.splitlines() or [b""]
    head = _header(file, first)
    lines: list[RunLine] = []
    pictures: dict[str, bytes] = {}
    for number, text in enumerate(rest, start=2):
        try:
            line = RunLine.model_validate_json(text)
            pictures |= _pictures(file.parent / "pictures", line, pictures)
        except ValidationError as error:
            raise UserError(f"{file.name}, line {number}: {_reason(error)}") from None
        except RecursionError:
            raise UserError(f"{file.name}, line {number}: it is nested too deeply") from None
        except ValueError as error:
            raise UserError(f"{file.name}, line {number}: {error}") from None
        lines.append(line)
    if header(lines).runs != head.runs:
        raise UserError(f"{file.name}: its header names other runs than it holds; it was cut off or changed")
    return lines, pictures


def _opened(file: Path) -> BinaryIO:
    return cast("BinaryIO", lzma.open(file)) if file.suffix == ".xz" else file.open("rb")


def _header(file: Path, text: bytes) -> Header:
    try:
        known = json.loads(text)
        if known["version"] > FORMAT:
            raise UserError(f"{file.name} was written by a newer version of this suite; update the suite")
        return Header.model_validate_json(text)
    except ValidationError as error:
        raise UserError(f"{file.name}, line 1: {_reason(error)}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(f"{file.name}, line 1: not a file of runners.export --format jsonl") from None


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, first["loc"]))
    words = first["msg"].removeprefix("Value error, ")
    return f"{place}: {words}" if place else words


def _pictures(folder: Path, line: RunLine, known: dict[str, bytes]) -> dict[str, bytes]:
    """The contents, by SHA-256, of the pictures of a line. Raises ValueError for one that is missing or not what it
    should be.
    """
    found: dict[str, bytes] = {}
    for picture in line.pictures:
        if picture.sha256 in known or picture.sha256 in found:
            continue
        path = folder / f"{picture.sha256}.npy"
        if not path.is_file():
            raise ValueError(f"pictures/{path.name} is missing beside the file")
        content = path.read_bytes()
        if file_digest(content) != picture.sha256:
            raise ValueError(f"pictures/{path.name} is damaged (wrong SHA-256)")
        _check_picture(path)
        found[picture.sha256] = content
    return found


def _check_picture(path: Path) -> None:
    import numpy as np

    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        raise ValueError(f"pictures/{path.name} is not an array") from None
    if array.dtype != np.float16 or not is_picture(array.shape) or not np.isfinite(array).all():
        raise ValueError(f"pictures/{path.name} is not a finite float16 picture (H, W) or (3, H, W)")


def _merge(session: Session, lines: Sequence[RunLine], pictures: dict[str, bytes], origin: Origin, target: str) -> int:
    """Writes the files first, so that no row ever names one that is not there, and then all rows in one transaction."""
    folder = (Path("results") if "://" in target else Path(target).parent).absolute()
    named = {picture.sha256 for line in lines for picture in line.pictures}
    with files_first({folder / exchange.artifact_path(digest): pictures[digest] for digest in named}):
        return persist(session, lambda: exchange.merge(session, lines, origin))


if __name__ == "__main__":
    run_app(app)
