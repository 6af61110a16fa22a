"""Keeps a strange command from the rest of the machine: what it would write outside a folder is refused and noticed.

A hook of the interpreter sees every file that Python opens, makes, moves or deletes, and every database before SQLite does.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATHS = {"os.rename": 2, "os.link": 2, "os.symlink": 2} | dict.fromkeys(
    ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown", "os.utime", "os.mkfifo"), 1
)
_inside: list[str] = []  # the folder, while there is a fence
_caught: list[str] = []


@contextmanager
def around(folder: Path) -> Iterator[list[str]]:
    """A fence around a folder. Gives what was refused outside it."""
    _install()
    _caught.clear()
    _inside.append(os.path.realpath(folder))
    try:
        yield _caught
    finally:
        _inside.pop()


def _hook(event: str, given: tuple[Any, ...]) -> None:
    if not _inside:
        return
    if event == "open":
        written = [given[0]] if isinstance(given[2], int) and given[2] & _WRITES else []
    elif event == "sqlite3.connect":
        text = os.fsdecode(given[0]) if isinstance(given[0], str | bytes | os.PathLike) else ""
        written = [] if text in ("", ":memory:") or text.startswith("file:") else [text]  # those URLs are for reading
    else:
        written = list(given[: _PATHS.get(event, 0)])
    for path in written:
        if isinstance(path, str | bytes | os.PathLike) and not _is_ours(os.path.realpath(os.fsdecode(path))):
            _caught.append(os.fsdecode(path))
            raise PermissionError(1, "outside the fence", os.fsdecode(path))


def _is_ours(path: str) -> bool:
    """Whether it lies in the folder, or is what any import or process may open."""
    return f"{path}{os.sep}".startswith(f"{_inside[-1]}{os.sep}") or path == os.devnull or f"{os.sep}__pycache__" in path


def _install(done: list[bool] = []) -> None:  # noqa: B006  # a hook cannot be taken away, so there is one
    if not done:
        done.append(True)
        sys.addaudithook(_hook)
