"""A method and a task that it fits, and what is seen while one solves the other: shared by the checks of both."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark import registry, solving
from benchmark.context import Context
from benchmark.decorators import Learnt, Method, Task
from benchmark.errors import Diverged
from benchmark.fits import Fit
from benchmark.instances import make_instance
from benchmark.problems import Instance
from benchmark.registry import MethodEntry, TaskEntry
from benchmark.threads import few_threads

CPU = torch.device("cpu")
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
    """Observations of one solve of instance 0 in a few steps."""

    estimate: Tensor
    kept: Mapping[str, Tensor]  # beside it
    steps: int
    touched: frozenset[str]  # the global generators that were used, also while it learnt before: torch, NumPy, Python
    changed: bool  # its measurements, in place


@dataclass(frozen=True)
class Whole:
    """Observations of a solve of every instance, as a run does it."""

    seconds: float  # with what it learnt before, without waiting for a processor that others have
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
        return Look(estimate, ctx.kept, ctx.steps_done, touched | _touched(before), changed)

    @cached_property
    def whole(self) -> Whole:
        """One for all checks of what a run does."""
        solver, preset = self.solver, self.task.spec.presets["tiny"]
        steps, estimate = 0, torch.empty(0)
        last: Tensor | None = None

        def seen(step: int, seconds: float, estimates: dict[str, Tensor]) -> None:
            nonlocal last
            last = estimates["estimate"].clone()

        self.make()  # what both import and read is loaded
        began, waited = time.monotonic(), _waited()
        with few_threads(1):
            learnt = None if solver.fit is None else self.learn(Context, preset.fit_budget).learnt
            for number in range(preset.instances):
                ctx = self.context(number, Context, preset.budget, *([] if number else [seen]))
                found = self.solve(self.make(number), ctx, learnt)
                if number == 0:
                    steps, estimate = ctx.steps_done, found.clone()
        return Whole(time.monotonic() - began - (_waited() - waited), steps, last, estimate)

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


def _waited() -> float:
    """Seconds for which this thread has waited for a processor since it began; 0 where the system does not tell."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


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
