"""How fast instances end and what is left by that, and the lines of nodes with what runs there."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.progress import Progress, Task, TaskID, TimeRemainingColumn
from rich.text import Text

from runners.expect import spell
from runners.plan import Job

_WINDOW = 600.0  # seconds whose instances count
_LEAST = 20  # instances that count however long ago they ended
_IDLE = 60.0  # seconds after which the line of a node goes where nothing runs
_NAMED = 2  # jobs that the line of a node names
_OTHERS = 6  # lines of a terminal that are not for nodes

Clock = Callable[[], float]


class Pace:
    """Instances a minute, by those of the last ten minutes, or the last twenty where these took longer."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self.ends = deque([clock()])  # the first is no instance: the others are counted from there

    def one(self) -> None:
        """An instance ended."""
        now = self.clock()
        self.ends.append(now)
        while len(self.ends) > _LEAST + 1 and self.ends[1] < now - _WINDOW:
            self.ends.popleft()

    @property
    def rate(self) -> float:
        """Instances a minute; 0 before the first."""
        passed = self.clock() - self.ends[0]
        return 60 * (len(self.ends) - 1) / passed if passed > 0 else 0.0

    def words(self, left: float) -> str:
        """The time that so many instances take, and how many end in a minute."""
        if not (rate := self.rate):
            return "unknown"
        number = f"{rate:.0f}" if rate >= 100 else f"{rate:.2g}"
        return f"{spell(60 * left / rate)}, {number} instances a minute"


class Left(TimeRemainingColumn):
    """The time left: of a bar with a pace by that, else by the bar's own."""

    def render(self, task: Task) -> Text:
        pace = task.fields.get("pace")
        if pace is None or task.total is None:
            return super().render(task)
        return Text(pace.words(task.total - task.completed), style="progress.remaining")


@dataclass
class _Node:
    """The bar of a node, and by job its name, its instances and those that ended."""

    bar: TaskID
    jobs: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    idle: float = 0.0  # since when nothing runs there


class Nodes:
    """One bar a node, for as many as the terminal has lines: the instances of the jobs that run there, and their names."""

    def __init__(self, bars: Progress, height: int, clock: Clock = time.monotonic) -> None:
        self.bars, self.most, self.clock = bars, max(1, height - _OTHERS), clock
        self.known: dict[str, _Node] = {}
        self.where: dict[str, str] = {}  # by job

    def __contains__(self, job: Job) -> bool:
        return job.key.digest in self.where

    def arrive(self, job: Job, name: str, ended: int) -> None:
        """A job begins on the node of this name, with so many of its instances ended before."""
        self.leave(job)
        before = set(self.known)
        for other, node in list(self.known.items()):
            if not node.jobs and other != name and self.clock() - node.idle > _IDLE:
                self.bars.remove_task(self.known.pop(other).bar)
        if name not in self.known:
            self.known[name] = _Node(self.bars.add_task(name, total=0, note=""))
        for number, node in enumerate(self.known.values() if self.known.keys() != before else ()):
            self.bars.update(node.bar, visible=number < self.most)
        node = self.known[name]
        self.where[job.key.digest] = name
        node.jobs[job.key.digest] = (job.name, len(job.todo), ended)
        self.bars.reset(node.bar, **self._state(node))

    def instance(self, job: Job) -> None:
        """An instance of a job ended."""
        if job in self:
            node = self.known[self.where[job.key.digest]]
            name, total, ended = node.jobs[job.key.digest]
            node.jobs[job.key.digest] = (name, total, ended + 1)
            self.bars.update(node.bar, **self._state(node))

    def leave(self, job: Job) -> None:
        """The job is not on its node any more."""
        if job in self:
            node = self.known[self.where.pop(job.key.digest)]
            del node.jobs[job.key.digest]
            node.idle = self.clock()
            self.bars.update(node.bar, **self._state(node))

    def words(self) -> str:
        """How much runs on how many nodes; empty where there are none."""
        if not self.known:
            return ""
        busy = sum(bool(node.jobs) for node in self.known.values())
        hidden = len(self.known) - self.most
        return f"{_count(len(self.where), 'job')} on {_count(busy, 'node')}" + (f", {hidden} not shown" if hidden > 0 else "")

    def _state(self, node: _Node) -> dict[str, Any]:
        names = [name for name, _, _ in node.jobs.values()]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        total = sum(total for _, total, _ in node.jobs.values())
        ended = sum(ended for *_, ended in node.jobs.values())
        return {"total": total, "completed": ended, "note": ", ".join(names[:_NAMED]) + more or "nothing runs there"}


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
