"""The part `long`: runs at a paper's size, plan after plan until the time is over; each goes on where it was stopped.

A plan is a file of tests/gpu/plans, and their names are their order of worth: `minutes` on one GPU, as expected, and on what
`basis`; commands in which {device} and {db} are filled in. What lacks data is told in its own words and left out.
"""

import json
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from tests.gpu.part import Given, options

PLANS = Path(__file__).with_name("plans")
_ENDS = 10.0  # seconds before the end at which a job is told to stop, so that it stores what is finished


@dataclass(frozen=True)
class Plan:
    """name: what it is about; minutes: expected on one GPU, of all its commands; basis: of that number; commands: arguments of
    Python.
    """

    name: str
    minutes: float
    basis: str
    commands: tuple[str, ...]

    @classmethod
    def read(cls, file: Path) -> "Plan":
        """Raises SystemExit with one line where the file is no plan."""
        try:
            found = tomllib.loads(file.read_text(encoding="utf-8"))
            plan = cls(**found | {"commands": tuple(found["commands"])})
            if not (plan.minutes > 0 and plan.commands):
                raise ValueError("minutes above 0 and a command")
        except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            raise SystemExit(f"{file}: it needs name, minutes, basis and commands ({type(error).__name__}: {error})") from None
        return plan

    def words(self, device: object, db: Path) -> Iterator[list[str]]:
        """The arguments of each command."""
        return (shlex.split(command.format(device=device, db=shlex.quote(str(db)))) for command in self.commands)


def plans(pattern: str = "*", folder: Path = PLANS) -> dict[str, Plan]:
    """By the name of their file, in order of worth, those that match."""
    return {file.stem: Plan.read(file) for file in sorted(folder.glob("*.toml")) if fnmatchcase(file.stem, pattern)}


def run(given: Given, folder: Path = PLANS) -> int:
    """What became of each command goes into long.json; the exit code is 1 where one failed by itself."""
    ended: dict[str, list[str]] = {}
    for name, plan in plans(given.plan, folder).items():
        ended[name] = []
        for words in plan.words(given.device, given.out / "long.db"):
            seconds = given.left - _ENDS
            job = [sys.executable, *words]
            ended[name].append("no time was left" if seconds < 1 else _job(job, seconds, given.out / "long.err"))
            (given.out / "long.json").write_text(json.dumps(ended, indent=1) + "\n", encoding="utf-8")
    return int(any(how.startswith("failed") for each in ended.values() for how in each))


def _job(words: list[str], seconds: float, errors: Path) -> str:
    with errors.open("w", encoding="utf-8") as said:
        job = subprocess.Popen(words, stderr=said)
    try:
        code = job.wait(seconds)
    except subprocess.TimeoutExpired:
        job.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            job.wait(_ENDS - 2)
        job.kill()
        job.wait()
        return f"stopped after {seconds:.0f} s"
    if code == 2:  # bad input, or data that is not here: the last line says which
        return f"not run: {errors.read_text(encoding='utf-8', errors='replace').strip().rpartition(chr(10))[2]}"
    return "done" if code == 0 else f"failed ({code})"


if __name__ == "__main__":
    sys.exit(run(options()))
