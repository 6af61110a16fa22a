"""Run methods on tasks:  python -m runners.run --task mri --method self_guided_dip

Names are checked and jobs planned here; each job runs in a process of its own; results are committed after each instance.
"""

import shlex
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.environment import cores
from benchmark.errors import UserError
from benchmark.spec import duration
from benchmark.store import queries
from benchmark.store.database import location, open_database
from runners import record
from runners.cli import refuse, run_app
from runners.engines.local import run_job
from runners.plan import Job, Plan, make_plan, parse_seeds, parse_settings
from runners.progress import Display
from runners.table import result_table

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
console = Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200)

Texts = list[str]
EPILOG = """Examples:  python -m runners.run --task mri --method self_guided_dip
  |  python -m runners.run --task mri --method all --seeds 3
  |  python -m runners.run --task mri --method dip --set lr=3e-3 --seeds 1000,"""


@app.command(epilog=EPILOG)
def main(
    task: Annotated[Texts | None, typer.Option(metavar="NAME", help="Task, or all. Repeatable.")] = None,
    method: Annotated[Texts | None, typer.Option(metavar="NAME", help="Method, or all. Repeatable.")] = None,
    preset: Annotated[str, typer.Option(metavar="NAME", help="Size of the task.")] = "small",
    seeds: Annotated[
        str, typer.Option(metavar="SEEDS", help="A count (3) or a list (0,4,7); 1000 and more draw tuning data: 1000,")
    ] = "1",
    set_: Annotated[Texts | None, typer.Option("--set", metavar="NAME=VALUE", help="A hyperparameter. Repeatable.")] = None,
    device: Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda or cuda:N.")] = "auto",
    threads: Annotated[int, typer.Option(metavar="N", min=1, help="CPU threads of a job.", show_default="all cores")] = cores(),
    timeout: Annotated[str | None, typer.Option(metavar="TIME", help="Kill a job after this long: 90s, 10m, 2h.")] = None,
    db: Annotated[
        str | None, typer.Option(metavar="PATH", help="Database file or URL; else $LOWDIMBENCH_DB, results/lowdimbench.db.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(metavar="PATH", help="Folder with data that the suite cannot ship.")] = None,
    include: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A file with methods or tasks of your own. Repeatable.")
    ] = None,
    no_baseline: Annotated[bool, typer.Option("--no-baseline", help="Do not add the task's baseline.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="List tasks, presets and methods, and stop.")] = False,
) -> None:
    """Run methods on tasks and store every score."""
    registry.include(include or ())
    if list_:
        print_list()
        return
    if not task or not method:
        raise UserError("name a --task and a --method (--list shows them), or all of either")
    check_device(device)
    limit = check_timeout(timeout)
    plan = make_plan(
        task,
        method,
        preset,
        parse_seeds(seeds),
        parse_settings(set_ or ()),
        baseline=not no_baseline,
        timeout=limit,
        data_dir=data_dir,
    )
    target = location(db)
    if dry_run and "://" not in target and not Path(target).exists():
        print_plan(plan)
        return
    with Session(open_database(target)) as session:
        plan = plan.with_todo(_finished(session, plan))
        print_plan(plan)
        if dry_run:
            return
        bad = 0
        try:
            bad = execute(session, plan, target, device, threads, data_dir)
        except KeyboardInterrupt:
            console.print(f"\nstopped; finished instances are kept. Continue with: {command_line()}", highlight=False)
            raise typer.Exit(130) from None
        finish(session, plan, target, bad)


def execute(session: Session, plan: Plan, target: str, device: str, threads: int, data_dir: Path | None) -> int:
    """Run what is left of the plan; the number of jobs that did not come to a good end."""
    artifacts = artifact_folder(target)
    bad = 0
    with Display(plan, console) as display:
        for job in plan.jobs:
            if job.todo:
                display.start(job)
                messages = run_job(job, device=device, threads=threads, artifacts=artifacts, data_dir=data_dir)
                bad += not _one(session, job, messages, display)
    return bad


def _one(session: Session, job: Job, messages: Generator[record.Message], display: Display) -> bool:
    run = None
    with closing(messages) as stream:
        try:
            for message in stream:
                kind = message["kind"]
                if kind == "hello":
                    run = record.begin(session, job, message["environment"], own_command(job))
                elif kind == "step":
                    display.step(job, message)
                elif kind == "refused":
                    if run is not None:
                        record.end(session, run, message)
                    raise UserError(message["reason"])
                elif run is None:
                    display.failed(f"could not start: {message['reason']}")
                    console.print(message.get("trace", ""), markup=False, highlight=False)
                    return False
                elif kind == "instance":
                    record.instance(session, run, message)
                    display.instance(job, message)
                elif kind == "failed":
                    record.failed_instance(session, run, message)
                    display.failed(f"instance {message['instance']} failed: {message['reason']}")
                else:
                    record.end(session, run, message)
                    if kind != "end":
                        display.failed(f"{job.name}: {message['reason']}")
        except KeyboardInterrupt:
            if run is not None:
                record.interrupted(session, run)
            raise
    return run is not None and run.status == "done"


def _finished(session: Session, plan: Plan) -> dict[str, set[int]]:
    done = {}
    for job in plan.jobs:
        run = queries.find_run(session, job.key.digest)
        if run is not None:
            done[job.key.digest] = queries.finished_instances(session, run)
    return done


def finish(session: Session, plan: Plan, target: str, bad: int) -> None:
    """Print the tables and where to look further. Exits with 1 when a job failed."""
    splits = {"test" if job.key.seed < 1000 else "tuning" for job in plan.jobs}
    for task, preset in plan.presets:
        for split in sorted(splits):
            console.print()
            console.print(result_table(session, task.spec, preset, split))
    console.print(f"\nresults in {target}; browse them with: make leaderboard", highlight=False)
    if bad:
        console.print(f"{bad} of {len(plan.jobs)} jobs did not finish; the same command tries them again", style="red")
        raise typer.Exit(1)


def print_plan(plan: Plan) -> None:
    """What will run, what is done already, and everything that was left out or added."""
    for note in plan.notes:
        console.print(note, highlight=False, markup=False)
    open_jobs = [job for job in plan.jobs if job.todo]
    done = len(plan.jobs) - len(open_jobs)
    console.print(f"{len(plan.jobs)} jobs: {done} done already, {len(open_jobs)} to run", highlight=False)
    for job in open_jobs:
        changed = queries.difference(job.key.method, job.key.task, job.key.preset, job.key.parameters)
        console.print(
            f"  {job.name}{changed}: {len(job.todo)} of {job.preset.instances} instances, killed after {job.timeout:.0f} s",
            highlight=False,
            markup=False,
        )


def print_list() -> None:
    """Every task with its presets, every method with its hyperparameters."""
    for task in registry.tasks().values():
        spec = task.spec
        console.print(f"task   {spec.name}  v{spec.version}  {spec.title}; poses {spec.poses}", highlight=False)
        for name, size in spec.presets.items():
            console.print(f"         {name}: {size.instances} instances, {size.about}", highlight=False, markup=False)
    for method in registry.methods().values():
        about = method.spec
        console.print(f"method {about.name}  ({about.kind})  {about.summary}; solves {about.solves}", highlight=False)
        defaults = (f"{name}={field.default}" for name, field in about.parameters.model_fields.items())
        if line := ", ".join(defaults):
            console.print(f"         {line}", highlight=False, markup=False)


def check_device(name: str) -> None:
    """Raises UserError unless `name` is a device that this machine has."""
    kind, _, index = name.partition(":")
    if kind not in {"auto", "cpu", "cuda"} or (index and not (kind == "cuda" and index.isdigit())):
        raise UserError(f"unknown device '{name}'; use auto, cpu, cuda or cuda:N")
    if kind == "cuda":
        from runners.worker import pick_device

        pick_device(name)


def check_timeout(text: str | None) -> float | None:
    """Seconds. Raises UserError for what is not a duration."""
    try:
        return None if text is None else duration(text)
    except ValueError as error:
        raise UserError(f"--timeout: {error}") from None


def artifact_folder(target: str) -> Path:
    """Beside a SQLite file; for a server, results/artifacts."""
    folder = Path("results") if "://" in target else Path(target).parent
    return (folder / "artifacts").absolute()


def command_line() -> str:
    """This command as it was typed."""
    return shlex.join(["python", "-m", "runners.run", *sys.argv[1:]])


def own_command(job: Job) -> str:
    """The command that makes this one run again."""
    words = [
        "--task",
        job.key.task,
        "--method",
        job.key.method,
        "--preset",
        job.key.preset,
        "--seeds",
        f"{job.key.seed},",
    ]
    for name, value in job.key.parameters.items():
        words += ["--set", f"{name}={value}"]
    return shlex.join(["python", "-m", "runners.run", *words])


if __name__ == "__main__":
    try:
        run_app(app)
    except OperationalError as error:
        refuse(f"the database could not be written ({error.orig}); finished instances are kept")
