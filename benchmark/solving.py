"""A problem solved: seed, context, clock, check and scoring, put together once. Imports torch.

Workers, contracts, tests and notebooks all solve with these functions, so that a score is the same wherever it is computed.
No task and no method imports this module (see benchmark/instances.py).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmark import fits, seeds
from benchmark.context import Context
from benchmark.decorators import Learnt, Method, Task
from benchmark.errors import Diverged
from benchmark.fits import Fit
from benchmark.instances import make_instance, observed
from benchmark.problems import Instance
from benchmark.spec import CALLS
from benchmark.threads import few_threads

CPU = torch.device("cpu")
_CURVE_MEMORY = 4096  # points; a method with more has its own idea of a curve
Curve = list[tuple[str, int, float, float]]


@dataclass(frozen=True)
class Solved:
    """One instance, what a method made of it, and what that scores.

    instance     the problem on the CPU, and its truth
    observation  SHA-256 of what the method was shown
    estimate     checked, on the CPU
    scores       by metric, in the order of the preset's metrics; then traits, by name
    seconds      of the method alone; cpu_seconds: of a processor, a thread, None on a GPU
    steps        how many `ctx.steps` gave out; truncated: whether the budget ended them
    curve        (series, steps done, seconds, value) of each recorded point whose value is finite
    kept         what the method kept, by name
    """

    instance: Instance
    observation: str
    estimate: Tensor
    scores: dict[str, float]
    seconds: float
    cpu_seconds: float | None
    steps: int
    truncated: bool
    curve: Curve
    kept: dict[str, Tensor]


def context(
    task: Task,
    preset: str,
    number: int,
    repeat: int,
    device: torch.device = CPU,
    budget: float | None = None,
    kind: type[Context] = Context,
    **hooks: Any,
) -> Context:
    """The context of a method on one instance, with its own seed. budget: seconds, the preset's where None; hooks: `on_step`,
    `on_record` and `recall` of Context.
    """
    spec = task.spec
    seed = seeds.seed(spec.name, spec.version, preset, number, repeat, "method")
    return kind(device, seed, spec.presets[preset].budget if budget is None else budget, **hooks)


def timed(method: Method, problem: Any, ctx: Context, parameters: Mapping[str, Any], learnt: Learnt | None = None) -> Any:
    """What a method returns, while the clock of `ctx` counts."""
    calls = None if (prior := getattr(problem, "prior", None)) is None else prior.calls
    ctx.clock.start()
    returned = method(problem, ctx, parameters, learnt)
    ctx.clock.stop()
    if calls is not None and calls.forward:
        ctx.kept[CALLS] = torch.tensor([calls.forward, calls.backward])
    return returned


def answer(method: Method, problem: Any, ctx: Context, parameters: Mapping[str, Any], learnt: Learnt | None = None) -> Tensor:
    """A method's estimate, timed and checked: raises what `checked` raises."""
    return checked(problem, timed(method, problem, ctx, parameters, learnt), ctx.steps_done)


def checked(problem: Any, estimate: object, step: int) -> Tensor:
    """The estimate, if it is one. Raises Diverged for a tensor that is not finite or that the problem itself calls diverged,
    and ValueError for what is no estimate.
    """
    if isinstance(estimate, Tensor) and not bool(torch.isfinite(estimate).all()):
        raise Diverged(step, "its estimate is not finite")
    found: Tensor = problem.check(estimate)
    diverged = getattr(problem, "diverged", None)
    if diverged is not None and diverged(found):
        raise Diverged(step, "its estimate is far from what is observed")
    return found


def scored(task: Task, preset: str, instance: Instance, estimate: Tensor, kept: Mapping[str, Tensor]) -> dict[str, float]:
    """Every metric of the preset, in its order, of an estimate on the CPU and of what was kept beside it.

    Raises ValueError where the task gives a metric no finite value.
    """
    found = task.score(instance, estimate) | task.facts(instance, {name: thing.cpu() for name, thing in kept.items()})
    metrics = task.spec.at(preset).metrics
    scores = {metric.name: found[metric.name] for metric in metrics if metric.name in found}
    if len(scores) < len(metrics) or not all(map(math.isfinite, scores.values())):
        raise ValueError(f"the task scored {found}")
    return scores


def told(
    task: Task,
    method: Method,
    instance: Instance,
    estimate: Tensor,
    parameters: Mapping[str, Any],
    kept: Mapping[str, Tensor],
) -> dict[str, float]:
    """The traits that the task tells of an estimate on the CPU, and the method of what it kept; those that the task declares.

    Raises ValueError where one is not finite.
    """
    found = dict(task.traits(instance, estimate))
    if method.traits is not None:
        found |= method.traits(instance.problem, parameters, {name: thing.cpu() for name, thing in kept.items()})
    known = {trait.name: found[trait.name] for trait in task.spec.traits if trait.name in found}
    if not all(map(math.isfinite, known.values())):
        raise ValueError(f"the traits are {known}")
    return known


def learn(
    task: Task,
    method: Method,
    preset: str,
    repeat: int,
    parameters: Mapping[str, Any],
    device: torch.device = CPU,
    budget: float | None = None,
    kind: type[Context] = Context,
    on_made: Callable[[], None] = lambda: None,
    **hooks: Any,
) -> Fit:
    """What a method learns once for all instances of a preset, on the training data that the preset uses. budget and hooks as
    of `context`; the budget is the preset's `fit_budget` where None. on_made: is called when the training data is made.
    """
    preset = task.spec.presets[preset].learns_as or preset
    budget = task.spec.presets[preset].fit_budget if budget is None else budget
    ctx = kind(device, fits.method_seed(task, preset, repeat), budget, **hooks)
    return fits.learn(method, task, preset, repeat, parameters, ctx, on_made)


def solve(
    task: Task,
    method: Method,
    preset: str,
    number: int,
    repeat: int,
    parameters: Mapping[str, Any],
    *,
    fit: Fit | None = None,
    device: torch.device = CPU,
    on_score: Callable[[float], None] = lambda value: None,
    on_made: Callable[[], None] = lambda: None,
    **hooks: Any,
) -> Solved:
    """Make instance `number` of repeat `repeat`, time the method on it, and score it.

    fit: what it learnt, where it learns; on_score: hears the running estimate's primary metric; on_made: is called when the
    instance is made; hooks: `on_step` and `recall` of Context.
    Raises Diverged, and ValueError for an estimate or a score that is none and for a step that is recorded twice; what the
    method raises passes through.
    """
    spec, size = task.spec.at(preset), task.spec.presets[preset]
    instance = make_instance(task, preset, number, repeat)
    on_made()
    observation = observed(instance.problem.shown())
    problem = instance.problem.to(device)
    curve: Curve = []
    points = set[tuple[str, int]]()

    def add(series: str, step: int, seconds: float, value: float) -> None:
        if (series, step) in points:
            raise ValueError(f"ctx.record was given step {step - 1} of '{series}' twice")
        points.add((series, step))
        curve.append((series, step, seconds, value))

    def on_record(step: int, seconds: float, estimates: dict[str, Tensor]) -> None:
        for series, estimate in estimates.items():
            if series != "estimate" and not estimate.ndim:  # a value, and no estimate
                add(series, step + 1, seconds, float(estimate))
                continue
            shown = checked(problem, estimate, step + 1).cpu()
            quality = task.quality(instance, shown)
            values = {series: task.score(instance, shown)[spec.primary.name] if quality is None else quality}
            if series == "estimate":
                on_score(values[series])
                values |= task.traces(instance, shown)
            for name, value in values.items():
                if math.isfinite(value) and len(curve) < _CURVE_MEMORY:
                    add(name, step + 1, seconds, value)

    ctx = context(task, preset, number, repeat, device, on_record=on_record, **hooks)
    with few_threads(size.threads):
        returned = timed(method, problem, ctx, parameters, None if fit is None else fit.learnt)
    estimate = checked(problem, returned, ctx.steps_done).cpu()
    return Solved(
        instance=instance,
        observation=observation,
        estimate=estimate,
        scores=scored(task, preset, instance, estimate, ctx.kept)
        | told(task, method, instance, estimate, parameters, ctx.kept),
        seconds=ctx.clock.seconds,
        cpu_seconds=ctx.clock.cpu_seconds,
        steps=ctx.steps_done,
        truncated=ctx.truncated or (fit is not None and fit.truncated),
        curve=curve,
        kept=ctx.kept,
    )
