"""Browse the results:  python -m leaderboard, as a part of the command `lowdimbench`.

It starts the package `leaderboard` by its name: no command imports a page.
"""

import os
import runpy
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from benchmark.errors import UserError
from runners.cli import Database

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True}
EPILOG = "Example:\n\nlowdimbench leaderboard --db results/lowdimbench.db --port 8502"


def main(
    context: typer.Context,
    db: Database = None,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Address to listen on; 0.0.0.0: every network.", show_default="127.0.0.1, this machine"
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=65535, help="Port.", show_default="the first free one from 8501 on")
    ] = None,
) -> None:
    """Browse the results in a browser."""
    if find_spec("streamlit") is None:
        raise UserError("the leaderboard needs more packages: pip install 'lowdimbench[leaderboard]'")
    words = [(f"--{name}", str(value)) for name, value in (("db", db), ("host", host), ("port", port)) if value is not None]
    os.environ["LOWDIMBENCH_CALLED"] = "lowdimbench leaderboard"
    sys.argv = ["leaderboard", *(word for pair in words for word in pair), *context.args]
    runpy.run_module("leaderboard", run_name="__main__", alter_sys=True)
