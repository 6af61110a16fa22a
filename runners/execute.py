"""Runs what is left of a plan. Messages of the workers go into the database and onto the screen."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from benchmark.errors import Halted, UserError
from benchmark.store.models import Run
from benchmark.store.writing import DiskFull, Unstorable
from runners import record
from runners.engines.base import Place, StartEngine
from runners.engines.local import Pool
from runners.engines.messages import (
    Broken,
    End,
    Failed,
    Hello,
    Killed,
    Last,
    Learnt,
    Making,
    Message,
    Moved,
    Refused,
    Solved,
    Start,
    Step,
    Stopped,
)
from runners.plan import Job, Plan
from runners.progress import Display


@dataclass
class Outcome:
    """The numbers of jobs that were started, that did not come to a good end, and that are at work in another runner
    (`elsewhere`).
    """

    started: int = 0
    bad: int = 0
    elsewhere: list[str] = field(default_factory=list)


class Execution:
    """One pass over a plan. `command` gives the command that makes a job's run again."""

    def __init__(
        self,
        session: Session,
        plan: Plan,
        place: Place,
        display: Display,
        command: Callable[[Job], str],
        *,
        at_once: int = 1,
        force: bool = False,
        fail_fast: bool = False,
        engine: StartEngine = Pool,
    ) -> None:
        self.session, self.plan, self.display, self.command = session, plan, display, command
        self.force, self.fail_fast = force, fail_fast
        self.runs: dict[str, Run] = {}
        self.starts: dict[str, Start] = {}  # of the jobs that are out: where each was sent last
        self.refusals: list[str] = []
        self.unstored: set[str] = set()  # pictures of instances whose rows could not be written
        self.outcome = Outcome()
        self.place, self.pool = place, engine(self._open_jobs(), at_once, place)

    def __call__(self) -> Outcome:
        """Runs every open job. Raises UserError where all that was started refused its input with the same words, DiskFull
        where not even the end of a job can be written, and ServerAway.
        """
        try:
            with closing(iter(self.pool)) as events:
                for event in events:
                    if event is None:
                        with suppress(DiskFull):
                            record.beat(self.session, self.runs.values())
                    elif not self._take(*event) and self.fail_fast:
                        self.outcome.bad += len(self.runs)  # the job whose instance failed is among them
                        break
        finally:
            self._stop()
        if self.refusals and len(self.refusals) == self.outcome.started:
            raise UserError(self.refusals[0])
        return self.outcome

    def _open_jobs(self) -> Iterator[Job]:
        """The jobs that are open. Each is looked up late, so that what another runner did or does meanwhile is seen. Those of
        other runners are looked up once more at the end, for what one that died left.
        """
        others: list[Job] = []
        yield from self._left_of(self.plan.jobs, others.append if not self.force else self._elsewhere)
        yield from self._left_of(others, self._elsewhere)

    def _left_of(self, jobs: Iterable[Job], busy: Callable[[Job], None]) -> Iterator[Job]:
        """Of these jobs those that have open instances. busy: is told of a job that another runner is at work on."""
        for job in jobs:
            todo = record.left(self.session, job, force=self.force)
            if todo is None:
                busy(job)
            elif todo:
                self.outcome.started += 1
                yield replace(job, todo=todo)

    def _take(self, job: Job, message: Message) -> bool:
        """Handles one message and returns whether all is well. A row that the database does not take fails its instance, or
        else the job. A full disk ends the job, which gives its temporary files back.
        """
        try:
            return self._handle(job, message)
        except (DiskFull, Unstorable) as error:
            return self._unstored(job, message, error)

    def _unstored(self, job: Job, message: Message, error: DiskFull | Unstorable) -> bool:
        run, full = self.runs.get(job.key.digest), isinstance(error, DiskFull)
        if isinstance(message, Solved):
            self.unstored |= {one.sha256 for one in message.artifacts}
            if run is not None and not full:
                with suppress(Unstorable):
                    return self._store(job, run, Failed(instance=message.instance, reason=str(error), trace=str(error)))
        self.pool.drop(job)
        ending: Stopped = Killed(reason=f"killed because {error}") if full else Broken(reason=str(error))
        try:
            return self._over(job, run, ending)
        except Unstorable:  # its run is gone
            self.runs.pop(job.key.digest, None)
            return self._lost(job, ending, ending.reason)

    def _handle(self, job: Job, message: Message) -> bool:
        run = self.runs.get(job.key.digest)
        if isinstance(message, Start):
            self.starts[job.key.digest] = message
            self.display.start(job, message)
        elif isinstance(message, Moved):
            self._move(job, run, message)
        elif isinstance(message, Last):
            return self._over(job, run, message)
        elif reason := _amiss(job, run, message):
            self.pool.drop(job)
            return self._over(job, run, Broken(reason=f"the worker sent a message that does not belong to its job ({reason})"))
        elif isinstance(message, Hello):
            self._begin(job, message)
        elif isinstance(message, Making):
            pass  # this message is for the engine's clock
        elif isinstance(message, Step):
            self.display.step(job, message)
        else:
            assert run is not None  # otherwise something is amiss
            return self._store(job, run, message)
        return True

    def _store(self, job: Job, run: Run, message: Learnt | Solved | Failed) -> bool:
        if isinstance(message, Learnt):
            record.learnt(self.session, run, message)
            self.display.learnt(job, message)
        elif isinstance(message, Solved):
            record.instance(self.session, run, message, self.place.artifacts)
            self.display.instance(job, message)
        else:
            record.failed_instance(self.session, run, message)
            self.display.failed(job, f"instance {message.instance} failed: {message.reason}")
            return False
        return True

    def _begin(self, job: Job, message: Hello) -> None:
        start = self.starts.get(job.key.digest, Start())
        run = record.begin(self.session, job, message.environment, self.command(job), self.pool.name, start)
        if run is None:
            self.pool.drop(job)
            self.starts.pop(job.key.digest, None)
            self.outcome.started -= 1
            self._elsewhere(job)
        else:
            self.runs[job.key.digest] = run

    def _move(self, job: Job, run: Run | None, message: Moved) -> None:
        """The run's finished instances stay. The next worker begins with it again."""
        self.display.moved(job, message.reason)
        if run is not None:
            record.interrupted(self.session, self.runs.pop(job.key.digest))

    def _over(self, job: Job, run: Run | None, message: Last) -> bool:
        if run is not None:
            return self._finish(job, run, message)
        return self._never_began(job, Broken(reason="the worker reported nothing") if isinstance(message, End) else message)

    def _finish(self, job: Job, run: Run, message: Last) -> bool:
        status = record.end(self.session, run, message, job.todo)
        fine = status == "done" or (status == "interrupted" and isinstance(message, End))  # some instances alone were asked for
        self.display.ended(job)
        del self.runs[job.key.digest]
        self.starts.pop(job.key.digest, None)
        if not isinstance(message, End):
            self.display.failed(job, message.reason)
        if isinstance(message, Refused):
            self.refusals.append(message.reason)
        self.outcome.bad += not fine
        return fine

    def _never_began(self, job: Job, message: Stopped) -> bool:
        start = self.starts.pop(job.key.digest, None)
        if start is not None and start.tried > 1:  # its run is that of an earlier try
            record.sent(self.session, job, self.pool.name, start)
        return self._lost(job, message, f"could not start: {message.reason}")

    def _lost(self, job: Job, message: Stopped, reason: str) -> bool:
        """Notes that a job ended of which no run tells."""
        self.starts.pop(job.key.digest, None)
        self.display.ended(job)
        self.outcome.bad += 1
        if isinstance(message, Refused):
            self.refusals.append(message.reason)
        self.display.failed(job, reason, "" if isinstance(message, Refused) else message.trace)
        return False

    def _elsewhere(self, job: Job) -> None:
        self.outcome.elsewhere.append(job.name)
        self.display.ended(job)
        self.display.failed(job, "another runner is at work on it: left to that one")

    def _stop(self) -> None:
        """Interrupts what still runs when the pass ends early. Its finished instances stay. Where that cannot be written, the
        next command does it.
        """
        with suppress(Halted, SQLAlchemyError):
            for run in self.runs.values():
                record.interrupted(self.session, run)
        self.runs.clear()
        if self.unstored:
            with suppress(SQLAlchemyError):
                record.unlink_unnamed(self.session, self.place.artifacts, self.unstored)


def _amiss(job: Job, run: Run | None, message: Message) -> str | None:
    """The reason why a message cannot be of this job as it stands, if there is one."""
    if isinstance(message, Hello):
        return None if run is None else "it began twice"
    if run is None:
        return "it did not begin"
    if isinstance(message, Step | Solved | Failed) and message.instance not in (*job.todo, None):
        return f"instance {message.instance}"
    if isinstance(message, Solved):
        wanted = {metric.name for metric in job.task.spec.at(job.key.preset).metrics}
        if not wanted <= message.scores.keys() <= wanted | {trait.name for trait in job.task.spec.traits}:
            return f"scores {', '.join(message.scores) or 'none'} instead of {', '.join(sorted(wanted))}"
    return None
