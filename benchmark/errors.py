"""The one exception that reaches a user as a single line and exit code 2."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Bad input. The message is one line: what was wrong, where, and what is allowed."""


def unknown(what: str, name: str, known: Iterable[str]) -> UserError:
    """A UserError for a name that does not exist, with the nearest names that do."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return UserError(f"unknown {what} '{name}'; did you mean {' or '.join(near)}?")
    return UserError(f"unknown {what} '{name}'; known: {', '.join(names) or 'none'}")
