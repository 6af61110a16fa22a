"""What `runners.claims --write` writes by the reference rows alone: pages of the papers, their figures, README's table."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.orm import Session

from benchmark import registry
from benchmark.claims import document, finding
from benchmark.claims.evidence import Evidence
from benchmark.claims.figures import drawn
from benchmark.claims.verdicts import Verdict, judge
from benchmark.errors import UserError
from benchmark.store.database import open_database
from runners.load import merge_reference


@contextmanager
def reference() -> Iterator[Evidence]:
    """The results that came with the suite, of what its own papers ask for, and nothing else."""
    every = [runs for paper in finding.own().values() for claim in paper.claims for runs in claim.runs]
    every += [
        one.runs for paper in finding.own().values() for fig in paper.figures for mark in fig.marks for one in mark.quantities
    ]
    with TemporaryDirectory() as folder:
        target = str(Path(folder) / "reference.db")
        with Session(open_database(target)) as session:
            merge_reference(session, {(runs.task, runs.preset) for runs in every}, target)
            yield Evidence(session)


def by_reference() -> tuple[list[Verdict], dict[str, document.Figures]]:
    """The verdicts on the suite's own papers by the results that came with it, and what their figures draw."""
    with reference() as evidence:
        verdicts = [judge(paper, claim, evidence) for paper in finding.own().values() for claim in paper.claims]
        return verdicts, {id: [(one, drawn(one, evidence)) for one in paper.figures] for id, paper in finding.own().items()}


def written() -> list[str]:
    """Writes docs/papers and README's table. Returns the files that changed. Raises UserError outside of the repository."""
    readme = registry.ROOT / "README.md"
    if not readme.is_file():
        raise UserError(f"--write needs the repository; {readme} is not there")
    if find_spec("altair") is None:
        raise UserError("figures need more packages: pip install 'lowdimbench[leaderboard]'")
    verdicts, figures = by_reference()
    draw = import_module("leaderboard.charts.paper_files").files  # by its name: no command imports a page
    folder = registry.ROOT / document.FOLDER
    texts = {folder / name: text for name, text in document.pages(verdicts, figures).items()}
    texts |= {folder / "figures" / name: text for name, text in draw(figures).items()}
    texts[readme] = document.spliced(readme.read_text(encoding="utf-8"), document.summary(verdicts))
    stale = {*folder.glob("*.md"), *folder.glob("figures/*.svg")} - texts.keys()
    changed = [file for file, text in texts.items() if not file.is_file() or file.read_text(encoding="utf-8") != text]
    for file in stale:
        file.unlink()
    for file in changed:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(texts[file], encoding="utf-8", newline="\n")
    return sorted(str(file.relative_to(registry.ROOT)) for file in [*changed, *stale])
