"""One job in a fresh process: it makes each instance, hands the problem to the method, keeps the clock, scores and reports.

It reads the job as one JSON line from standard input and writes one JSON line a message to the standard output that it was
started with. Whatever the method prints goes to standard error. When standard input closes, the parent is gone and so is this
process.
"""

import math
import os
import random
import secrets
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import TextIO

import numpy as np
import torch
from pydantic import ValidationError

from benchmark import environment, fits, registry, solving
from benchmark.decorators import Method, Task
from benchmark.errors import Diverged, Halted, UserError
from benchmark.fits import Fit
from benchmark.instances import drawn
from benchmark.repeatable import repeatable
from benchmark.store.writing import files_first, is_full
from runners import apart
from runners.engines import messages
from runners.engines.base import FitOrder, Order
from runners.engines.files import packed, path_of
from runners.engines.messages import Message, reason_of, written
from runners.honest import Noticed, Watched, Witness
from runners.queued import Ledger, ledger, queued_share

Send = Callable[[Message], None]
_THREADS = int(os.environ.get("LOWDIMBENCH_THREADS", "1"))
_PROGRESS_EVERY = 0.2  # seconds
_ON = threading.Semaphore(0)  # a line from the parent: go on with the next instance


class Reporter:
    """Messages to the parent. All lines begin with a mark, so that one that somebody else writes is told apart."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.mark = stream, f"{secrets.token_hex(8)} "

    def __call__(self, message: Message) -> None:
        self.stream.write(f"{self.mark}{written(message)}\n")
        self.stream.flush()


def main() -> None:
    """Take over the standard streams, run the job, and leave at once: what a method left running does not hold it up."""
    send = Reporter(os.fdopen(_moved(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    order = Order.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_leave_with_parent, args=(order.scratch,), daemon=True).start()
    with suppress(OSError):  # where the system must kill for memory, it is to take this process and not the parent
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    try:
        run(order, send)
    except UserError as error:
        send(messages.Refused(reason=str(error)))
    except (Noticed, Halted) as error:  # while it learnt; a full disk
        send(messages.Broken(reason=str(error), full=is_full(error)))
    except BaseException as error:  # also what ends an interpreter: Ctrl-C and sys.exit
        send(messages.Broken(reason=reason_of(error), trace=traceback.format_exc(), full=is_full(error)))
    sys.stderr.flush()
    os._exit(0)


def _moved(descriptor: int) -> int:
    """A copy of the descriptor under a random number. No process that is started from here inherits it."""
    try:
        import fcntl
    except ImportError:  # on Windows
        return os.dup(descriptor)
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, random.SystemRandom().randrange(64, 192))


def _leave_with_parent(scratch: str | None) -> None:
    for _ in sys.stdin:
        _ON.release()
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    os._exit(1)


def run(order: Order, send: Send) -> None:
    """Solves every instance that the job still lacks. One that fails is reported and the next is tried. Once the method did
    what it may not do, this process solves no more: its later instances fail with the same line.
    """
    torch.set_num_threads(_THREADS)
    if order.apart:
        apart.run(order, send)
        return
    registry.include(map(Path, order.include))
    device = pick_device(order.device)
    with repeatable(device):
        _work(order, send, device)


def _work(order: Order, send: Send, device: torch.device) -> None:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    send(messages.Hello(environment=messages.Surroundings(**environment.capture(_THREADS, name))))
    data_dir = Path(order.data_dir) if order.data_dir else None
    send(messages.Making())
    task = registry.get_task(order.task).load(data_dir)
    send(messages.Making(over=True))
    witness = Witness(task)
    method = witness.of(registry.get_method(order.method).load())
    fit = learn(task, method, order, order.fit, device, send, witness) if order.fit else None
    noticed: Noticed | None = None
    for number in order.todo:
        try:
            if noticed is not None:
                raise noticed
            solve(task, method, order, number, device, send, witness, fit)
        except UserError:
            raise
        except Noticed as error:
            noticed = error
            send(messages.Failed(instance=number, reason=str(error), trace=str(error)))
        except Diverged as error:
            send(messages.Failed(instance=number, status="diverged", reason=str(error), trace=str(error)))
        except Halted as error:  # a full disk, of which the method is not guilty
            send(messages.Failed(instance=number, reason=str(error), trace=str(error), full=is_full(error)))
        except Exception as error:
            trace = traceback.format_exc()
            send(messages.Failed(instance=number, reason=reason_of(error), trace=trace, full=is_full(error)))
    send(messages.End(peak_memory=peak_memory(), peak_device_memory=_peak_device_memory(device)))


def pick_device(wanted: str) -> torch.device:
    """The device of a name. `auto` is the GPU where there is one. Raises UserError for a GPU that is not there."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(wanted)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"--device {wanted}: this machine has {torch.cuda.device_count()} CUDA devices; cpu works everywhere")
    return device


class Progress:
    """Tells the parent, every fifth of a second, at which step a method is and what it scored last."""

    def __init__(self, send: Send, number: int | None) -> None:
        self.send, self.number, self.at = send, number, 0.0
        self.score: float | None = None

    def step(self, step: int, total: int) -> None:
        if time.monotonic() - self.at > _PROGRESS_EVERY:
            self.at = time.monotonic()
            self.send(messages.Step(instance=self.number, step=step, steps=total, score=self.score))

    def scored(self, value: float) -> None:
        self.score = value if math.isfinite(value) else None


def learn(
    task: Task, method: Method, order: Order, wanted: FitOrder, device: torch.device, send: Send, witness: Witness
) -> Fit:
    """What the method learns once for all instances: taken up from an earlier run, or learnt now and kept."""
    progress = Progress(send, None)
    folder, digest = Path(wanted.folder), f"{wanted.digest}-{device.type}"
    fit = None if wanted.anew else fits.load(folder, digest)
    before = fit is not None and not fit.truncated  # what the budget cut short is tried again
    if fit is None or fit.truncated:
        send(messages.Making())
        fit = solving.learn(
            task,
            method,
            order.preset,
            order.seed,
            order.parameters,
            device,
            kind=Watched,
            on_step=progress.step,
            on_made=lambda: send(messages.Making(over=True)),
            on_record=lambda step, seconds, points: progress.scored(float(points["estimate"])),
        )
        witness.look()
        fits.keep(folder, digest, fit)
    send(messages.Learnt(seconds=fit.seconds, truncated=fit.truncated, before=before))
    return fit.to(device)


def solve(
    task: Task,
    method: Method,
    order: Order,
    number: int,
    device: torch.device,
    send: Send,
    witness: Witness,
    fit: Fit | None = None,
) -> None:
    """Solve one instance and send everything in one message. `method` is the witness's. Raises Noticed."""
    folder, progress = Path(order.artifacts), Progress(send, number)
    made, before = perf_counter(), Ledger()

    def over() -> None:
        nonlocal made, before
        made, before = perf_counter(), ledger()
        send(messages.Making(over=True))

    send(messages.Making())
    solved = solving.solve(
        task,
        method,
        order.preset,
        number,
        order.seed,
        order.parameters,
        fit=fit,
        device=device,
        kind=Watched,
        on_score=progress.scored,
        on_made=over,
        on_step=progress.step,
        recall=lambda digest: _recall(folder, digest),
    )
    queued = queued_share(before, ledger())
    pictures = {apart.ANSWER: solved.estimate} if order.hands_over else drawn(task, solved.instance, solved.estimate)
    artifacts, files = packed({**pictures, **solved.kept}, folder if order.shared else None)
    witness.look()  # now that it is scored: what the method left behind may have waited for that
    try:
        message = messages.Solved(
            instance=number,
            label=solved.instance.label,
            observation=solved.observation,
            seconds=solved.seconds,
            cpu_seconds=solved.cpu_seconds,
            queued=queued,
            steps=solved.steps,
            truncated=solved.truncated,
            scores=solved.scores,
            curve=tuple(point for point in solved.curve if math.isfinite(point[-1])),
            artifacts=artifacts,
        )
    except ValidationError as error:
        raise ValueError(messages.why(error)) from None
    with files_first(files):
        send(message.model_copy(update={"aside": max(0.0, perf_counter() - made - witness.seconds)}))
    if order.hands_over:
        _ON.acquire()


def _recall(folder: Path, digest: str) -> torch.Tensor:
    path = folder / path_of(digest)
    if not path.is_file():
        raise UserError(f"what another run kept, {digest[:12]}..., is not in {folder.name} beside the database")
    return torch.from_numpy(np.load(path, allow_pickle=False))


def peak_memory() -> float | None:
    """The largest resident size of this process in MB. None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1e6 if sys.platform == "darwin" else 1e3)


def _peak_device_memory(device: torch.device) -> float | None:
    return torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else None


if __name__ == "__main__":
    main()
