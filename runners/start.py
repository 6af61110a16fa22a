"""From requests to stored results, without a word printed: plan, open the database, execute. Commands and Python use it alike.

how = How(jobs=2)
plan = prepare([Request(task="mri", method="dip", preset="tiny")], how, target)
with opened(plan, target) as (session, plan), Display(plan, console) as display:
    outcome = execute(session, plan, target, how, display)
"""

import math
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.datasets import sources
from benchmark.environment import memory
from benchmark.errors import UserError, shortened, unknown
from benchmark.spec import TaskSpec
from benchmark.store import queries
from benchmark.store.database import open_database
from benchmark.store.writing import persist
from runners import expect, record, sharing
from runners.engines import ENGINES, engine
from runners.engines.base import Place
from runners.execute import Execution, Outcome
from runners.kept import with_kept
from runners.load import merge_reference
from runners.parse import parse_size, shown
from runners.plan import Job, Plan, make_plan
from runners.progress import Display
from runners.request import Request

_DEVICE = re.compile(r"auto|cpu|cuda(:(0|[1-9][0-9]?))?")
_SHARE = 0.9  # of the machine's memory that all jobs together may use


@dataclass(frozen=True)
class How:
    """How jobs run and with which data.

    device    auto, cpu, cuda or cuda:N
    jobs      that run side by side; None chooses by the cores that are free and the plan (`settled`)
    threads   CPU threads of one job; None shares the cores
    memory    a size such as 4G that one job may use; None shares 90 % of the machine's
    data_dir  folder with data that the suite cannot ship
    sources   places of data that the user brings, by name of the source (benchmark/datasets/sources.py)
    force     runs again what is done, and learns again what was learnt
    fail_fast stops everything after the first failure
    apart     scores in a process that never loads the method
    engine    where jobs run, by name (runners/engines); on other machines (`afar`) jobs is 0 for as many as there is room
              for, threads are one if None, and memory is a node's share if None
    options   of the engine, by name
    """

    device: str = "auto"
    jobs: int | None = None
    threads: int | None = None
    memory: str | None = None
    data_dir: Path | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    fail_fast: bool = False
    apart: bool = False
    engine: str = "local"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def afar(self) -> bool:
        """Whether jobs run on other machines."""
        return self.engine != "local"

    @property
    def limit(self) -> float:
        """The bytes that one job may use. Raises UserError for a size that is none."""
        if self.afar and not self.memory:
            return math.inf
        return parse_size(self.memory) if self.memory else _SHARE * memory() / (self.jobs or 1)

    def place(self, target: str) -> Place:
        """Where the jobs run whose results go to the database `target`."""
        return Place(
            self.device, self.threads or 1, artifact_folder(target), self.data_dir, self.limit, self.force, apart=self.apart
        )


def prepare(requests: Sequence[Request], how: How, target: str, dry: bool = False) -> Plan:
    """The plan of everything that the requests ask for, done or not. dry: nothing will run, so no engine has to be installed.

    Raises UserError for unknown names, parameters that a method does not take, a device that is not there, data that is missing
    or that no preset of the plan takes.
    """
    requests = [with_kept(request, target) for request in requests]
    if how.engine not in ENGINES:
        raise unknown("engine", how.engine, ENGINES)
    if how.afar and not dry:
        engine(how.engine, how.options)
    check_device(how.device, here=not how.afar)
    _ = how.limit
    with sources.replaced(how.sources):
        plan = make_plan(requests, how.data_dir)
    check_sources(plan, how.sources)
    return plan


@contextmanager
def opened(plan: Plan, target: str, *, force: bool = False) -> Iterator[tuple[Session, Plan]]:
    """A session on the database, which holds the reference results of the plan's presets, and what is left of the plan.

    Runs whose runner died are ended.
    """
    with Session(open_database(target)) as session:
        record.settle(session)
        merge_reference(session, [(task.spec.name, preset) for task, preset in plan.presets], target)
        if not force:
            plan = plan.with_todo(persist(session, lambda: queries.finished(session, [job.key.digest for job in plan.jobs])))
        yield session, plan


def settled(how: How, plan: Plan, times: expect.Seconds) -> How:
    """The same with numbers of jobs and threads, chosen where they are None. times are those of earlier runs
    (runners/expect.py).
    """
    if how.afar:
        return replace(how, jobs=how.jobs or 0, threads=how.threads or 1)
    if how.jobs is not None and how.threads is not None:
        return how
    todo = [job for job in plan.jobs if job.todo]
    told = [expect.expected(job, times) for job in todo]
    known = [seconds for seconds in told if seconds is not None]
    usual = sum(known) / len(known) if known else 1.0
    works = [
        sharing.Work(usual if seconds is None else seconds, job.preset.threads) for job, seconds in zip(todo, told, strict=True)
    ]
    most = 1 if _on_gpu(how.device) else sharing.most_jobs(_SHARE * memory(), how.limit if how.memory else None)
    jobs, threads = sharing.share(*sharing.cores_now(), works, how.jobs, how.threads, most=most)
    return replace(how, jobs=jobs, threads=threads)


def _on_gpu(device: str) -> bool:
    """Whether jobs will share a GPU, as far as can be told without torch."""
    there = shutil.which("nvidia-smi") is not None or Path("/dev/nvidiactl").exists()
    return device.startswith("cuda") or (device == "auto" and there)


def execute(session: Session, plan: Plan, target: str, how: How, display: Display) -> Outcome:
    """Runs what is left of the plan, each job in a process of its own, and commits after each instance. `how` is settled if
    need be.

    Raises UserError where every job refused its input with the same words. KeyboardInterrupt leaves what is finished.
    """
    if None in (how.jobs, how.threads):
        how = settled(how, plan, persist(session, lambda: expect.known_times(session)))
    place = how.place(target)
    with sources.replaced(how.sources):
        return Execution(
            session,
            plan,
            place,
            display,
            lambda job: own_command(job, place),
            at_once=(how.jobs or 0) if how.afar else how.jobs or 1,
            force=how.force,
            fail_fast=how.fail_fast,
            engine=engine(how.engine, how.options),
        )()


def check_device(name: str, *, here: bool = True) -> None:
    """Raises UserError unless `name` is a device, and one that this machine has where jobs run `here`."""
    if not here and name.startswith("cuda:"):
        raise UserError(f"--device {name}: a cluster chooses among the GPUs of a node; write cuda")
    if not _DEVICE.fullmatch(name):
        raise UserError(f"unknown device '{shortened(name)}'; use auto, cpu, cuda or cuda:N")
    if here and name.startswith("cuda"):
        from runners.worker import pick_device

        pick_device(name)


def check_sources(plan: Plan, names: Iterable[str]) -> None:
    """Raises UserError for a source that no preset of the plan reads."""
    for name in names:
        if any(name in sources_of(task.spec, preset) for task, preset in plan.presets):
            continue
        task, preset = plan.presets[0]
        able = [other for other in task.spec.presets if name in sources_of(task.spec, other)]
        more = f"; its presets {', '.join(able)} do" if able else ""
        raise UserError(f"--source {name}: {task.spec.name}/{preset} takes no {name} of yours{more}")


def sources_of(spec: TaskSpec, preset: str) -> tuple[str, ...]:
    """The names of the sources that a preset reads, also to learn from."""
    size = spec.presets[preset]
    # the user's takes the place of the one that the preset names, unless the pictures are drawn from that one
    priors = ("prior",) if size.prior and not size.exact else ()
    return (*size.data, *(spec.presets[size.learns_as].data if size.learns_as else ()), *priors)


def artifact_folder(target: str) -> Path:
    """The folder of artifacts: beside a SQLite file, or results/artifacts for a server."""
    folder = Path("results") if "://" in target else Path(target).parent
    return (folder / "artifacts").absolute()


def own_command(job: Job, place: Place) -> str:
    """The command that makes this one run again, here."""
    key = job.key
    words = ["--task", key.task, "--method", key.method, "--preset", key.preset, "--seeds", f"{key.seed},"]
    for name, value in key.parameters.items():
        words += ["--set", f"{name}={shown(value)}"]
    words += ["--threads", str(place.threads), "--device", place.device, *(["--apart"] if place.apart else [])]
    if place.data_dir is not None:
        words += ["--data-dir", str(place.data_dir)]
    brought = sources.user_sources()
    for name in dict.fromkeys(sources_of(job.task.spec, key.preset)):
        if name in brought and (named := brought[name].named) is not None:
            words += ["--source", f"{name}={named}"]
    for file in registry.included():
        if file in (job.task.file, job.method.file):
            words += ["--include", str(file)]
    return shlex.join(["python", "-m", "runners.run", *words])
