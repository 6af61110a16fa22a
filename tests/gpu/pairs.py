"""The part `pairs`: every method on the tiny preset of every task that it fits, on the device beside the CPU, for twenty steps.

Of each: scores there and here from the same draws, whether two runs of one seed are equal there, peak memory, and
synchronisations with the device while the method goes from its first step to its last, per step or call of a prior's network,
whichever are more. PyTorch's debug mode counts these. What comes before and after the steps is outside.
"""

import multiprocessing
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from benchmark import environment, solving
from benchmark.context import Context
from benchmark.contracts.pair import CPU, Pair
from benchmark.instances import make_instance
from benchmark.randomness import Draws
from benchmark.repeatable import repeatable
from tests.gpu.part import Cut, Given, each, options

SYNCHRONISATIONS = 4.0  # a step or call of a prior's network, at most: more is a copy inside a loop
ON_CPU = ("l1_wavelet", "tv")  # loops of a library that computes on the CPU
_PRESET = "tiny"


class Same(Cut):
    """Draws on a CPU what a method draws on its device, so that devices solve the same problem. Dropout is not among it."""

    def __init__(self, device: torch.device, seed: int, *given: Any, **hooks: Any) -> None:
        super().__init__(device, seed, *given, **hooks)
        self._draws = Draws(CPU, seed)

    def rand(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return super().rand(*shape, dtype=dtype).to(self.device)

    def randn(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return super().randn(*shape, dtype=dtype).to(self.device)


class Counted:
    """How often the host waited for the device: `now()` since the start; in `first` and `last` when the last loop's first and
    newest step began.
    """

    def __init__(self, said: Sequence[warnings.WarningMessage]) -> None:
        self._said = said
        self.first = self.last = 0

    def now(self) -> int:
        return sum("synchroniz" in str(one.message) for one in self._said)

    def mark(self, step: int) -> None:
        """Called as a step begins."""
        self.last = self.now()
        if step == 0:
            self.first = self.last

    def each(self, steps: int, calls: int) -> float:
        """A step, of `steps` in all, or call of a network; 0 where there are not two steps."""
        return 0.0 if steps < 2 else (self.last - self.first) / max(steps - 1, calls * (steps - 1) / steps)


@contextmanager
def synchronisations(device: torch.device) -> Iterator[Counted]:
    """Counts them while it is open; on a CPU there are none."""
    if device.type != "cuda":
        yield Counted(())
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield Counted(said)
        finally:
            torch.cuda.set_sync_debug_mode("default")


def answer(pair: Pair, device: torch.device, kind: type[Context]) -> tuple[dict[str, float], Tensor, dict[str, Any]]:
    """Scores and estimate of instance 0 of the tiny preset, with seconds, steps, synchronisations a step, memory in MB."""
    task, method = pair.problems, pair.solver
    parameters = pair.parameters
    learnt = None
    if method.fit is not None:
        learnt = solving.learn(task, method, _PRESET, 0, parameters, device, float("inf"), kind).learnt
    instance = make_instance(task, _PRESET, 0, 0)
    problem = instance.problem.to(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with synchronisations(device) as counted:
        marked = {"on_step": lambda step, total: counted.mark(step)}
        ctx = solving.context(task, _PRESET, 0, 0, device, float("inf"), kind=kind, **marked)
        returned = solving.timed(method, problem, ctx, parameters, learnt)
    estimate = solving.checked(problem, returned, ctx.steps_done).cpu()
    scores = solving.scored(task, _PRESET, instance, estimate, ctx.kept)
    took = {
        "seconds": round(ctx.clock.seconds, 4),
        "steps": ctx.steps_done,
        "synchronisations": round(counted.each(ctx.steps_done, calls_of(problem)), 2),
        "memory": round(torch.cuda.max_memory_allocated(device) / 1e6, 1) if device.type == "cuda" else None,
    }
    return scores, estimate, took


def calls_of(problem: Any) -> int:
    """Of the network of a problem's prior; 0 where it has none."""
    prior = getattr(problem, "prior", None)
    return 0 if prior is None else int(prior.calls.forward)


def compare(pair: Pair, device: torch.device) -> dict[str, Any]:
    """Both sides of a pair, and what is wrong: `differs` names metrics beyond their tolerance, with both values."""
    with repeatable(device):
        _, first, took = answer(pair, device, Cut)
        _, again, _ = answer(pair, device, Cut)
        there, _, _ = answer(pair, device, Same)
    here, _, took_here = answer(pair, CPU, Same)
    metrics = pair.task.spec.at(_PRESET).metrics
    differs = {
        metric.name: [there[metric.name], here[metric.name]]
        for metric in metrics
        if metric.name in there and not abs(there[metric.name] - here[metric.name]) <= metric.tolerance
    }
    return {
        "scores": there,
        "differs": differs,
        "repeats": bool(torch.equal(first, again)),
        **took,
        "cpu_seconds": took_here["seconds"],
        "waits": took["synchronisations"] > SYNCHRONISATIONS and pair.method.spec.name not in ON_CPU,
    }


def run(given: Given) -> int:
    """All of them, each method on one task before any on a second."""
    chosen = given.chosen()
    first = {pair.method.spec.name: name for name, pair in reversed(chosen.items())}.values()
    order = [*(name for name in chosen if name in first), *(name for name in chosen if name not in first)]
    if given.jobs == 1:
        work(given, order)
        return 0
    spawn = multiprocessing.get_context("spawn")
    jobs = [spawn.Process(target=work, args=(given, order[i :: given.jobs])) for i in range(given.jobs)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    return max(abs(job.exitcode or 0) for job in jobs)


def work(given: Given, names: Sequence[str]) -> None:
    """Some of the pairs, in this process."""
    if given.jobs > 1:
        torch.set_num_threads(max(1, environment.cores() // given.jobs))
    chosen = given.chosen()
    each(given, "pairs.jsonl", names, lambda name: compare(chosen[name], given.device))


if __name__ == "__main__":
    sys.exit(run(options()))
