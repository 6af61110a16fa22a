"""@task and @method: what turns a class or a function in a file into a registered task or method."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

import torch
from torch import Tensor

from benchmark.context import Context
from benchmark.problems.instance import Instance, Problem
from benchmark.seeds import Split
from benchmark.spec import Interface, MethodSpec, TaskSpec, first_line, parameter_model

T = TypeVar("T")


class Task:
    """What a task's class offers. It need not be a subclass: @task adds `quality`, `traces`, `facts`, `traits` if it has none.

    make      one instance; all randomness comes from `generator`; `split` says whether test or tuning data is drawn
    score     every metric that the preset scores (others are left aside), from an estimate on the CPU
    picture   what the leaderboard shows, by name: tensors (H, W), or (3, H, W) in colour; "image" among them. Of the truth
              all are kept, such as what was measured; of an estimate "image" and what `spec.pictures` declares. Then they may
              be of any size, and of the truth those that mean nothing are left out (not "image")
    quality   the primary metric alone, for curves, where the others are slow; None: `score` is asked for it
    traces    other curves, by name, on the primary metric's scale
    facts     metrics that tell how the method came to its estimate, by name, from what it kept; zero where it kept nothing
    traits    those of `spec.traits` that an estimate on the CPU tells, by name: no part of what a result's key holds

    A task that offers "training" has `training(preset, generator)`: what a method may learn from. It holds no test instance.
    data_dir  the folder the user named with --data-dir; set by the runner
    """

    spec: TaskSpec
    data_dir: Path | None = None

    def make(self, preset: Any, split: Split, index: int, generator: torch.Generator) -> Instance:
        raise NotImplementedError

    def score(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        raise NotImplementedError

    def picture(self, instance: Instance, estimate: Tensor) -> dict[str, Tensor]:
        raise NotImplementedError

    def quality(self, instance: Instance, estimate: Tensor) -> float | None:
        return None

    def traces(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        return {}

    def facts(self, instance: Instance, kept: Mapping[str, Tensor]) -> dict[str, float]:
        return {}

    def traits(self, instance: Instance, estimate: Tensor) -> dict[str, float]:
        return {}


def task(spec: TaskSpec) -> Callable[[type[T]], type[T]]:
    """Attach `spec` to the class that makes and scores its instances, and the defaults of Task that the class lacks."""

    def register(cls: type[T]) -> type[T]:
        for name, value in {"spec": spec, "data_dir": None}.items():
            setattr(cls, name, value)
        for default in (Task.quality, Task.traces, Task.facts, Task.traits):
            if not hasattr(cls, default.__name__):
                setattr(cls, default.__name__, default)
        return cls

    return register


Learnt = dict[str, Tensor]
# Of a problem, the hyperparameters, and what the method kept: traits (benchmark/spec.py) by name.
Traits = Callable[[Any, Mapping[str, Any], Mapping[str, Tensor]], dict[str, float]]


@dataclass(frozen=True)
class Method:
    """A method's function with its spec. Call it as `method(problem, ctx, parameters)`, and with what `learn` gave as `learnt`
    where it learns.
    """

    spec: MethodSpec
    function: Callable[..., Tensor]
    fit: Callable[..., Learnt] | None = None
    parameters: type | None = None
    learns: type | None = None
    traits: Traits | None = None

    def __call__(self, problem: Problem, ctx: Context, parameters: Mapping[str, Any], learnt: Learnt | None = None) -> Tensor:
        inputs = (problem, ctx) if self.fit is None else (problem, ctx, learnt)
        return cast("Tensor", _call(self.function, inputs, self.parameters, parameters))

    def learn(self, training: Any, ctx: Context, parameters: Mapping[str, Any]) -> Learnt:
        """Tensors by name, from the task's training data. Raises ValueError for anything else."""
        assert self.fit is not None
        found = _call(self.fit, (training, ctx), self.learns, parameters)
        if not isinstance(found, dict) or not all(isinstance(name, str) and isinstance(x, Tensor) for name, x in found.items()):
            raise ValueError(f"what {self.spec.name} learnt is not a dictionary of tensors by name")
        return {name: x.detach() for name, x in found.items()}


def _call(function: Callable[..., Any], inputs: tuple[Any, ...], shared: type | None, parameters: Mapping[str, Any]) -> Any:
    """The function's hyperparameters, of all that are given, by keyword or as one object of the class `shared`."""
    known = inspect.signature(shared or function).parameters
    own = {name: value for name, value in parameters.items() if name in known}
    return function(*inputs, **own) if shared is None else function(*inputs, shared(**own))


def _hyperparameters(
    method: str, function: Callable[..., Any], positional: int, shared: type | None
) -> dict[str, tuple[Any, Any]]:
    """(annotation, default) of each argument after the first `positional`, or of each field of the class `shared`.

    Raises TypeError for one that cannot be one.
    """
    given = list(inspect.signature(function).parameters.values())
    if shared is not None:
        if not is_dataclass(shared) or any(f.default is MISSING for f in fields(shared)):
            raise TypeError(f"method {method}: {shared.__name__} must be a dataclass in which every field has a default")
        if len(given) != positional + 1 or given[-1].kind is given[-1].KEYWORD_ONLY:
            raise TypeError(
                f"method {method}: {function.__name__} must take one {shared.__name__} after its first {positional}"
            )
        kinds = get_type_hints(shared, include_extras=True)
        return {f.name: (kinds[f.name], f.default) for f in fields(shared)}
    for parameter in given[positional:]:
        if parameter.kind is not parameter.KEYWORD_ONLY or parameter.empty in (parameter.annotation, parameter.default):
            raise TypeError(f"method {method}: '{parameter.name}' must be keyword-only, annotated, with a default")
    return {p.name: (p.annotation, p.default) for p in given[positional:]}


def method(
    name: str,
    *,
    solves: Interface,
    kind: str,
    paper: str = "",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    search: Mapping[str, Mapping[str, Any]] | None = None,
    needs: tuple[str, ...] = (),
    presets: tuple[str, ...] = (),
    fit: Callable[..., Learnt] | None = None,
    parameters: type | None = None,
    learns: type | None = None,
    traits: Traits | None = None,
) -> Callable[[Callable[..., Tensor]], Method]:
    """Register a function `f(problem, ctx, *, hyperparameters)`. The registry reads all arguments without running the file:
    they are literals, constants that the file or a module beside it names, and `{**OTHERS, ...}`.

    search: where its hyperparameters are sought when it is tuned, for the places that `settings` knows: `{"*": {"lr": (1e-4,
    1e-2, "log"), "steps": (100, 1000), "mode": ["a", "b"]}}`. It is no part of a result's key.

    presets: patterns of those that are not too long for it, if some are: `--method all` takes it there alone.

    fit: for a method that learns once for many instances, a function of the same file above this one:
    `fit(training, ctx, *, hyperparameters)` returns tensors by name, and the method is `f(problem, ctx, learnt, *,
    hyperparameters)`. The hyperparameters of both are the method's; those of `fit` decide what is learnt anew.

    parameters: for functions that share their hyperparameters, a frozen dataclass of them, of this file or a module beside it;
    each field has an annotation and a default. The method is then `f(problem, ctx, given)`. learns: the same for `fit`.

    traits: a function `f(problem, hyperparameters, kept)` of what the method kept, by name, which tells traits of the run, such
    as the share of weights that a mask leaves. It is no part of a result's key.

    Raises TypeError where an argument after these is not keyword-only, or lacks an annotation or a default, and
    pydantic.ValidationError for a search that names no hyperparameter of it or values that they do not take.
    """

    def register(function: Callable[..., Tensor]) -> Method:
        if learns is not None and fit is None:
            raise TypeError(f"method {name}: learns goes with fit")
        first = None if fit is None else _hyperparameters(name, fit, 2, learns)
        given = {**(first or {}), **_hyperparameters(name, function, 2 if fit is None else 3, parameters)}
        if unlike := [one for one, what in (first or {}).items() if given[one] != what]:
            raise TypeError(f"method {name}: '{unlike[0]}' has two annotations or defaults")
        spec = MethodSpec(
            name=name,
            solves=solves,
            kind=kind,
            paper=paper,
            summary=first_line(function.__doc__ or function.__globals__.get("__doc__")),
            parameters=parameter_model(name, given),
            settings={key: dict(value) for key, value in (settings or {}).items()},
            search={key: dict(value) for key, value in (search or {}).items()},
            needs=needs,
            presets=presets,
            learns=None if first is None else tuple(first),
        )
        return Method(spec, function, fit, parameters, learns, traits)

    return register
