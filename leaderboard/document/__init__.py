"""The whole board as one file, which opens from disk without a server or a network. Nothing here imports Streamlit.

It holds the same numbers as the board, computed by `benchmark.report` and drawn by `leaderboard.charts`. Single runs,
comparisons of any two methods, and all instances but one of each task are on the board alone.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from benchmark.claims import figures, finding
from benchmark.claims.evidence import Evidence
from benchmark.claims.verdicts import judge
from benchmark.errors import UserError
from benchmark.report import boards as reading
from benchmark.report.board import Board
from leaderboard.artifacts.files import kept_keys
from leaderboard.document.html import el, join
from leaderboard.document.pages import MENU, Claimed, Pages
from leaderboard.document.shell import whole


def document(session: Session, folder: Path | None, about: Sequence[str]) -> str:
    """The file's text. folder: where the pictures of the database lie, if they do; about: what it was made from, line by line.

    Raises UserError for a database without a score.
    """
    boards = [reading.board(session, *pair) for pair in reading.boards(session)]
    if not boards:
        raise UserError("the database holds no score; fill it with: python -m runners.run --task mri --method all")
    made = Pages(session, folder, boards, papers(session))
    pictured = _pictured(session, boards) if folder is not None else {}
    pages = [made.list_of_papers(), made.overview(), made.list_of_tasks(), made.list_of_methods()]
    pages += [made.paper(one) for one in made.papers]
    for task in dict.fromkeys(board.task.name for board in boards):
        pages.append(made.task([board for board in boards if board.task.name == task]))
    pages += [made.board(board, pictured.get(board.task.name) == board.preset) for board in boards]
    rows = {name: [(board, row) for board in boards for row in board.rows if row.method == name] for name in made.methods}
    pages += [made.method(name, found) for name, found in rows.items()]
    menu = join(el("strong", "LowDimBench"), *(el("a", title, href=f"#{name}") for name, title in MENU.items()))
    foot = [el("p", " · ".join(about))]
    foot.append(
        el("p", "Charts are drawn by Vega, Vega-Lite and Vega-Embed, which are in this file under their BSD 3-Clause licence.")
    )
    return whole("LowDimBench", pages, menu, join(*foot))


def papers(session: Session) -> list[Claimed]:
    """Every paper, judged by this database; those that name what is not there are left out."""
    found, evidence = [], Evidence(session)
    for paper in finding.papers().values():
        try:
            verdicts = [judge(paper, claim, evidence) for claim in paper.claims]
            needed = dict.fromkeys(runs for claim in paper.claims for runs in claim.runs)
            rows = {runs: row for runs in needed if (row := evidence.row(runs)) is not None}
            drawn = tuple((figure, figures.drawn(figure, evidence)) for figure in paper.figures)
        except UserError:
            continue
        found.append(Claimed(paper, verdicts, {runs: [run.id for run in row.runs] for runs, row in rows.items()}, drawn))
    return found


def _pictured(session: Session, boards: Sequence[Board]) -> dict[str, str]:
    """The preset of each task whose instance is pictured: small, or else the first preset with kept estimates."""
    found: dict[str, str] = {}
    for board in sorted(boards, key=lambda board: board.preset != "small"):
        if board.task.name not in found and kept_keys(session, board.rows):
            found[board.task.name] = board.preset
    return found
