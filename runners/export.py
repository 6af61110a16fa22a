"""Take results out of a database:  python -m runners.export --task mri --preset small --format latex

A view of the leaderboard as a table in a file, the whole board as one page, or whole runs as JSON Lines for runners.load.
"""

import importlib.util
import lzma
import shlex
import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmark import environment, registry
from benchmark.errors import UserError, unknown
from benchmark.store import exchange, queries
from benchmark.store.database import location, open_database
from benchmark.store.lines import PicturePart, RunLine, file_digest, header, is_drawn, is_picture
from benchmark.store.models import Artifact, Environment, Instance, Method, Run, Task
from benchmark.store.writing import replace_whole
from runners import completion, record
from runners.cli import Database, run_app
from runners.load import REFERENCE, TUNING

if TYPE_CHECKING:
    from benchmark.report.formats import View

FORMATS = ("csv", "json", "parquet", "latex", "markdown", "html", "jsonl")
VIEWS = ("board", "overview", "instances")
EXAMPLES = (
    "python -m runners.export --task mri --preset small --format markdown",
    "python -m runners.export --task mri --preset small --format latex --output table.tex",
    "python -m runners.export --view overview --format csv",
    "python -m runners.export --html board.html",
    "python -m runners.export --format jsonl --task mri --pictures 1 --output mine.jsonl",
)
app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.command(epilog="\n\n".join(["Examples:", *EXAMPLES]))
def main(
    format_: Annotated[str, typer.Option("--format", metavar="NAME", help=", ".join(FORMATS))] = "markdown",
    task: Annotated[
        str | None, typer.Option(metavar="NAME", autocompletion=completion.tasks, help="Task; for jsonl also a glob.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", autocompletion=completion.presets, help="Preset; for jsonl also a glob.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(metavar="NAME", autocompletion=completion.methods, help="Only for jsonl: a method or a glob."),
    ] = None,
    view: Annotated[str, typer.Option(metavar="NAME", help=", ".join(VIEWS))] = "board",
    pictures: Annotated[
        int, typer.Option(metavar="N", min=0, help="Only for jsonl: keep the pictures of the first N instances.")
    ] = 0,
    reference: Annotated[
        bool, typer.Option("--reference", help="Renew leaderboard/reference/TASK.jsonl from the runs of this database.")
    ] = False,
    tuning: Annotated[
        bool,
        typer.Option("--tuning", help="With --reference: renew reference/tuning/TASK.jsonl.xz, the trials on tuning data."),
    ] = False,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it.", show_default="the screen")] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the whole board as one file that opens without server or network."),
    ] = None,
    db: Database = None,
) -> None:
    """Write a view of the leaderboard, or whole runs, in a format that others read."""
    if html is not None:
        given: dict[str, object] = {
            "--format": format_ != "markdown",
            "--view": view != "board",
            "--pictures": pictures,
            "--reference": reference,
        }
        given |= {"--task": task, "--preset": preset, "--method": method, "--tuning": tuning, "--output": output}
        if mixed := [name for name, value in given.items() if value]:
            raise UserError(f"--html writes the whole board into its own file; leave out {', '.join(mixed)}")
        _write_board(location(db), html)
        return
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    if view not in VIEWS:
        raise unknown("view", view, VIEWS)
    if reference and (output or preset or method):
        raise UserError("--reference writes one file a task; leave out --preset, --method and --output")
    if tuning and (not reference or pictures):
        raise UserError("--tuning goes with --reference, and keeps no pictures")
    if format_ != "jsonl" and not reference and (method or pictures):
        raise UserError("--method and --pictures are for --format jsonl")
    if output is not None and not output.absolute().parent.is_dir():
        raise UserError(f"--output {output}: there is no folder {output.parent}")
    if (pictures or format_ == "parquet") and output is None and not reference:
        raise UserError(f"--{'pictures' if pictures else 'format parquet'} needs --output FILE")
    target = location(db)
    with Session(open_database(target, create=False)) as session:
        record.settle(session)
        if tuning:
            _renew_tuning(session, task, _folder(target))
        elif reference:
            _renew_reference(session, task, pictures, _folder(target))
        elif format_ == "jsonl":
            runs = _chosen(session, task, preset, method)
            _write_runs(session, runs, output, pictures, _folder(target))
        else:
            _write(_in_format(_view(session, view, task, preset), format_), output)


def _folder(target: str) -> Path:
    return Path("results") if "://" in target else Path(target).parent


# --- views ------------------------------------------------------------------------------------------------------------


def _view(session: Session, view: str, task: str | None, preset: str | None) -> "View":
    if importlib.util.find_spec("pandas") is None:
        raise UserError("views need the package pandas: pip install 'lowdimbench[leaderboard]'; --format jsonl does not")
    from benchmark.report import boards as board_queries
    from benchmark.report import formats

    known = board_queries.boards(session)
    if not known:
        raise UserError("the database holds no score; fill it with: python -m runners.run --task mri --method all")
    if task is not None and task not in {t for t, _ in known}:
        raise unknown("task with results", task, {t for t, _ in known})
    if preset is not None and (presets := {p for t, p in known if task in (None, t)}) and preset not in presets:
        raise unknown("preset with results", preset, presets)
    chosen = [(t, p) for t, p in known if task in (None, t) and preset in (None, p)]
    about = [f"made by: {_command()}", f"code: commit {_commit()}"]
    newest = board_queries.newest_result(session)
    about.append(f"newest result: {newest:%Y-%m-%d %H:%M} UTC" if newest else "newest result: none")
    if view == "overview":
        return formats.overview_view([board_queries.board(session, *pair) for pair in chosen], about)
    if len(chosen) != 1:
        names = ", ".join(f"--task {t} --preset {p}" for t, p in chosen)
        raise UserError(f"name one --task and --preset: {names}")
    make = formats.board_view if view == "board" else formats.instances_view
    return make(board_queries.board(session, *chosen[0]), about)


def _write_board(target: str, file: Path) -> None:
    """The whole board as one file. Raises UserError before anything is written."""
    if lacking := [name for name in ("altair", "vl_convert", "pandas") if importlib.util.find_spec(name) is None]:
        raise UserError(f"--html needs the package {lacking[0]}: pip install 'lowdimbench[leaderboard]'")
    if file.is_dir():
        raise UserError(f"--html {file}: that is a folder")
    if not file.absolute().parent.is_dir():
        raise UserError(f"--html {file}: there is no folder {file.parent}")
    from benchmark.report import boards as board_queries

    document = importlib.import_module("leaderboard.document").document  # by its name: no command imports a page
    with Session(open_database(target, create=False)) as session:
        record.settle(session)
        newest = board_queries.newest_result(session)
        about = [f"made by {_command()}", f"code {_commit()}"]
        about += [f"newest result {newest:%Y-%m-%d %H:%M} UTC"] if newest else []
        text = document(session, None if "://" in target else _folder(target), about)
    _write(text, file)
    print(f"{file}: {len(text.encode()) / 1e6:.1f} MB")


def _command() -> str:
    return shlex.join(["python", "-m", "runners.export", *sys.argv[1:]])


def _commit() -> str:
    return environment.commit_text(*environment.commit())


def _in_format(shown: "View", format_: str) -> str | bytes:
    from benchmark.report import formats

    return formats.FORMATS[format_](shown)


# --- whole runs -------------------------------------------------------------------------------------------------------


def _chosen(session: Session, task: str | None, preset: str | None, method: str | None) -> list[Run]:
    rows = session.execute(
        select(Run, Task.name, Method.name)
        .join(Task, Run.task_id == Task.id)
        .join(Method, Run.method_id == Method.id)
        .order_by(Task.name, Task.version, Run.preset, Method.name, Run.seed, Run.digest, Run.origin)
    ).all()
    for what, given, known in (
        ("task with runs", task, {name for _, name, _ in rows}),
        ("preset with runs", preset, {run.preset for run, _, _ in rows}),
        ("method with runs", method, {name for _, _, name in rows}),
    ):
        if given is not None and not any(fnmatchcase(name, given) for name in known):
            raise unknown(what, given, known)
    wanted = [
        run
        for run, of, by in rows
        if all(fnmatchcase(name, given or "*") for name, given in ((of, task), (run.preset, preset), (by, method)))
    ]
    runs: dict[str, Run] = {}
    for run in wanted:  # copies of one run are one line: that of the one made here, else of the one that came with the suite
        if run.digest not in runs or queries.ORIGINS[run.origin] < queries.ORIGINS[runs[run.digest].origin]:
            runs[run.digest] = run
    if running := sum(run.status == "running" for run in runs.values()):
        print(f"left out {running} runs that have not ended", file=sys.stderr)
    return [run for run in runs.values() if run.status != "running"]


def _renew_reference(session: Session, task: str | None, pictures: int, folder: Path) -> None:
    """Writes one file a task with the finished runs on test data of its boards of size small, as they are shown."""
    rows = queries.presets_with_runs(session)
    known = registry.tasks()
    tasks = [task] if task else sorted({name for name, _, _ in rows} & known.keys())
    for name in tasks:
        version = registry.get_task(name).spec.version
        presets = [preset for t, v, preset in rows if (t, v) == (name, version) and preset.startswith("small")]
        found = [entry for preset in presets for entry in queries.entries(session, name, version, preset)]
        chosen = [
            run.id
            for entry in found
            for run in entry.runs
            if not entry.tuned and run.status == "done" and run.trust == "reproduced" and run.origin != "loaded"
        ]
        runs = [session.get_one(Run, one) for one in chosen]
        if not runs:
            raise UserError(f"{name} has no finished run of a preset small; make one with runners.run --task {name}")
        unclean = sum(entry.dirty or entry.unknown for entry in found)
        if unclean:
            print(f"{name}: {unclean} rows were made with uncommitted changes and will say so; commit, then run with --force")
        REFERENCE.mkdir(exist_ok=True)
        _write_runs(session, runs, REFERENCE / f"{name}.jsonl", pictures, folder)
    _drop_unused_pictures()


def _renew_tuning(session: Session, task: str | None, folder: Path) -> None:
    """Writes one file a task with all that was tried on tuning data of its presets of size small, whatever came of it, without
    curves and pictures.
    """
    columns = (
        select(Run, Task.name, Environment.dirty).join(Task, Run.task_id == Task.id).join(Method, Run.method_id == Method.id)
    )
    every = session.execute(
        columns.join(Environment, Run.environment_id == Environment.id)
        .where(Run.split == "tuning", Run.preset.startswith("small"), Run.trust == "reproduced", Run.status != "running")
        .where(Run.origin != "loaded", select(Instance.id).where(Instance.run_id == Run.id).exists())
        .order_by(Run.preset, Method.name, Run.seed, Run.digest, Run.origin)  # here comes before reference
    ).all()
    versions = {name: entry.spec.version for name, entry in registry.tasks().items()}
    ids = {one.id: one.version for one in session.scalars(select(Task))}
    rows = [(run, name, dirty) for run, name, dirty in every if ids[run.task_id] == versions.get(name)]
    tasks = [registry.get_task(task).spec.name] if task else sorted({name for _, name, _ in rows})
    for name in tasks:
        chosen = {run.digest: run for run, of, _ in reversed(rows) if of == name}
        if not chosen:
            raise UserError(f"{name} has no run on tuning data of a preset small; make some with runners.tune --task {name}")
        if unclean := sum(dirty for run, of, dirty in rows if of == name and chosen[run.digest] is run):
            print(f"{name}: {unclean} rows were made with uncommitted changes and will say so; commit, then run with --force")
        (REFERENCE / TUNING).mkdir(parents=True, exist_ok=True)
        runs = list(reversed(chosen.values()))
        _write_runs(session, runs, REFERENCE / TUNING / f"{name}.jsonl.xz", 0, folder, brief=True)


def _brief(line: RunLine) -> RunLine:
    """Without curves, and of errors the last line alone, which names no folder."""
    results = tuple(one.model_copy(update={"error": _last_line(one.error)}) for one in line.results)
    return line.model_copy(update={"curves": (), "results": results, "error": _last_line(line.error)})


def _last_line(text: str | None) -> str | None:
    return text.strip().splitlines()[-1] if text and text.strip() else text


def _drop_unused_pictures() -> None:
    from runners.load import read_file

    used = {digest for file in REFERENCE.glob("*.jsonl") for digest in read_file(file)[1]}
    for path in (REFERENCE / "pictures").glob("*.npy"):
        if path.stem not in used:
            path.unlink()


def _write_runs(
    session: Session, runs: Sequence[Run], output: Path | None, pictures: int, folder: Path, brief: bool = False
) -> None:
    if not runs:
        raise UserError("no run to export")
    lines: list[RunLine] = []
    for run in runs:
        kept = _keep_pictures(session, run, pictures, folder, output) if output and pictures else ()
        try:
            line = exchange.to_line(session, run, kept)
            lines.append(_brief(line) if brief else line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
            raise UserError(f"run {run.id} cannot be exported: {reason}") from None
    texts = [header(lines).model_dump_json(), *(line.text() for line in lines)]
    _write("\n".join(texts) + "\n", output)
    if output:
        print(f"{len(lines)} runs written to {output}")


def _keep_pictures(session: Session, run: Run, count: int, folder: Path, output: Path) -> list[PicturePart]:
    """Writes float16 copies of what a run kept of its first instances beside the file of runs, under their own hashes."""
    import numpy as np

    found = []
    rows = select(Artifact).where(Artifact.run_id == run.id, Artifact.instance < count)
    for artifact in session.scalars(rows.order_by(Artifact.instance, Artifact.kind)):
        if not is_drawn(artifact.kind):
            continue
        try:
            array = np.load(folder / artifact.path, allow_pickle=False)
        except (OSError, ValueError):
            print(f"run {run.id}: {artifact.path} cannot be read and is left out", file=sys.stderr)
            continue
        if not is_picture(array.shape) or array.dtype.kind != "f" or not np.isfinite(array.astype(np.float16)).all():
            print(f"run {run.id}: {artifact.path} is no picture that fits float16 and is left out", file=sys.stderr)
            continue
        buffer = BytesIO()
        np.save(buffer, array.astype(np.float16))
        digest = file_digest(buffer.getvalue())
        _write(buffer.getvalue(), output.parent / "pictures" / f"{digest}.npy")
        found.append(PicturePart(instance=artifact.instance, kind=artifact.kind, sha256=digest))
    return found


def _write(content: str | bytes, output: Path | None) -> None:
    """To the screen, or to a file, which is never left half-written. Raises UserError where it cannot be written, DiskFull."""
    data = content.encode() if isinstance(content, str) else content
    if output is not None and output.suffix == ".xz":
        data = lzma.compress(data)
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        replace_whole(output, data)
    except OSError as error:
        raise UserError(f"{output} cannot be written ({error.strerror})") from None


if __name__ == "__main__":
    run_app(app)
