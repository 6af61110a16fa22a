"""Finds papers: the modules of benchmark/claims/papers, and those of installed packages.

A package names modules in its entry points `lowdimbench.claims`. A module has one PAPER. A package's that cannot be imported,
or whose paper is none, is left out with a line.
"""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from benchmark.claims.paper import Paper
from benchmark.errors import UserError, unknown

GROUP = "lowdimbench.claims"
_problems: list[str] = []
_included: dict[Path, Paper] = {}


def include(files: Iterable[Path]) -> None:
    """Count the PAPER of files that lie elsewhere, where they have one. Raises UserError for one that is not there or fails."""
    for file in files:
        if not file.is_file():
            raise UserError(f"--include {file}: no such file")
        if (paper := _of_file(file)) is not None:
            _included[file.resolve()] = paper
    papers.cache_clear()


@cache
def own() -> dict[str, Paper]:
    """The suite's own papers by their ids."""
    folder = Path(__file__).parent / "papers"
    names = sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("_"))
    found = {paper.id: paper for paper in (_paper(f"benchmark.claims.papers.{name}") for name in names)}
    return dict(sorted(found.items()))


@cache
def papers() -> dict[str, Paper]:
    """Every paper by its id, the suite's own first."""
    _problems.clear()
    found = dict(own())
    for paper in _included.values():
        if paper.id in found:
            raise UserError(f"there is a paper {paper.id} already")
        found[paper.id] = paper
    for point in sorted(set(entry_points(group=GROUP)), key=lambda p: p.value):
        try:
            paper = _paper(point.value)
        except Exception as error:  # whatever a stranger's module raises
            _problems.append(f"left out the papers of {point.value}: {error}; update or uninstall its package")
            continue
        if paper.id in found:
            _problems.append(f"left out the papers of {point.value}: there is a paper {paper.id} already")
            continue
        found[paper.id] = paper
    return found


def problems() -> list[str]:
    """One line for every package's paper that was left out, with the reason."""
    papers()
    return list(_problems)


def get_paper(name: str) -> Paper:
    """One paper, by its id, or by a name of its method. Raises UserError with the nearest names for an unknown one."""
    if name in papers():
        return papers()[name]
    named = [paper for paper in papers().values() if name in paper.methods]
    if len(named) == 1:
        return named[0]
    raise unknown("paper", name, papers())


def _of_file(file: Path) -> Paper | None:
    made = spec_from_file_location(f"included_{file.stem}", file)
    assert made is not None
    assert made.loader is not None
    module = module_from_spec(made)
    try:
        made.loader.exec_module(module)
    except Exception as error:  # whatever a file of somebody's raises
        raise UserError(f"--include {file.name}: {' '.join(str(error).split())}") from None
    paper = getattr(module, "PAPER", None)
    return paper if isinstance(paper, Paper) else None


def _paper(module: str) -> Paper:
    paper = getattr(import_module(module), "PAPER", None)
    if not isinstance(paper, Paper):
        raise UserError(f"{module} has no PAPER")
    return paper
