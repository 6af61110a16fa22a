"""What the user typed, as values: seeds, hyperparameters, grids, sizes. The module imports no torch."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from benchmark import seeds
from benchmark.errors import UserError, shortened
from benchmark.spec import duration

_SIZES = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """{'lr': 0.01} from ['lr=1e-2']. Values are read as JSON (numbers, true, false); anything else is text.

    Raises UserError where there is no '='.
    """
    return {name: value(text) for name, text in (_pair("--set", text) for text in texts)}


def parse_grid(texts: Iterable[str]) -> dict[str, list[Any]]:
    """{'lr': [0.001, 0.0001]} from ['lr=1e-3,1e-4']. Raises UserError where there is no '=' or no value."""
    return {name: [value(part) for part in text.split(",") if part] for name, text in (_pair("--grid", text) for text in texts)}


def parse_sources(texts: Iterable[str]) -> dict[str, str]:
    """{'backbone': 'DIR'} from ['backbone=DIR']. Raises UserError where there is no '=', no path, or a name comes twice."""
    found: dict[str, str] = {}
    for name, text in (_pair("--source", text) for text in texts):
        if found.setdefault(name, text) != text:
            raise UserError(f"--source {name} is given twice, as {found[name]} and as {text}")
    return found


def parse_slurm(texts: Iterable[str]) -> dict[str, str]:
    """{'time': '240'} from ['time=240']. Raises UserError where there is no '=' or no value."""
    return dict(_pair("--slurm", text) for text in texts)


_EXAMPLES = {"--set": "lr=1e-3", "--grid": "lr=1e-3,1e-4", "--source": "backbone=FOLDER", "--slurm": "time=240"}


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, rest = text.partition("=")
    if not equals or not name or (option != "--set" and not rest.strip(",")):
        example = f"{option} {_EXAMPLES[option]}"
        raise UserError(f"{option} {text}: write it as name=value, such as {example}")
    return name, rest


def value(text: str) -> Any:
    """The value of a hyperparameter from its text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # Python raises these for too many digits or brackets too
        return text


def shown(given: Any) -> str:
    """The text that `value` reads back as `given`."""
    return given if isinstance(given, str) and value(given) == given else json.dumps(given)


def parse_seeds(text: str | int | Sequence[int] | None, *, tuning: bool = False) -> list[int]:
    """The repeats that a text means: '3' is 0, 1, 2; '0,4,7' a list; '1000,' one alone; None means one. A count starts at 1000
    if `tuning`.

    Raises UserError for anything else.
    """
    start = seeds.FIRST_TUNING_REPEAT if tuning else 0
    found: list[int] = []
    try:
        if isinstance(text, list | tuple):
            found = list(dict.fromkeys(text))
        else:
            words = str(1 if text is None else text)
            numbers = [int(part) for part in words.removesuffix(",").split(",")]
            seeds.split(numbers[0])
            found = list(dict.fromkeys(numbers)) if "," in words else list(range(start, start + numbers[0]))
        for number in found:
            seeds.split(number)
    except ValueError:
        found = []
    if not found:
        raise UserError(
            f"--seeds {shortened(str(text))}: write a count (3) or a list (0,4,7 or 1000,) of numbers below {seeds.REPEATS}"
        )
    return found


def parse_timeout(text: str | float | None) -> float | None:
    """The seconds of a duration, infinite for 'never'. Raises UserError for what is not a duration."""
    try:
        return None if text is None else math.inf if text == "never" else duration(text)
    except ValueError as error:
        raise UserError(f"--timeout: {error}, or never") from None


def parse_size(text: str) -> float:
    """The bytes of a size such as '4G' or '800M'. Raises UserError for anything else."""
    number, unit = text.upper().removesuffix("B")[:-1], text.upper().removesuffix("B")[-1:]
    try:
        size = float(number) * _SIZES[unit]
    except (ValueError, KeyError):
        size = 0.0
    if not 0 < size < float("inf"):
        raise UserError(f"--memory {text}: write a size such as 800M or 4G")
    return size
