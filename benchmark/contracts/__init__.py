"""What every registered method and task promises, as checks that anybody can run: `python -m runners.check NAME_OR_FILE`.

A check is a function that raises Broken with the reason, or NotChecked where this machine cannot tell. Methods are checked on
the tiny preset of each task that they fit.

pair         a method with a task that it fits, and what is seen while it solves
of_methods   the checks of methods
of_tasks     the checks of tasks
"""

from benchmark.contracts.of_methods import METHOD_CHECKS
from benchmark.contracts.of_tasks import TASK_CHECKS
from benchmark.contracts.pair import Broken, NotChecked, Pair, pairs

__all__ = ["METHOD_CHECKS", "TASK_CHECKS", "Broken", "NotChecked", "Pair", "pairs"]
