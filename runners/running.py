"""What `run` does with its options: requests are made of them, the plan runs under a display, and the tables are printed."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import typer
from rich.console import Console
from sqlalchemy.orm import Session

from benchmark.errors import UserError
from benchmark.store.database import location, without_password
from benchmark.store.writing import persist
from runners import expect, start
from runners.execute import Outcome
from runners.outlook import print_plan, print_reference
from runners.parse import parse_grid, parse_settings
from runners.plan import Plan
from runners.progress import Display
from runners.request import Request, read_plan_file
from runners.table import result_table

Texts = Sequence[str] | None


def carry_out(
    console: Console,
    requests: list[Request],
    how: start.How,
    db: str | None,
    dry_run: bool,
    count_truncated: bool,
    nodes: int | None = None,
) -> None:
    """Prints the plan, runs it and prints the tables. With dry_run it prints the plan alone, and makes no database; nodes:
    the time that it says is that of so many.

    Exits with 1 when a job failed and with 130 when the user stops it. Raises UserError for what cannot be planned.
    """
    if nodes is not None and (how.engine == "local" or not dry_run):
        raise UserError("--nodes is for --dry-run of a plan with --engine ray or slurm")
    target = location(db)
    plan = start.prepare(requests, how, target, dry_run)
    if dry_run and "://" not in target and not Path(target).exists():
        print_plan(console, plan, {}, start.settled(how, plan, {}), nodes)
        print_reference(console, plan)
        return
    with start.opened(plan, target, force=how.force) as (session, plan):
        times = persist(session, lambda: expect.known_times(session))
        how = start.settled(how, plan, times)
        print_plan(console, plan, times, how, nodes)
        if dry_run:
            print_reference(console, plan)
        else:
            outcome = watched(console, session, plan, target, how)
            finish(console, session, plan, target, outcome, count_truncated)


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


def watched(console: Console, session: Session, plan: Plan, target: str, how: start.How) -> Outcome:
    """Runs the plan and shows how it goes. Exits with 130 when the user stops it."""
    with Display(plan, console, many=how.jobs != 1) as display:
        try:
            return start.execute(session, plan, target, how, display)
        except KeyboardInterrupt:
            print(f"\nstopped; finished instances are kept. Continue with: {command_line()}")
            raise typer.Exit(130) from None


def finish(
    console: Console, session: Session, plan: Plan, target: str, outcome: Outcome, count_truncated: bool = False
) -> None:
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
