"""Run methods on tasks:  python -m runners.run --task mri --method self_guided_dip

Names are checked and jobs planned here; each job runs in a process of its own; results are committed after each instance.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.datasets import encoders
from benchmark.environment import cores, memory
from benchmark.errors import UserError
from benchmark.store import queries
from benchmark.store.database import location, open_database
from runners import completion, expect
from runners.cli import refuse, run_app
from runners.engines.local import Place
from runners.execute import Execution, Outcome
from runners.kept import with_kept
from runners.listing import print_list, print_plan
from runners.load import merge_reference
from runners.parse import parse_grid, parse_settings, parse_size, shown
from runners.plan import Job, Plan, make_plan
from runners.progress import Display
from runners.request import Request, read_plan_file
from runners.table import result_table

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
console = Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 200)

Texts = list[str]
EXAMPLES = (
    "python -m runners.run --task mri --method self_guided_dip",
    "python -m runners.run --task mri --method all --seeds 3 --jobs 2",
    "python -m runners.run --task 'm*' --method kind:classical --method paper:2402.04097 --dry-run",
    "python -m runners.run --task mri --method dip --grid lr=1e-3,3e-3 --seeds 2",
)
EPILOG = "\n\n".join(["Examples (each can be pasted):", *EXAMPLES])
WHAT, HOW, WHERE, WHETHER = "What to run", "How to run it", "Where things are", "Only look"
_SHARE = 0.9  # of the machine's memory that all jobs together may use


@app.command(epilog=EPILOG)
def main(
    task: Annotated[
        Texts | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.tasks,
            rich_help_panel=WHAT,
            help="Task: a name, a glob ('m*'), a tag (paper:2402.04097, poses:LinearInverse) or all. Repeatable.",
        ),
    ] = None,
    method: Annotated[
        Texts | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.methods,
            rich_help_panel=WHAT,
            help="Method: a name, a glob ('*dip'), a tag (kind:baseline, paper:2402.04097) or all. Repeatable.",
        ),
    ] = None,
    preset: Annotated[
        str, typer.Option(metavar="NAME", autocompletion=completion.presets, rich_help_panel=WHAT, help="Size of the task.")
    ] = "small",
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="SEEDS",
            rich_help_panel=WHAT,
            show_default="1",
            help="A count (3) or a list (0,4,7); 1000 and more draw tuning data: 1000,",
        ),
    ] = None,
    set_: Annotated[
        Texts | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            autocompletion=completion.parameters,
            rich_help_panel=WHAT,
            help="A hyperparameter. Repeatable.",
        ),
    ] = None,
    grid: Annotated[
        Texts | None,
        typer.Option(
            metavar="NAME=V1,V2",
            autocompletion=completion.parameters,
            rich_help_panel=WHAT,
            help="A parameter study: every combination, on tuning data. Repeatable.",
        ),
    ] = None,
    on_test: Annotated[
        bool, typer.Option("--on-test", rich_help_panel=WHAT, help="Let --grid use test data; its rows are marked.")
    ] = False,
    no_baseline: Annotated[
        bool, typer.Option("--no-baseline", rich_help_panel=WHAT, help="Do not add the task's baseline.")
    ] = False,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", rich_help_panel=WHAT, help="Run what a YAML or TOML file lists."),
    ] = None,
    device: Annotated[str, typer.Option(metavar="DEVICE", rich_help_panel=HOW, help="auto, cpu, cuda or cuda:N.")] = "auto",
    jobs: Annotated[int, typer.Option(metavar="N", min=1, rich_help_panel=HOW, help="Jobs side by side.")] = 1,
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, rich_help_panel=HOW, help="CPU threads of a job.", show_default="cores / jobs"),
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", rich_help_panel=HOW, help="Kill a job after this long: 90s, 10m, 2h; never.")
    ] = None,
    memory_limit: Annotated[
        str | None,
        typer.Option(
            "--memory",
            metavar="SIZE",
            rich_help_panel=HOW,
            help="Kill a job that uses more: 4G.",
            show_default="90 % of the machine / jobs",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", rich_help_panel=HOW, help="Run again what is done already.")] = False,
    keep_going: Annotated[
        bool,
        typer.Option("--keep-going/--fail-fast", rich_help_panel=HOW, help="After a failure: go on, or stop everything."),
    ] = True,
    db: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", rich_help_panel=WHERE, help="Database file or URL; else $LOWDIMBENCH_DB, results/lowdimbench.db."
        ),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="PATH", rich_help_panel=WHERE, help="Folder with data that the suite cannot ship.")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", rich_help_panel=WHERE, help="Encoder for presets that take yours: a folder, or a name on the hub."
        ),
    ] = None,
    include: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", rich_help_panel=WHERE, help="A file with methods or tasks of your own. Repeatable."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", rich_help_panel=WHETHER, help="Print the plan, with the time expected, and stop.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", rich_help_panel=WHETHER, help="List tasks, presets and methods, and stop.")
    ] = False,
) -> None:
    """Run methods on tasks and store every score."""
    registry.include(include or ())
    if list_:
        print_list(console)
        return
    if plan_file is not None:
        given = {"--task": task, "--method": method, "--set": set_, "--grid": grid, "--seeds": seeds}
        if mixed := [name for name, value in given.items() if value]:
            raise UserError(f"--plan says what to run; leave out {', '.join(mixed)}")
        requests = read_plan_file(plan_file)
        if timeout is not None:
            requests = [request.model_copy(update={"timeout": timeout}) for request in requests]
    elif task and method:
        requests = [
            Request(
                task=task,
                method=method,
                preset=preset,
                seeds=seeds,
                set=parse_settings(set_ or ()),
                grid=parse_grid(grid or ()),
                on_test=on_test,
                baseline=not no_baseline,
                timeout=timeout,
            )
        ]
    else:
        raise UserError("name a --task and a --method (--list shows them), or all of either, or a --plan FILE")
    requests = [with_kept(request, db) for request in requests]
    check_device(device)
    limit = parse_size(memory_limit) if memory_limit else _SHARE * memory() / jobs
    if backbone is not None:
        os.environ[encoders.VARIABLE] = str(encoders.folder(backbone))
    plan = make_plan(requests, data_dir)
    if backbone is not None:
        check_backbone(plan)
    target = location(db)
    if dry_run and "://" not in target and not Path(target).exists():
        print_plan(console, plan, {}, jobs)
        return
    with Session(open_database(target)) as session:
        merge_reference(session, [(task.spec.name, preset) for task, preset in plan.presets], target)
        if not force:
            plan = plan.with_todo(queries.finished(session, [job.key.digest for job in plan.jobs]))
        print_plan(console, plan, expect.known_times(session), jobs)
        if dry_run:
            return
        place = Place(device, threads or max(1, cores() // jobs), artifact_folder(target), data_dir, limit, force)
        with Display(plan, console, many=jobs > 1) as display:
            execution = Execution(
                session,
                plan,
                place,
                display,
                lambda job: own_command(job, place),
                at_once=jobs,
                force=force,
                fail_fast=not keep_going,
            )
            try:
                outcome = execution()
            except KeyboardInterrupt:
                print(f"\nstopped; finished instances are kept. Continue with: {command_line()}")
                raise typer.Exit(130) from None
        finish(session, plan, target, outcome)


def finish(session: Session, plan: Plan, target: str, outcome: Outcome) -> None:
    """Print the tables and where to look further. Exits with 1 when a job failed."""
    for task, preset in plan.presets:
        for split in plan.splits:
            console.print()
            console.print(result_table(session, task.spec, preset, split))
    console.print(f"\nresults in {target}; browse them with: make leaderboard", highlight=False)
    if outcome.elsewhere:
        console.print(f"{len(outcome.elsewhere)} jobs are at work in another runner", highlight=False)
    if outcome.bad:
        console.print(f"{outcome.bad} of {len(plan.jobs)} jobs did not finish; the same command tries them again", style="red")
        raise typer.Exit(1)


def check_device(name: str) -> None:
    """Raises UserError unless `name` is a device that this machine has."""
    kind, _, index = name.partition(":")
    if kind not in {"auto", "cpu", "cuda"} or (index and not (kind == "cuda" and index.isdigit())):
        raise UserError(f"unknown device '{name}'; use auto, cpu, cuda or cuda:N")
    if kind == "cuda":
        from runners.worker import pick_device

        pick_device(name)


def check_backbone(plan: Plan) -> None:
    """Raises UserError if something in the plan brings its own encoder, or takes none."""
    for task, preset in plan.presets:
        if "backbone" not in task.spec.presets[preset].data:
            able = [name for name, size in task.spec.presets.items() if "backbone" in size.data]
            more = f"; its presets {', '.join(able)} do" if able else ""
            raise UserError(f"--backbone: {task.spec.name}/{preset} takes no encoder of yours{more}")


def artifact_folder(target: str) -> Path:
    """Beside a SQLite file; for a server, results/artifacts."""
    folder = Path("results") if "://" in target else Path(target).parent
    return (folder / "artifacts").absolute()


def command_line() -> str:
    """This command as it was typed."""
    return shlex.join(["python", "-m", "runners.run", *sys.argv[1:]])


def own_command(job: Job, place: Place) -> str:
    """The command that makes this one run again, here."""
    key = job.key
    words = ["--task", key.task, "--method", key.method, "--preset", key.preset, "--seeds", f"{key.seed},"]
    for name, value in key.parameters.items():
        words += ["--set", f"{name}={shown(value)}"]
    words += ["--threads", str(place.threads), "--device", place.device]
    if place.data_dir is not None:
        words += ["--data-dir", str(place.data_dir)]
    if "backbone" in job.preset.data and encoders.VARIABLE in os.environ:
        words += ["--backbone", os.environ[encoders.VARIABLE]]
    for file in registry.included():
        if file in (job.task.file, job.method.file):
            words += ["--include", str(file)]
    return shlex.join(["python", "-m", "runners.run", *words])


if __name__ == "__main__":
    try:
        run_app(app)
    except OperationalError as error:
        refuse(f"the database could not be written ({error.orig}); finished instances are kept")
