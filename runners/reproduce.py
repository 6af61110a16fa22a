"""Run a stored run again and compare every score:  python -m runners.reproduce RUN"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.datasets.sources import replaced
from benchmark.errors import UserError
from benchmark.spec import Metric, Trait
from benchmark.store import queries
from benchmark.store.database import open_database
from benchmark.store.models import ANSWERED, Instance, Run, Score
from runners.cli import Database, DataDir, Include, Sources, run_app, terminal
from runners.fitting import Fitting
from runners.parse import parse_sources, shown
from runners.show import code_differences, environment_differences, stored

EXAMPLES = ("python -m runners.reproduce 1", "python -m runners.reproduce 3fa9c1 --threads 1")
app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
console = terminal()

Scores = dict[tuple[int, str], float]  # (instance, metric) -> value


@dataclass(frozen=True)
class Made:
    """What a run gave: its scores, and by instance the observation and whether the time budget ended it."""

    scores: Scores
    observations: dict[int, str]
    cut: frozenset[int]
    error: str | None


@app.command(epilog="\n\n".join(["Examples:", *EXAMPLES]))
def main(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its id, or the start of its digest.")],
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="CPU threads.", show_default="as many as the run had")
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="DEVICE", help="auto, cpu, cuda or cuda:N.", show_default="the kind that the run had")
    ] = None,
    db: Database = None,
    data_dir: DataDir = None,
    source: Sources = None,
    include: Include = None,
) -> None:
    """Run a stored run again, elsewhere, and say whether its scores agree. Exit code 0 if they do, 1 if not."""
    with stored(run, db, include) as (session, found, task, method, place, files):
        if found.trust == "scored":
            raise UserError(f"run {found.id} holds predictions that were scored here; there is no code to run again")
        before = read(session, found)
        if not before.scores:
            raise UserError(f"run {found.id} has no score to compare with (it is {queries.status(found)})")
        entry = registry.get_task(task.name)
        registry.get_method(method.name)
        if entry.spec.version != task.version:
            raise UserError(
                f"run {found.id} is of {task.name} version {task.version}, which is version {entry.spec.version} here; "
                f"check out commit {place.commit} to repeat it"
            )
        with replaced(parse_sources(source or ())):
            differences = code_differences(found, task, method, data_dir) + environment_differences(place)
        for line in differences:
            console.print(f"different now: {line}", highlight=False, markup=False)
        words = ["--task", task.name, "--preset", found.preset, "--method", method.name, "--seeds", f"{found.seed},"]
        for name, value in found.parameters.items():
            words += ["--set", f"{name}={shown(value)}"]
        words += ["--threads", str(threads or place.threads)]
        words += ["--device", device or ("cpu" if place.device == "cpu" else "cuda")]
        words += ["--data-dir", str(data_dir)] if data_dir else []
        words += [word for text in source or () for word in ("--source", text)]
        words += [word for file in files for word in ("--include", str(file))]
    after = again(words)
    known: dict[str, Metric | Trait] = {one.name: one for one in entry.spec.metrics}
    verdict = compare(before, after, known | {one.name: one for one in entry.spec.traits})
    console.print(verdict.table)
    for line in verdict.notes:
        console.print(line, highlight=False, markup=False)
    raise typer.Exit(0 if verdict.agrees else 1)


def read(session: Session, run: Run) -> Made:
    """What the database holds of a run."""
    scores = session.scalars(select(Score).where(Score.run_id == run.id))
    done = session.scalars(select(Instance).where(Instance.run_id == run.id, Instance.status.in_(ANSWERED))).all()
    return Made(
        {(one.instance, one.metric): one.value for one in scores},
        {one.number: one.observation for one in done},
        frozenset(one.number for one in done if one.status == "truncated"),
        run.error,
    )


def again(words: list[str]) -> Made:
    """Makes the run with these options in a scratch database. Raises UserError where it could not be made at all."""
    with tempfile.TemporaryDirectory(prefix="lowdimbench-") as folder:
        scratch = str(Path(folder) / "again.db")
        visible = sys.stdout.isatty()  # there it shows its progress
        done = subprocess.run(
            [sys.executable, "-m", "runners.run", *words, "--no-baseline", "--db", scratch],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(registry.ROOT), os.environ.get("PYTHONPATH", "")])},
            stdout=None if visible else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        said = (done.stderr or "").strip().splitlines()
        if done.returncode == 130:
            raise typer.Exit(130)
        if done.returncode == 2 or not Path(scratch).exists():
            raise UserError(said[-1].removeprefix("error: ") if said else "the run could not be repeated")
        engine = open_database(scratch, create=False)
        with Session(engine) as session:
            run = session.scalar(select(Run).where(Run.origin == "here"))
            made = read(session, run) if run else Made({}, {}, frozenset(), said[-1] if said else None)
        engine.dispose()
        return made


@dataclass(frozen=True)
class Verdict:
    """Whether two runs agree, with a table of every score and notes for a reader."""

    agrees: bool
    table: Fitting
    notes: list[str]


def compare(before: Made, after: Made, metrics: Mapping[str, Metric | Trait]) -> Verdict:
    """Compares every score of a stored run with that of its repetition. A score that is missing in the repetition does not
    agree.
    """
    table = Fitting()
    goes = {"instance": None, "metric": None, "stored": 2, "now": 3, "difference": None, "tolerance": 1, "": None}
    for heading, number in goes.items():
        table.column(heading, goes=number)
    exact = within = True
    for (instance, name), old in sorted(before.scores.items()):
        new, tolerance = after.scores.get((instance, name)), metrics[name].tolerance if name in metrics else 0.0
        if new is None:
            word, cells = "missing", ["", ""]
        else:
            word = "exact" if new == old else "within tolerance" if abs(new - old) <= tolerance else "DIFFERS"
            cells = [f"{new:.8g}", f"{new - old:+.2g}" if new != old else "0"]
        exact, within = exact and word == "exact", within and word in ("exact", "within tolerance")
        table.add_row(str(instance), name, f"{old:.8g}", *cells, f"{tolerance:g}", word)
    notes = []
    if changed := [n for n, seen in before.observations.items() if after.observations.get(n, seen) != seen]:
        notes.append(f"the methods met other observations on instance {', '.join(map(str, changed))}: the task is not the same")
    if cut := sorted(before.cut | after.cut):
        notes.append(
            f"the time budget ended instance {', '.join(map(str, cut))}: its scores depend on the speed of the machine"
        )
    if after.error:
        notes.append(f"the repetition failed: {after.error.splitlines()[0]}")
    notes.append(
        "agrees exactly" if exact else "agrees within the task's tolerance" if within else "does NOT agree with the stored run"
    )
    return Verdict(within, table, notes)


if __name__ == "__main__":
    run_app(app)
