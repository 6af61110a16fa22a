"""An instance made anew from task, preset, seed and number, for what was not kept of it."""

from collections.abc import Callable
from typing import Any, TypeVar

from benchmark import registry
from benchmark.errors import UserError
from benchmark.statistics import Key
from benchmark.store import draws

T = TypeVar("T")


def remake(task: str, version: int, preset: str, key: Key, use: Callable[[Any, Any], T]) -> T:
    """What `use(task, instance)` makes of a (seed, number). Imports torch. Raises UserError, with the reason as a clause, where
    there is none.
    """
    seed, number = key
    if task not in registry.tasks():
        raise UserError(f"the task {task} is not installed here")
    entry = registry.get_task(task)
    if entry.spec.version != version:
        raise UserError(f"the task here is version {entry.spec.version}, these results are of version {version}")
    if draw := draws.parts(preset)[1]:
        raise UserError(f"they are drawn by the private seed {draw}, which this page does not read")
    if preset not in entry.spec.presets:
        raise UserError(f"the task here has no preset {preset}")
    try:
        from benchmark.instances import make_instance

        live = entry.load()
        return use(live, make_instance(live, preset, number, seed))
    except UserError:
        raise
    except Exception as error:  # of a task that anybody may have written: the page goes on without
        raise UserError(f"the task cannot make them ({type(error).__name__}: {error})") from error
