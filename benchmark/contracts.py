"""What every registered method and task promises, as checks that anybody can run: `python -m runners.check NAME_OR_FILE`.

A check is a function that raises Broken with the reason, or NotChecked where this machine cannot tell. Methods are checked on
the tiny preset of each task that they fit.
"""

import ast
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark import fits, registry, seeds, solving
from benchmark.context import Context
from benchmark.decorators import Learnt, Method, Task
from benchmark.errors import Diverged
from benchmark.fits import Fit
from benchmark.instances import make_instance
from benchmark.problems import Instance, LinearInverse
from benchmark.registry import MethodEntry, TaskEntry
from benchmark.spec import DRAWINGS
from benchmark.threads import few_threads

CPU = torch.device("cpu")
LIMIT = 10.0  # seconds for the tiny preset, one thread
_FEW = 5  # steps of the checks that compare estimates: as many each time, whatever the time


class Broken(Exception):  # noqa: N818  # reads as the verdict it is
    """A promise that is not kept; the message says how."""


class NotChecked(Exception):  # noqa: N818  # no error: the check does not apply here
    """A promise that cannot be checked here; the message says why."""


class ShortContext(Context):
    """A context that gives out a few steps at most."""

    def steps(self, total: int, points: int = _FEW) -> Iterator[int]:
        yield from super().steps(min(total, _FEW), points)


Seen = Callable[[int, float, dict[str, Tensor]], None]


@dataclass(frozen=True)
class Look:
    """What was seen while instance 0 was solved in a few steps."""

    estimate: Tensor
    steps: int
    touched: frozenset[str]  # the global generators that were used, also while it learnt before: torch, NumPy, Python
    changed: bool  # its measurements, in place


@dataclass(frozen=True)
class Whole:
    """What was seen while every instance was solved as a run does."""

    seconds: float  # with what it learnt before
    steps: int  # of instance 0, as the next two
    last: Tensor | None  # point of its curve
    estimate: Tensor


@dataclass(frozen=True)
class Pair:
    """A method on the tiny preset of a task that it fits."""

    method: MethodEntry
    task: TaskEntry

    @cached_property
    def solver(self) -> Method:
        return self.method.load()

    @cached_property
    def problems(self) -> Task:
        return self.task.load()

    def make(self, number: int = 0) -> Instance:
        return make(self.problems, number)

    @cached_property
    def _learning(self) -> tuple[Learnt | None, frozenset[str]]:
        solver, _ = self.solver, self.problems  # loaded before
        before = _generators()
        learnt = None if solver.fit is None else self.learn(ShortContext).learnt
        return learnt, _touched(before)

    @property
    def learnt(self) -> Learnt | None:
        """What it learns in a few steps; None where it learns nothing."""
        return self._learning[0]

    @cached_property
    def look(self) -> Look:
        """One for all checks that compare with it."""
        instance, ctx, (learnt, touched) = self.make(), self.context(0), self._learning
        shown = [part.clone() for part in instance.problem.shown()]
        before = _generators()
        estimate = self.solve(instance, ctx, learnt).clone()
        changed = not all(map(torch.equal, instance.problem.shown(), shown))
        return Look(estimate, ctx.steps_done, touched | _touched(before), changed)

    @cached_property
    def whole(self) -> Whole:
        """One for all checks of what a run does."""
        solver, preset = self.solver, self.task.spec.presets["tiny"]
        steps, estimate = 0, torch.empty(0)
        last: Tensor | None = None

        def seen(step: int, seconds: float, estimates: dict[str, Tensor]) -> None:
            nonlocal last
            last = estimates["estimate"].clone()

        began = time.monotonic()  # what the method imports is loaded
        with few_threads(1):
            learnt = None if solver.fit is None else self.learn(Context, preset.fit_budget).learnt
            for number in range(preset.instances):
                ctx = self.context(number, Context, preset.budget, *([] if number else [seen]))
                found = self.solve(self.make(number), ctx, learnt)
                if number == 0:
                    steps, estimate = ctx.steps_done, found.clone()
        return Whole(time.monotonic() - began, steps, last, estimate)

    def learn(self, kind: type[Context], budget: float = float("inf"), device: torch.device = CPU) -> Fit:
        return solving.learn(self.problems, self.solver, "tiny", 0, self.parameters, device, budget, kind)

    @property
    def parameters(self) -> dict[str, Any]:
        return self.method.spec.resolve(self.task.spec.name, "tiny", {})

    def context(
        self,
        number: int,
        kind: type[Context] = ShortContext,
        budget: float = float("inf"),
        on_record: Seen = lambda step, seconds, estimates: None,
    ) -> Context:
        return solving.context(self.problems, "tiny", number, 0, CPU, budget, kind=kind, on_record=on_record)

    def solve(self, instance: Instance, ctx: Context, learnt: Learnt | None = None) -> Tensor:
        """The estimate, checked. Raises Broken where it is not one."""
        learnt = self.learnt if learnt is None else learnt
        problem = instance.problem.to(ctx.device)
        found = solving.timed(self.solver, problem, ctx, self.parameters, learnt)
        try:
            return solving.checked(problem, found, ctx.steps_done)
        except (ValueError, Diverged) as error:
            raise Broken(str(error)) from None

    def estimate(self, number: int = 0) -> Tensor:
        return self.solve(self.make(number), self.context(number)).clone()


def make(task: Task, number: int = 0, repeat: int = 0) -> Instance:
    """Instance `number` of the tiny preset, as a run draws it."""
    return make_instance(task, "tiny", number, repeat)


def _generators() -> tuple[Tensor, str, object]:
    return torch.random.get_rng_state(), repr(np.random.get_state()), random.getstate()


def _touched(before: tuple[Tensor, str, object]) -> frozenset[str]:
    """The global generators that are in another state now."""
    after = _generators()
    same = {"torch": torch.equal(before[0], after[0]), "NumPy": before[1] == after[1], "Python": before[2] == after[2]}
    return frozenset(name for name in same if not same[name])


def pairs() -> list[Pair]:
    """Every registered method with every task whose tiny preset it fits."""
    found = [(m, t, t.spec.at("tiny")) for t in registry.tasks().values() for m in registry.methods().values()]
    return [Pair(m, t) for m, t, tiny in found if not m.spec.misfit(tiny)]


# --- of a method --------------------------------------------------------------------------------------------------------


def says_what_it_is(pair: Pair) -> None:
    """has a header with a summary, and settings that name what exists"""
    spec = pair.method.spec
    if not spec.summary:
        raise Broken("it has no docstring: its first line is what --list shows")
    for place, given in spec.settings.items():
        task, _, preset = place.partition("/")
        if task in registry.tasks():
            known = registry.get_task(task).spec
            if preset and not any(fnmatchcase(name, preset) for name in known.presets):
                raise Broken(f"settings name the preset '{place}', which does not exist")
        try:
            spec.parameters.model_validate(given)
        except ValueError as error:
            raise Broken(f"settings for '{place}': {error}") from None


def answers_in_time(pair: Pair) -> None:
    """solves every tiny instance validly in 10 s on one thread, what it learns before included"""
    if (spent := pair.whole.seconds) > LIMIT:
        raise Broken(f"took {spent:.1f} s")


def repeats_itself(pair: Pair) -> None:
    """gives the same estimate each time (on the CPU)"""
    if not torch.equal(pair.look.estimate, pair.estimate()):
        raise Broken("two calls with the same seed gave two estimates")


def learns_the_same_twice(pair: Pair) -> None:
    """learns the same from the same training data and seed, if it learns"""
    if pair.solver.fit is None:
        return
    first, again = pair.learnt, pair.learn(ShortContext).learnt
    if not first:
        raise Broken("it learnt no tensor")
    if first.keys() != again.keys() or not all(torch.equal(first[name], again[name]) for name in first):
        raise Broken("two calls with the same seed learnt two things")
    if name := next((name for name, x in first.items() if not bool(torch.isfinite(x).all())), None):
        raise Broken(f"what it learnt as '{name}' is not finite")


def carries_nothing_over(pair: Pair) -> None:
    """carries no state from one instance to the next"""
    first = [pair.look.estimate, pair.estimate(1)]
    second = [pair.estimate(number) for number in (1, 0)]
    if not (torch.equal(first[0], second[1]) and torch.equal(first[1], second[0])):
        raise Broken("the estimates depend on the order of the instances")
    if torch.equal(*first):
        raise Broken("two instances got one and the same estimate")


def leaves_global_seeds_alone(pair: Pair) -> None:
    """touches no global random state (torch, NumPy, Python)"""
    if touched := [name for name in ("torch", "NumPy", "Python") if name in pair.look.touched]:
        raise Broken(f"the global generator of {' and '.join(touched)} was used; draw from ctx, or wrap it with bridge")


def leaves_its_problem_alone(pair: Pair) -> None:
    """does not change its measurements"""
    if pair.look.changed:
        raise Broken("what it was shown (problem.y) was changed in place")


def draws_its_curve(pair: Pair) -> None:
    """records a curve, if it is iterative, that ends at its estimate"""
    last, estimate = pair.whole.last, pair.whole.estimate
    if pair.whole.steps == 0:
        return  # not iterative
    if last is None:
        raise Broken("it took steps and never called ctx.record")
    if last.shape != estimate.shape or not torch.allclose(last, estimate, rtol=1e-4, atol=1e-5):
        raise Broken("the last point of the curve is not the estimate that was returned")


def keeps_its_budget(pair: Pair) -> None:
    """ends early, with an estimate, when its budget is spent"""
    if pair.look.steps == 0:
        return  # not iterative
    hurried = pair.context(0, Context, budget=0.0)
    pair.solve(pair.make(), hurried)
    if not hurried.truncated or hurried.steps_done > 1:
        raise Broken(f"took {hurried.steps_done} steps with no time left; loop over ctx.steps")


def goes_to_its_device(pair: Pair, device: torch.device | None = None) -> None:
    """works on the device that it is given"""
    if device is None:
        if not torch.cuda.is_available():
            raise NotChecked("there is no GPU here")
        device = torch.device("cuda")
    learnt = None if pair.solver.fit is None else pair.learn(ShortContext, device=device).learnt
    found = pair.solve(pair.make(), ShortContext(device, 0), learnt)
    if found.device.type != device.type:
        raise Broken(f"the estimate is on {found.device}, not on {device}")


METHOD_CHECKS: tuple[Callable[[Pair], None], ...] = (
    says_what_it_is,
    answers_in_time,
    repeats_itself,
    learns_the_same_twice,
    carries_nothing_over,
    leaves_global_seeds_alone,
    leaves_its_problem_alone,
    draws_its_curve,
    keeps_its_budget,
    goes_to_its_device,
)


# --- of a task ----------------------------------------------------------------------------------------------------------


def has_a_header(entry: TaskEntry) -> None:
    """has a header that states the problem"""
    text = ast.get_docstring(ast.parse(entry.file.read_text(encoding="utf-8")))
    if not text or text.count("\n") < 2:
        raise Broken("its file begins with no docstring that states model, score, data and source")


def has_a_baseline(entry: TaskEntry) -> None:
    """has a registered baseline that fits"""
    if entry.spec.baseline not in registry.methods():
        raise Broken(f"its baseline '{entry.spec.baseline}' is not registered")
    if why := registry.get_method(entry.spec.baseline).spec.misfit(entry.spec):
        raise Broken(why)


def draws_from_its_generator(entry: TaskEntry) -> None:
    """draws instances from the generator it is given alone, and each another"""
    task = entry.load()
    make(task)  # what it loads is loaded: a network that is read draws weights first
    before = torch.random.get_rng_state()
    first, again, other = make(task), make(task), make(task, 1)
    if not (torch.equal(first.problem.y, again.problem.y) and torch.equal(first.truth, again.truth)):
        raise Broken("the same seed gave two instances")
    if torch.equal(first.problem.y, other.problem.y):
        raise Broken("instances 0 and 1 are the same")
    if not torch.equal(before, torch.random.get_rng_state()):
        raise Broken("the global generator was used")


def keeps_tuning_data_apart(entry: TaskEntry) -> None:
    """draws tuning instances from other data than test instances"""
    task = entry.load()
    test, tuning = ({make(task, n, repeat).label for n in range(2)} for repeat in (0, seeds.FIRST_TUNING_REPEAT))
    if shared := test & tuning:
        raise Broken(f"'{min(shared)}' is in both")


def scores_the_truth_best(entry: TaskEntry) -> None:
    """gives exactly the scores of its specification, the better the nearer the truth"""
    task = entry.load()
    instance = make(task)
    draw = torch.Generator().manual_seed(0)
    worse, best = (task.score(instance, instance.problem.near(instance.truth, scale, draw)) for scale in (0.3, 1e-5))
    spec = entry.spec.at("tiny")
    facts = task.facts(instance, {})
    if missing := [metric.name for metric in spec.metrics if metric.name not in best | facts]:
        raise Broken(f"it scores {', '.join(best | facts)}, and its specification names {missing[0]} too")
    for metric in spec.metrics:
        if metric.name in facts:  # says nothing of the estimate
            continue
        if (best[metric.name] > worse[metric.name]) != (metric.better == "higher"):
            raise Broken(f"{metric.name} is {best[metric.name]:.3g} near the truth and {worse[metric.name]:.3g} far from it")


def has_an_exact_adjoint(entry: TaskEntry) -> None:
    """has an operator whose adjoint is exact: <A x, y> = <x, A^H y>"""
    instance = make(entry.load())
    if not isinstance(instance.problem, LinearInverse):
        raise NotChecked("its problems hold no operator")
    A = instance.problem.A
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(A.shape, dtype=A.dtype, generator=draw)
    y = torch.randn(A.data_shape, dtype=A.dtype, generator=draw)
    left, right = torch.vdot(A(x).flatten(), y.flatten()), torch.vdot(x.flatten(), A.H(y).flatten())
    size = (A(x).norm() * y.norm()).item()
    if abs(left - right).item() > 1e-4 * size:
        raise Broken(f"<A x, y> = {left.item():.6g} and <x, A^H y> = {right.item():.6g}")


def offers_its_training_data(entry: TaskEntry) -> None:
    """has training data if it says so, drawn from the generator it is given alone"""
    task = entry.load()
    has = hasattr(task, "training")
    if has != ("training" in entry.spec.offers):
        raise Broken("it has a method `training` and does not offer it" if has else "it offers training data and has none")
    if has:
        before = torch.random.get_rng_state()
        if not hasattr(fits.training_data(task, "tiny", 0), "to"):
            raise Broken("its training data has no method `to(device)`")
        if not torch.equal(before, torch.random.get_rng_state()):
            raise Broken("the global generator was used for the training data")


def draws_pictures(entry: TaskEntry) -> None:
    """draws a picture named `image` of the truth, and what else it declares, in the shape that its kind has"""
    task = entry.load()
    instance = make(task)
    drawn = task.picture(instance, instance.truth)
    for picture in entry.spec.pictures:
        array = drawn.get(picture.name)
        if array is None and picture.name != "image":
            continue  # a truth may have no such drawing
        if array is None or not picture.fits(array.shape) or (picture.paired and not bool(torch.isfinite(array).all())):
            raise Broken(f"picture() gives no finite tensor '{picture.name}' that is {DRAWINGS[picture.kind]}")


TASK_CHECKS: tuple[Callable[[TaskEntry], None], ...] = (
    has_a_header,
    has_a_baseline,
    draws_from_its_generator,
    keeps_tuning_data_apart,
    scores_the_truth_best,
    has_an_exact_adjoint,
    offers_its_training_data,
    draws_pictures,
)
