"""Jobs on this machine, each in a fresh process that is killed with its children when its time is up."""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from benchmark import registry
from runners.plan import Job

_TAIL = 2000  # characters of the worker's last words that are kept


def run_job(job: Job, *, device: str, threads: int, artifacts: Path, data_dir: Path | None) -> Generator[dict[str, Any]]:
    """Start a worker and yield its messages as they come; the last one is `end`, `refused`, `broken` or `killed`.

    Closing the iterator early kills the worker.
    """
    order = {
        "task": job.key.task,
        "preset": job.key.preset,
        "method": job.key.method,
        "parameters": job.key.parameters,
        "seed": job.key.seed,
        "todo": job.todo,
        "include": [str(file) for file in registry.included()],
        "device": device,
        "artifacts": str(artifacts),
        "data_dir": str(data_dir) if data_dir else None,
    }
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            [sys.executable, "-m", "runners.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=words,
            env={
                **os.environ,
                # PyTorch reads the first two at its import
                **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "LOWDIMBENCH_THREADS"), str(threads)),
                "PYTHONPATH": os.pathsep.join(filter(None, [str(registry.ROOT), os.environ.get("PYTHONPATH")])),
            },
            start_new_session=True,
        )
        assert process.stdin
        assert process.stdout
        with suppress(BrokenPipeError):  # it died at once; the messages below say why
            process.stdin.write((json.dumps(order) + "\n").encode())
            process.stdin.flush()
        try:
            yield from _messages(process, process.stdout, job.timeout, words)
        finally:
            _kill(process)
            process.stdin.close()
            process.stdout.close()


def _messages(process: subprocess.Popen[bytes], out: IO[bytes], timeout: float, words: IO[bytes]) -> Iterator[dict[str, Any]]:
    lines: queue.Queue[bytes | None] = queue.Queue()

    def read() -> None:
        for line in out:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    deadline = time.monotonic() + timeout
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            _kill(process)
            yield {
                "kind": "killed",
                "status": "timeout",
                "reason": f"killed after {timeout:.0f} s",
                "trace": _tail(words),
            }
            return
        if line is None:
            break
        message = json.loads(line)
        yield message
        if message["kind"] in {"end", "refused", "broken"}:
            return
    code = process.wait()
    reason = f"killed by signal {signal.Signals(-code).name}" if code < 0 else f"the worker ended with exit code {code}"
    yield {"kind": "killed", "status": "failed", "reason": reason, "trace": _tail(words)}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the worker and everything that it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()  # a system without process groups: children of the method outlive it there
    process.wait()


def _tail(words: IO[bytes]) -> str:
    words.seek(0, os.SEEK_END)
    words.seek(max(0, words.tell() - _TAIL))
    return words.read().decode(errors="replace")
