"""Where jobs run. An engine takes jobs and yields the messages of their workers (base.py); it is chosen by name."""

from importlib import import_module
from typing import TYPE_CHECKING

from benchmark.errors import unknown

if TYPE_CHECKING:
    from runners.engines.base import StartEngine

ENGINES = {"local": "runners.engines.local:Pool"}


def engine(name: str) -> "StartEngine":
    """The function that starts an engine. Its module is imported now. Raises UserError for a name that is none."""
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    module, _, start = ENGINES[name].partition(":")
    found: StartEngine = getattr(import_module(module), start)
    return found
