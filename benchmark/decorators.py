"""@task and @method: what turns a class or a function in a file into a registered task or method."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from benchmark.context import Context
from benchmark.problems.instance import Instance, Problem
from benchmark.seeds import Split
from benchmark.spec import Feature, Interface, MethodSpec, TaskSpec, first_line, parameter_model

T = TypeVar("T")


class Task(Protocol):
    """What a task's class offers.

    make      one instance; all randomness comes from `generator`; `split` says whether test or tuning data is drawn
    score     every metric of the spec, from an estimate on the CPU
    picture   what the leaderboard shows, by name: tensors (H, W), or (3, H, W) in colour; "image" among them

    A task whose other metrics are slow may also have `quality(instance, estimate) -> float`: the primary one alone, for curves.
    One with more to draw than that has `traces(instance, estimate) -> dict[str, float]`: other curves, by name, on its scale.
    data_dir  the folder the user named with --data-dir; set by the runner
    """

    spec: TaskSpec
    data_dir: Path | None

    def make(self, preset: Any, split: Split, index: int, generator: torch.Generator) -> Instance: ...
    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]: ...
    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]: ...


def task(spec: TaskSpec) -> Callable[[type[T]], type[T]]:
    """Attach `spec` to the class that makes and scores its instances."""

    def register(cls: type[T]) -> type[T]:
        cls.spec, cls.data_dir = spec, None  # type: ignore[attr-defined]  # attributes of the Task protocol
        return cls

    return register


@dataclass(frozen=True)
class Method:
    """A method's function with its spec. Call it as `method(problem, ctx, parameters)`."""

    spec: MethodSpec
    function: Callable[..., Tensor]

    def __call__(self, problem: Problem, ctx: Context, parameters: Mapping[str, Any]) -> Tensor:
        return self.function(problem, ctx, **parameters)


def method(
    name: str,
    *,
    solves: Interface,
    kind: str,
    paper: str,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    needs: tuple[Feature, ...] = (),
) -> Callable[[Callable[..., Tensor]], Method]:
    """Register a function `f(problem, ctx, *, hyperparameters)`. All arguments are literals: the registry reads them
    without running the file.

    Raises TypeError where an argument after `ctx` is not keyword-only, or lacks an annotation or a default.
    """

    def register(function: Callable[..., Tensor]) -> Method:
        given = list(inspect.signature(function).parameters.values())
        for parameter in given[2:]:
            if parameter.kind is not parameter.KEYWORD_ONLY or parameter.empty in (
                parameter.annotation,
                parameter.default,
            ):
                raise TypeError(f"method {name}: '{parameter.name}' must be keyword-only, annotated, with a default")
        spec = MethodSpec(
            name=name,
            solves=solves,
            kind=kind,
            paper=paper,
            summary=first_line(function.__doc__ or function.__globals__.get("__doc__")),
            parameters=parameter_model(name, {p.name: (p.annotation, p.default) for p in given[2:]}),
            settings={key: dict(value) for key, value in (settings or {}).items()},
            needs=needs,
        )
        return Method(spec, function)

    return register
