"""A matrix of methods and boards as HTML that reads well on a phone and in the dark, and as an SVG picture.

Colours are blue and orange of one lightness (Okabe and Ito), which no form of colour blindness confuses, laid transparently
over the page's own background; each cell also has its text, so that nothing is said by colour alone.
"""

from collections.abc import Mapping
from html import escape

from benchmark.report import information
from benchmark.report.methods_by_boards import Cell, MethodsByBoards
from leaderboard.addresses import anchor, of_board, of_method
from leaderboard.charts.board_table import SEES, sees

BLUE, ORANGE = (0, 114, 178), (230, 120, 0)
WHAT = "methods by boards"
_STRIPES = "repeating-linear-gradient(135deg, rgba(128,128,128,.16) 0 2px, transparent 2px 7px)"
STYLE = f"""{SEES}<style>
.ldb-scroll {{ overflow-x: auto; max-width: 100%; }}
.ldb-scroll:focus-visible {{ outline: 2px solid #0072B2; }}
.ldb {{ border-collapse: separate; border-spacing: 2px; font-size: .875rem; line-height: 1.25; }}
.ldb caption {{ text-align: left; }}
.ldb a {{ color: inherit; text-decoration: none; }}
.ldb a:hover, .ldb a:focus {{ text-decoration: underline; }}
.ldb th {{ font-weight: 400; text-align: left; white-space: nowrap; }}
.ldb tbody th, .ldb thead td {{ position: sticky; left: 0; z-index: 1; padding: 0 .5rem 0 .15rem;
  background: Canvas; background: light-dark(#fff, #171614); max-width: 16rem; overflow: hidden; text-overflow: ellipsis; }}
.ldb thead th {{ vertical-align: bottom; padding: .2rem 0; }}
.ldb thead th > * {{ writing-mode: vertical-rl; transform: rotate(180deg); margin: 0 auto; display: block;
  max-height: 15rem; }}
.ldb-folds {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(30rem, 100%), 1fr)); gap: 0 1.5rem; }}
.ldb-fold[open] {{ grid-column: 1 / -1; }}
.ldb-fold summary {{ padding: .3rem 0; cursor: pointer; }}
.ldb thead th small {{ opacity: .75; }}
.ldb td {{ min-width: 2.1rem; height: 1.55rem; padding: 0 .3rem; text-align: center; border-radius: 3px;
  font-variant-numeric: tabular-nums; white-space: nowrap; }}
.ldb td.none {{ background: {_STRIPES}; }}
.ldb td.muted {{ font-size: .78rem; font-style: italic; box-shadow: inset 0 0 0 1px rgba(128,128,128,.35); }}
.ldb td.cover {{ opacity: .8; font-size: .8rem; }}
@media (max-width: 640px) {{ .ldb tbody th, .ldb thead td {{ max-width: 7.6rem; }} }}
</style>"""


def html(found: MethodsByBoards, title: str = "") -> str:
    """The matrix as a table that scrolls sideways by itself, while the names of the methods stay in place."""
    head = ['<td class="corner">method</td>', "<th><span>complete on</span></th>"]
    for board in found.boards:
        place = f'<a href="{escape(of_board(board))}" target="_self">{escape(board.task.name)} '
        head.append(f'<th scope="col" title="{escape(board.task.title)}">{place}<small>{escape(board.preset)}</small></a></th>')
    body, marks = [], information.of_methods(found.boards)
    for method in found.methods:
        text = f"{anchor(of_method(method), method)}{sees(marks.get(method, ()))}"
        cells = [_cell(found.cells.get((method, column))) for column in range(len(found.boards))]
        line = f'<th scope="row" title="{escape(method)}">{text}</th><td class="cover">{found.coverage(method)}</td>'
        body.append(f"<tr>{line}{''.join(cells)}</tr>")
    return (
        f'<div class="ldb-scroll" tabindex="0" role="region" aria-label="{escape(title or WHAT)}">'
        f'<table class="ldb"><thead><tr>{"".join(head)}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def folded(parts: Mapping[str, MethodsByBoards], fold: bool) -> str:
    """A matrix for each title, one below the other; folded, a reader opens them one by one."""
    found = "".join(
        f'<details class="ldb-fold"{"" if fold else " open"}><summary>{escape(title)}</summary>{html(part, title)}</details>'
        for title, part in parts.items()
    )
    return f'<div class="ldb-folds">{found}</div>'


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return '<td class="none" title="no result"></td>'
    paint = "" if cell.level is None else f' style="background:rgba{(*_colour(cell), _strength(cell))}"'
    muted = ' class="muted"' if cell.muted else ""
    return f'<td{muted}{paint} title="{escape(cell.detail)}">{escape(cell.text)}</td>'


def _colour(cell: Cell) -> tuple[int, int, int]:
    return BLUE if (cell.level or 0) >= 0 else ORANGE


def _strength(cell: Cell) -> float:
    """The opacity of a cell, at most 0.5, so that the page's own text colour stays readable on it."""
    return round(0.04 + 0.46 * min(abs(cell.level or 0.0), 1.0), 2)


_CELL, _LINE, _LETTER = 46, 22, 6.4  # pixels


def svg(found: MethodsByBoards, title: str) -> str:
    """The same cells as a picture on white."""
    left = 24 + _LETTER * max([len(method) for method in found.methods], default=0) + 60
    names = [f"{board.task.name} {board.preset}" for board in found.boards]
    top = 40 + _LETTER * max([len(text) for text in names], default=0)
    width, height = left + _CELL * len(names) + 12, top + _LINE * len(found.methods) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        'font-family="sans-serif" font-size="11">',
        f"<title>{escape(title)}</title>",
        '<defs><pattern id="none" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="2" height="6" fill="#ddd"/></pattern></defs>',
        f'<rect width="100%" height="100%" fill="#fff"/><text x="8" y="18" font-size="13">{escape(title)}</text>',
    ]
    for column, text in enumerate(names):
        x = left + _CELL * (column + 0.5) + 4
        parts.append(f'<text transform="translate({x:.0f} {top - 6:.0f}) rotate(-90)">{escape(text)}</text>')
    for line, method in enumerate(found.methods):
        y = top + _LINE * line
        parts.append(f'<text x="8" y="{y + 15:.0f}">{escape(method)}</text>')
        parts.append(f'<text x="{left - 8:.0f}" y="{y + 15:.0f}" text-anchor="end" fill="#555">{found.coverage(method)}</text>')
        for column in range(len(names)):
            parts.append(_picture(found.cells.get((method, column)), left + _CELL * column, y))
    return "\n".join([*parts, "</svg>", ""])


def _picture(cell: Cell | None, x: float, y: float) -> str:
    box = f'<rect x="{x + 1:.0f}" y="{y + 1:.0f}" width="{_CELL - 2}" height="{_LINE - 2}"'
    if cell is None:
        return f'{box} fill="url(#none)"/>'
    fill = "none" if cell.level is None else f"rgb{_colour(cell)}"
    text = f'<text x="{x + _CELL / 2:.0f}" y="{y + 15:.0f}" text-anchor="middle">{escape(cell.text)}</text>'
    return (
        f'{box} fill="{fill}" fill-opacity="{_strength(cell)}" stroke="#ddd"><title>{escape(cell.detail)}</title></rect>{text}'
    )
