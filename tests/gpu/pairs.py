"""The part `pairs`: every method on the tiny preset of every task that it fits, on the device beside the CPU, for twenty steps.

Of each: scores there and here from the same draws, whether two runs of one seed are equal there, peak memory, and
synchronisations with the device per step while the method works. PyTorch's debug mode counts these. Curve points and scoring
are outside.
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
from benchmark.contracts import CPU, Pair
from benchmark.instances import make_instance
from benchmark.randomness import Draws
from tests.gpu.part import Cut, Given, each, options

SYNCHRONISATIONS = 4.0  # a step, at most: more is a copy inside a loop
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
    """How often the host waited for the device."""

    count = 0


@contextmanager
def synchronisations(device: torch.device) -> Iterator[Counted]:
    """Counts them while it is open; on a CPU there are none."""
    found = Counted()
    if device.type != "cuda":
        yield found
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode("default")
            found.count = sum("synchroniz" in str(one.message) for one in said)


def answer(pair: Pair, device: torch.device, kind: type[Context]) -> tuple[dict[str, float], Tensor, dict[str, Any]]:
    """Scores and estimate of instance 0 of the tiny preset, with seconds, steps, synchronisations a step, memory in MB."""
    task, method = pair.problems, pair.solver
    parameters = pair.parameters
    learnt = None
    if method.fit is not None:
        learnt = solving.learn(task, method, _PRESET, 0, parameters, device, float("inf"), kind).learnt
    instance = make_instance(task, _PRESET, 0, 0)
    problem = instance.problem.to(device)
    ctx = solving.context(task, _PRESET, 0, 0, device, float("inf"), kind=kind)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with synchronisations(device) as counted:
        returned = solving.timed(method, problem, ctx, parameters, learnt)
    estimate = solving.checked(problem, returned, ctx.steps_done).cpu()
    scores = solving.scored(task, _PRESET, instance, estimate, ctx.kept)
    took = {
        "seconds": round(ctx.clock.seconds, 4),
        "steps": ctx.steps_done,
        "synchronisations": counted.count / max(1, ctx.steps_done),
        "memory": round(torch.cuda.max_memory_allocated(device) / 1e6, 1) if device.type == "cuda" else None,
    }
    return scores, estimate, took


def compare(pair: Pair, device: torch.device) -> dict[str, Any]:
    """Both sides of a pair, and what is wrong: `differs` names metrics beyond their tolerance, with both values."""
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
        "waits": took["synchronisations"] > SYNCHRONISATIONS,
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
