"""The part `speed`: medians of five of a step and of a whole run of a method of each family on `small`, or a preset like it, on
the device beside the CPU of the same machine, and the five kernels on which the device spends most of its time.
"""

import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

import torch

from benchmark import solving
from benchmark.context import Context
from benchmark.contracts.pair import CPU, Pair
from benchmark.instances import make_instance
from benchmark.repeatable import repeatable
from tests.gpu.part import Cut, Given, each, options

REPEATS = 5
_WHOLE = 20.0  # seconds of all whole runs of a method on a device, about


@dataclass(frozen=True)
class Measured:
    """A method on a preset of a task."""

    pair: Pair
    preset: str

    @property
    def parameters(self) -> Any:
        """Of the method there."""
        return self.pair.method.spec.resolve(self.pair.task.spec.name, self.preset, {})


def once(one: Measured, device: torch.device, kind: type[Context], learnt: Any) -> tuple[float, Context]:
    """Seconds of the method on instance 0, and its context."""
    task = one.pair.problems
    problem = make_instance(task, one.preset, 0, 0).problem.to(device)
    ctx = solving.context(task, one.preset, 0, 0, device, float("inf"), kind=kind)
    with repeatable(device):
        solving.timed(one.pair.solver, problem, ctx, one.parameters, learnt)
    return ctx.clock.seconds, ctx


def learn(one: Measured, device: torch.device) -> Any:
    """What the method learns in a few steps; None where it learns nothing."""
    solver = one.pair.solver
    if solver.fit is None:
        return None
    return solving.learn(one.pair.problems, solver, one.preset, 0, one.parameters, device, float("inf"), Cut).learnt


def measure(one: Measured, device: torch.device, left: float) -> dict[str, Any]:
    """Seconds of a step, steps of a whole run, and seconds of one: measured where five take about 20 s at most and no more
    than half of the seconds that are left, else None.
    """
    began = time.monotonic()
    until = began + left
    learnt = learn(one, device)
    once(one, device, Cut, learnt)  # warms up
    seconds, steps, whole = [], 1, 1
    for _ in range(REPEATS):
        taken, ctx = once(one, device, Cut, learnt)
        steps, whole = max(1, ctx.steps_done), max(1, getattr(ctx, "whole", 1))
        seconds.append(taken / steps)
        if time.monotonic() > until:
            break
    step = statistics.median(seconds)
    found: dict[str, Any] = {"step": step, "steps": whole, "repeats": len(seconds), "run": None}
    if step * whole * REPEATS <= min(_WHOLE, left / 2, until - time.monotonic()):
        found["run"] = statistics.median(once(one, device, Context, learnt)[0] for _ in range(REPEATS))
    return found


def kernels(one: Measured, device: torch.device) -> list[list[Any]]:
    """(name, share of the time) of the five longest kernels of a few steps; operators where the device is a CPU."""
    from torch.profiler import ProfilerActivity, profile

    learnt = learn(one, device)
    on_gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as found:
        once(one, device, Cut, learnt)
    times = {event.key: event.self_device_time_total if on_gpu else event.self_cpu_time_total for event in found.key_averages()}
    total = sum(times.values()) or 1.0
    longest = sorted(times, key=lambda name: -times[name])[:5]
    return [[name[:80], round(times[name] / total, 3)] for name in longest]


def families(given: Given) -> dict[str, Measured]:
    """TASK/METHOD of the first of each task and kind that is no baseline: what is alike is measured once."""
    seen: set[tuple[str, str]] = set()
    found = {}
    for name, pair in given.chosen().items():
        family, preset = (pair.method.spec.solves, pair.method.spec.kind), small(pair)
        if family not in seen and pair.method.spec.kind != "baseline" and preset is not None:
            seen.add(family)
            found[name] = Measured(pair, preset)
    return found


def small(pair: Pair) -> str | None:
    """`small` where the method fits it, else another preset whose name begins so; None where it fits none in time."""
    spec = pair.method.spec
    for preset in sorted((name for name in pair.task.spec.presets if name.startswith("small")), key=len):
        if not spec.misfit(pair.task.spec.at(preset)) and not spec.too_long(preset):
            return preset
    return None


def run(given: Given) -> int:
    """Of each family, the device and then the CPU."""
    chosen = families(given)
    left = len(chosen)

    def both(name: str) -> dict[str, Any]:
        nonlocal left
        one = chosen[name]
        share = given.left / 2 / left  # of the device and of the CPU; warming up and kernels take some of it
        left -= 1
        found = {"preset": one.preset, "there": measure(one, given.device, share), "kernels": kernels(one, given.device)}
        return {**found, "cpu": measure(one, CPU, share)}

    each(given, "speed.jsonl", chosen, both)
    return 0


if __name__ == "__main__":
    sys.exit(run(options()))
