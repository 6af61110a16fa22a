"""Jobs on this machine, each in a fresh process that is killed with everything it started when its time or memory is up."""

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import IO, Literal
from uuid import uuid4

import psutil

from benchmark import registry
from runners.engines import messages
from runners.engines.base import Place, order_of
from runners.engines.messages import Broken, Killed, Last, Making, Message
from runners.engines.waiting import WAITING
from runners.engines.wall import Wall
from runners.plan import Job

_TAIL = 2000  # characters of the worker's last words that are kept
_LOOK = 0.1  # seconds between looks at a worker's time and memory
_GRACE = 2.0  # seconds a worker may take to leave after its last message
_BEAT = 5.0  # seconds after which the caller gets a word even when no worker has one
_LONGEST = 1 << 26  # bytes of a message
_MARK = "LOWDIMBENCH_JOB"  # in the environment of a worker and of all that it starts


class Pool:
    """Runs jobs, `at_once` of them side by side. Iterating over it gives (job, message) pairs, and None as a sign of life.

    It is an Engine (base.py) whose workers share our disk.
    """

    name = "local"

    def __init__(self, jobs: Iterable[Job], at_once: int, place: Place) -> None:
        self.jobs, self.at_once, self.place = iter(jobs), at_once, place
        self.running: dict[str, Worker] = {}
        self.inbox: queue.Queue[tuple[Worker, Message]] = queue.Queue()

    def __iter__(self) -> Generator[tuple[Job, Message] | None]:
        try:
            while True:
                while len(self.running) < self.at_once and (job := next(self.jobs, None)) is not None:
                    self.running[job.key.digest] = Worker(job, self.place, self.inbox)
                    yield job, messages.Start()
                if not self.running:
                    return
                try:
                    worker, message = self.inbox.get(timeout=_BEAT)
                except queue.Empty:
                    yield None
                    continue
                if worker.job.key.digest not in self.running:
                    continue  # dropped
                if isinstance(message, Last):
                    del self.running[worker.job.key.digest]
                yield worker.job, message
        finally:
            for worker in list(self.running.values()):
                worker.kill()

    def drop(self, job: Job) -> None:
        """Stops a job. Nothing more is heard of it."""
        worker = self.running.pop(job.key.digest, None)
        if worker is not None:
            worker.kill()
            worker.scratch.cleanup()


class Worker:
    """One job in its process. Three threads serve it, so that a busy caller delays neither its messages nor its end: one reads
    its messages, one its output, of which the end is kept, and one watches time and memory.
    """

    def __init__(self, job: Job, place: Place, inbox: "queue.Queue[tuple[Worker, Message]]") -> None:
        self.job, self.place, self.inbox = job, place, inbox
        self.mark = uuid4().hex
        self.words: deque[bytes] = deque(maxlen=8)
        self.last: Last | None = None
        self.said_last = threading.Event()
        # Its temporary files go when it goes, however it ends.
        self.scratch = tempfile.TemporaryDirectory(prefix="lowdimbench-", ignore_cleanup_errors=True)
        self.began = time.monotonic()
        self.making: float | None = None  # since when the worker makes data
        self.made = 0.0  # seconds that it did before
        self.wall = Wall()
        self.process = self._start()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._listen, self._watch)]
        for thread in self.threads:
            thread.start()

    def _start(self) -> subprocess.Popen[bytes]:
        threads = str(self.place.threads)
        process = subprocess.Popen(
            [sys.executable, "-m", "runners.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **WAITING,
                **os.environ,
                # PyTorch reads the first two at its import.
                **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "LOWDIMBENCH_THREADS"), threads),
                "PYTHONPATH": os.pathsep.join(filter(None, [str(registry.ROOT), os.environ.get("PYTHONPATH")])),
                "TMPDIR": self.scratch.name,
                _MARK: self.mark,
            },
            start_new_session=True,
        )
        assert process.stdin
        with suppress(BrokenPipeError):  # it died at once; its exit code says so
            order = order_of(self.job, self.place, scratch=self.scratch.name)
            process.stdin.write((order.model_dump_json() + "\n").encode())
            process.stdin.flush()
        return process

    def _read(self) -> None:
        """Hands on the messages, to the last one. A pipe that closes before is the end too, because nothing more
        can be heard.
        """
        assert self.process.stdout
        ear = messages.Ear()
        try:
            while line := self.process.stdout.readline(_LONGEST):
                if not line.endswith(b"\n"):
                    if len(line) == _LONGEST:
                        self.last = Broken(reason=f"the worker sent no valid message (more than {_LONGEST >> 20} MB)")
                    return  # or cut off by the kill
                message = ear.heard(line)
                self._note_making(message)
                if not self.place.apart:  # otherwise what it says of seconds was held against a clock where it came from
                    message = self.wall.heard(message, time.monotonic())
                if isinstance(message, Last):
                    self.last = message
                    return
                self.inbox.put((self, message))
        except Exception as error:
            self.last = Broken(reason=f"the output of the worker could not be read ({type(error).__name__}: {error})")
        finally:
            self.said_last.set()

    def _note_making(self, message: Message) -> None:
        """Data is being made from one word of it to whatever the worker says next."""
        now = time.monotonic()
        since, self.making = self.making, now if isinstance(message, Making) and not message.over else None
        self.made += 0.0 if since is None else now - since

    def _overdue(self, now: float) -> str | None:
        """The reason why the job is to be killed now, if there is one. Its time limit holds for making data, and apart from
        that for all the rest.
        """
        making = self.made + (0.0 if self.making is None else now - self.making)
        for seconds, of in ((now - self.began - making, ""), (making, " of making data")):
            if seconds >= self.job.timeout:
                return f"killed after {self.job.timeout:.3g} s{of}, its time limit"
        return None

    def _listen(self) -> None:
        pipe = self.process.stderr
        assert pipe
        while part := _some(pipe):
            self.words.append(part[-_TAIL:])

    def _watch(self) -> None:
        """Waits for the end, or brings it about. Then it reports the end, whatever happens."""
        message: Last = Broken(reason="its end could not be watched")
        try:
            message = self._ending()
        except Exception as error:
            message = Broken(reason=f"its end could not be watched ({type(error).__name__}: {error})")
            with suppress(Exception):
                self.kill()
        finally:
            self.inbox.put((self, message))

    def _ending(self) -> Last:
        verdict = self._supervise()
        died = self._how_it_died()
        self.kill()
        for thread in self.threads[:2]:
            thread.join(timeout=1.0)
        self.scratch.cleanup()
        if verdict is not None:
            status, reason = verdict
            return Killed(status=status, reason=reason, trace=self._tail())
        return self.last or Killed(reason=died, trace=self._tail())

    def _supervise(self) -> tuple[Literal["timeout", "memory"], str] | None:
        family_at = 0.0
        family: list[psutil.Process] = []
        while self.process.poll() is None:
            now = time.monotonic()
            self.wall.look(now)
            if self.said_last.wait(timeout=_LOOK):
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(timeout=_GRACE)
                return None
            if late := self._overdue(time.monotonic()):
                return "timeout", late
            if now - family_at > 1.0:
                family, family_at = _family(self.process.pid), now
            used = sum(map(_resident, family))
            if used > self.place.memory:
                return "memory", f"killed at {used / 1e9:.2f} GB, over its memory limit of {self.place.memory / 1e9:.2f} GB"
        return None

    def _how_it_died(self) -> str:
        code = self.process.poll()
        if code is None:
            return "the worker closed its pipe before its last message"
        if code >= 0:
            return f"the worker ended with exit code {code} before its last message"
        hint = " (the system kills so when memory runs out)" if -code == signal.SIGKILL else ""
        return f"killed by signal {signal_name(-code)}{hint}"

    def _tail(self) -> str:
        return b"".join(self.words)[-_TAIL:].decode(errors="replace")

    def kill(self) -> None:
        """Ends the process and everything that it started, also what left its process group."""
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self.process.kill()
        for process in _marked(self.mark):
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()
        if self.process.stdin:
            with suppress(OSError):
                self.process.stdin.close()


def signal_name(number: int) -> str:
    """The name of a signal, such as SIGSEGV, or its number where it has none, as most real-time signals."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _some(pipe: IO[bytes]) -> bytes:
    return os.read(pipe.fileno(), 1 << 16)


def _family(pid: int) -> list[psutil.Process]:
    try:
        own = psutil.Process(pid)
        return [own, *own.children(recursive=True)]
    except psutil.Error:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _marked(mark: str) -> list[psutil.Process]:
    """The processes that inherited the mark. Their environment tells them, because a daemon has neither group nor
    parent left.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(_MARK) == mark:
                found.append(process)
    return found
