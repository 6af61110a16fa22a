"""LowDimBench: what a task, a method and a result are.

Names are loaded on first use, so that reading the specifications never imports torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark import metrics, operators
    from benchmark.context import Context
    from benchmark.decorators import Method, Task, method, task
    from benchmark.errors import UserError
    from benchmark.models import mixtures
    from benchmark.photograph_tasks.base import PhotographTask
    from benchmark.photograph_tasks.preset import EXACT_METRICS, PHOTOGRAPH_METRICS, PHOTOGRAPH_TRAITS, Photographs
    from benchmark.problems import (
        Completion,
        Distribution,
        Editing,
        FewShot,
        Instance,
        Jacobian,
        LinearInverse,
        NonlinearInverse,
        Representation,
        Retrieval,
    )
    from benchmark.spec import (
        Axis,
        Count,
        Fraction,
        Kept,
        Metric,
        NonNegative,
        Picture,
        Positive,
        Preset,
        Rate,
        TaskSpec,
        Trait,
    )

EXPORTS = {
    "Axis": "benchmark.spec",
    "Clips": "benchmark.problems.retrieval",
    "Completion": "benchmark.problems.completion",
    "Context": "benchmark.context",
    "Count": "benchmark.spec",
    "Distribution": "benchmark.problems.distribution",
    "Editing": "benchmark.problems.editing",
    "EXACT_METRICS": "benchmark.photograph_tasks.preset",
    "FewShot": "benchmark.problems.few_shot",
    "Fraction": "benchmark.spec",
    "Instance": "benchmark.problems.instance",
    "Jacobian": "benchmark.problems.jacobian",
    "Kept": "benchmark.spec",
    "LinearInverse": "benchmark.problems.linear_inverse",
    "Method": "benchmark.decorators",
    "Metric": "benchmark.spec",
    "NonNegative": "benchmark.spec",
    "NonlinearInverse": "benchmark.problems.nonlinear_inverse",
    "PHOTOGRAPH_METRICS": "benchmark.photograph_tasks.preset",
    "PHOTOGRAPH_TRAITS": "benchmark.photograph_tasks.preset",
    "PhotographTask": "benchmark.photograph_tasks.base",
    "Photographs": "benchmark.photograph_tasks.preset",
    "Picture": "benchmark.spec",
    "Positive": "benchmark.spec",
    "Preset": "benchmark.spec",
    "Rate": "benchmark.spec",
    "Representation": "benchmark.problems.representation",
    "Retrieval": "benchmark.problems.retrieval",
    "Task": "benchmark.decorators",
    "TaskSpec": "benchmark.spec",
    "Trait": "benchmark.spec",
    "UserError": "benchmark.errors",
    "bridge": "benchmark.bridge",
    "method": "benchmark.decorators",
    "method_from": "benchmark.bridge",
    "task": "benchmark.decorators",
}
MODULES = {"metrics": "benchmark.metrics", "mixtures": "benchmark.models.mixtures", "operators": "benchmark.operators"}

__all__ = [
    "EXACT_METRICS",
    "PHOTOGRAPH_METRICS",
    "PHOTOGRAPH_TRAITS",
    "Axis",
    "Clips",
    "Completion",
    "Context",
    "Count",
    "Distribution",
    "Editing",
    "FewShot",
    "Fraction",
    "Instance",
    "Jacobian",
    "Kept",
    "LinearInverse",
    "Method",
    "Metric",
    "NonNegative",
    "NonlinearInverse",
    "PhotographTask",
    "Photographs",
    "Picture",
    "Positive",
    "Preset",
    "Rate",
    "Representation",
    "Retrieval",
    "Task",
    "TaskSpec",
    "Trait",
    "UserError",
    "bridge",
    "method",
    "method_from",
    "metrics",
    "mixtures",
    "operators",
    "task",
]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    if name in EXPORTS:
        return getattr(import_module(EXPORTS[name]), name)
    if name in MODULES:
        return import_module(MODULES[name])
    raise AttributeError(f"module 'benchmark' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
