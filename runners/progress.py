"""What the terminal shows while jobs run: the whole with its pace, and the instance at work, its steps with the running score
and the time left. Where jobs run on other machines it shows a line a node in place of the instances.
"""

import time
from collections import Counter
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from benchmark.store.queries import difference
from runners.engines.messages import Learnt, Solved, Start, Step
from runners.expect import spell
from runners.pace import Clock, Left, Nodes, Pace
from runners.plan import Job, Plan

_EVERY = 60.0  # seconds between lines that say how far the whole is, where there is no terminal


class Display:
    """Shows bars on a terminal, elsewhere one line for each finished instance, and for jobs on other machines one a minute that
    says how far the whole is.
    """

    def __init__(self, plan: Plan, console: Console, *, many: bool = False, clock: Clock = time.monotonic) -> None:
        self.console = console
        self.live = console.is_terminal
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            Left(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not self.live,
        )
        self.clock, self.told = clock, clock()
        self.pace, self.nodes = Pace(clock), Nodes(self.bars, console.height, clock)
        self.total = sum(len(j.todo) for j in plan.jobs)  # those that ended, and those that may yet
        self.overall = self.bars.add_task("all instances", total=self.total, note="", pace=self.pace)
        self.finished = 0
        self.ended_of = Counter[str]()  # by job that is not over: its instances that ended
        self.many = many  # several jobs at once: every line says whose it is
        self.current: dict[str, tuple[int | None, TaskID]] = {}  # by job: the instance at work and its bar

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bars.stop()

    def start(self, job: Job, message: Start) -> None:
        again = f", try {message.tried}" if message.tried > 1 else ""
        self._print(
            f"{_named(job)}: {len(job.todo)} of {job.preset.instances} instances, limit {spell(job.timeout)}, "
            f"budget {spell(job.preset.budget)} an instance"
            + (f", {spell(job.preset.fit_budget)} to learn" if job.fit_key else "")
            + (f", on {message.node}{again}" if message.node else "")
        )
        if message.node:
            self.nodes.arrive(job, message.node, self.ended_of[job.key.digest])
            self._whole()

    def moved(self, job: Job, reason: str) -> None:
        self.finish(job)
        self.nodes.leave(job)
        self._whole()
        self.console.print(f"  {self._prefix(job)}{reason}", style="yellow", highlight=False, markup=False)

    def step(self, job: Job, message: Step) -> None:
        if not self.live or job in self.nodes:
            return
        metric, number = job.task.spec.at(job.key.preset).primary, message.instance
        learning = number is None
        if self.current.get(job.key.digest, (None, None))[0] != number:
            self.finish(job)
            what = f"{job.key.method} {'learns' if learning else f'instance {number}'}"
            bar = self.bars.add_task(what, total=message.steps, note="")
            self.current[job.key.digest] = (number, bar)
        name, unit = ("loss", "") if learning else (metric.name, metric.unit)
        note = "" if message.score is None else f"{name} {message.score:.4g} {unit}"
        self.bars.update(self.current[job.key.digest][1], completed=message.step, note=note)

    def learnt(self, job: Job, message: Learnt) -> None:
        self.finish(job)
        how = "learnt before" if message.before else "learnt"
        short = ", ended by its budget" if message.truncated else ""
        self._print(f"  {self._prefix(job)}{how}, in {message.seconds:.3g} s{short}")

    def instance(self, job: Job, message: Solved) -> None:
        self.finish(job)
        self.finished += 1
        self.ended_of[job.key.digest] += 1
        self.pace.one()
        self.nodes.instance(job)
        self._whole()
        metric = job.task.spec.at(job.key.preset).primary
        spent = f"budget spent after {message.steps} steps" if message.steps else "it could not learn to the end"
        short = f", {spent}" if message.truncated else ""
        self._print(
            f"  {self._prefix(job)}instance {message.instance} ({message.label}): "
            f"{metric.name} {message.scores[metric.name]:.4g} {metric.unit} in {message.seconds:.2g} s{short}"
        )
        if not self.live and job in self.nodes and self.clock() - self.told > _EVERY:
            self.told, left = self.clock(), self.pace.words(self.total - self.finished)
            self._print(f"{self.finished} of {self.total} instances, {self.nodes.words()}; left {left}")

    def failed(self, job: Job, text: str, trace: str = "") -> None:
        self.finish(job)
        self.console.print(f"  {self._prefix(job)}{text}", style="red", highlight=False, markup=False)
        if trace:
            self.console.print(trace, highlight=False, markup=False)

    def ended(self, job: Job) -> None:
        """The job is over. What it did not do is not left any more."""
        self.finish(job)
        self.nodes.leave(job)
        self.total -= len(job.todo) - self.ended_of.pop(job.key.digest, 0)
        self._whole()

    def _whole(self) -> None:
        self.bars.update(self.overall, completed=self.finished, total=self.total, note=self.nodes.words())

    def finish(self, job: Job) -> None:
        """Takes the bar of a job's instance away."""
        if job.key.digest in self.current:
            self.bars.remove_task(self.current.pop(job.key.digest)[1])

    def _prefix(self, job: Job) -> str:
        return f"{_named(job)}: " if self.many else ""

    def _print(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False)


def _named(job: Job) -> str:
    """The job's name, and the parameters in which it differs from the recommended ones: those of a study share all else."""
    return f"{job.name}{difference(job.key.method, job.key.task, job.key.preset, job.key.parameters)}"
