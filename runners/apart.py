"""A job that is scored in this process. Another one loads the method, solves, and hands over its estimates.

Scores that the method's process reports are ignored. Steps and the curve are as it tells them. Its seconds are held against a
clock here. It waits with the next instance until the last is scored, so that scoring takes no time from it.
"""

import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
import torch

from benchmark import registry, solving
from benchmark.decorators import Task
from benchmark.errors import Diverged
from benchmark.instances import drawn, make_instance, observed
from benchmark.store.writing import files_first
from runners.engines import messages
from runners.engines.base import Order
from runners.engines.files import packed
from runners.engines.local import signal_name
from runners.engines.messages import Broken, Ear, Failed, Last, Message, Solved, reason_of
from runners.engines.wall import Wall

ANSWER = "estimate"  # the kind under which an estimate is handed over; no method keeps anything under it
_GRACE = 2.0  # seconds the other process may take to leave


def run(order: Order, send: Callable[[Message], None]) -> None:
    """Start the process that solves, hand on what it says, and score what it answers."""
    registry.include(map(Path, order.include))
    task = registry.get_task(order.task).load(Path(order.data_dir) if order.data_dir else None)
    told = order.model_copy(update={"apart": False, "hands_over": True, "shared": False, "scratch": None})
    # it is in this one's group, with its mark, and leaves when this one does
    with subprocess.Popen([sys.executable, "-m", "runners.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            send(_handed_on(process, told, task, send))
        finally:
            process.kill()


def _handed_on(process: subprocess.Popen[bytes], order: Order, task: Task, send: Callable[[Message], None]) -> Last:
    """Send on all but its last message, which is returned."""
    assert process.stdin is not None
    assert process.stdout is not None
    ear, wall = Ear(), Wall()
    with suppress(BrokenPipeError):  # its end says why
        _say(process.stdin, order.model_dump_json())
        for line in process.stdout:
            heard = ear.heard(line)
            message = wall.heard(heard, time.monotonic())
            if isinstance(message, Last):
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_GRACE)
                return message
            send(_judged(task, order, message, send) if isinstance(message, Solved) else message)
            if isinstance(heard, Solved):
                _say(process.stdin, "")
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    return Broken(reason=_how_it_ended(process.returncode))


def _say(stream: IO[bytes], line: str) -> None:
    stream.write(f"{line}\n".encode())
    stream.flush()


def _how_it_ended(code: int | None) -> str:
    if code is None:
        return "the method's process closed its pipe before its last message"
    if code < 0:
        return f"killed by signal {signal_name(-code)}"
    return f"the method's process ended with exit code {code} before its last message"


def _judged(task: Task, order: Order, message: Solved, send: Callable[[Message], None]) -> Solved | Failed:
    """The same instance with the scores and pictures of this process, or why it has none."""
    number = message.instance
    try:
        send(messages.Making())
        instance = make_instance(task, order.preset, number, order.seed)
        send(messages.Making(over=True))
        if observed(instance.problem.shown()) != message.observation:
            raise ValueError("the method's process was shown another problem")
        kept = {
            one.kind: torch.from_numpy(np.load(BytesIO(one.content or b""), allow_pickle=False)) for one in message.artifacts
        }
        estimate = solving.checked(instance.problem, kept.pop(ANSWER), message.steps)
        scores = solving.scored(task, order.preset, instance, estimate, kept)
        artifacts, files = packed({**drawn(task, instance, estimate), **kept}, Path(order.artifacts))
        with files_first(files):
            return message.model_copy(update={"scores": scores, "artifacts": artifacts, "label": instance.label})
    except Diverged as error:
        return Failed(instance=number, status="diverged", reason=str(error), trace=str(error))
    except Exception as error:
        return Failed(instance=number, reason=reason_of(error), trace=traceback.format_exc())
