"""Where jobs run. An engine takes jobs and yields the messages of their workers (base.py); it is chosen by name."""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from benchmark.errors import unknown

if TYPE_CHECKING:
    from runners.engines.base import StartEngine

ENGINES = {
    "local": "runners.engines.local:Pool",
    "ray": "runners.engines.ray:Cluster",
    "slurm": "runners.engines.slurm:Site",
}


def engine(name: str, options: Mapping[str, Any] = MappingProxyType({})) -> "StartEngine":
    """The function that starts an engine with its own options. Its module is imported now.

    Raises UserError for a name that is none, and where what the engine stands on is not installed.
    """
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    module, _, start = ENGINES[name].partition(":")
    found: StartEngine = getattr(import_module(module), start)
    return partial(found, **options) if options else found
