"""Exceptions with a meaning of their own: bad input, one line and exit code 2; and a method that diverged."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Bad input. The message is one line: what was wrong, where, and what is allowed."""


class Diverged(Exception):  # noqa: N818  # reads as the status it becomes
    """A method's iterate is no answer any more; `how` says in what way."""

    def __init__(self, step: int, how: str) -> None:
        super().__init__(f"diverged: {how}, seen at step {step}")


def unknown(what: str, name: str, known: Iterable[str]) -> UserError:
    """A UserError for a name that does not exist, with the nearest names that do."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return UserError(f"unknown {what} '{name}'; did you mean {' or '.join(near)}?")
    return UserError(f"unknown {what} '{name}'; known: {', '.join(names) or 'none'}")
