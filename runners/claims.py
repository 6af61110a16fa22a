"""What the papers claim, and what the stored runs say of it:  python -m runners.claims --paper 2406.05822

Verdicts are computed from the database, which holds the results that came with the suite too. Exit code 0 whatever they are.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.claims import finding, telling
from benchmark.claims.evidence import Evidence
from benchmark.claims.paper import Claim, Paper, Runs, Scale
from benchmark.claims.scale import at_scale
from benchmark.claims.verdicts import Verdict, judge
from benchmark.errors import UserError, unknown
from benchmark.store.database import location, open_database, without_password
from runners import documents, start
from runners.cli import Database, DataDir, Include, run_app, terminal
from runners.fitting import Fitting
from runners.load import merge_reference
from runners.progress import Display
from runners.request import Request

if TYPE_CHECKING:
    from benchmark.report.formats import View

FORMATS = ("text", "markdown", "json", "latex")
SCALES = ("small", "full")
EXAMPLES = (
    "python -m runners.claims",
    "python -m runners.claims --paper 2406.05822 --run --preset-scale small",
    "python -m runners.claims --format json > before.json",
    "python -m runners.claims --since before.json",
)
EPILOG = "\n\n".join(["Examples:", *EXAMPLES])
_COLOURS = {"holds": "green", "does not hold": "red", "in part": "yellow", "open": "cyan"}
app = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
console = terminal()
Chosen = list[tuple[Paper, Claim]]


@app.command(epilog=EPILOG)
def main(
    paper: Annotated[str | None, typer.Option(metavar="ID", help="A paper, by its arXiv number or its method.")] = None,
    claim: Annotated[str | None, typer.Option(metavar="N", help="One of its claims.")] = None,
    run: Annotated[bool, typer.Option("--run", help="Make the runs that are missing, and only those.")] = False,
    preset_scale: Annotated[str, typer.Option(metavar="NAME", help="small, or full: the paper's own.")] = "small",
    format_: Annotated[str, typer.Option("--format", metavar="NAME", help=", ".join(FORMATS))] = "text",
    verbose: Annotated[bool, typer.Option("--verbose", help="Every part, with what it needs.")] = False,
    since: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Only what changed since a database, or a table saved as JSON.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write docs/papers and README's table from the results that came with the suite.")
    ] = False,
    db: Database = None,
    data_dir: DataDir = None,
    include: Include = None,
) -> None:
    """Say which claims of the papers hold."""
    if write:
        if paper or claim or run or since or db or include or preset_scale != "small" or format_ != "text":
            raise UserError(
                "--write takes all papers and the results that came with the suite alone; leave the other options out"
            )
        for file in documents.written():
            print(file)
        return
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    if preset_scale not in SCALES:
        raise unknown("scale", preset_scale, SCALES)
    if include:
        registry.include(include)
        finding.include(include)
    chosen = choose(paper, claim, "full" if preset_scale == "full" else "small")
    target, failed = location(db), 0
    found = verdicts_of(chosen, target)
    if run:
        missing = [runs for runs in telling.missing(found) if preset_scale == "full" or not runs.preset.startswith("full")]
        if left := len(telling.missing(found)) - len(missing):
            note(f"left out {left} kinds of runs of the papers' own scale; --preset-scale full makes them")
        failed = make(missing, target, data_dir)
        found = verdicts_of(chosen, target)
    before = None if since is None else state_of(since, chosen)
    if before is not None:
        told = telling.changes(before, telling.state(found))
        print(f"{len(told)} of {len(found)} verdicts changed")
        for number, name, then, now in told:
            print(f"{number} {name}: {then or 'no verdict'} -> {now or 'no verdict'}")
    elif format_ == "text":
        print_text(found, verbose)
    else:
        from benchmark.report.formats import FORMATS as WRITERS

        print(WRITERS[format_](view(found, whole=format_ == "json")), end="")
    for line in finding.problems():
        note(line)
    if failed:
        raise typer.Exit(1)


def note(text: str) -> None:
    """Says a line beside the table, which may be read by a program."""
    print(text, file=sys.stderr)


def choose(paper: str | None, claim: str | None, scale: Scale) -> Chosen:
    """The claims that are meant. Raises UserError for a paper or claim that is none."""
    if claim is not None and paper is None:
        raise UserError("--claim is one of a --paper; name that too")
    papers = list(finding.papers().values()) if paper is None else [finding.get_paper(paper)]
    numbers = [one.number for one in papers[0].claims]
    if claim is not None and claim not in numbers:
        raise unknown(f"claim of {papers[0].id}", claim, numbers)
    return [(one, at_scale(each, scale)) for one in papers for each in one.claims if claim in (None, each.number)]


def verdicts_of(chosen: Chosen, target: str, *, merge: bool = True) -> list[Verdict]:
    """The verdicts by a database, which is given the results that came with the suite unless `merge` is false."""
    with Session(open_database(target, read_only=not merge)) as session:
        places = {(runs.task, runs.preset) for _, claim in chosen for runs in claim.runs}
        if merge and (added := merge_reference(session, places, target)):
            note(f"{added} runs that came with the suite were added to {without_password(target)}")
        evidence = Evidence(session)
        return [judge(paper, claim, evidence) for paper, claim in chosen]


def make(missing: list[Runs], target: str, data_dir: Path | None) -> int:
    """Makes the runs and returns how many jobs failed. Runs at full scale whose data are not here are left out with a line."""
    how, requests = start.How(data_dir=data_dir), []
    for runs in missing:
        request = Request(
            task=runs.task,
            method=runs.method,
            preset=runs.preset,
            seeds=list(range(runs.seeds)),
            set=dict(runs.parameters),
            baseline=False,
        )
        try:
            start.prepare([request], how, target)
        except UserError as error:
            if not runs.preset.startswith("full"):
                raise
            note(f"skipped {runs.label}: {error}")
        else:
            requests.append(request)
    if not requests:
        return 0
    plan = start.prepare(requests, how, target)
    with start.opened(plan, target) as (session, left), Display(left, Console(stderr=True), many=True) as display:
        return start.execute(session, left, target, how, display).bad


def state_of(file: Path, chosen: Chosen) -> telling.State:
    """The verdicts of another database, as it is, or of a table saved as JSON. Raises UserError for a file that is neither."""
    try:
        with file.open("rb") as opened_file:
            head = opened_file.read(16)
        if head.startswith(b"SQLite format 3"):
            return telling.state(verdicts_of(chosen, str(file), merge=False))
        found = telling.state_of_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--since {file} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise UserError(f"--since {file} is neither a database nor a table of claims as JSON ({error})") from None
    meant = {(paper.id, claim.number) for paper, claim in chosen}
    return {key: word for key, word in found.items() if key in meant}


def view(found: list[Verdict], *, whole: bool) -> "View":
    """The verdicts as a view for the formats of an export: all columns, or those that a document shows."""
    from benchmark.report.formats import View

    frame = telling.frame(found)
    frame = frame if whole else frame.loc[:, list(telling.COLUMNS)]
    return View("Claims", frame, {}, None, frozenset(), ["python -m runners.claims", telling.counts(found)])


def print_text(found: list[Verdict], verbose: bool) -> None:
    """A table for each paper, and the commands that are missing."""
    for paper in dict.fromkeys(verdict.paper.id for verdict in found):
        these = [verdict for verdict in found if verdict.paper.id == paper]
        table = Fitting(
            _plain(f"{these[0].paper.title} ({paper})"), instead=f"python -m runners.claims --paper {paper} --format markdown"
        )
        for heading, goes, least in (
            ("claim", None, 0),
            ("says", None, 24),
            ("threshold", 1, 0),
            ("here [95 %]", 2, 16),
            ("verdict", None, 9),
        ):
            table.column(_plain(heading), goes=goes, least=least)
        for verdict in these:
            line = telling.frame([verdict]).iloc[0]
            said = verdict.claim.sentence + (" (ours)" if verdict.claim.kind == "ours" else "")
            word = f"[{_COLOURS.get(verdict.word, 'default')}]{verdict.word}[/]"
            more = f": {_plain(verdict.condition)}" if verdict.condition and (verbose or verdict.word == "in part") else ""
            here = _plain(line["here"]) if verbose or len(verdict.parts) < 3 else f"{len(verdict.parts)} parts"
            table.add_row(verdict.claim.number, _plain(said), line["threshold"], here, word + more)
        console.print(table)
        print(telling.counts(these))
        if verbose:
            print(these[0].paper.scale)
            for text in telling.commands([gap for verdict in these for gap in verdict.gaps]):
                print(f"  {text}")
        elif any(verdict.gaps for verdict in these):
            print(f"missing runs: python -m runners.claims --paper {paper} --run (--verbose lists the commands)")
        print()
    print(f"{len(found)} claims: {telling.counts(found)}")


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


if __name__ == "__main__":
    run_app(app)
