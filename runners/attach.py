"""Comes back to jobs on a SLURM site whose head went:  python -m runners.attach results/slurm

It gives the command again that sent them out, in its folder, as that command takes up what runs and what was said.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmark.errors import UserError
from runners import run
from runners.cli import run_app

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command()
def main(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder slurm beside the database.")],
) -> None:
    """Take up the jobs that an earlier command sent to SLURM."""
    try:
        told = json.loads((folder / "command.json").read_text(encoding="utf-8"))
        words, there = list(map(str, told["words"])), Path(told["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{folder} holds no jobs that a command sent to SLURM") from None
    os.chdir(there)
    sys.argv[1:] = words
    run.app(words, standalone_mode=False)


if __name__ == "__main__":
    run_app(app)
