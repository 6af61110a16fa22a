"""What an allocation of a SLURM site does: it takes jobs from a queue in a shared folder until none is left.

FOLDER/queue/JOB.json       an errand, and which files go with it
FOLDER/files/SHA-256        those files
FOLDER/claims/JOB           who took it; a line for each beginning, and for each end that was not its own
FOLDER/said/JOB.jsonl       what it says, line after line
FOLDER/dropped/JOB          the head wants no more of it

JOB is the digest of a run and the number of its try.
"""

import json
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.store.writing import replace_whole, write_whole
from runners.engines.desk import DEATHS
from runners.engines.messages import Killed, Last, Solved, written
from runners.engines.node import Differs, Errand, Full, carried_out, read

try:
    import submitit
except ImportError:
    raise UserError("--engine slurm needs submitit: pip install 'lowdimbench[slurm]'") from None

_NEWS = 1.0  # seconds until all processes of an allocation have a signal that was sent to all


@dataclass(frozen=True)
class Queue:
    """The shared folder, as heads and allocations see it."""

    folder: Path

    def path(self, kind: str, job: str) -> Path:
        endings = {"queue": ".json", "said": ".jsonl"}
        return self.folder / kind / f"{job}{endings.get(kind, '')}"

    def put(self, job: str, errand: Errand, files: Mapping[str, Path]) -> None:
        """Offers an errand. Its files lie in the folder under the hash of their content."""
        names = {}
        for name, path in files.items():
            content = path.read_bytes()
            names[name] = sha256(content).hexdigest()
            write_whole(self.folder / "files" / names[name], content)
        text = json.dumps({"errand": errand.model_dump_json(), "files": names})
        replace_whole(self.path("queue", job), text.encode())

    def get(self, job: str) -> tuple[Errand, dict[str, bytes]]:
        """An errand with its files."""
        found = json.loads(self.path("queue", job).read_bytes())
        files = {name: (self.folder / "files" / digest).read_bytes() for name, digest in found["files"].items()}
        return Errand.model_validate_json(found["errand"]), files

    def jobs(self) -> list[str]:
        """The jobs that are offered or at work."""
        return sorted(path.stem for path in (self.folder / "queue").glob("*.json"))

    def claim(self, job: str, who: str) -> bool:
        """Takes a job, which only one can."""
        path = self.path("claims", job)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(f"{who}\n")
        except FileExistsError:
            return False
        return True

    def claimant(self, job: str) -> str | None:
        """Who took a job."""
        with suppress(OSError, IndexError):
            return self.path("claims", job).read_text(encoding="utf-8").splitlines()[0]
        return None

    def note(self, job: str, word: str) -> None:
        """Adds a line to a job's claim."""
        with self.path("claims", job).open("a", encoding="utf-8") as file:
            file.write(f"{word}\n")

    def over(self, job: str) -> None:
        """Takes a job out of the folder."""
        for kind in ("queue", "said", "claims", "dropped"):
            self.path(kind, job).unlink(missing_ok=True)


class Share:
    """What an allocation does: one job after the other, until no job is left that nobody took."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.job: str | None = None

    def __call__(self, number: int) -> int:
        """Returns how many jobs it carried out. number tells the allocations of an array apart."""
        queue, who, done = Queue(Path(self.folder)), submitit.JobEnvironment().job_id, 0
        with _leaving(self) as leaving:
            while not leaving and (job := self._next(queue, who)) is not None:
                self.job, room = job, True
                with suppress(FileNotFoundError):  # the head took it back
                    carried, room = _carry(queue, job, leaving)
                    done += carried
                self.job = None
                if not room:  # or it would take all jobs that there are, and end none
                    break
        return done

    def checkpoint(self, number: int) -> Any:
        """The time of the allocation is nearly up: it is queued again, and goes on with its job."""
        self.leave()
        return submitit.helpers.DelayedSubmission(Share(self.folder), number)

    def leave(self) -> None:
        """Notes that its job did not end it."""
        if self.job is not None:
            Queue(Path(self.folder)).note(self.job, "left")

    def _next(self, queue: Queue, who: str) -> str | None:
        """A job that this allocation took before it was queued again, else one that nobody took."""
        jobs = queue.jobs()
        for job in jobs:
            if queue.claimant(job) == who and not _ended(queue.path("said", job)):
                return job
        return next((job for job in jobs if not queue.path("claims", job).exists() and queue.claim(job, who)), None)


@contextmanager
def _leaving(share: Share) -> Iterator[list[int]]:
    """A list that is no longer empty once SLURM takes the allocation away: it sends SIGTERM, to all processes, and gives half a
    minute or what the site says.
    """
    signals: list[int] = []

    def leave(number: int, frame: object) -> None:
        signals.append(number)
        share.leave()

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield signals
    finally:
        signal.signal(signal.SIGTERM, before)


def _carry(queue: Queue, job: str, leaving: list[int]) -> tuple[bool, bool]:
    """Carries out a job, from where it stopped, and writes what it says. Whether to the end, and whether there was room."""
    path = queue.path("said", job)
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = queue.path("claims", job).read_text(encoding="utf-8").splitlines()[1:]
    errand, files = queue.get(job)
    with path.open("a+b") as file:
        _cut(file)
        words = [read(line.decode()) for line in _lines(path)]
        if begun.count("began") - begun.count("left") >= DEATHS:
            reason = f"set aside: {DEATHS} times its node was lost"
            file.write(f"{written(Killed(reason=reason))}\n".encode())
            return True, True
        queue.note(job, "began")
        answered = {word.instance for word in words if isinstance(word, Solved)}
        rest = errand.model_copy(update={"todo": tuple(one for one in errand.todo if one not in answered)})
        with closing(carried_out(rest, files, f"{socket.gethostname()} ({submitit.JobEnvironment().job_id})")) as lines:
            for line in lines:
                if '"killed"' in line[:40]:
                    time.sleep(_NEWS)  # the signal that ended it may be on its way to this process
                if leaving:
                    return False, True
                file.write(f"{line}\n".encode())
                file.flush()
                if '"full"' in line[:40] and isinstance(read(line), Full):  # what was solved is long to read
                    return False, False
                if queue.path("dropped", job).exists():
                    break
    return True, True


def _cut(file: Any) -> None:
    """Takes half of a line away, which a kill may have left at the end."""
    file.seek(0)
    content = file.read()
    file.truncate(content.rfind(b"\n") + 1)


def _lines(path: Path) -> list[bytes]:
    """The whole lines of a file."""
    content = path.read_bytes() if path.exists() else b""
    return content[: content.rfind(b"\n") + 1].splitlines()


def _ended(path: Path) -> bool:
    lines = _lines(path)
    return bool(lines) and isinstance(read(lines[-1].decode(errors="replace")), Last | Differs | Full)
