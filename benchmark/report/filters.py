"""The filters of the overview choose what is seen and never change a rank. Another says whether truncated instances rank."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmark.report.board import Board, Row
from benchmark.report.boards import ordered
from benchmark.report.tables import count, representatives

# name in the URL -> label; the first two choose boards, the others rows
BOARD_FILTERS = {"tasks": "Task", "presets": "Preset"}
ROW_FILTERS = {"kinds": "Family", "papers": "Paper", "trusts": "Trust", "devices": "Device"}
NO_PAPER = "no paper"
Chosen = Mapping[str, Sequence[str]]  # name in the URL -> values; empty lets everything through


@dataclass(frozen=True)
class Selection:
    """The boards that the filters leave, and the number of all. rows holds for each board: method -> its representative row."""

    boards: tuple[Board, ...]
    rows: tuple[dict[str, Row], ...]
    all_boards: int
    all_methods: int
    hidden_results: int

    @property
    def methods(self) -> list[str]:
        """Methods with a result that is shown."""
        return sorted({name for rows in self.rows for name in rows})

    @property
    def hides(self) -> bool:
        """Whether anything is hidden."""
        return bool(self.hidden_results) or len(self.boards) < self.all_boards

    def sentence(self) -> str:
        """How much is hidden; empty where nothing is."""
        if not self.hides:
            return ""
        parts = [
            f"{self.all_boards - len(self.boards)} of {count(self.all_boards, 'board')}",
            f"{self.all_methods - len(self.methods)} of {count(self.all_methods, 'method')}",
            f"{count(self.hidden_results, 'result')} in all (a method on a board)",
        ]
        return f"The filters hide {', '.join(parts)}."


def values(row: Row) -> dict[str, set[str]]:
    """Filter of rows -> the values of this row that it looks at."""
    return {"kinds": {row.kind}, "papers": {row.paper or NO_PAPER}, "trusts": {row.trust}, "devices": set(row.machines)}


def options(boards: Iterable[Board]) -> dict[str, list[str]]:
    """Filter -> the values that it can have on these boards."""
    found: dict[str, set[str]] = {name: set() for name in (*BOARD_FILTERS, *ROW_FILTERS)}
    for board in boards:
        found["tasks"].add(board.task.name)
        found["presets"].add(board.preset)
        for row in representatives(board).values():
            for name, some in values(row).items():
                found[name] |= some
    return {name: sorted(some) for name, some in found.items()}


def select(boards: Sequence[Board], chosen: Chosen) -> Selection:
    """The boards and rows that every filter lets through. A board whose rows are all hidden is hidden too."""
    every = [representatives(board) for board in boards]
    kept: list[tuple[Board, dict[str, Row]]] = []
    for board, rows in zip(boards, every, strict=True):
        if not _any(chosen, "tasks", {board.task.name}) or not _any(chosen, "presets", {board.preset}):
            continue
        if left := {method: row for method, row in rows.items() if keeps(row, chosen)}:
            kept.append((board, left))
    return Selection(
        boards=tuple(board for board, _ in kept),
        rows=tuple(rows for _, rows in kept),
        all_boards=len(boards),
        all_methods=len({method for rows in every for method in rows}),
        hidden_results=sum(map(len, every)) - sum(len(rows) for _, rows in kept),
    )


# What a task poses, in words.
FAMILIES = {
    "LinearInverse": "Linear inverse problems",
    "NonlinearInverse": "Nonlinear inverse problems",
    "Completion": "Matrix completion",
    "FewShot": "Few-shot fine-tuning",
    "Retrieval": "Video retrieval",
    "Representation": "Representation learning",
    "Distribution": "Subspace clustering",
    "Editing": "Image editing",
    "Jacobian": "Rank of the Jacobian",
}


def by_interface(shown: Selection) -> dict[str, Selection]:
    """What tasks pose -> the part of a selection with the boards of such tasks, in their order."""
    found = {}
    for poses in dict.fromkeys(board.task.poses for board in shown.boards):
        at = [number for number, board in enumerate(shown.boards) if board.task.poses == poses]
        found[poses] = replace(shown, boards=tuple(shown.boards[n] for n in at), rows=tuple(shown.rows[n] for n in at))
    return found


def keeps(row: Row, chosen: Chosen) -> bool:
    """Whether every filter of rows lets it through."""
    return all(_any(chosen, name, some) for name, some in values(row).items())


def _any(chosen: Chosen, name: str, some: set[str]) -> bool:
    wanted = chosen.get(name)
    return not wanted or bool(some & set(wanted))


def count_truncated(board: Board) -> Board:
    """A copy of a board that ranks truncated rows by the scores that their instances had when the budget ended."""
    rows = [replace(row, counts_truncated=True) for row in board.rows]
    base = next((new for new, old in zip(rows, board.rows, strict=True) if old is board.baseline), None)
    return replace(board, rows=ordered(rows, board.task.primary, base), baseline=base)


def described(chosen: Chosen) -> str:
    """The filters in words, for the head of a file."""
    labels = {**BOARD_FILTERS, **ROW_FILTERS}
    parts = [f"{labels[name].lower()} {' or '.join(some)}" for name, some in chosen.items() if some]
    return f"filters: {'; '.join(parts) or 'none'}"
