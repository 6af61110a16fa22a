"""What a user says of a photograph and of how each region of it is to become, for a prior that can be told.

told/PHOTOGRAPH.csv: a row `picture,SAID` of what the photograph shows, and a row `REGION,SAID` for each region
numbers    SAID is NUMBER,..., as many as the prior takes
prompts    SAID is a prompt, all that stands after the first comma: its commas are its own. It may stand in double quotes, as
           spreadsheets write it
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmark.errors import UserError

SHOWN = "picture"


def check(file: Path) -> None:
    """Raises UserError for a file that is a table neither of numbers nor of prompts."""
    prompts(file)


def table(file: Path) -> dict[str, list[float]]:
    """By name of the row its numbers. Raises UserError for a file that is no such table."""
    found: dict[str, list[float]] = {}
    try:
        for line in file.read_text(encoding="utf-8-sig").splitlines():
            if line.strip():
                name, *numbers = (part.strip() for part in line.split(","))
                found[name] = [float(number) for number in numbers]
    except (OSError, ValueError) as error:
        raise UserError(f"{file.name} is no table of names and numbers ({str(error).splitlines()[0]})") from None
    if SHOWN not in found or len({len(numbers) for numbers in found.values()}) > 1:
        raise UserError(f"{file.name}: rows of one length, one of them named {SHOWN}, are needed")
    return found


def prompts(file: Path) -> dict[str, str]:
    """By name of the row its prompt. Raises UserError for a file that is no such table."""
    found: dict[str, str] = {}
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"{file.name} is no table of names and what is said ({str(error).splitlines()[0]})") from None
    for line in filter(str.strip, lines):
        name, said = (part.strip() for part in line.partition(",")[::2])
        if len(said) > 1 and said[0] == said[-1] == '"':
            said = said[1:-1].replace('""', '"').strip()
        if not name or not said:
            raise UserError(f"{file.name}: '{line.strip()[:40]}' is no row NAME,WHAT IS SAID")
        if name in found:
            raise UserError(f"{file.name} has two rows of {name}")
        found[name] = said
    if SHOWN not in found:
        raise UserError(f"{file.name} has no row named {SHOWN}, of what the photograph shows")
    return found


def of(photograph: Path, files: Sequence[Path], regions: Sequence[str], numbers: int) -> tuple[Tensor, Tensor]:
    """float32 (1, n) of what the photograph shows, and (R, n) of what is wanted of each region.

    Raises UserError where the photograph has no table, a region no row, or rows not the numbers that the prior takes.
    """
    file = _file(photograph, files)
    rows = table(file)
    _complete(file, rows, regions)
    if len(rows[SHOWN]) != numbers:
        raise UserError(f"{file.name} has {len(rows[SHOWN])} numbers a row; the prior is told {numbers}")
    return torch.tensor([rows[SHOWN]]), torch.tensor([rows[name] for name in regions])


def in_words(photograph: Path, files: Sequence[Path], regions: Sequence[str]) -> tuple[str, list[str]]:
    """The prompt of what the photograph shows, and of what is wanted of each region. Raises UserError where the photograph has
    no table, or a region no row.
    """
    file = _file(photograph, files)
    rows = prompts(file)
    _complete(file, rows, regions)
    return rows[SHOWN], [rows[name] for name in regions]


def _file(photograph: Path, files: Sequence[Path]) -> Path:
    file = next((file for file in files if file.stem == photograph.stem), None)
    if file is None:
        raise UserError(f"{photograph.name} has no table: put told/{photograph.stem}.csv there")
    return file


def _complete(file: Path, rows: Mapping[str, object], regions: Sequence[str]) -> None:
    if missing := [name for name in regions if name not in rows]:
        raise UserError(f"{file.name} has no row for the region {missing[0]}")
