"""Run methods on tasks:  python -m runners.run --task mri --method self_guided_dip

Names are checked and jobs planned here; each job runs in a process of its own; results are committed after each instance.
"""

import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import typer
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.errors import UserError
from benchmark.store.database import location, without_password
from benchmark.store.writing import persist
from runners import expect, options, start
from runners.cli import run_app, terminal
from runners.execute import Outcome
from runners.listing import print_list, print_plan, print_reference
from runners.parse import parse_grid, parse_settings, parse_slurm, parse_sources
from runners.plan import Plan
from runners.progress import Display
from runners.request import Request, read_plan_file
from runners.table import result_table

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
console = terminal()

Texts = Sequence[str] | None
EXAMPLES = (
    "python -m runners.run --task mri --method self_guided_dip",
    "python -m runners.run --task mri --method all --seeds 3 --jobs 2",
    "python -m runners.run --task 'm*' --method kind:classical --method paper:2402.04097 --dry-run",
    "python -m runners.run --task mri --method dip --grid lr=1e-3,3e-3 --seeds 2",
)
EPILOG = "\n\n".join(["Examples (each can be pasted):", *EXAMPLES])


@app.command(epilog=EPILOG)
def main(
    context: typer.Context,
    task: options.Tasks = None,
    method: options.Methods = None,
    preset: options.Preset = "small",
    seeds: options.Seeds = None,
    set_: options.Settings = None,
    grid: options.Grid = None,
    on_test: options.OnTest = False,
    no_baseline: options.NoBaseline = False,
    plan_file: options.PlanFile = None,
    device: options.Device = "auto",
    jobs: options.Jobs = 0,
    threads: options.Threads = 0,
    timeout: options.Timeout = None,
    memory_limit: options.Memory = None,
    apart: options.Apart = False,
    engine: options.Engine = "local",
    address: options.Address = None,
    gpus: options.Gpus = None,
    ship: options.Ship = False,
    partition: options.Partition = None,
    slurm: options.Slurm = None,
    nodes: options.Nodes = None,
    force: options.Force = False,
    keep_going: options.KeepGoing = True,
    count_truncated: options.CountTruncated = False,
    db: options.Database = None,
    data_dir: options.DataDir = None,
    source: options.Sources = None,
    backbone: options.Backbone = None,
    include: options.Include = None,
    dry_run: options.DryRun = False,
    list_: options.List = False,
) -> None:
    """Run methods on tasks and store every score."""
    registry.include(include or ())
    if list_:
        print_list(console, task, method)
        return
    if plan_file is not None:
        named = (told := context.get_parameter_source("preset")) is not None and told.name == "COMMANDLINE"
        mixed = {"task": task, "method": method, "set": set_, "grid": grid, "seeds": seeds, "preset": preset if named else None}
        flags = {"on-test": on_test, "no-baseline": no_baseline}
        requests = requests_of_file(plan_file, timeout, mixed | {name: name for name, given in flags.items() if given})
    else:
        given = {"preset": preset, "seeds": seeds, "on_test": on_test, "baseline": not no_baseline, "timeout": timeout}
        requests = [request_of_options(task, method, set_, grid, given)]
    sources = parse_sources([*(source or ()), *([f"backbone={backbone}"] if backbone is not None else ())])
    cores = (jobs or None, threads or None)
    of_ray = {"address": address, "gpus": gpus, "ship": ship}
    of_slurm = {"partition": partition, "slurm": parse_slurm(slurm or ()), "gpus": gpus}
    afar = engine_options(engine, {"ray": of_ray, "slurm": of_slurm})
    if engine == "slurm":
        afar["command"] = tuple(sys.argv[1:])
    if nodes is not None and (engine == "local" or not dry_run):
        raise UserError("--nodes is for --dry-run of a plan with --engine ray or slurm")
    how = start.How(device, *cores, memory_limit, data_dir, sources, force, not keep_going, apart, engine, afar)
    target = location(db)
    plan = start.prepare(requests, how, target, dry_run)
    if dry_run and "://" not in target and not Path(target).exists():
        print_plan(console, plan, {}, start.settled(how, plan, {}), nodes)
        print_reference(console, plan)
        return
    with start.opened(plan, target, force=force) as (session, plan):
        times = persist(session, lambda: expect.known_times(session))
        how = start.settled(how, plan, times)
        print_plan(console, plan, times, how, nodes)
        if dry_run:
            print_reference(console, plan)
        else:
            finish(session, plan, target, watched(session, plan, target, how), count_truncated)


def engine_options(engine: str, given: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """What is said of this engine among the options that engines have (`given` by engine). Raises UserError for another's."""
    mine = {name: value for name, value in given.get(engine, {}).items() if value}
    for other, named in given.items():
        for name, value in named.items():
            if value and name not in mine:
                raise UserError(f"--{name} is for --engine {other}")
    return mine


def requests_of_file(file: Path, timeout: str | None, given: Mapping[str, str | Texts]) -> list[Request]:
    """The requests of a plan file, with the time limit of the command where it has one.

    Raises UserError for a file that cannot be read and for options that say what to run as well.
    """
    if mixed := [f"--{name}" for name, value in given.items() if value]:
        raise UserError(f"--plan says what to run; leave out {', '.join(mixed)}")
    limit = {} if timeout is None else {"timeout": timeout}
    return [request.model_copy(update=limit) for request in read_plan_file(file)]


def request_of_options(task: Texts, method: Texts, set_: Texts, grid: Texts, given: Mapping[str, object]) -> Request:
    """The request that the command's options make. `given` holds further fields of it. Raises UserError where a task or method
    lacks.
    """
    if not task or not method:
        raise UserError("name a --task and a --method (--list shows them), or all of either, or a --plan FILE")
    chosen = {"task": task, "method": method, "set": parse_settings(set_ or ()), "grid": parse_grid(grid or ())}
    return Request.model_validate({**chosen, **given})


def watched(session: Session, plan: Plan, target: str, how: start.How) -> Outcome:
    """Runs the plan and shows how it goes. Exits with 130 when the user stops it."""
    with Display(plan, console, many=how.jobs != 1) as display:
        try:
            return start.execute(session, plan, target, how, display)
        except KeyboardInterrupt:
            print(f"\nstopped; finished instances are kept. Continue with: {command_line()}")
            raise typer.Exit(130) from None


def finish(session: Session, plan: Plan, target: str, outcome: Outcome, count_truncated: bool = False) -> None:
    """Prints the tables and where to look further. Exits with 1 when a job failed."""
    name = without_password(target)
    for task, preset in plan.presets:
        for split in plan.splits:
            ask = partial(result_table, session, task.spec, preset, split, count_truncated=count_truncated, db=name)
            console.print()
            console.print(persist(session, ask))
    browse = f"python -m leaderboard --db {shlex.quote(name)}"
    console.print(f"\nresults in {name}; browse them with: {browse}", highlight=False, markup=False)
    if outcome.elsewhere:
        console.print(f"{len(outcome.elsewhere)} jobs are at work in another runner", highlight=False)
    if outcome.bad:
        console.print(f"{outcome.bad} of {len(plan.jobs)} jobs did not finish; the same command tries them again", style="red")
        raise typer.Exit(1)


def command_line() -> str:
    """This command as it was typed."""
    return shlex.join(["python", "-m", "runners.run", *sys.argv[1:]])


if __name__ == "__main__":
    run_app(app)
