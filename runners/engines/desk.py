"""The head of jobs on other machines: what goes out next, what came back, and what becomes of a job whose node was lost.

It knows nothing of how errands travel; an engine of a cluster asks it for the next and gives it the lines that come back.
"""

import re
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmark import registry, source
from benchmark.datasets import sources
from benchmark.spec import KEPT
from benchmark.store.writing import replace_whole
from runners.engines.base import Place
from runners.engines.files import path_of
from runners.engines.messages import (
    Broken,
    End,
    Failed,
    Killed,
    Last,
    Learnt,
    Message,
    Moved,
    Refused,
    Said,
    Solved,
    Start,
    Step,
)
from runners.engines.node import At, Beat, Differs, Errand, Fitted, Full, read
from runners.plan import Job

DEATHS = 2  # nodes that a job may cost before it is set aside

Events = Iterator[tuple[Job, Message]]


@dataclass(eq=False)
class Going:
    """A job on its way. tried: how often it was sent out. back: how often it was taken back before a node began it. answered:
    instances that came back.
    """

    job: Job
    tried: int = 0
    back: int = 0
    node: str = ""
    sent: float = 0.0  # by the monotonic clock
    heard: float = 0.0  # the same; 0 while it waits for a node
    answered: set[int] = field(default_factory=set)
    deaths: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        return self.job.key.digest

    @property
    def fit(self) -> str | None:
        return self.job.fit_key.digest if self.job.fit_key else None


class Desk:
    """Jobs in their order. Jobs that learn the same wait for the first of them and reuse its fit.

    attached: a job may have been sent out by an earlier head, and tells again of instances that are stored.
    """

    def __init__(self, jobs: Iterable[Job], place: Place, *, attached: bool = False) -> None:
        self.jobs, self.place, self.attached = iter(jobs), place, attached
        self.again: deque[Going] = deque()  # to be sent out again, or waiting for what another one learns
        self.going: dict[str, Going] = {}
        self.learning: dict[str, str] = {}  # by fit: the job that learns it
        self.fitted: set[str] = set()  # fits that are not learnt any more

    def next(self) -> Going | None:
        """The next job to be sent out. None where there is none now."""
        for _ in range(len(self.again)):
            if self._free(one := self.again.popleft()):
                return self._out(one)
            self.again.append(one)
        while (job := next(self.jobs, None)) is not None:
            if self._free(one := Going(job)):
                return self._out(one)
            self.again.append(one)
        return None

    def _free(self, one: Going) -> bool:
        return one.fit is None or one.fit in self.fitted or one.fit not in self.learning

    def _out(self, one: Going) -> Going:
        one.tried, one.node, one.sent, one.heard = one.tried + 1, "", time.monotonic(), 0.0
        self.going[one.digest] = one
        if one.fit is not None and one.fit not in self.fitted:
            if not self.place.relearn and self._kept(one.fit):
                self.fitted.add(one.fit)
            else:
                self.learning[one.fit] = one.digest
        return one

    def _kept(self, fit: str) -> list[Path]:
        kind = "*" if self.place.device == "auto" else self.place.device.partition(":")[0]
        return sorted(self.place.fits.glob(f"{fit}-{kind}.safetensors"))

    def errand(self, one: Going) -> Errand:
        """What the node is told of a job."""
        job, place = one.job, self.place
        brought = {name: str(folder.named) for name, folder in sources.user_sources().items() if folder.named is not None}
        return Errand(
            key=job.key,
            fit_key=job.fit_key,
            todo=tuple(number for number in job.todo if number not in one.answered),
            timeout=job.timeout,
            device=place.device,
            threads=place.threads,
            memory=place.memory,
            data_dir=str(place.data_dir.absolute()) if place.data_dir else None,
            relearn=place.relearn and one.fit not in self.fitted,
            apart=place.apart,
            sources=brought,
            included=tuple(f"include/{number}/{file.name}" for number, file in enumerate(registry.included())),
        )

    def files(self, one: Going) -> dict[str, Path]:
        """The files that the job needs and that the node may lack, by their place there: what was learnt, what other runs kept,
        the user's own methods and tasks.
        """
        found = {f"fits/{path.name}": path for path in (self._kept(one.fit) if one.fit in self.fitted else [])}
        for value in one.job.key.parameters.values():
            if isinstance(value, str) and re.match(KEPT, value) and (path := self.place.artifacts / path_of(value)).is_file():
                found[f"artifacts/{path_of(value)}"] = path
        for number, file in enumerate(registry.included()):
            found[f"include/{number}/{file.name}"] = file
            for other in source.imported_files(file):
                if not other.is_relative_to(registry.ROOT) and other.is_relative_to(file.parent):
                    found[f"include/{number}/{other.relative_to(file.parent).as_posix()}"] = other
        return found

    def heard(self, one: Going, line: str) -> Events:
        """What the engine tells of a line that came back. A node that differs, or that has no room, is the engine's to shun
        (`Differs`, `Full`).
        """
        one.heard = time.monotonic()
        word = read(line)
        if isinstance(word, At):
            if one.node:
                one.tried += 1
                yield one.job, Moved(reason=f"left {one.node}, which was taken away or too slow; it goes on")
            one.node = word.node
            yield one.job, Start(node=word.node, tried=one.tried)
        elif isinstance(word, Fitted):
            if one.fit is not None and word.name.startswith(one.fit):
                replace_whole(self.place.fits / word.name, word.content)
        elif not isinstance(word, Beat | Differs | Full):
            yield from self._said(one, word)

    def _said(self, one: Going, word: Said) -> Events:
        if isinstance(word, Solved | Failed | Step) and word.instance is not None and word.instance not in one.job.todo:
            if self.attached and word.instance < one.job.preset.instances:
                return
            word = Broken(reason=f"the node told of instance {word.instance}, which nobody asked for")
        if isinstance(word, Solved | Failed):
            if word.instance in one.answered:
                return
            one.answered.add(word.instance)
        if isinstance(word, Learnt) and one.fit is not None:
            self._released(one, learnt=True)
        if isinstance(word, Last):
            self.over(one)
        yield one.job, word

    def _released(self, one: Going, *, learnt: bool) -> None:
        if one.fit is not None and self.learning.get(one.fit) == one.digest:
            del self.learning[one.fit]
        if learnt and one.fit is not None and self._kept(one.fit):
            self.fitted.add(one.fit)

    def over(self, one: Going) -> None:
        """Nothing more is heard of the job."""
        self.going.pop(one.digest, None)
        self._released(one, learnt=False)

    def lost(self, one: Going, why: str) -> Events:
        """The node went while the job was on it. The job is sent out again for what it still lacks; one that cost its node
        twice is set aside.
        """
        self.over(one)
        one.deaths.append(f"{one.node or 'a node'}: {why}")
        if not set(one.job.todo) - one.answered:
            yield one.job, End(peak_memory=None, peak_device_memory=None)
        elif len(one.deaths) >= DEATHS:
            yield one.job, Killed(reason=f"set aside: {DEATHS} times its node was lost ({'; '.join(one.deaths)})")
        else:
            yield one.job, Moved(reason=f"lost on {one.deaths[-1]}; it is sent out again")
            self.again.append(one)

    def elsewhere(self, one: Going, why: str, *, hopeless: bool) -> Events:
        """A node does not take the job, which goes to another; where there is none (`hopeless`) it is refused."""
        self.over(one)
        if hopeless:
            yield one.job, Refused(reason=why)
        else:
            yield one.job, Moved(reason=f"refused the node {why}")
            self.again.append(one)

    def back(self, one: Going) -> None:
        """Takes back a job that no node has begun. It is the next to go out, and this time does not count."""
        self.over(one)
        one.tried, one.back = one.tried - 1, one.back + 1
        self.again.appendleft(one)

    def drop(self, job: Job) -> Going | None:
        """Forgets a job that is out."""
        one = self.going.get(job.key.digest)
        if one is not None:
            self.over(one)
        return one
