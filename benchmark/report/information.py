"""Information that methods see besides the problem itself: side information, a learnt prior, training data, labels, the exact
model.

It is read off what they declare: `needs` and `learns` of a method that is installed here. Of one that is not, its kind and its
runs tell. Nothing is known of scores that came as predictions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from benchmark import registry
from benchmark.report.board import Board, Row
from benchmark.report.boards import ordered
from benchmark.report.outlines import add_gain

UNKNOWN = "?"
# mark -> what it says; in the order in which marks stand
MEANINGS = {
    "prior": "a prior learnt on other data",
    "reference": "side information (an image of similar content)",
    "training": "training data, from which it learnt beforehand",
    "labels": "labels or numbers that say what to find",
    "model": "the exact model that the data are drawn from",
    UNKNOWN: "something that is not known here, because its predictions were made elsewhere",
}
_NEEDS = {
    "prior": "prior",
    "latents": "prior",
    "jumps": "prior",
    "references": "reference",
    "training": "training",
    "told": "labels",
    "exact": "model",
}
# Words in the kind of a method; for what needs do not say, and for methods that are not installed.
_KINDS = {
    "diffusion prior": "prior",
    "reference image": "reference",
    "learned from": "training",
    "supervised network": "training",
    ", supervised": "labels",
    "exact": "model",
}


def seen(method: str, kind: str, learns: bool = False, elsewhere: bool = False) -> tuple[str, ...]:
    """The marks of a method, in the order of MEANINGS. learns: whether its runs learnt; elsewhere: whether its answers were
    made by code that nobody here has run.
    """
    entry = registry.methods().get(method)
    if entry is None and elsewhere:
        return (UNKNOWN,)
    found = {mark for words, mark in _KINDS.items() if words in kind and (entry is None or mark == "labels")}
    if entry is not None:
        found |= {_NEEDS[one] for need in entry.spec.needs for one in need.split("|") if one in _NEEDS}
        learns = learns or entry.spec.learns is not None
    return tuple(mark for mark in MEANINGS if mark in found or (mark == "training" and learns))


def of_row(row: Row) -> tuple[str, ...]:
    """The marks of a row."""
    return seen(row.method, row.kind, bool(row.fit_time), row.trust in ("scored", "self_reported"))


def extra(board: Board) -> dict[str, tuple[str, ...]]:
    """Label -> what the row sees that not all rows of the board see; rows that see nothing more are left out."""
    every = {row.label: of_row(row) for row in board.rows}
    shared = set.intersection(*(set(marks) for marks in every.values())) - {UNKNOWN} if every else set()
    found = {label: tuple(mark for mark in marks if mark not in shared) for label, marks in every.items()}
    return {label: marks for label, marks in found.items() if marks}


def of_methods(boards: Iterable[Board]) -> dict[str, tuple[str, ...]]:
    """Method -> what it sees more on some of the boards; methods that see nothing more are left out."""
    found: dict[str, set[str]] = {}
    for board in boards:
        marks = extra(board)
        for row in board.rows:
            found.setdefault(row.method, set()).update(marks.get(row.label, ()))
    return {method: tuple(mark for mark in MEANINGS if mark in several) for method, several in found.items() if several}


def text(marks: Iterable[str]) -> str:
    """Marks as they stand beside a name: '+prior +labels'. Empty for none."""
    return " ".join(f"+{mark}" for mark in marks)


def said(marks: Sequence[str]) -> str:
    """What marks say, as a clause: 'also sees a prior learnt on other data'. Empty for none."""
    return f"also sees {' and '.join(MEANINGS[mark] for mark in marks)}" if marks else ""


def legend(board: Board) -> str:
    """The meaning of the marks on a board, as sentences. Empty where all rows see the same."""
    marks = {mark for several in extra(board).values() for mark in several}
    parts = [f"+{mark}: {meaning}" for mark, meaning in MEANINGS.items() if mark in marks]
    return f"Marked methods see more than the problem. {'; '.join(parts)}." if parts else ""


def groups(board: Board) -> dict[str, str]:
    """Name of a group of rows that see the same -> how it is shown; fewest marks first. Empty where all rows see the same."""
    marks = extra(board)
    found: dict[tuple[str, ...], int] = {}
    for row in board.rows:
        found[marks.get(row.label, ())] = found.get(marks.get(row.label, ()), 0) + 1
    found = {several: number for several, number in found.items() if several != (UNKNOWN,)}
    if not marks:
        return {}
    order = sorted(found, key=lambda several: (len(several), several))
    return {_name(several): f"{text(several) or 'the problem alone'}: {_rows(found[several])}" for several in order}


def _rows(number: int) -> str:
    return f"{number} row{'' if number == 1 else 's'}"


def meaning(group: str) -> str:
    """What the rows of a group see, as a clause."""
    return " and ".join(MEANINGS[mark] for mark in group.split("+")) if group != "problem" else "the problem alone"


def _name(marks: Sequence[str]) -> str:
    return "+".join(marks) or "problem"


def same(board: Board, group: str) -> Board:
    """A copy of a board with the rows of one group alone, ranked among themselves. Differences to the baseline stay, also where
    the baseline is not one of them; without p then.
    """
    marks = extra(board)
    rows = [replace(row) for row in board.rows if _name(marks.get(row.label, ())) == group]
    primary, base = board.task.primary, board.baseline
    own = next((row for row in rows if base is not None and row.label == base.label), None)
    rows = ordered(rows, primary, own)
    if own is None:
        add_gain(rows, primary, base)
    return replace(board, rows=rows, baseline=own or base)
