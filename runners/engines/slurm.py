"""Jobs of a SLURM site, by submitit. Allocations take jobs from a queue in a shared folder until it is empty.

FOLDER/queue, files, claims, said, dropped      see runners/engines/allocation.py
FOLDER/log/                                     submitit's, with all that sbatch and the jobs printed

A job is known there by the digest of its run and the number of its try. So the same command, or `python -m runners.attach
FOLDER`, finds what runs and what was said while no head was there.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from benchmark import environment, registry
from benchmark.errors import UserError
from benchmark.store.writing import replace_whole
from runners.engines.allocation import Queue, Share
from runners.engines.base import Place
from runners.engines.desk import Desk, Events, Going
from runners.engines.messages import Message
from runners.engines.node import Differs, Full, read
from runners.plan import Job

try:
    import submitit
except ImportError:
    raise UserError("--engine slurm needs submitit: pip install 'lowdimbench[slurm]'") from None

_LOOK = 1.0  # seconds between looks into the folder
_STATES = 10.0  # seconds between questions to SLURM
_SILENT = 180.0  # seconds without a word after which an allocation counts as lost; jobs say something every five
_MOST = 32  # allocations at a time, where nobody says how many
_OFFERED = 1000  # jobs at a time: who looks for the next one looks at all
_MINUTES = 24 * 60  # of an allocation, where nobody says how long
_TAIL = 500  # characters of what a lost allocation printed


class Site:
    """An Engine (base.py). at_once is the number of allocations, 0 for as many as there are jobs, up to 32.

    partition, options: for sbatch, by the names of its long options; `time` is in minutes, and `cluster=local` stands for
    processes on this machine. gpus: of one job. command: the words of the command, kept for `runners.attach`.

    Running jobs go on when the head is stopped, and the same command takes them up again. With --fail-fast it is cancelled.
    """

    name = "slurm"

    def __init__(
        self,
        jobs: Iterable[Job],
        at_once: int,
        place: Place,
        *,
        partition: str | None = None,
        slurm: Mapping[str, str] | None = None,
        gpus: float | None = None,
        command: tuple[str, ...] = (),
    ) -> None:
        given = dict(slurm or {})
        self.cluster = given.pop("cluster", "slurm")
        if self.cluster not in ("slurm", "local"):
            raise UserError(f"--slurm cluster={self.cluster}: it is slurm or local")
        if self.cluster == "slurm" and shutil.which("sbatch") is None:
            raise UserError("--engine slurm: there is no sbatch here; --slurm cluster=local tries it on this machine")
        self.at_once, self.desk = at_once, Desk(jobs, place, attached=True)
        self.queue = Queue(place.artifacts.parent / "slurm")
        self.executor = _executor(self.queue.folder / "log", self.cluster, place, partition, given, gpus)
        told = {"words": command, "folder": str(Path.cwd())}
        replace_whole(self.queue.folder / "command.json", json.dumps(told).encode())
        self.before = {name.partition(".")[0]: name for name in self.queue.jobs()}  # by run: what an earlier head offered
        self.out: dict[str, Going] = {}  # by JOB
        self.read: dict[str, int] = {}  # bytes of what a job said
        self.heard: dict[str, float] = {}
        self.allocations = self._before() & self._living()
        self.asked = 0.0
        self.full: set[str] = set()  # names of nodes whose disk had no room

    def __iter__(self) -> Generator[tuple[Job, Message] | None]:
        try:
            while True:
                self._send()
                if not self.out:
                    return
                self._allocate()
                for job in list(self.out):
                    yield from self._news(job)
                yield from self._lost()
                yield None
                time.sleep(_LOOK)
        except GeneratorExit as closed:
            if closed.__context__ is None:  # the plan is over and nobody interrupted it
                self._cancel()
            raise

    def drop(self, job: Job) -> None:
        """Stops a job. Nothing more is heard of it."""
        if (one := self.desk.drop(job)) is not None:
            name = next(name for name, other in self.out.items() if other is one)
            replace_whole(self.queue.path("dropped", name), b"")
            del self.out[name]

    def _send(self) -> None:
        while len(self.out) < _OFFERED and (one := self.desk.next()) is not None:
            name = self.before.pop(one.digest, None)
            if name is not None and not self.queue.path("dropped", name).exists():
                one.tried = int(name.partition(".")[2])
            else:
                if name is not None:
                    self.queue.over(name)
                name = f"{one.digest}.{one.tried}"
                self.queue.put(name, self.desk.errand(one), self.desk.files(one))
            self.out[name], self.read[name], self.heard[name] = one, 0, time.monotonic()

    def _news(self, job: str) -> Events:
        """The lines that a job wrote since the last look."""
        one, path = self.out[job], self.queue.path("said", job)
        try:
            if path.stat().st_size <= self.read[job]:
                return
        except FileNotFoundError:
            return
        with path.open("rb") as file:
            file.seek(self.read[job])
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self.read[job], self.heard[job] = self.read[job] + len(whole), time.monotonic()
        for line in whole.decode(errors="replace").splitlines():
            word = read(line)
            yield from self.desk.heard(one, line)
            if isinstance(word, Differs):  # nodes of a site share their code: another one has no other
                yield from self.desk.elsewhere(one, word.reason, hopeless=True)
            if isinstance(word, Full):
                self.full.add(one.node.partition(" ")[0])
                yield from self.desk.lost(one, f"no room: {word.reason}")
            if self.out.get(job) is one and self.desk.going.get(one.digest) is not one:
                self._forget(job)
                return

    def _forget(self, job: str) -> None:
        del self.out[job], self.read[job], self.heard[job]
        self.queue.over(job)

    def _allocate(self) -> None:
        """Asks for as many allocations as there are jobs that nobody is at, within the limit."""
        if time.monotonic() - self.asked < _STATES and self.allocations:
            return
        self.asked = time.monotonic()
        self.allocations &= self._living()
        waiting = sum(self.queue.claimant(job) is None for job in self.out)
        new = min((self.at_once or _MOST) - len(self.allocations), waiting - self._idle())
        if new > 0:
            asked = self._ask(new)
            self.allocations |= {one.job_id for one in asked}
            with (self.queue.folder / "allocations").open("a", encoding="utf-8") as file:
                file.write("".join(f"{one.job_id}\n" for one in asked))

    def _ask(self, count: int) -> list[Any]:
        """Allocations on nodes that have room; on any where SLURM has no other, for a disk may be cleared."""
        share = Share(str(self.queue.folder))
        with _importable():
            if self.full and self.cluster == "slurm":
                self.executor.update_parameters(slurm_exclude=",".join(sorted(self.full)))
                try:
                    return list(self.executor.map_array(share, range(count)))
                except submitit.core.utils.FailedJobError:
                    self.full.clear()
                    self.executor.update_parameters(slurm_exclude=None)
            return list(self.executor.map_array(share, range(count)))

    def _idle(self) -> int:
        """The allocations that have taken no job yet."""
        at_work = {self.queue.claimant(job) for job in self.out}
        return sum(name not in at_work for name in self.allocations)

    def _lost(self) -> Events:
        """Jobs whose allocation is gone, or says nothing any more."""
        for job, one in list(self.out.items()):
            who = self.queue.claimant(job)
            if who is None or (who in self.allocations and time.monotonic() - self.heard[job] < _SILENT):
                continue
            if who not in self.allocations and time.monotonic() - self.heard[job] < 3 * _LOOK:
                continue  # its last words may be on their way
            why = f"its allocation {who} is gone{self._printed(who)}"
            if who in self.allocations:  # it would not end by itself, and would count as one that is free
                why = f"no word any more from its allocation {who}"
                self._end([who])
                self.allocations.discard(who)
            self._forget(job)
            yield from self.desk.lost(one, why)

    def _printed(self, who: str) -> str:
        """The end of what an allocation printed, in one line."""
        for path in sorted((self.queue.folder / "log").glob(f"*/{who}*_log.err")):
            if text := " ".join(path.read_text(errors="replace").split())[-_TAIL:]:
                return f" ({text})"
        return ""

    def _before(self) -> set[str]:
        """The allocations that were asked for in this folder."""
        try:
            return set((self.queue.folder / "allocations").read_text(encoding="utf-8").split())
        except OSError:
            return set()

    def _living(self) -> set[str]:
        """The allocations that wait, run or are queued again, by the queue of SLURM, which needs no accounting. Where it does
        not answer, all of them.
        """
        if self.cluster == "local":
            return {name for name in self._before() if _lives(int(name))}
        asked = subprocess.run(["squeue", "--noheader", "--array", "--me", "--format=%i"], capture_output=True, text=True)
        return set(asked.stdout.split()) if asked.returncode == 0 else self._before()

    def _end(self, names: list[str]) -> None:
        """Ends allocations."""
        if self.cluster == "slurm" and names:
            subprocess.run(["scancel", *names], capture_output=True, check=False)
        for name in names if self.cluster == "local" else ():
            with suppress(psutil.Error):
                for process in (*psutil.Process(int(name)).children(recursive=True), psutil.Process(int(name))):
                    process.kill()

    def _cancel(self) -> None:
        self._end(sorted(self.allocations))
        for job in list(self.out):
            self._forget(job)


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


@contextmanager
def _importable() -> Iterator[None]:
    """What is started meanwhile finds the suite, also where it is not installed."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(registry.ROOT), before]))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _executor(log: Path, cluster: str, place: Place, partition: str | None, given: dict[str, str], gpus: float | None) -> Any:
    if gpus is not None and gpus != int(gpus):
        raise UserError(f"--gpus {gpus:g}: SLURM gives whole GPUs")
    minutes = given.pop("time", str(_MINUTES))
    if not minutes.isdigit():
        raise UserError(f"--slurm time={minutes}: write minutes, such as time=240")
    executor = submitit.AutoExecutor(folder=log / "%j", cluster=cluster)
    wanted = int(place.gpus(gpus, lambda: False))
    executor.update_parameters(name="lowdimbench", timeout_min=int(minutes), cpus_per_task=place.threads, gpus_per_node=wanted)
    if cluster == "slurm":
        # by srun, for SLURM tells nobody else that the time is nearly up
        one = [f"--cpus-per-task={place.threads}"]
        executor.update_parameters(slurm_additional_parameters=given, slurm_srun_args=one)
        if partition is not None:
            executor.update_parameters(slurm_partition=partition)
        if place.memory < environment.memory() * 1000:
            executor.update_parameters(slurm_mem=f"{place.memory / 1e6:.0f}M")
    return executor
