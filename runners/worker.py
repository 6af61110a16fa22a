"""One job in a fresh process: make each instance, hand the problem to the method, keep the clock, score, report.

Reads the job as one JSON line from standard input and writes one JSON line a message to the standard output it was started
with; whatever the method prints goes to standard error. When standard input closes, the parent is gone and so is this process.
"""

import json
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch

from benchmark import environment, fits, registry, seeds
from benchmark.context import Context
from benchmark.decorators import Method, Task
from benchmark.errors import Diverged, UserError
from benchmark.fits import Fit
from benchmark.instances import drawn, make_instance, observed
from benchmark.problems import Instance
from benchmark.spec import TaskSpec
from benchmark.threads import few_threads

_THREADS = int(os.environ.get("LOWDIMBENCH_THREADS", "1"))
_PROGRESS_EVERY = 0.2  # seconds
_CURVE_MEMORY = 4096  # points; a method with more has its own idea of a curve


class Reporter:
    """Messages to the parent."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __call__(self, kind: str, **content: Any) -> None:
        self.stream.write(json.dumps({"kind": kind, **content}) + "\n")
        self.stream.flush()


def main() -> None:
    """Take over the standard streams, run the job, and leave at once: what a method left running does not hold it up."""
    send = Reporter(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_parent, args=(job["scratch"],), daemon=True).start()
    with suppress(OSError):  # where the system must kill for memory, it is to take this process and not the parent
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    try:
        run(job, send)
    except UserError as error:
        send("refused", reason=str(error))
    except Exception as error:
        send("broken", reason=_reason(error), trace=traceback.format_exc())
    sys.stderr.flush()
    os._exit(0)


def _leave_with_parent(scratch: str) -> None:
    sys.stdin.read()
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(1)


def run(job: dict[str, Any], send: Reporter) -> None:
    """Solve every instance that the job still lacks; one that fails is reported and the next is tried."""
    torch.set_num_threads(_THREADS)
    registry.include(map(Path, job["include"]))
    device = pick_device(job["device"])
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    send("hello", environment=environment.capture(_THREADS, name))
    data_dir = Path(job["data_dir"]) if job["data_dir"] else None
    task = registry.get_task(job["task"]).load(data_dir)
    method = registry.get_method(job["method"]).load()
    fit = learn(task, method, job, device, send) if job["fit"] else None
    for number in job["todo"]:
        try:
            solve(task, method, job, number, device, send, fit)
        except UserError:
            raise
        except Diverged as error:
            send("failed", instance=number, status="diverged", reason=str(error), trace=str(error))
        except Exception as error:
            send("failed", instance=number, status="failed", reason=_reason(error), trace=traceback.format_exc())
    send("end", peak_memory=peak_memory(), peak_device_memory=_peak_device_memory(device))


def pick_device(wanted: str) -> torch.device:
    """`auto` is the GPU where there is one. Raises UserError for a GPU that is not there."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(wanted)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"--device {wanted}: this machine has {torch.cuda.device_count()} CUDA devices; cpu works everywhere")
    return device


def learn(task: Task, method: Method, job: dict[str, Any], device: torch.device, send: Reporter) -> Fit:
    """What the method learns once for all instances: taken up from an earlier run, or learnt now and kept."""
    order = job["fit"]
    progress: dict[str, Any] = {"at": 0.0, "score": None}
    folder, digest = Path(order["folder"]), f"{order['digest']}-{device.type}"
    fit = None if order["anew"] else fits.load(folder, digest)
    before = fit is not None
    if fit is None:

        def on_step(step: int, total: int) -> None:
            if time.monotonic() - progress["at"] > _PROGRESS_EVERY:
                progress["at"] = time.monotonic()
                send("step", instance=None, step=step, steps=total, score=progress["score"])

        def on_record(step: int, seconds: float, points: dict[str, torch.Tensor]) -> None:
            progress["score"] = float(points["estimate"])

        budget = task.spec.presets[order["preset"]].fit_budget
        seed = fits.method_seed(task, order["preset"], job["seed"])
        ctx = Context(device, seed, budget, on_step, on_record)
        fit = fits.learn(method, task, order["preset"], job["seed"], job["parameters"], ctx)
        fits.keep(folder, digest, fit)
    send("learnt", seconds=fit.seconds, truncated=fit.truncated, before=before)
    return fit.to(device)


def solve(
    task: Task, method: Method, job: dict[str, Any], number: int, device: torch.device, send: Reporter, fit: Fit | None = None
) -> None:
    """Make one instance, time the method on it, score it and send everything in one message."""
    preset, repeat = job["preset"], job["seed"]
    spec: TaskSpec = task.spec.at(preset)
    instance = make_instance(task, preset, number, repeat)
    observation = observed(instance.problem.shown())
    problem = instance.problem.to(device)
    curve: list[tuple[str, int, float, float]] = []
    progress: dict[str, Any] = {"at": 0.0, "score": None}
    quality = getattr(task, "quality", None) or (lambda one, x: task.score(one, x)[spec.primary.name])
    traces: Callable[[Instance, torch.Tensor], dict[str, float]] = getattr(task, "traces", None) or (lambda one, x: {})

    def on_step(step: int, total: int) -> None:
        if time.monotonic() - progress["at"] > _PROGRESS_EVERY:
            progress["at"] = time.monotonic()
            send("step", instance=number, step=step, steps=total, score=progress["score"])

    def on_record(step: int, seconds: float, estimates: dict[str, torch.Tensor]) -> None:
        for series, estimate in estimates.items():
            if series != "estimate" and not estimate.ndim:  # a value, and no estimate
                curve.append((series, step + 1, seconds, float(estimate)))
                continue
            _sane(problem, estimate, step + 1)
            shown = problem.check(estimate).cpu()
            values = {series: quality(instance, shown)}
            if series == "estimate":
                progress["score"] = values[series]
                values |= traces(instance, shown)
            for name, value in values.items():
                if np.isfinite(value) and len(curve) < _CURVE_MEMORY:
                    curve.append((name, step + 1, seconds, value))

    seed = seeds.seed(spec.name, spec.version, preset, number, repeat, "method")
    artifacts = Path(job["artifacts"])
    ctx = Context(device, seed, spec.presets[preset].budget, on_step, on_record, lambda digest: _recall(artifacts, digest))
    with few_threads(spec.presets[preset].threads):
        ctx.clock.start()
        returned = method(problem, ctx, job["parameters"], None if fit is None else fit.learnt)
        ctx.clock.stop()
    _sane(problem, returned, ctx.steps_done)
    estimate = problem.check(returned).cpu()
    facts: Callable[[Instance, dict[str, torch.Tensor]], dict[str, float]] = getattr(task, "facts", None) or (lambda one, x: {})
    found = task.score(instance, estimate) | facts(instance, {name: thing.cpu() for name, thing in ctx.kept.items()})
    scores = {metric.name: found[metric.name] for metric in spec.metrics if metric.name in found}
    if len(scores) < len(spec.metrics) or not all(map(np.isfinite, scores.values())):
        raise ValueError(f"the task scored {found}")
    send(
        "instance",
        instance=number,
        label=instance.label,
        observation=observation,
        seconds=ctx.clock.seconds,
        steps=ctx.steps_done,
        truncated=ctx.truncated or (fit is not None and fit.truncated),
        scores=scores,
        curve=curve,
        artifacts=[
            _keep(artifacts, name, thing) for name, thing in (*drawn(task, instance, estimate).items(), *ctx.kept.items())
        ],
    )


def _sane(problem: Any, estimate: object, step: int) -> None:
    """Raises Diverged for a tensor that is not finite, or that the problem itself calls diverged."""
    if not isinstance(estimate, torch.Tensor):
        return
    if not bool(torch.isfinite(estimate).all()):
        raise Diverged(step, "its estimate is not finite")
    diverged = getattr(problem, "diverged", None)
    if diverged is not None and diverged(problem.check(estimate)):
        raise Diverged(step, "its estimate is far from what is observed")


def _recall(folder: Path, digest: str) -> torch.Tensor:
    path = folder / digest[:2] / f"{digest}.npy"
    if not path.is_file():
        raise UserError(f"what another run kept, {digest[:12]}..., is not in {folder.name} beside the database")
    return torch.from_numpy(np.load(path, allow_pickle=False))


def _keep(folder: Path, kind: str, thing: torch.Tensor) -> dict[str, str]:
    """Write a tensor under its own hash, so that equal ones share a file, and never half of one."""
    buffer = BytesIO()
    np.save(buffer, thing.cpu().numpy())
    digest = sha256(buffer.getvalue()).hexdigest()
    path = folder / digest[:2] / f"{digest}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}.part")
        scratch.write_bytes(buffer.getvalue())
        scratch.replace(path)
    return {"kind": kind, "path": f"{folder.name}/{digest[:2]}/{digest}.npy", "sha256": digest}


def peak_memory() -> float | None:
    """Largest resident size of this process in MB; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1e6 if sys.platform == "darwin" else 1e3)


def _peak_device_memory(device: torch.device) -> float | None:
    return torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else None


def _reason(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


if __name__ == "__main__":
    main()
