"""Submit a method, as predictions or as code:  python -m runners.submit predictions bundle.zip

Predictions are scored here and stored as `scored`. Code is run here and stored as `reproduced`. Self-reported scores are not
accepted.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.datasets.sources import SOURCES, Folder, replaced
from benchmark.errors import UserError, unknown
from benchmark.store.database import location, open_database
from benchmark.store.models import Score, Submission
from benchmark.submissions import archive, package, private, store, tokens
from benchmark.submissions.entry import MAX_BYTES, Entry, made_entry, read_entry
from runners import completion
from runners.cli import Database, DataDir, Sources, run_app, terminal
from runners.fitting import Fitting
from runners.parse import parse_seeds, parse_sources
from runners.review import Machine, review

if TYPE_CHECKING:
    from benchmark.decorators import Task

app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False, help=__doc__)
console = terminal()

TaskName = Annotated[str, typer.Option("--task", metavar="NAME", autocompletion=completion.tasks, help="Task.")]
PresetName = Annotated[
    str, typer.Option("--preset", metavar="NAME", autocompletion=completion.presets, help="Size of the task.")
]
Count = Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="How many seeds: 0, 1, 2, ...")]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda or cuda:N.")]
Threads = Annotated[int | None, typer.Option(metavar="N", min=1, help="CPU threads.", show_default="all cores")]
Timeout = Annotated[str | None, typer.Option(metavar="TIME", help="Time limit of a run: 90s, 10m, 2h.")]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar=tokens.VARIABLE,
        help="The token of an earlier submission of yours.",
        show_default=False,
    ),
]
SeedFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        metavar="PATH",
        envvar=private.VARIABLE,
        help="The file of the board's private seed.",
        show_default="beside the database",
    ),
]
_UNNAMED = "not named"
_PACK = "; in it: python -m zipfile -c bundle.zip entry.toml predictions"
Number = Annotated[int, typer.Argument(metavar="SUBMISSION", min=1, help="Its number.")]


@app.command(
    "export-inputs", epilog="Example:\n\npython -m runners.submit export-inputs --task mri --preset tiny --output inputs"
)
def export_inputs(
    task: TaskName,
    output: Annotated[Path, typer.Option(metavar="PATH", help="A new folder, or a file that ends in .zip.")],
    preset: PresetName = "small",
    seeds: Count = 1,
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Write what methods may learn from, where there is such.")
    ] = True,
    drawn_privately: Annotated[
        bool, typer.Option("--private", help="Draw them with this board's private seed, as its owner alone can.")
    ] = False,
    seed_file: SeedFile = None,
    db: Database = None,
    data_dir: DataDir = None,
    source: Sources = None,
) -> None:
    """Write the observations of a preset without their truth, and a form to submit predictions with."""
    entry = registry.get_task(task)
    if preset not in entry.spec.presets:
        raise unknown(f"preset of {task}", preset, entry.spec.presets)
    secret = private.read(private.place(location(db), seed_file)) if drawn_privately else None
    from benchmark.submissions.observations import export

    with replaced(parse_sources(source or ())):
        task_here = entry.load(data_dir)
        written = export(task_here, preset, parse_seeds(seeds), output, learn=training, secret=secret)
        if secret is not None:
            _say_what_is_public(task_here, preset, secret)
    print(f"{len(written['instances'])} instances of {task}/{preset} written to {output}", end="")
    if "training" in entry.spec.offers:
        size = sum({one["tensors"]: one["bytes"] for one in written["training"]}.values())
        print(
            f", and {size / 1e6:,.1f} MB to learn from in training/" if training else ", without what methods learn from",
            end="",
        )
    print("; next, there:")
    print("  answer each in manifest.json with a tensor `estimate` in predictions/SEED-INSTANCE.safetensors")
    print("  fill in entry.toml")
    print(f"  {_PACK.partition(': ')[2]}")
    print("  python -m runners.submit predictions bundle.zip")
    if given := [name for name in written["data"] if isinstance(SOURCES[name], Folder)]:
        print(
            f"note: {', '.join(given)} came from --data-dir or --source: do not pass these files on unless its owner lets you"
        )


@app.command("predictions", epilog="Example:\n\npython -m runners.submit predictions bundle.zip")
def predictions(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A zip file: entry.toml and predictions/*.safetensors.")],
    token: Token = None,
    seed_file: SeedFile = None,
    db: Database = None,
    data_dir: DataDir = None,
    source: Sources = None,
) -> None:
    """Check a bundle, score it on instances made here, and store the scores."""
    content = _content(bundle, archive.MAX_BUNDLE)
    with replaced(parse_sources(source or ())), Session(open_database(location(db))) as session:
        own = tokens.token_for(session, token)
        where = private.place(location(db), seed_file)
        done = store.receive_predictions(session, content, _folder(location(db)), bundle.name, data_dir, own, where)
        _report(session, done)
        _show(done, own, token)


@app.command(
    "code",
    epilog="Examples:\n\npython -m runners.submit code my_method.py --task mri --preset tiny\n\n"
    "python -m runners.submit code my-package --task mri",
)
def code(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_NAME",
            help="A Python file with one method, named as the method is; or an installed package, or a method that one brings.",
        ),
    ],
    task: TaskName,
    preset: PresetName = "small",
    seeds: Count = 1,
    entry: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An entry.toml without [answers]: authors, contact, link, ...")
    ] = None,
    receive: Annotated[bool, typer.Option("--receive", help="Only keep it, for `review`; none of its code runs.")] = False,
    token: Token = None,
    device: Device = "auto",
    threads: Threads = None,
    timeout: Timeout = None,
    db: Database = None,
    data_dir: DataDir = None,
    source: Sources = None,
) -> None:
    """Check a method's code, run it on a preset in a process of its own, and store source and scores."""
    target = location(db)
    folder = _folder(target)
    given = None if entry is None else read_entry(_content(entry, MAX_BYTES), entry.name)
    file = Path(what)
    brought = None if what.endswith(".py") else package.find(what)
    content = b"" if brought else _content(file, store.MAX_SOURCE)
    described = brought.entry(given) if brought else given or _nobody(file)
    if preset not in (presets := registry.get_task(task).spec.presets):
        raise unknown(f"preset of {task}", preset, presets)
    with Session(open_database(target)) as session:
        own = tokens.token_for(session, token)
        if brought:
            row = store.receive_package(
                session, brought, described, task=task, preset=preset, seeds=seeds, folder=folder, token=own
            )
        else:
            row = store.receive_code(
                session, content, described, task=task, preset=preset, seeds=seeds, folder=folder, name=file.name, token=own
            )
        _show(row, own, token)  # shown before the run, which may be stopped
        if row.state in ("received", "checked") and not receive:
            row = _reviewed(
                session, row, Machine(target, folder, device, threads, data_dir, timeout, parse_sources(source or ()))
            )
        _report(session, row)


@app.command("review", epilog="Examples:\n\npython -m runners.submit review\n\npython -m runners.submit review 3")
def review_command(
    number: Annotated[
        int | None, typer.Argument(metavar="SUBMISSION", min=1, help="Its number; without it, list what waits.")
    ] = None,
    device: Device = "auto",
    threads: Threads = None,
    timeout: Timeout = None,
    db: Database = None,
    data_dir: DataDir = None,
    source: Sources = None,
) -> None:
    """List submitted code that waits and where its source lies, to be read first; or run one submission on this machine."""
    target = location(db)
    with Session(open_database(target, create=False)) as session:
        folder = _folder(target)
        if number is None:
            waiting = [row for state in ("received", "checked") for row in store.listed(session, state) if row.kind == "code"]
            for row in waiting:
                print(f"{row.id}  {row.method} on {row.task}/{row.preset}, seeds: {row.seeds}, by {row.author} <{row.contact}>")
                kept = store.source_file(folder, row.content, row.method)
                print(f"   read it first: {kept if kept.is_file() else kept.with_suffix('')}")
            print(f"waiting: {len(waiting)}" + ("; run one with: python -m runners.submit review NUMBER" if waiting else ""))
            return
        row = store.find(session, number)
        _report(
            session,
            _reviewed(session, row, Machine(target, folder, device, threads, data_dir, timeout, parse_sources(source or ()))),
        )


@app.command("status", epilog="Examples:\n\npython -m runners.submit status\n\npython -m runners.submit status 3")
def status(
    number: Annotated[int | None, typer.Argument(metavar="SUBMISSION", min=1, help="Its number; without it, list all.")] = None,
    db: Database = None,
) -> None:
    """Say what became of a submission, or of all."""
    with Session(open_database(location(db), create=False)) as session:
        if number is not None:
            row = store.find(session, number)
            for name, text in store.public(row).items():
                if text:
                    console.print(f"{name:<13} {' '.join(text.split())}", highlight=False, markup=False)
            for run in store.runs_of(session, row):
                console.print(f"{'run':<13} {run.id} (seed {run.seed}, {run.trust})", highlight=False, markup=False)
            return
        table = Fitting()
        goes = {"submission": None, "kind": 2, "method": None, "task": 3, "state": None, "changed": 1, "reason": 4}
        for heading, number in goes.items():
            table.column(heading, goes=number)
        for row in store.listed(session):
            facts = store.public(row)
            cells = [facts[n] for n in ("submission", "kind", "method", "task", "state", "changed", "reason")]
            table.add_row(*(escape(cell) for cell in cells))
        console.print(table)
        console.print(store.RULE, highlight=False, markup=False)


@app.command("withdraw", epilog="Example:\n\npython -m runners.submit withdraw 3 --reason 'wrong version'")
def withdraw(
    number: Number,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is shown.")] = "",
    token: Token = None,
    maintainer: Annotated[
        bool, typer.Option("--maintainer", help="You keep the board, and take it back for somebody else.")
    ] = False,
    db: Database = None,
) -> None:
    """Withdraw a submission: its results go, and its row says so. It needs the token that was shown at its submission."""
    with Session(open_database(location(db), create=False)) as session:
        needed = bool(store.find(session, number).token) and not maintainer
        if needed and not token:
            raise UserError(f"submission {number} needs --token, which was shown when it was handed in; or --maintainer")
        store.withdraw(session, number, reason, token if needed else None)
        print(f"submission {number} is withdrawn; its results are gone")


@app.command("secret", epilog="Examples:\n\npython -m runners.submit secret\n\npython -m runners.submit secret --rotate")
def secret_command(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Put a new one in its place. Answers to inputs of the old one are refused then.")
    ] = False,
    seed_file: SeedFile = None,
    db: Database = None,
) -> None:
    """Make this board's private seed, or say which it is.

    It draws inputs (export-inputs --private) that nobody else can draw again: the way to run an open board. It lies in a file
    of its own that only you can read, never in the database. What is shown of it is its commitment, a short hash.
    """
    file = private.place(location(db), seed_file)
    if rotate:
        secret, old, kept = private.rotate(file)
        print(f"private seed {old.commitment} is replaced; it lies in {kept}, to be published or deleted")
    elif file.exists():
        secret = private.read(file)
    else:
        secret = private.make(file)
    print(f"private seed {secret.commitment} in {file}: keep it, and let nobody read it")
    print("  inputs that it draws: python -m runners.submit export-inputs --private --task mc --preset small --output inputs")


def _say_what_is_public(task: "Task", preset: str, secret: private.Secret) -> None:
    """A note where truths of the suite's own data are public, whatever draws the rest."""
    size = task.spec.presets[preset]
    if any(isinstance(SOURCES[name], Folder) for name in size.data):
        return  # the owner's own, if they are not public elsewhere
    found = [
        private.is_public(task, preset, number, 0, private.make_instance(task, preset, number, 0, secret))
        for number in range(size.instances)
    ]
    if any(found):
        print(
            f"note: the truths of {sum(found)} of {len(found)} instances come with the suite, so that everybody has them; the "
            "private seed hides what is drawn. A board of these takes data of your own (--data-dir)"
        )


def _content(file: Path, limit: int) -> bytes:
    """The bytes of a file. Raises UserError for what is no file, cannot be read, or is larger than may be handed in."""
    try:
        if file.is_dir():
            raise UserError(f"{file}: it is a folder, not a file" + (_PACK if limit == archive.MAX_BUNDLE else ""))
        if not file.is_file():
            raise UserError(f"{file}: no such file")
        if file.stat().st_size > limit:
            raise UserError(f"{file.name}: it has {file.stat().st_size:,} bytes; {limit:,} are allowed")
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})") from None


def _nobody(source: Path) -> Entry:
    """An entry without entry.toml: the method has the name of its file, and nobody is named."""
    return made_entry({"method": source.stem, "authors": [_UNNAMED], "contact": _UNNAMED}, source.name)


def _folder(target: str) -> Path:
    return (Path("results") if "://" in target else Path(target).parent).absolute()


def _reviewed(session: Session, row: Submission, machine: Machine) -> Submission:
    number = row.id
    print(f"submission {number}: checking and running {row.method} on {row.task}/{row.preset}", flush=True)
    try:
        return review(session, number, machine)
    except KeyboardInterrupt:
        print(f"\nstopped; continue with: python -m runners.submit review {number}")
        raise typer.Exit(130) from None


def _show(row: Submission, token: str, given: str | None) -> None:
    """Prints the token of what was just taken in."""
    if row.state != "refused" and tokens.is_new(row, token, given):
        print(f"token of submission {row.id}: {token}\n  {tokens.ONCE} ({tokens.VARIABLE}, or --token)", flush=True)


def _report(session: Session, row: Submission) -> None:
    """Prints what became of a submission. Raises UserError where it is refused."""
    if row.state == "refused":
        raise UserError(f"{row.reason} (refused as submission {row.id})")
    print(f"submission {row.id}: {row.method} on {row.task}/{row.preset} is {row.state}")
    if row.state == "received":
        print(f"  none of its code ran; read it, then: python -m runners.submit review {row.id}")
    if row.author == _UNNAMED:
        print("  note: it names nobody; --entry FILE says authors, contact, link and licence")
    for run in store.runs_of(session, row):
        found: dict[str, list[float]] = {}
        for metric, value in session.execute(
            select(Score.metric, Score.value).where(Score.run_id == run.id).order_by(Score.id)
        ):
            found.setdefault(metric, []).append(value)
        means = ", ".join(f"{metric} {sum(values) / len(values):.6g}" for metric, values in found.items())
        print(f"  run {run.id}, seed {run.seed}, means over {run.instances} instances: {means}")
    if right := row.near.get("truth"):
        print(f"  note: nearly the truth, {right}; the submission and its row are marked")
    for one in row.near.get("methods", ()):
        print(f"  note: nearly the predictions of {one['method']} (r = {one['ratio']:g}); the submission is marked")


if __name__ == "__main__":
    run_app(app)
