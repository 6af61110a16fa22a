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
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch

from benchmark import environment, fits, registry, solving
from benchmark.decorators import Method, Task
from benchmark.errors import Diverged, UserError
from benchmark.fits import Fit
from benchmark.instances import drawn

_THREADS = int(os.environ.get("LOWDIMBENCH_THREADS", "1"))
_PROGRESS_EVERY = 0.2  # seconds


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


class Progress:
    """Tells the parent, every fifth of a second, at which step a method is and what it scored last."""

    def __init__(self, send: Reporter, number: int | None) -> None:
        self.send, self.number, self.at = send, number, 0.0
        self.score: float | None = None

    def step(self, step: int, total: int) -> None:
        if time.monotonic() - self.at > _PROGRESS_EVERY:
            self.at = time.monotonic()
            self.send("step", instance=self.number, step=step, steps=total, score=self.score)

    def scored(self, value: float) -> None:
        self.score = value


def learn(task: Task, method: Method, job: dict[str, Any], device: torch.device, send: Reporter) -> Fit:
    """What the method learns once for all instances: taken up from an earlier run, or learnt now and kept."""
    order, progress = job["fit"], Progress(send, None)
    folder, digest = Path(order["folder"]), f"{order['digest']}-{device.type}"
    fit = None if order["anew"] else fits.load(folder, digest)
    before = fit is not None
    if fit is None:
        fit = solving.learn(
            task,
            method,
            job["preset"],
            job["seed"],
            job["parameters"],
            device,
            on_step=progress.step,
            on_record=lambda step, seconds, points: progress.scored(float(points["estimate"])),
        )
        fits.keep(folder, digest, fit)
    send("learnt", seconds=fit.seconds, truncated=fit.truncated, before=before)
    return fit.to(device)


def solve(
    task: Task, method: Method, job: dict[str, Any], number: int, device: torch.device, send: Reporter, fit: Fit | None = None
) -> None:
    """Solve one instance and send everything in one message."""
    artifacts, progress = Path(job["artifacts"]), Progress(send, number)
    solved = solving.solve(
        task,
        method,
        job["preset"],
        number,
        job["seed"],
        job["parameters"],
        fit=fit,
        device=device,
        on_score=progress.scored,
        on_step=progress.step,
        recall=lambda digest: _recall(artifacts, digest),
    )
    pictures = drawn(task, solved.instance, solved.estimate)
    send(
        "instance",
        instance=number,
        label=solved.instance.label,
        observation=solved.observation,
        seconds=solved.seconds,
        steps=solved.steps,
        truncated=solved.truncated,
        scores=solved.scores,
        curve=solved.curve,
        artifacts=[_keep(artifacts, name, thing) for name, thing in (*pictures.items(), *solved.kept.items())],
    )


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
