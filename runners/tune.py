"""Tune methods, each with the same number of trials:  python -m runners.tune --task deblurring --method dcdp --trials 12

A trial is a run on tuning data with the hyperparameters of one point of the method's search space (benchmark/search.py), stored
as any other run. The first is of what the method has now. The same command goes on where it stopped, and more trials contain
fewer.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from benchmark import registry, search, seeds
from benchmark.errors import UserError
from benchmark.store.database import location
from benchmark.store.writing import persist
from runners import expect, options, start
from runners.cli import run_app, terminal
from runners.outlook import print_plan
from runners.parse import parse_seeds, parse_settings, parse_sources
from runners.plan import Plan
from runners.progress import Display
from runners.request import Request
from runners.trials import Search, searches, table, tried

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
console = terminal()

TRIALS = 12
EXAMPLES = (
    "python -m runners.tune --task deblurring --preset small_exact --method dcdp --method dps --trials 12",
    "python -m runners.tune --task deblurring --method kind:classical --instances 3 --dry-run",
)


@app.command(epilog="\n\n".join(["Examples:", *EXAMPLES]))
def main(
    task: options.Tasks = None,
    method: options.Methods = None,
    preset: options.Preset = "small",
    trials: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="Parameter sets of each method.")] = TRIALS,
    instances: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the first N of each seed.", show_default="all of the preset")
    ] = None,
    seeds_: Annotated[
        str | None,
        typer.Option("--seeds", metavar="SEEDS", help="A count, from 1000 on, or a list: 1000,1003.", show_default="1"),
    ] = None,
    set_: options.Settings = None,
    device: options.Device = "auto",
    jobs: options.Jobs = 0,
    threads: options.Threads = 0,
    timeout: options.Timeout = None,
    memory_limit: options.Memory = None,
    force: options.Force = False,
    db: options.Database = None,
    data_dir: options.DataDir = None,
    source: options.Sources = None,
    include: options.Include = None,
    dry_run: options.DryRun = False,
) -> None:
    """Try the same number of hyperparameter sets of each method, on tuning data."""
    registry.include(include or ())
    if not task or not method:
        raise UserError("name a --task and a --method, or all of either (runners.run --list shows them)")
    fixed = parse_settings(set_ or ())
    request = Request(
        task=task, method=method, preset=preset, seeds=_tuning(seeds_), set=fixed, baseline=False, timeout=timeout
    )
    how = start.How(device, jobs or None, threads or None, memory_limit, data_dir, parse_sources(source or ()), force)
    target = location(db)
    plan = planned(request, trials, instances, how, target)
    found = searches(plan, len(request.seeds) if isinstance(request.seeds, list) else 1)
    if dry_run:
        print_plan(console, plan, {}, start.settled(how, plan, {}))
        return
    with start.opened(plan, target, force=force) as (session, left):
        if not force:
            left = left.with_todo(persist(session, lambda: tried(session, [job.key.digest for job in left.jobs])))
        _say(left.notes, found, left)
        _run(session, left, target, how)
        unfinished = _show(session, found)
    if unfinished:
        names = ", ".join(unfinished)
        console.print(f"no trial of {names} counts: each failed, diverged or was cut short", style="red", highlight=False)
        raise typer.Exit(1)


def _tuning(text: str | None) -> list[int]:
    """The seeds. Raises UserError for one that draws test data: what is chosen there has seen what it is judged on."""
    given = parse_seeds(text, tuning=True)
    if test := [one for one in given if seeds.split(one) == "test"]:
        raise UserError(
            f"--seeds {text}: {test[0]} draws test data, and tuning uses seeds {seeds.FIRST_TUNING_REPEAT}-{seeds.REPEATS - 1}"
        )
    return given


def planned(request: Request, trials: int, instances: int | None, how: start.How, target: str) -> Plan:
    """The jobs of all trials: of each task and method of the request that fit, for each point, one for each seed.

    Raises UserError as `start.prepare` does, and where a preset has fewer instances.
    """
    first = start.prepare([request], how, target)
    notes, requests = list(first.notes), []
    for job in {(job.key.task, job.key.method): job for job in first.jobs}.values():
        key, spec = job.key, job.method.spec
        if instances is not None and instances > job.preset.instances:
            raise UserError(f"--instances {instances}: {key.task}/{key.preset} has {job.preset.instances}")
        fixed = {name: value for name, value in request.set.items() if name in spec.parameters.model_fields}
        spans = {name: span for name, span in spec.space(key.task, key.preset).items() if name not in fixed}
        points = search.points(spec.parameters, spans, key.parameters, trials)
        if not spans:
            notes.append(f"{spec.name} has no search space on {key.task}/{key.preset}: one trial, of its settings")
        elif len(points) < trials:
            notes.append(f"the search space of {spec.name} on {key.task}/{key.preset} holds {len(points)} parameter sets")
        for point in points:
            changed: dict[str, Any] = {"task": key.task, "method": spec.name, "set": {**fixed, **point}}
            requests.append(request.model_copy(update=changed))
    plan = start.prepare(requests, how, target)
    if instances is not None:
        plan = plan.within(range(instances))
    return Plan(plan.jobs, tuple(notes))


def _say(notes: Sequence[str], found: Sequence[Search], left: Plan) -> None:
    for note in notes:
        console.print(note, highlight=False, markup=False)
    todo = sum(bool(job.todo) for job in left.jobs)
    of = f"{len(found)} methods" if len(found) > 1 else found[0].method
    console.print(f"{len(left.jobs)} trials of {of}: {len(left.jobs) - todo} done already, {todo} to run", highlight=False)


def _run(session: Session, plan: Plan, target: str, how: start.How) -> None:
    times = persist(session, lambda: expect.known_times(session))
    how = start.settled(how, plan, times)
    with Display(plan, console, many=how.jobs != 1) as display:
        try:
            start.execute(session, plan, target, how, display)
        except KeyboardInterrupt:
            print("\nstopped; finished instances are kept, and the same command goes on from there")
            raise typer.Exit(130) from None


def _show(session: Session, found: Sequence[Search]) -> list[str]:
    """Prints a table for each task. Returns the methods without a trial that counts."""
    unfinished = []
    for name in dict.fromkeys(one.task.spec.name for one in found):
        here = [one for one in found if one.task.spec.name == name]
        shown, without = persist(session, partial(table, session, here))
        console.print()
        console.print(shown)
        unfinished += without
    return unfinished


if __name__ == "__main__":
    run_app(app)
