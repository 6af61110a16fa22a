"""The parts that all commands share. Bad input is one line on standard error and exit code 2. A failing machine is one line and
exit code 1.
"""

import errno
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from benchmark.errors import Halted, UserError, shortened
from runners import completion

Shared = tuple[str, dict[str, Any]]
# Several commands have these options, each as `typer.Option` takes it. `run` shows them under a heading of its help.
_SOURCE_HELP = "Data of yours that a preset reads, such as backbone=FOLDER. Repeatable."
DATABASE: Shared = "--db", {"metavar": "PATH", "help": "Database file or URL; else $LOWDIMBENCH_DB, results/lowdimbench.db."}
DATA_DIR: Shared = "--data-dir", {"metavar": "PATH", "help": "Folder with data that the suite cannot ship."}
INCLUDE: Shared = "--include", {"metavar": "FILE", "help": "A file with methods or tasks of your own. Repeatable."}
SOURCES: Shared = "--source", {"metavar": "NAME=PATH", "autocompletion": completion.sources, "help": _SOURCE_HELP}


def option(shared: Shared, panel: str | None = None) -> Any:
    """One of the shared options, for an annotation. panel is its heading in the help of `run`."""
    name, how = shared
    return typer.Option(name, rich_help_panel=panel, **how)


Database = Annotated[str | None, option(DATABASE)]
DataDir = Annotated[Path | None, option(DATA_DIR)]
Include = Annotated[list[Path] | None, option(INCLUDE)]
Sources = Annotated[list[str] | None, option(SOURCES)]

_KEPT = "what is stored is kept, and the same command goes on from there"
_ROOM = f"make room: {_KEPT}"
# Typer exports only the subclasses of its usage error, and where that lives changed between releases
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
_MESSAGE = 3000  # characters


def terminal() -> Console:
    """Where a command prints: as wide as the terminal, or as $COLUMNS says. A file or a program gets whole lines, and tables up
    to 200 characters wide.
    """
    narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(soft_wrap=not narrow, width=None if narrow else 200)


def run_app(app: typer.Typer, name: str | None = None) -> NoReturn:
    """Runs a Typer application, called `name` in its help, and leaves the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):  # a terminal or file of another encoding gets '?' for what it cannot show
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        sys.exit(app(standalone_mode=False, prog_name=name) or 0)
    except UserError as error:
        refuse(str(error))
    except Halted as error:
        from benchmark.store.writing import DiskFull

        refuse(f"{error}; {_ROOM if isinstance(error, DiskFull) else _KEPT}", 1)
    except OSError as error:
        from benchmark.store.writing import is_full

        if error.errno == errno.ENAMETOOLONG:
            refuse(f"the name {shortened(str(error.filename))} is too long for this system")
        if not is_full(error):
            raise
        refuse(f"the disk is full ({error}); {_ROOM}", 1)
    except _UsageError as error:
        said = str(getattr(error, "format_message", error.__str__)()).strip()
        refuse(said or "no command is named; the help lists them")  # without a word Typer prints the help and has no message
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        from sqlalchemy.exc import SQLAlchemyError  # help and lists never wait for it

        if not isinstance(error, SQLAlchemyError):
            raise
        refuse(f"the database failed ({' '.join(str(getattr(error, 'orig', error)).split())}); what is stored is kept", 1)


def refuse(message: str, code: int = 2) -> NoReturn:
    """Prints what was wrong in one line, its first characters where somebody's word makes it long, and leaves with `code`."""
    print(f"error: {shortened(message, _MESSAGE)}", file=sys.stderr)
    sys.exit(code)
