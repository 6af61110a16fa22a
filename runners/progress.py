"""What the terminal shows while jobs run: overall, the instance at work, its steps with the running score and the time left."""

from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from runners.plan import Job, Plan


class Display:
    """Bars on a terminal; elsewhere one line for each finished instance."""

    def __init__(self, plan: Plan, console: Console) -> None:
        self.console = console
        self.live = console.is_terminal
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not self.live,
        )
        self.overall = self.bars.add_task("all instances", total=sum(len(j.todo) for j in plan.jobs), note="")
        self.finished = 0
        self.current: TaskID | None = None

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bars.stop()

    def start(self, job: Job) -> None:
        self._end_steps()
        limit = f"{job.timeout:.0f} s" if job.timeout < 120 else f"{job.timeout / 60:.0f} min"
        self.console.print(f"{job.name}: {len(job.todo)} of {job.preset.instances} instances, limit {limit}", highlight=False)

    def step(self, job: Job, message: dict[str, Any]) -> None:
        if not self.live:
            return
        metric = job.task.spec.primary
        title = f"{job.key.method} instance {message['instance']}"
        if self.current is None or self.bars.tasks[self.bars.task_ids.index(self.current)].description != title:
            self._end_steps()
            self.current = self.bars.add_task(title, total=message["steps"], note="")
        note = "" if message["score"] is None else f"{metric.name} {message['score']:.2f} {metric.unit}"
        self.bars.update(self.current, completed=message["step"], note=note)
        self.bars.update(self.overall, completed=self.finished + message["step"] / message["steps"])

    def instance(self, job: Job, message: dict[str, Any]) -> None:
        self._end_steps()
        self.finished += 1
        self.bars.update(self.overall, completed=self.finished)
        metric = job.task.spec.primary
        short = f", budget spent after {message['steps']} steps" if message["truncated"] else ""
        self.console.print(
            f"  instance {message['instance']} ({message['label']}): "
            f"{metric.name} {message['scores'][metric.name]:.2f} {metric.unit} in {message['seconds']:.1f} s{short}",
            highlight=False,
        )

    def failed(self, text: str) -> None:
        self._end_steps()
        self.console.print(f"  {text}", style="red", highlight=False, markup=False)

    def _end_steps(self) -> None:
        if self.current is not None:
            self.bars.remove_task(self.current)
            self.current = None
