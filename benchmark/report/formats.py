"""Pure functions that turn what a view shows into text or bytes in a format that other programs read.

Data formats (CSV, JSON, parquet) hold the numbers as they are. Documents (LaTeX, Markdown, HTML) hold them as the view prints
them. Every format names the best row and those that share its rank, and says how to make it again.
"""

import html
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.errors import UserError
from benchmark.report import tables
from benchmark.report.board import Board
from benchmark.report.decimals import digits
from benchmark.report.tables import Column
from benchmark.submissions.text import csv_cell

BEST = "best"
ABOUT = "about"


@dataclass(frozen=True)
class View:
    """A table as it is shown.

    best    whether each line has the first rank; None where lines are not ranked
    strong  the columns whose best cells stand out
    about   how to make the table again, one statement a line
    bounds  the ends of its intervals as numbers, a line for each line of the table; data formats hold them too
    """

    title: str
    frame: pd.DataFrame
    columns: Mapping[str, Column]
    best: Sequence[bool] | None
    strong: frozenset[str]
    about: Sequence[str]
    bounds: pd.DataFrame | None = None

    def printed(self, name: str) -> list[str]:
        """The cells of a column as the view prints them. A missing value is an empty text."""
        column = self.columns.get(name)
        return [_printed(value, column.format if column else None) for value in self.frame[name].tolist()]

    def is_number(self, name: str) -> bool:
        """Whether a column holds numbers, which are aligned to the right."""
        return pd.api.types.is_numeric_dtype(self.frame[name])


def _printed(value: object, form: str | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return form % value if form else str(value)


# --- views ------------------------------------------------------------------------------------------------------------


def board_view(board: Board, about: Sequence[str]) -> View:
    """The view of a board's main table."""
    frame, columns = tables.leaderboard(board)
    title = f"{board.task.title} ({board.task.name} version {board.task.version}, {board.preset})"
    strong = frozenset({"rank", "method", tables.heading(board.task.primary)})
    return View(title, frame, columns, [row.rank == 1 for row in board.rows], strong, about, tables.bounds(board))


def overview_view(boards: Sequence[Board], about: Sequence[str]) -> View:
    """The view of the differences to the baseline on every board."""
    frame = tables.gains(boards)
    leaders = {
        (f"{board.task.name} / {board.preset}", row.method)
        for board in boards
        for row in board.rows
        if row.rank == 1 and row.label == row.method
    }
    columns = {"share": Column("gain over the largest of the same board", 80, "%+.2f")}
    if frame.empty:
        return View("Difference to the baseline", frame, columns, [], frozenset(), about)
    names = [str(name).partition(" (")[0] for name in frame["board"]]
    best = [pair in leaders for pair in zip(names, frame["method"], strict=True)]
    columns["gain"] = Column("mean difference to the baseline, in the unit of the board", 80, "%+.4g")
    return View("Difference to the baseline", frame, columns, best, frozenset({"method", "text"}), about)


def instances_view(board: Board, about: Sequence[str]) -> View:
    """The view of every score of every (seed, instance), a line for each method. The best score of an instance is marked."""
    primary, parts = board.task.primary, []
    columns: dict[str, Column] = {"seed": Column("repeat", 60, "%d"), "instance": Column("number", 60, "%d")}
    for seed, number in sorted(board.labels):
        part = tables.instance_scores(board, (seed, number))
        part.insert(0, "label", board.labels[seed, number])
        part.insert(0, "instance", number)
        part.insert(0, "seed", seed)
        scores = part[tables.heading(primary)].astype(float)
        part[BEST] = scores == (scores.max() if primary.better == "higher" else scores.min())
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({BEST: []})
    for metric in tables.ordered(board):
        places = digits(row.means.get(metric.name) for row in board.rows)
        columns[tables.heading(metric)] = Column(f"{metric.description}; {metric.better} is better", 110, f"%.{places}f")
    columns[tables.gain_heading(board)] = Column("difference to the baseline", 110, f"%+.{tables.primary_digits(board)}f")
    columns["seconds"] = Column("the method's own time", 100, "%.3g")
    title = f"{board.task.title} ({board.task.name} version {board.task.version}, {board.preset}): instances"
    best = frame.pop(BEST).astype(bool).tolist()
    return View(title, frame, columns, best, frozenset({"method", tables.heading(primary)}), about)


# --- data formats -----------------------------------------------------------------------------------------------------


def _marked(view: View) -> pd.DataFrame:
    frame = view.frame if view.best is None else view.frame.assign(**{BEST: list(view.best)})
    return frame if view.bounds is None else pd.concat([frame, view.bounds.set_axis(frame.index)], axis=1)


def to_csv(view: View) -> str:
    """The table, in which no text is a formula. Its last column, `about`, says in each line what it is and how to make it."""
    about = "; ".join(" ".join(text.split()) for text in (view.title, *view.about))
    safe = _marked(view).assign(**{ABOUT: about}).map(csv_cell).rename(columns=csv_cell)
    return safe.to_csv(index=False, lineterminator="\n")


def to_json(view: View) -> str:
    """An object with title, about, columns (name -> help) and rows."""
    rows = json.loads(_marked(view).to_json(orient="records", double_precision=15))
    columns = {name: view.columns[name].help if name in view.columns else "" for name in view.frame.columns}
    if view.best is not None:
        columns[BEST] = "has the first rank, alone or with others"
    content = {"title": view.title, "about": list(view.about), "columns": columns, "rows": rows}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def to_parquet(view: View) -> bytes:
    """A parquet file whose schema carries title and about under the key `lowdimbench`. Raises UserError without pyarrow."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError("--format parquet needs the package pyarrow; csv and json do not") from None
    table = pyarrow.Table.from_pandas(_marked(view), preserve_index=False)
    note = json.dumps({"title": view.title, "about": list(view.about)}, ensure_ascii=False).encode()
    buffer = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), b"lowdimbench": note}), buffer)
    return buffer.getvalue()


# --- documents --------------------------------------------------------------------------------------------------------


def _document(view: View, escape: Callable[[str], str], strong: str) -> tuple[list[str], list[list[str]]]:
    """The escaped headings and lines of cells. `strong` is the template in which the best cells are set."""
    columns = []
    for name in map(str, view.frame.columns):
        cells = [escape(text) for text in view.printed(name)]
        if name in view.strong:
            marks = view.best or [False] * len(cells)
            cells = [strong.format(c) if best and c else c for c, best in zip(cells, marks, strict=True)]
        columns.append(cells)
    return [escape(str(name)) for name in view.frame.columns], [list(line) for line in zip(*columns, strict=True)]


def _bold(view: View) -> str:
    return " Bold: first rank, alone or with others." if view.best is not None else ""


_LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: "\\" + sign for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "[": "{[}",  # after the end of a line it would be taken for the length of a skip
    "]": "{]}",
    "*": "{*}",  # likewise
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "Δ": r"$\Delta$",
    "−": r"$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "µ": r"$\mu$",
    "\n": " ",
}


def latex_escape(text: str) -> str:
    """Text in which nothing is a command."""
    return "".join(_LATEX.get(sign, sign) for sign in text)


def to_latex(view: View) -> str:
    """A table environment that needs the package booktabs."""
    headings, lines = _document(view, latex_escape, r"\textbf{{{}}}")
    places = "".join("r" if view.is_number(str(name)) else "l" for name in view.frame.columns)
    body = [" & ".join(cells) + r" \\" for cells in lines]
    rows = [
        *(f"% {text}" for text in (view.title, *view.about)),
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        r"\caption{" + latex_escape(f"{view.title}.{_bold(view)}") + "}",
        r"\begin{tabular}{" + places + "}",
        r"\toprule",
        " & ".join(headings) + r" \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(rows) + "\n"


def markdown_escape(text: str) -> str:
    """Text in which nothing is markup."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|~&" else sign for sign in text.replace("\n", " "))


def to_markdown(view: View) -> str:
    """A table in Markdown, below its title and the command that reproduces it."""
    headings, lines = _document(view, markdown_escape, "**{}**")
    rule = ["---:" if view.is_number(str(name)) else "---" for name in view.frame.columns]
    table = ["| " + " | ".join(cells) + " |" for cells in (headings, rule, *lines)]
    about = [f"- `{text}`" for text in view.about] + ([f"-{_bold(view)}"] if view.best is not None else [])
    return "\n".join([f"**{markdown_escape(view.title)}**", "", *about, "", *table, ""])


def to_html(view: View) -> str:
    """A whole page with one table."""
    headings, lines = _document(view, html.escape, "<strong>{}</strong>")
    helps = [view.columns[str(name)].help if str(name) in view.columns else "" for name in view.frame.columns]
    head = "".join(f'<th title="{html.escape(text)}">{name}</th>' for name, text in zip(headings, helps, strict=True))
    right = [' class="number"' if view.is_number(str(name)) else "" for name in view.frame.columns]
    body = [
        "<tr>" + "".join(f"<td{side}>{cell}</td>" for side, cell in zip(right, cells, strict=True)) + "</tr>" for cells in lines
    ]
    about = "".join(f"<br>{html.escape(text)}" for text in view.about)
    style = "table{border-collapse:collapse}td,th{padding:.2em .6em;border-bottom:1px solid #ccc;text-align:left}"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{html.escape(view.title)}</title>',
            f"<style>{style}.number{{text-align:right}}</style></head><body>",
            "<table>",
            f"<caption>{html.escape(view.title)}.{_bold(view)}{about}</caption>",
            f"<thead><tr>{head}</tr></thead>",
            "<tbody>",
            *body,
            "</tbody></table>",
            "</body></html>",
            "",
        ]
    )


FORMATS: dict[str, Callable[[View], str | bytes]] = {
    "csv": to_csv,
    "json": to_json,
    "parquet": to_parquet,
    "latex": to_latex,
    "markdown": to_markdown,
    "html": to_html,
}
