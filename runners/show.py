"""How a stored run was made, and what is different now:  python -m runners.show RUN"""

import shlex
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.markup import escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import environment, registry
from benchmark.datasets.sources import fingerprint, read_by, replaced
from benchmark.errors import UserError
from benchmark.store import draws, queries
from benchmark.store.database import location, open_database
from benchmark.store.lines import is_drawn
from benchmark.store.models import ANSWERED, Artifact, Environment, Instance, Method, Run, Score, Task
from runners import record
from runners.cli import Database, DataDir, Include, Sources, run_app, terminal
from runners.fitting import Fitting
from runners.parse import parse_sources

EXAMPLES = ("python -m runners.show 1", "python -m runners.show 3fa9c1")
app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
console = terminal()


@app.command(epilog="\n\n".join(["Examples:", *EXAMPLES]))
def main(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its id, or the start of its digest.")],
    db: Database = None,
    data_dir: DataDir = None,
    source: Sources = None,
    include: Include = None,
) -> None:
    """Print the command, parameters, seed, scores and environment of a run, and what is different now."""
    with stored(run, db, include) as (session, found, task, method, place, _):
        for name, text in [*_facts(found, task, method), *_kept(session, found)]:
            console.print(f"{name:<12} {text}", highlight=False, markup=False)
        console.print()
        console.print(_scores(session, found, task))
        if (traits := _traits(session, found, task)) is not None:
            console.print(traits)
        console.print("\nenvironment", highlight=False)
        for name, text in environment_facts(place).items():
            console.print(f"  {name:<10} {text}", highlight=False, markup=False)
        with replaced(parse_sources(source or ())):
            differences = code_differences(found, task, method, data_dir) + environment_differences(place)
        console.print("\ndifferent now" if differences else "\nnothing is different now", highlight=False)
        for line in differences:
            console.print(f"  {line}", highlight=False, markup=False)


class Stored(NamedTuple):
    """A stored run with what it refers to, while its database is open. files were included for it."""

    session: Session
    run: Run
    task: Task
    method: Method
    place: Environment
    files: list[Path]


@contextmanager
def stored(run: str, db: str | None, include: Sequence[Path] | None) -> Iterator[Stored]:
    """The run with this id or start of a digest. Its own files are included with those given. Raises UserError for none."""
    with Session(open_database(location(db), create=False)) as session:
        record.settle(session)
        found = queries.pick_run(session, run)
        files = [*(include or ()), *own_files(found)]
        registry.include(files)
        task, method = session.get_one(Task, found.task_id), session.get_one(Method, found.method_id)
        yield Stored(session, found, task, method, session.get_one(Environment, found.environment_id), files)


def own_files(run: Run) -> list[Path]:
    """The files that the run's command included and that are still there. A command that somebody else wrote
    includes nothing.
    """
    words = shlex.split(run.command) if run.origin == "here" else []
    named = [Path(value) for option, value in pairwise(words) if option == "--include"]
    return [file for file in named if file.is_file()]


def _facts(run: Run, task: Task, method: Method) -> list[tuple[str, str]]:
    usual: dict[str, Any] = {}
    if method.name in registry.methods():
        usual = registry.methods()[method.name].spec.resolve(task.name, run.preset, {})
    parameters = [
        f"{name} = {value!r}" + (f" (recommended {usual[name]!r})" if name in usual and usual[name] != value else "")
        for name, value in run.parameters.items()
    ]
    origin = {"here": "made here", "reference": "came with the suite", "loaded": "loaded from a file"}
    memory = [f"{run.peak_memory:.0f} MB"] if run.peak_memory else []
    memory += [f"{run.peak_device_memory:.0f} MB on the GPU"] if run.peak_device_memory else []
    facts = [
        ("run", f"{run.id} ({run.digest})"),
        ("task", f"{task.name} version {task.version}, preset {run.preset}, {run.split} data"),
        ("method", f"{method.name}: {method.summary}"),
        ("parameters", ", ".join(parameters) or "none"),
        ("seed", str(run.seed)),
        ("command", run.command),
        ("status", f"{queries.status(run)}; {run.trust}, {origin.get(run.origin, run.origin)}"),
        ("began", f"{run.started:%Y-%m-%d %H:%M:%S} UTC"),
        (
            "took",
            f"{run.seconds:.4g} s of the method's own time" + (f", {run.fit_seconds:.4g} s to learn" * bool(run.fit_seconds)),
        ),
        ("memory", ", ".join(memory) or "unknown"),
        *([("ran", _where(run))] if run.engine else []),
        ("source", run.source),
        ("data", run.data),
    ]
    if run.on_test:
        facts.append(("note", "its parameters were studied on test data"))
    if run.error:
        facts.append(("error", run.error.strip()))
    return facts


def _where(run: Run) -> str:
    """The engine, the node, and how often the job was sent out where that is not once."""
    node = f", on {run.node}" if run.node else ""
    again = f", sent out {run.tries} times" if run.tries and run.tries > 1 else ""
    return f"by the engine {run.engine}{node}{again}"


def _kept(session: Session, run: Run) -> list[tuple[str, str]]:
    """What the method kept besides its estimates, and how another run takes it up."""
    kept: dict[str, list[int]] = {}
    rows = select(Artifact.kind, Artifact.instance).where(Artifact.run_id == run.id)
    for kind, instance in session.execute(rows.order_by(Artifact.instance)):
        if not is_drawn(kind):
            kept.setdefault(kind, []).append(instance)
    return [
        ("kept", f"{kind} of instances {', '.join(map(str, instances))}; elsewhere: --set {kind}_from={run.id}:{instances[0]}")
        for kind, instances in kept.items()
    ]


def _scores(session: Session, run: Run, task: Task) -> Fitting:
    scored = task.spec["presets"].get(draws.parts(run.preset)[0], {}).get("metrics")
    metrics = [metric for metric in task.spec["metrics"] if not scored or metric["name"] in scored]
    values: dict[tuple[int, str], float] = {
        (one.instance, one.metric): one.value for one in session.scalars(select(Score).where(Score.run_id == run.id))
    }
    rows = session.scalars(select(Instance).where(Instance.run_id == run.id).order_by(Instance.number)).all()
    table, shown = Fitting(), next((metric for metric in metrics if metric.get("primary")), metrics[0])
    table.column("instance")
    table.column("label", goes=3)
    for number, metric in enumerate(metrics):
        table.column(escape(_heading(metric)), goes=None if metric is shown else 2 - number / len(metrics))
    for heading, goes in (("seconds", 4), ("CPU s", 1), ("status", None)):
        table.column(heading, goes=goes, least=12 if heading == "status" else 0)
    for one in rows:
        cells = [f"{values[one.number, m['name']]:.6g}" if (one.number, m["name"]) in values else "" for m in metrics]
        status = f"{one.status}: {one.error}" if one.status == "truncated" else one.status
        status += ", contended" if one.contended else ""
        table.add_row(str(one.number), escape(one.label), *cells, f"{one.seconds:.4g}", _spell(one.cpu_seconds), escape(status))
    done = [one for one in rows if one.status in ANSWERED]
    if done:
        every = [[v for (_, name), v in values.items() if name == m["name"]] for m in metrics]
        means = [f"{np.mean(some):.6g}" if some else "" for some in every]
        seconds = np.mean([one.seconds for one in done])
        table.add_section()
        known = [one.cpu_seconds for one in done if one.cpu_seconds is not None]
        cpu = _spell(float(np.mean(known)) if known else None)
        table.add_row("mean", f"{len(done)} of {run.instances}", *means, f"{seconds:.4g}", cpu, "")
    return table


def _traits(session: Session, run: Run, task: Task) -> Fitting | None:
    """What the run tells beside its scores, a line for each trait; None where it tells nothing."""
    values: dict[str, dict[int, float]] = defaultdict(dict)
    for one in session.scalars(select(Score).where(Score.run_id == run.id)):
        values[one.metric][one.instance] = one.value
    told = [trait for trait in task.spec.get("traits", ()) if trait["name"] in values]
    if not told:
        return None
    numbers = sorted({number for trait in told for number in values[trait["name"]]})
    table = Fitting("What answers are like, by instance")
    table.column("trait")
    for number in numbers:
        table.column(str(number), goes=-number)
    for trait in told:
        table.add_row(
            escape(trait["name"]), *(f"{values[trait['name']][n]:.3g}" if n in values[trait["name"]] else "" for n in numbers)
        )
    return table


def _spell(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.4g}"


def _heading(metric: dict[str, Any]) -> str:
    unit = f" ({metric['unit']})" if metric.get("unit") else ""
    return f"{metric['name']}{unit} {'↑' if metric['better'] == 'higher' else '↓'}"


def environment_facts(place: Environment) -> dict[str, str]:
    """The columns of an environment as short texts."""
    return {
        "commit": environment.commit_text(place.commit, place.dirty),
        "python": place.python,
        "platform": place.platform,
        "cpu": f"{place.cpu}, {place.cores} cores",
        "threads": str(place.threads),
        "memory": f"{place.memory_gb:g} GB",
        "device": place.device,
        "packages": ", ".join(f"{name} {version}" for name, version in place.packages.items()),
    }


def environment_differences(place: Environment) -> list[str]:
    """A line for everything that is not now as it was: commit, versions, machine. Imports torch."""
    import torch

    device = torch.cuda.get_device_name() if place.device != "cpu" and torch.cuda.is_available() else "cpu"
    now = environment.capture(place.threads, device)
    names = ("commit", "dirty", "python", "platform", "cpu", "cores", "memory_gb", "device")
    found = [f"{name}: {getattr(place, name)}, now {now[name]}" for name in names if getattr(place, name) != now[name]]
    before, after = place.packages, now["packages"]
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            found.append(f"{name}: {before.get(name, 'not recorded')}, now {after.get(name, 'not installed')}")
    return found


def code_differences(run: Run, task: Task, method: Method, data_dir: Path | None) -> list[str]:
    """A line for each of task version, code and data that is not what the run was made with, or that cannot be told."""
    known = registry.tasks().get(task.name)
    if known is None:
        return [f"task {task.name} is not known here"]
    found = []
    if known.spec.version != task.version:
        found.append(f"task {task.name}: version {task.version}, now {known.spec.version}")
    made_here = run.trust != "scored"  # the code of predictions is elsewhere
    if made_here and method.name not in registry.methods():
        found.append(f"method {method.name} is not known here; --include FILE names its file")
    if (preset := draws.parts(run.preset)[0]) not in known.spec.presets:
        return [*found, f"preset {preset} is not known here"]
    if made_here and method.name in registry.methods():
        source = registry.source_hash(known, registry.get_method(method.name), run.preset)
        if source != run.source:
            found.append(f"source of task, method or preset: {run.source[:12]}, now {source[:12]}")
    try:
        data = fingerprint(read_by(known.spec.presets[preset]), data_dir)
    except UserError as error:
        return [*found, f"data: cannot be compared ({error})"]
    return [*found, f"data: {run.data[:12]}, now {data[:12]}"] if data != run.data else found


if __name__ == "__main__":
    run_app(app)
