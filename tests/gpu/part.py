"""What the parts of the kit share: their options, and results that are written line by line and not made twice."""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch

from benchmark.context import Context
from benchmark.contracts import Pair, pairs
from benchmark.errors import UserError

STEPS = 20  # of a loop, at most: enough to compare devices and to time a step


class Cut(Context):
    """Gives out a few steps at most and remembers how many there would have been."""

    whole = 0

    def steps(self, total: int, points: int = 1) -> Iterator[int]:
        self.whole += total
        yield from super().steps(min(total, STEPS), points)


@dataclass(frozen=True)
class Given:
    """device: where to run; out: the folder of the results; until: when to stop (monotonic clock); only: pattern of pairs;
    jobs: processes side by side, for what is not timed; plan: pattern of long plans.
    """

    device: torch.device
    out: Path
    until: float
    only: str = "*"
    jobs: int = 1
    plan: str = "*"

    @property
    def left(self) -> float:
        """Seconds."""
        return self.until - time.monotonic()

    def chosen(self) -> dict[str, Pair]:
        """TASK/METHOD of the pairs to run, with those whose data is here."""
        every = {f"{pair.task.spec.name}/{pair.method.spec.name}": pair for pair in pairs()}
        return {name: pair for name, pair in every.items() if fnmatchcase(name, self.only)}


def options(words: list[str] | None = None) -> Given:
    """Of the command line of a part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", required=True, type=torch.device)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--seconds", required=True, type=float)
    parser.add_argument("--only", default="*")
    parser.add_argument("--jobs", default=1, type=int)
    parser.add_argument("--plan", default="*")
    found = parser.parse_args(words)
    return Given(found.device, found.out, time.monotonic() + found.seconds, found.only, found.jobs, found.plan)


def lines(file: Path) -> list[dict[str, Any]]:
    """What was written so far; a line that a kill cut short is none."""
    if not file.is_file():
        return []
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def each(given: Given, file: str, names: Iterable[str], work: Callable[[str], dict[str, Any]]) -> None:
    """Writes what the work finds for each name that the file lacks, while there is time. What raises is written as `error`;
    what lacks data as `skipped`.
    """
    path = given.out / file
    known = {line["name"] for line in lines(path) if "error" not in line}
    with path.open("a", encoding="utf-8") as out:
        for name in names:
            if name in known:
                continue
            if given.left <= 0:
                return
            began = time.monotonic()
            try:
                found = work(name)
            except UserError as error:
                found = {"skipped": str(error)}
            except Exception as error:
                found = {"error": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"}
            found = {"name": name, **found, "took": round(time.monotonic() - began, 2)}
            out.write(json.dumps(found) + "\n")
            out.flush()
            print(found, flush=True)
