"""What every command shares: bad input is one line on standard error and exit code 2."""

import sys

import click
import typer

from benchmark.errors import UserError


def run_app(app: typer.Typer) -> None:
    """Run a Typer application and leave the process with its exit code."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except UserError as error:
        _refuse(str(error))
    except click.ClickException as error:
        _refuse(error.format_message())
    except click.exceptions.Abort:
        sys.exit(130)


def _refuse(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)
