"""What a user says of a photograph and of how each region of it is to become: rows of numbers for a prior that is told some.

told/PHOTOGRAPH.csv: a row `picture,NUMBER,...` of what the photograph shows, and a row `REGION,NUMBER,...` for each region
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from benchmark.errors import UserError

SHOWN = "picture"


def check(file: Path) -> None:
    """Raises UserError for a file that is no such table."""
    table(file)


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


def of(photograph: Path, files: Sequence[Path], regions: Sequence[str], numbers: int) -> tuple[Tensor, Tensor]:
    """float32 (1, n) of what the photograph shows, and (R, n) of what is wanted of each region.

    Raises UserError where the photograph has no table, a region no row, or rows not the numbers that the prior takes.
    """
    file = next((file for file in files if file.stem == photograph.stem), None)
    if file is None:
        raise UserError(f"{photograph.name} has no table: put told/{photograph.stem}.csv there")
    rows = table(file)
    if missing := [name for name in regions if name not in rows]:
        raise UserError(f"{file.name} has no row for the region {missing[0]}")
    if len(rows[SHOWN]) != numbers:
        raise UserError(f"{file.name} has {len(rows[SHOWN])} numbers a row; the prior is told {numbers}")
    return torch.tensor([rows[SHOWN]]), torch.tensor([rows[name] for name in regions])
