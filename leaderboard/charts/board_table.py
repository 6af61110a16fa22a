"""The ranks of a board as HTML: methods that share a rank are joined by a bar, and the ranks that the data allow are a bar too.

It holds what a reader asks first; every column stands in the sortable table beside it. A narrow screen shows rank, name, score.
"""

from html import escape
from itertools import groupby

from benchmark.report import information, tables
from benchmark.report.board import Board, Row
from benchmark.report.decimals import digits
from leaderboard.addresses import anchor, of_method
from leaderboard.charts.marks import colours

FIRST = ' class="first"'
BLUE = "#2b7fc4"  # seen on white and on the dark page
SEES = """<style>
.ldb-swatch { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin-right: .45rem; }
.ldb-sees { font-size: .75rem; white-space: nowrap; border: 1px solid currentColor; border-radius: 3px; padding: 0 .25rem;
  margin-left: .3rem; }
.ldb-tile { min-height: 1.5rem; } .ldb-tile a { color: inherit; }
</style>"""
STYLE = f"""{SEES}<style>
.ldb-board-box {{ overflow: auto; max-height: 44rem; max-width: 100%; }}
.ldb-board-box:focus-visible {{ outline: 2px solid #0072B2; }}
.ldb-board {{ border-collapse: separate; border-spacing: 0; font-size: .9rem; line-height: 1.35; width: 100%; }}
.ldb-board th, .ldb-board td {{ font-weight: 400; text-align: right; white-space: nowrap; padding: .2rem .55rem;
  font-variant-numeric: tabular-nums; border-bottom: 1px solid rgba(128, 128, 128, .22); }}
.ldb-board thead th {{ position: sticky; top: 0; z-index: 2; vertical-align: bottom; font-size: .8rem;
  background: Canvas; background: light-dark(#fff, #171614); border-bottom-color: rgba(128, 128, 128, .5); }}
.ldb-board th[scope=row], .ldb-board .left {{ text-align: left; }}
.ldb-board th[scope=row] {{ white-space: normal; overflow-wrap: anywhere; min-width: 8.5rem; }}
.ldb-board a {{ color: inherit; text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 2px; }}
.ldb-board .first th a {{ font-weight: 600; }}
.ldb-board td.tie {{ position: relative; width: .9rem; min-width: .9rem; padding: 0; }}
.ldb-board td.tie i {{ position: absolute; left: .25rem; width: .3rem; top: .35rem; bottom: .35rem; border-radius: .15rem;
  background: {BLUE}; }}
.ldb-board .span {{ width: 22%; min-width: 9rem; }}
.ldb-board .span div {{ position: relative; height: 1.2rem; margin: 0 .3rem; }}
.ldb-board .span span {{ position: absolute; bottom: 0; transform: translateX(-50%); }}
.ldb-board .span i {{ position: absolute; top: calc(50% - .15rem); height: .3rem; border-radius: .15rem; background: {BLUE};
  opacity: .45; }}
.ldb-board .span b {{ position: absolute; top: calc(50% - .28rem); width: .56rem; height: .56rem; margin-left: -.28rem;
  border-radius: 50%; background: {BLUE}; }}
.ldb-board small {{ font-size: .78rem; margin-left: .3rem; }}
.ldb-board .status {{ white-space: normal; font-size: .8rem; text-align: left; min-width: 8rem; }}
@media (max-width: 640px) {{ .ldb-board .wide {{ display: none; }} .ldb-board th, .ldb-board td {{ padding: .2rem .35rem; }}
  .ldb-board .score small {{ display: block; margin: 0; }} }}
</style>"""


def html(board: Board) -> str:
    """The rows of a board in its order."""
    primary = board.task.primary
    ranked = sum(row.rank is not None for row in board.rows)
    head = [
        '<th scope="col">rank</th><td></td><th scope="col" class="left">method</th>',
        f'<th scope="col" title="{escape(primary.description)}; {primary.better} is better">'
        f"{escape(tables.heading(primary))}</th>",
    ]
    if ranked:
        numbers = "".join(f'<span style="left:{_share(at, ranked)}%">{at}</span>' for at in _ticks(ranked))
        head.append(f'<th scope="col" class="span wide" title="95 %: the ranks that the data allow"><div>{numbers}</div></th>')
    if board.baseline is not None:
        about = f"mean difference to the baseline {board.task.baseline} on the same instance"
        head.append(f'<th scope="col" class="wide" title="{escape(about)}">{escape(tables.gain_heading(board))}</th>')
    head.append('<th scope="col" class="wide" title="mean seconds of the method\'s own time">s / instance</th>')
    several = any(not row.complete for row in board.rows)
    head += ['<th scope="col" class="left wide">status</th>'] * several
    return (
        '<div class="ldb-board-box" tabindex="0" role="region" aria-label="ranks"><table class="ldb-board">'
        f"<thead><tr>{''.join(head)}</tr></thead><tbody>{_body(board, ranked, several)}</tbody></table></div>"
    )


def _body(board: Board, ranked: int, several: bool) -> str:
    palette, marks, lines = colours(board), information.extra(board), []
    places = tables.primary_digits(board)
    gain_places = digits(row.gain for row in board.rows)
    for rank, group in groupby(board.rows, key=lambda row: row.rank):
        rows = list(group)
        for at, row in enumerate(rows):
            shared = len(rows) if rank is not None else 1
            cells = [f"<td>{'–' if rank is None else rank}</td>"]
            if at == 0 or rank is None:
                cells.append(_tie(rank, shared))
            cells.append(
                f'<th scope="row"><span class="ldb-swatch" style="background:{palette[row.label]}"></span>'
                f"{anchor(of_method(row.method), row.label)}{sees(marks.get(row.label, ()))}</th>"
            )
            mean = row.means[board.task.primary.name]
            spread = "" if tables.interval(mean, places) == tables.TOO_FEW else tables.interval(mean, places)
            cells.append(f'<td class="score">{tables.number(mean.mean, places)}<small>{escape(spread)}</small></td>')
            if ranked:
                cells.append(f'<td class="span wide">{_ranks(row, ranked)}</td>')
            if board.baseline is not None:
                cells.append(f'<td class="wide">{_gain(board, row, gain_places)}</td>')
            cells.append(f'<td class="wide">{"" if row.time is None else f"{row.time:.3g}"}</td>')
            cells += [f'<td class="status wide">{escape(row.status) if not row.complete else ""}</td>'] * several
            lines.append(f"<tr{FIRST if rank == 1 else ''}>{''.join(cells)}</tr>")
    return "".join(lines)


def sees(marks: tuple[str, ...]) -> str:
    """The mark of a method that sees more, whose text says what; empty for none."""
    if not marks:
        return ""
    return f' <span class="ldb-sees" title="{escape(information.said(marks))}">{escape(information.text(marks))}</span>'


def _tie(rank: int | None, shared: int) -> str:
    if shared < 2:
        return "<td></td>"
    said = f"{shared} methods share rank {rank}: the test cannot separate them from the first of them"
    return f'<td class="tie" rowspan="{shared}" title="{said}"><i role="img" aria-label="{said}"></i></td>'


def _gain(board: Board, row: Row, places: int) -> str:
    if row.gain is None:
        return "baseline" if board.baseline is not None and row.label == board.baseline.label else ""
    spread = tables.interval(row.gain, places, signed=True)
    ends = "" if spread == tables.TOO_FEW else f"<small>{escape(spread)}</small>"
    return f"{tables.number(row.gain.mean, places, signed=True)}{ends}"


def _ranks(row: Row, ranked: int) -> str:
    if row.rank is None or row.standing.low is None or row.standing.high is None:
        return ""
    left, right = _share(row.standing.low, ranked), _share(row.standing.high, ranked)
    said = f"rank {row.rank}; the data allow {row.standing.interval}"
    return (
        f'<div role="img" aria-label="{said}" title="{said}"><i style="left:{left}%;width:{round(right - left, 2)}%"></i>'
        f'<b style="left:{_share(row.rank, ranked)}%"></b></div>'
    )


def _share(rank: int, ranked: int) -> float:
    return round(100 * (rank - 1) / max(ranked - 1, 1), 2)


def _ticks(ranked: int) -> list[int]:
    """At most six whole ranks, the first among them."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if ranked / step <= 6)
    return list(range(1, ranked + 1, step))
