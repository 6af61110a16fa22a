"""Exceptions with a meaning of their own: bad input, a machine that cannot go on, and a method that diverged."""

from collections.abc import Iterable
from difflib import get_close_matches

_NAME = 80  # characters of a name that a message shows


class UserError(Exception):
    """Bad input. The message is one line: the fault, its place, and the allowed values."""


class Halted(Exception):  # noqa: N818  # reads as what happened
    """The machine and not the input is at fault, such as a full disk: one line and exit code 1. What is stored is kept."""


class Diverged(Exception):  # noqa: N818  # reads as the status it becomes
    """A method's iterate is no answer any more; `how` says in what way."""

    def __init__(self, step: int, how: str) -> None:
        super().__init__(f"diverged: {how}, seen at step {step}")


def shortened(text: str, most: int = _NAME) -> str:
    """A text as a message shows it: on one line, with its first characters where it is long."""
    line = " ".join(text.splitlines())
    return line if len(line) <= most else f"{line[:most]}..."


def unknown(what: str, name: str, known: Iterable[str]) -> UserError:
    """A UserError for a name that does not exist, with the nearest names that do."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5) if len(name) <= _NAME else []
    name = shortened(name)
    if near:
        return UserError(f"unknown {what} '{name}'; did you mean {' or '.join(near)}?")
    return UserError(f"unknown {what} '{name}'; known: {', '.join(names) or 'none'}")
